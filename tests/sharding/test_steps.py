from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

import scrubjay
from scrubjay import InlineEngine, Recipe, Store
from scrubjay.errors import (
    DestinationError,
    IncompleteError,
    LostSlicesError,
    PlanReplacedError,
    SourceChangedError,
    SourceDamagedError,
    UnfinishedError,
    VersionError,
)
from scrubjay.events import Event, Planned, ShardFinished, SliceDone
from scrubjay.keys import FAILURES, MANIFEST, ORIGIN, PLAN, USAGE
from scrubjay.model import Animation, Manifest, Plan, Sheet, Still, decode, encode
from scrubjay.sets.state import load_plan

_RECIPE = Recipe(
    slice_length=Fraction(3),
    animations=(Animation(width=32, fps=Fraction(2)),),
    frames=(Still(width=32), Still(name="poster", per="video", width=32)),
    sheets=(Sheet(width=32),),
)
"""Four slices of the clip, and one job for the whole video."""


def _begun(video: Path, where: Path | Store, recipe: Recipe = _RECIPE) -> Plan:
    return scrubjay.begin(video, where, recipe=recipe, engine=InlineEngine())


def _made(where: Path | Store, video: Path, shard: str) -> list[int]:
    """Make a shard; return the slices that were made."""
    events: list[Event] = []
    scrubjay.make_shard(where, video, shard=shard, engine=InlineEngine(), on_progress=events.append)
    return [each.index for each in events if isinstance(each, SliceDone)]


def _files(folder: Path) -> dict[str, bytes]:
    """Return all but what a run notes of its usage, which is measured."""
    found = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    keyed = {path.relative_to(folder).as_posix(): data for path, data in found.items()}
    return {key: data for key, data in keyed.items() if key != USAGE}


@pytest.fixture(scope="module")
def serial(small_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set that `make` makes."""
    folder = tmp_path_factory.mktemp("serial") / "set"
    scrubjay.make(small_clip, folder, recipe=_RECIPE, engine=InlineEngine())
    return folder


@pytest.fixture
def hurt(small_clip: Path, tmp_path: Path) -> Path:
    """The clip with a stretch of zeros."""
    data = bytearray(small_clip.read_bytes())
    fifth = len(data) // 5
    data[fifth : 4 * fifth] = bytes(3 * fifth)
    path = tmp_path / "hurt.mp4"
    path.write_bytes(data)
    return path


def test_steps_make_the_set_of_one_run(small_clip: Path, serial: Path, tmp_path: Path) -> None:
    """In any order, with overlaps: every slice is made once, and every byte is that of `make`."""
    where = serial.with_name("steps")  # beside it, so that its page names the video alike
    plan = _begun(small_clip, where)
    assert _made(where, small_clip, "3/3") == [4]
    assert _made(where, small_clip, "2/4") == [2]
    assert _begun(small_clip, where) == plan  # again: what is made stays
    assert _made(where, small_clip, "2/4") == []
    assert _made(where, small_clip, "1/3") == [0, 1]
    assert _made(where, small_clip, "2/2") == []
    assert _made(where, small_clip, "1/1") == [3]
    assert scrubjay.finish(where).status == "complete"
    made = _files(where)
    assert made.pop(ORIGIN)
    assert made == _files(serial)
    before = (where / MANIFEST).stat().st_mtime_ns
    with ThreadPoolExecutor(4) as threads:
        manifests = list(threads.map(lambda _: scrubjay.finish(where), range(4)))
    assert {encode(each) for each in manifests} == {(where / MANIFEST).read_bytes()}
    assert (where / MANIFEST).stat().st_mtime_ns == before
    del tmp_path


def test_two_that_make_the_same_do_no_harm(small_clip: Path, serial: Path) -> None:
    """All of the set twice, at the same time, and published by both."""
    where = serial.with_name("twice")
    _begun(small_clip, where)

    def all_of_it(_: int) -> None:
        _made(where, small_clip, "1/1")
        scrubjay.finish(where)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(all_of_it, range(2)))
    made = _files(where)
    del made[ORIGIN]
    assert made == _files(serial)


def test_events_count_the_shard(small_clip: Path) -> None:
    """`planned` and `shard_finished` are about the shard's slices alone."""
    store = Store.in_memory()
    _begun(small_clip, store)
    events: list[Event] = []
    returned = scrubjay.make_shard(
        store, small_clip, shard="2/3", engine=InlineEngine(), on_progress=events.append
    )
    [planned] = [each for each in events if isinstance(each, Planned)]
    assert (planned.slices, planned.done, planned.remaining) == (1, 0, Fraction(3))
    assert events[-1] == returned
    assert isinstance(returned, ShardFinished)
    assert (returned.shard, returned.shards, returned.made, returned.failed) == (2, 3, 1, 0)


def test_what_is_missing_is_named(small_clip: Path) -> None:
    """Nothing is published before the last slice, unless a person gives the rest up."""
    store = Store.in_memory()
    _begun(small_clip, store)
    with pytest.raises(UnfinishedError, match=r"5 of 5 slices are not made: slices 0 to 3 \(0:00"):
        scrubjay.finish(store)
    _made(store, small_clip, "2/4")
    with pytest.raises(UnfinishedError) as caught:
        scrubjay.finish(store)
    assert (
        "4 of 5 slices are not made: slices 0 to 1 (0:00 to 0:06), slice 3 (0:09 to 0:12), "
        "the whole video (0:00 to 0:12). Nothing was published"
    ) in str(caught.value)
    assert not store.has(MANIFEST)
    with pytest.raises(IncompleteError, match="given up by hand"):
        scrubjay.finish(store, give_up=True)
    assert [gap.reason for gap in decode(store.get(MANIFEST), Manifest).gaps] == [
        "given up by hand"
    ] * 3
    assert _made(store, small_clip, "1/1") == [0, 1, 3, 4]  # they may still come
    assert not store.has(MANIFEST)  # and until it is published again, the set is not whole
    assert scrubjay.finish(store).status == "complete"
    assert not store.sizes(FAILURES)


def test_a_damaged_stretch_is_a_gap(hurt: Path, tmp_path: Path) -> None:
    """As after `make`, with the same reasons; each run of the shard tries it again."""
    recipe = replace(_RECIPE, frames=_RECIPE.frames[:1])
    with pytest.raises(IncompleteError):
        scrubjay.make(hurt, tmp_path / "serial", recipe=recipe, engine=InlineEngine())
    where = tmp_path / "steps"
    _begun(hurt, where, recipe)
    with pytest.raises(LostSlicesError) as lost:
        _made(where, hurt, "1/1")
    assert {type(each) for each in lost.value.causes} == {SourceDamagedError}
    with pytest.raises(LostSlicesError) as again:
        _made(where, hurt, "1/1")
    assert str(again.value) == str(lost.value)
    with pytest.raises(IncompleteError) as caught:
        scrubjay.finish(where)
    assert caught.value.manifest == decode((where / MANIFEST).read_bytes(), Manifest)
    made = {key: data for key, data in _files(where).items() if not key.startswith(FAILURES)}
    del made[ORIGIN]
    assert made == _files(tmp_path / "serial")


def test_damage_can_be_an_error(hurt: Path) -> None:
    """With `strict`, the shard with the damage stops, and nothing is published."""
    store = Store.in_memory()
    _begun(hurt, store, replace(_RECIPE, frames=()))
    with pytest.raises(SourceDamagedError):
        scrubjay.make_shard(store, hurt, shard="1/1", engine=InlineEngine(), strict=True)
    with pytest.raises(LostSlicesError):
        _made(store, hurt, "1/1")
    with pytest.raises(SourceDamagedError):
        scrubjay.finish(store, strict=True)
    assert not store.has(MANIFEST)


def test_nothing_can_be_made(small_clip: Path) -> None:
    """A set of gaps alone is not published: the error is that of its first slice."""
    store = Store.in_memory()
    _begun(small_clip, store)
    with pytest.raises(scrubjay.ScrubjayError, match="given up by hand"):
        scrubjay.finish(store, give_up=True)
    assert not store.has(MANIFEST)


def test_another_video_is_refused(small_clip: Path, other_clip: Path) -> None:
    """Whoever names another video than the planned one makes nothing."""
    store = Store.in_memory()
    _begun(small_clip, store)
    with pytest.raises(SourceChangedError):
        _made(store, other_clip, "1/2")
    assert not [key for key in store.sizes() if key.startswith(".scrubjay/slices/")]


def test_other_libraries_are_refused(small_clip: Path) -> None:
    """A machine with other versions of what makes pictures makes none."""
    store = Store.in_memory()
    plan = _begun(small_clip, store)
    store.put(PLAN, encode(replace(plan, versions={**plan.versions, "numpy": "0"})), "text/plain")
    with pytest.raises(VersionError):
        _made(store, small_clip, "1/2")


def test_a_set_that_is_replaced_meanwhile(small_clip: Path) -> None:
    """A shard of a plan that is no longer the current one ends with that error."""
    store = Store.in_memory()
    _begun(small_clip, store)
    recipe = replace(_RECIPE, slice_length=Fraction(6))

    def replaced(event: Event) -> None:
        if isinstance(event, SliceDone) and event.index == 0:
            _begun(small_clip, store, recipe)

    with pytest.raises(PlanReplacedError):
        scrubjay.make_shard(
            store, small_clip, shard="1/2", engine=InlineEngine(), on_progress=replaced
        )
    current = load_plan(store)
    assert current
    assert current.recipe == recipe
    with pytest.raises(UnfinishedError, match="3 of 3 slices"):
        scrubjay.finish(store)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a file of somebody else's."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("mine")
    return tmp_path / "site"


def test_a_destination_without_a_set(small_clip: Path, elsewhere: Path) -> None:
    """Slices and publishing need a plan, and a plan overwrites nothing that is not Scrubjay's."""
    with pytest.raises(DestinationError, match="begin the set first"):
        scrubjay.make_shard(elsewhere, small_clip, shard="1/1", engine=InlineEngine())
    with pytest.raises(DestinationError, match="begin the set first"):
        scrubjay.finish(elsewhere)
    with pytest.raises(DestinationError, match=r"index\.html, which is not Scrubjay's"):
        _begun(small_clip, elsewhere)


def test_a_set_of_another_origin(small_clip: Path, serial: Path) -> None:
    """A set that was not begun with `begin` is published if the video is named, as it was."""
    page = (serial / "index.html").read_bytes()
    with pytest.raises(DestinationError, match=r"no \.scrubjay/origin\.json"):
        scrubjay.finish(serial)
    assert scrubjay.finish(serial, source=small_clip).status == "complete"
    assert (serial / "index.html").read_bytes() == page

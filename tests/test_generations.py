"""Sets of several recipes in one destination: readers see a whole one, whatever happens."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from msgspec.structs import replace

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import DestinationError, PlanReplacedError, StoreError
from scrubjay.events import Event, Finished, Planned, SliceStarted
from scrubjay.identity import plan_id
from scrubjay.keys import (
    GENERATIONS,
    MANIFEST,
    PAGE,
    PLAN,
    USAGE,
    artifact_folder,
    generation_key,
)
from scrubjay.model import Animation, Manifest, Plan, Recipe, Sheet, Still, decode, encode
from scrubjay.publishing import publish
from scrubjay.sets.memory import Memory
from scrubjay.sets.state import load_plan, load_state, save_plan
from scrubjay.sets.store import Store

Tree = Callable[[Path], dict[str, str]]

LONG = 120
"""Seconds after which a test that waits has failed."""

FIRST = Recipe(
    slice_length=Fraction(2),
    animations=(Animation(fps=Fraction(2), width=32),),
    frames=(Still(width=32),),
    sheets=(Sheet(width=32),),
)
OLDER = replace(FIRST, frames=(Still(width=48),), sheets=(Sheet(width=40),))
NEWEST = replace(FIRST, frames=(Still(width=64),))
"""It has the animations and the sheets of the first one, and so the same track of them."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 s of 96 x 54 px."""
    return _write(tmp_path_factory.mktemp("film") / "film.mp4", 0)


@pytest.fixture(scope="module")
def other_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another 4 s of the same name."""
    return _write(tmp_path_factory.mktemp("other") / "film.mp4", 100)


def _write(path: Path, red: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8, options={"g": "8", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 96, 54, "yuv420p"
        for number in range(32):
            picture = np.full((54, 96, 3), (red, number * 7, 255 - number * 7), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    return path


class _Killed(BaseException):
    """Ends a run as a kill does: nobody catches it, and nobody tidies up."""


class _Watched(Store):
    """A store in memory that says what it is about to do."""

    before: Callable[[str, str], None]
    """Called with the verb and the key before each change."""

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Say it, then put."""
        self.before("put", key)
        super().put(key, data, media_type)

    def put_if(self, key: str, data: bytes, media_type: str, version: str) -> bool:
        """Say it, then put."""
        self.before("put_if", key)
        return super().put_if(key, data, media_type, version)

    def delete(self, keys: Iterable[str]) -> None:
        """Say it of each one, then delete it."""
        for key in keys:
            self.before("delete", key)
            super().delete([key])


def _watched(memory: Memory, before: Callable[[str, str], None]) -> _Watched:
    store = _Watched(lambda: memory, place=None)
    store.before = before
    return store


def _over(memory: Memory) -> Store:
    return Store(lambda: memory, place=None)


def _make(
    video: Path, where: Store | Path, recipe: Recipe, *, remove_stale: bool = False
) -> list[Event]:
    """Make a set in this process, and return the events."""
    events: list[Event] = []
    scrubjay.make(
        video,
        where,
        recipe=recipe,
        engine=InlineEngine(),
        on_progress=events.append,
        remove_stale=remove_stale,
    )
    return events


def _objects(store: Store) -> dict[str, bytes]:
    return {key: store.get(key) for key in store.sizes() if key != USAGE}


def _alone(video: Path, recipe: Recipe) -> dict[str, bytes]:
    """Every object of a set that was made where nothing was."""
    store = Store.in_memory()
    _make(video, store, recipe)
    return _objects(store)


def _named(manifest: Manifest) -> set[str]:
    """The artifacts that a manifest names."""
    kinds = (manifest.animations, manifest.frames, manifest.sheets)
    return {entry.key for entries in kinds for entry in entries}


def _started(events: Sequence[Event]) -> list[int]:
    return [event.index for event in events if isinstance(event, SliceStarted)]


def _finished(events: Sequence[Event]) -> Finished:
    last = events[-1]
    assert isinstance(last, Finished)
    return last


def _ids(video: Path, recipe: Recipe) -> dict[str, str]:
    plan = scrubjay.plan(video, recipe=recipe, engine=InlineEngine())
    return {output.name: output.id for output in plan.outputs}


# A new set beside the old one -----------------------------------------------------------------


@pytest.mark.parametrize("engine", [InlineEngine, ProcessEngine])
@pytest.mark.parametrize("is_video", [False, True])
def test_the_old_set_is_whole_until_the_new_manifest(
    film: Path,
    other_film: Path,
    tmp_path: Path,
    engine: type[InlineEngine] | type[ProcessEngine],
    *,
    is_video: bool,
) -> None:
    """Whenever something happens, all that the manifest names is there as it was.

    It is the old manifest until the last slice of the new recipe, or of another video, is done.
    """
    store = Store.open(tmp_path / "set")
    _make(film, store, FIRST)
    old = decode(store.get(MANIFEST), Manifest)
    before = {key: (store.version(key), store.get(key)) for key in _named(old)}
    seen: list[str] = []

    def look(event: Event) -> None:
        manifest = decode(store.get(MANIFEST), Manifest)
        seen.append(type(event).__name__)
        assert (manifest == old) == (not isinstance(event, Finished))
        assert {key: store.version(key) for key in before} == {
            key: version for key, (version, _) in before.items()
        }
        if isinstance(event, Planned):
            assert event.replaced
            assert not event.done

    video, recipe = (other_film, FIRST) if is_video else (film, OLDER)
    with engine() as running:
        scrubjay.make(video, tmp_path / "set", recipe=recipe, engine=running, on_progress=look)
    assert seen.count("SliceDone") == 2
    assert len(seen) > 6
    new = decode(store.get(MANIFEST), Manifest)
    assert _named(new).isdisjoint(before) == is_video  # the animations of both recipes are the same
    assert {key: store.get(key) for key in before} == {
        key: data for key, (_, data) in before.items()
    }


def test_the_old_set_is_whole_at_every_write(film: Path) -> None:
    """Before each change of the destination, every object that the manifest names is there."""
    memory = Memory()
    _make(film, _over(memory), FIRST)
    old = decode(_over(memory).get(MANIFEST), Manifest)
    steps: list[str] = []

    def look(_verb: str, key: str) -> None:
        steps.append(key)
        manifest = decode(memory.get(MANIFEST), Manifest)
        assert manifest == old
        sizes = memory.sizes("")
        assert all(key in sizes for key in _named(manifest))
        assert all(track in sizes for track in manifest.tracks.values())

    _make(film, _watched(memory, look), OLDER)
    assert steps[-1] == MANIFEST
    assert decode(memory.get(MANIFEST), Manifest) != old
    assert len(steps) > 15


def test_readers_find_the_new_documents_only_with_all_they_name(film: Path) -> None:
    """A page or track of the new set that is there before its manifest names what is there."""
    memory = Memory()
    _make(film, _over(memory), FIRST)
    new = {f"sheets/{_ids(film, OLDER)['sheets']}/{second:06}.jpg" for second in (0, 2)}

    def look(_verb: str, _key: str) -> None:
        track = memory.get("storyboard.vtt").decode()
        sizes = memory.sizes("")
        shown = {line.partition("#")[0] for line in track.splitlines() if "#xywh" in line}
        assert shown <= sizes.keys()
        seen.append(shown == new)

    seen: list[bool] = []
    _make(film, _watched(memory, look), OLDER)
    assert seen[0] is False
    assert seen[-1] is True


@pytest.mark.parametrize("engine", [InlineEngine, ProcessEngine])
def test_adding_an_output_makes_that_one_alone(
    film: Path, tmp_path: Path, engine: type[InlineEngine] | type[ProcessEngine]
) -> None:
    """A finished set to which an output is added keeps every file it has, but for the documents."""
    folder = tmp_path / "set"
    _make(film, folder, FIRST)
    before = {path: _identity(path) for path in folder.rglob("*") if path.is_file()}
    more = replace(FIRST, frames=(*FIRST.frames, Still(name="small", width=16)))
    events: list[Event] = []
    with engine() as running:
        manifest = scrubjay.make(
            film, folder, recipe=more, engine=running, on_progress=events.append
        )
    assert manifest.status == "complete"
    assert len([entry for entry in manifest.frames if entry.output == "small"]) == 4
    after = {path: _identity(path) for path in folder.rglob("*") if path.is_file()}
    changed = {
        path.relative_to(folder).as_posix() for path in before if after[path] != before[path]
    }
    assert changed == {MANIFEST, PAGE, PLAN, USAGE}
    added = {path.relative_to(folder).as_posix() for path in after.keys() - before.keys()}
    id_ = _ids(film, more)["small"]
    plan = load_plan(Store.open(folder))
    assert plan is not None
    assert added == {
        generation_key(plan_id(plan)),
        *(f"small/{id_}/{second:06}.jpg" for second in range(4)),
        *(f".scrubjay/slices/{id_}/{start:06}-{start + 2:06}.json" for start in (0, 2)),
    }
    assert _finished(events).stale == 0
    assert _files(folder, without=GENERATIONS) == _files_of(film, more, tmp_path / "alone")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns


def _files(folder: Path, without: str) -> dict[str, bytes]:
    return {key: data for key, data in _objects(Store.open(folder)).items() if without not in key}


def _files_of(video: Path, recipe: Recipe, folder: Path) -> dict[str, bytes]:
    _make(video, folder, recipe)
    return _files(folder, without=GENERATIONS)


def test_leaving_an_output_out_makes_nothing(film: Path) -> None:
    """What is asked for no more is not in the manifest, and stays where it is, as stale."""
    store = Store.in_memory()
    _make(film, store, FIRST)
    events = _make(film, store, replace(FIRST, sheets=()))
    assert _started(events) == []
    assert _finished(events).stale == 2 + 2  # sheets and their records
    manifest = decode(store.get(MANIFEST), Manifest)
    assert manifest.sheets == ()
    assert len(manifest.frames) == 4


def test_going_back_makes_nothing(film: Path) -> None:
    """The set of an earlier recipe that was not pruned is published again as it was."""
    store = Store.in_memory()
    first = _make(film, store, FIRST)
    before = _objects(store)
    _make(film, store, OLDER)
    versions = {key: store.version(key) for key in before}
    events = _make(film, store, FIRST)
    assert _started(first) == [0, 1]
    assert _started(events) == []
    planned = next(event for event in events if isinstance(event, Planned))
    assert (planned.done, planned.slices, planned.replaced) == (2, 2, True)
    assert {key: store.get(key) for key in before} == before
    written = {key for key in before if store.version(key) != versions[key]}
    note = next(key for key in before if key.startswith(GENERATIONS))
    assert written == {PLAN, note, MANIFEST, PAGE, "storyboard.vtt"}


@pytest.mark.parametrize(
    ("recipe", "kept"),
    [
        (replace(FIRST, documents=()), set()),
        (replace(FIRST, documents=("webvtt",)), {"storyboard.vtt", "storyboard-few.vtt"}),
        (replace(FIRST, sheets=()), {PAGE}),
        (replace(FIRST, sheets=FIRST.sheets), {PAGE, "storyboard.vtt"}),
    ],
)
def test_documents_that_are_asked_for_no_more_are_removed(
    film: Path, recipe: Recipe, kept: set[str]
) -> None:
    """A track that no manifest names any more is not left behind to mislead a player."""
    memory = Memory()
    store = _over(memory)
    few = Sheet(name="few", interval=Fraction(2), width=16)
    both = (*FIRST.sheets, few)
    _make(film, store, replace(FIRST, sheets=both))
    assert set(_roots(store)) == {MANIFEST, PAGE, "storyboard.vtt", "storyboard-few.vtt"}
    store.put("storyboard.txt", b"mine", "text/plain")
    order: list[tuple[str, str]] = []
    sheets = both if recipe.documents == ("webvtt",) else recipe.sheets
    _make(
        film,
        _watched(memory, lambda verb, key: order.append((verb, key))),
        replace(recipe, sheets=sheets),
    )
    assert set(_roots(store)) == kept | {MANIFEST, "storyboard.txt"}
    removed = [
        place for place, (verb, key) in enumerate(order) if verb == "delete" and key[0] != "."
    ]
    assert not removed or min(removed) > order.index(("put_if", MANIFEST))


def _roots(store: Store) -> list[str]:
    return [key for key in store.sizes() if "/" not in key]


def test_a_manifest_that_lies_about_its_tracks_removes_nothing_else(film: Path) -> None:
    """Only what a document may be called is removed, whatever an earlier manifest names."""
    store = Store.in_memory()
    _make(film, store, FIRST)
    manifest = decode(store.get(MANIFEST), Manifest)
    artifact = manifest.frames[0].key
    theirs = ["movie.mp4", "../elsewhere", "notes/storyboard.vtt", "a" * 2000]
    for key in (theirs[0], theirs[2]):
        store.put(key, b"mine", "video/mp4")
    names = [*theirs, PLAN, artifact, MANIFEST]
    lying = replace(manifest, tracks={str(number): key for number, key in enumerate(names)})
    store.put(MANIFEST, encode(lying), "application/json")
    _make(film, store, OLDER)
    assert store.get("movie.mp4") == store.get("notes/storyboard.vtt") == b"mine"
    assert store.has(artifact)
    assert load_plan(store) == scrubjay.plan(film, recipe=OLDER, engine=InlineEngine())


# Pruning --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_asked_for", [False, True])
def test_pruning_leaves_the_current_set_alone(film: Path, *, is_asked_for: bool) -> None:
    """With `--remove-stale` or `prune`, what is left is what one run of the last recipe makes."""
    store = Store.in_memory()
    for recipe in (FIRST, OLDER, replace(FIRST, frames=(), slice_length=Fraction(3))):
        _make(film, store, recipe)
    events = _make(film, store, NEWEST, remove_stale=is_asked_for)
    removed = _finished(events).removed if is_asked_for else scrubjay.prune(store)
    # each with its records: stills of two recipes, sheets of one; two animations and sheets of 3 s
    assert removed == 2 * (4 + 2) + (2 + 2) + 2 * (2 + 2)
    assert _objects(store) == _alone(film, NEWEST)
    assert scrubjay.prune(store) == 0


def test_pruning_removes_nothing_of_others(film: Path, tmp_path: Path) -> None:
    """Other people's files stay, in our folders too; folders that are empty then do not."""
    folder = tmp_path / "set"
    _make(film, folder, FIRST)
    ids, new = _ids(film, FIRST), _ids(film, OLDER)
    old_stills, old_sheets = (artifact_folder(name, ids[name]) for name in ("frames", "sheets"))
    theirs = [
        "movie.mp4",
        "notes/0123456789ab/000001.jpg",
        "frames/holiday.jpg",
        f"{old_stills}holiday.jpg",
        f"{old_stills}000001.jpg.bak",
        f".scrubjay/slices/{ids['frames']}/mine.json",
    ]
    for key in theirs:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(b"mine")
    (folder / old_stills / "000001.jpg#123").write_bytes(b"half")  # a killed writer's
    _make(film, folder, OLDER)
    current = _files(folder, without=GENERATIONS)
    assert scrubjay.prune(folder) == (4 + 2) + (2 + 2)
    assert {(folder / key).read_bytes() for key in theirs} == {b"mine"}
    assert [
        path.name for path in (folder / old_stills).iterdir() if path.name not in theirs[3]
    ] == ["000001.jpg.bak"]
    assert not (folder / old_sheets).exists()
    left = _files(folder, without=GENERATIONS)
    assert {key: left[key] for key in _files_of(film, OLDER, tmp_path / "alone")} == {
        key: current[key] for key in _files_of(film, OLDER, tmp_path / "alone")
    }
    assert (folder / artifact_folder("frames", new["frames"])).is_dir()


def test_pruning_is_refused_until_the_current_set_is_published(film: Path) -> None:
    """While a new recipe is unfinished, readers need the set before it: nothing is removed."""
    memory = Memory()
    store = _over(memory)
    with pytest.raises(DestinationError, match="no previews"):
        scrubjay.prune(store)
    _make(film, store, FIRST)

    def kill(_verb: str, key: str) -> None:
        if key == MANIFEST:
            raise _Killed

    with pytest.raises(_Killed):
        _make(film, _watched(memory, kill), OLDER)
    before = _objects(store)
    with pytest.raises(DestinationError, match=r"not finished.*scrubjay make"):
        scrubjay.prune(store)
    assert _objects(store) == before
    _make(film, store, OLDER)
    assert scrubjay.prune(store) == (4 + 2) + (2 + 2)


def test_what_a_run_that_was_given_up_left_is_pruned(film: Path) -> None:
    """A recipe that was begun and never finished is an earlier one like any other."""
    memory = Memory()
    store = _over(memory)
    _make(film, store, FIRST)
    small = artifact_folder("frames", _ids(film, OLDER)["frames"])

    def kill(_verb: str, key: str) -> None:
        if key == f"{small}000003.jpg":
            raise _Killed

    with pytest.raises(_Killed):
        _make(film, _watched(memory, kill), OLDER)
    assert len(store.sizes(small)) == 3
    _make(film, store, FIRST)
    assert scrubjay.prune(store) > 3
    assert _objects(store) == _alone(film, FIRST)


def test_a_track_that_a_killed_publisher_left_is_pruned(film: Path) -> None:
    """A run that is killed just after its manifest leaves tracks of the set before it."""
    memory = Memory()
    few = Sheet(name="few", interval=Fraction(2), width=16)
    _make(film, _over(memory), replace(FIRST, sheets=(*FIRST.sheets, few)))

    def kill(verb: str, key: str) -> None:
        if (verb, key) == ("delete", "storyboard-few.vtt"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _make(film, _watched(memory, kill), FIRST)
    store = _over(memory)
    assert "storyboard-few.vtt" in _roots(store)
    store.put("storyboard-other.vtt", b"mine", "text/vtt")
    scrubjay.prune(store)
    assert set(_roots(store)) == {MANIFEST, PAGE, "storyboard.vtt", "storyboard-other.vtt"}


def test_pruning_that_was_killed_goes_on(film: Path) -> None:
    """Killed at any step, pruning again removes the rest: notes go last."""
    expected = _alone(film, NEWEST)
    for step in range(100):
        memory, steps = Memory(), 0
        for recipe in (OLDER, NEWEST):
            _make(film, _over(memory), recipe)

        def kill(_verb: str, _key: str, last: int = step) -> None:
            nonlocal steps
            steps += 1
            if steps > last:
                raise _Killed

        try:
            scrubjay.prune(_watched(memory, kill))
        except _Killed:
            scrubjay.prune(_over(memory))
            assert _objects(_over(memory)) == expected
        else:
            assert step > 10
            break


def test_a_replaced_set_is_kept_for_a_while(film: Path, tmp_path: Path) -> None:
    """With `keep_for`, nothing is removed until the current set has been there for so long."""
    folder = tmp_path / "set"
    _make(film, folder, FIRST)
    _make(film, folder, OLDER)
    assert scrubjay.prune(folder, keep_for=3600) == 0
    an_hour_ago = time.time() - 3601
    os.utime(folder / MANIFEST, (an_hour_ago, an_hour_ago))
    assert scrubjay.prune(folder, keep_for=3700) == 0
    assert scrubjay.prune(folder, keep_for=3600) == (4 + 2) + (2 + 2)


def test_a_note_that_lies_removes_nothing_of_the_current_set(film: Path) -> None:
    """Notes lie where others can write: no note makes the current set, or a foreign file, stale."""
    store = Store.in_memory()
    _make(film, store, FIRST)
    before = _objects(store)
    ids = _ids(film, FIRST)
    notes: list[object] = [
        {"outputs": ids},
        {"outputs": {"frames": "../../etc/xx"}},
        {"outputs": {"..": "0123456789ab"}},
        {"outputs": {"sheets": ids["frames"], "frames": ids["sheets"]}},
        [],
    ]
    for number, note in enumerate(notes):
        key = generation_key(f"{number:032x}")
        store.put(key, json.dumps(note).encode(), "application/json")
    assert scrubjay.prune(store) == 0
    left = _objects(store)
    assert {key: left[key] for key in before} == before


def test_the_command_line_prunes(film: Path, tmp_path: Path, tree: Tree) -> None:
    """`scrubjay make --remove-stale` and `scrubjay prune` leave the same; `--keep-for` waits."""
    scrub = [str(Path(sys.executable).with_name("scrubjay"))]
    folders = [tmp_path / "one", tmp_path / "two"]
    make = ["make", str(film), "--slice-length", "2", "--json"]
    for folder in folders:
        _run([*scrub, *make, "-o", str(folder)])
        flags = ["--remove-stale"] * (folder == folders[0])
        _run([*scrub, *make, "-o", str(folder), "--frame-width", "48", *flags])
    prune = [*scrub, "prune", str(folders[1]), "--json"]
    assert tree(folders[0]) != tree(folders[1])
    assert json.loads(_run([*prune, "--keep-for", "3600"])) == {"removed": 0}
    assert json.loads(_run(prune)) == {"removed": 4 + 2}
    assert tree(folders[0]) == tree(folders[1])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONG)
    assert done.stderr == ""
    return done.stdout


# Two plans at once ----------------------------------------------------------------------------


def _is_newest(store: Store, expected: dict[str, bytes]) -> bool:
    """Whether a destination has the newest set, as if it had been made alone."""
    return {key: store.get(key) if store.has(key) else None for key in expected} == expected


RACES = {
    "another recipe": (FIRST, OLDER, NEWEST),
    "back to the one before": (FIRST, OLDER, FIRST),
    "a track in common": (
        replace(FIRST, documents=("webvtt", "page")),
        replace(OLDER, documents=("webvtt", "page")),
        replace(NEWEST, documents=("webvtt", "page")),
    ),
    "a track less": (FIRST, replace(OLDER, documents=("page",)), FIRST),
    "nothing before": (None, OLDER, NEWEST),
}


@pytest.mark.parametrize("race", RACES)
def test_whenever_another_plan_is_made_it_is_the_one_that_stays(film: Path, race: str) -> None:
    """A run is overtaken by a whole other one at each of its steps: the newest's set stays.

    The older run goes on afterwards: it ends as replaced, unless it had written its last word.
    """
    before, older, newest = RACES[race]
    expected = _alone(film, newest)
    outcomes: list[bool] = []
    for step in range(100):
        memory, steps = Memory(), 0
        if before is not None:
            _make(film, _over(memory), before)

        def overtake(_verb: str, _key: str, memory: Memory = memory, at: int = step) -> None:
            nonlocal steps
            steps += 1
            if steps == at + 1:
                _make(film, _over(memory), newest)

        try:
            _make(film, _watched(memory, overtake), older)
        except PlanReplacedError:
            outcomes.append(True)
        else:
            outcomes.append(False)
        if steps <= step:
            break  # it was not overtaken at all
        current = load_plan(_over(memory))
        if current == decode(expected[PLAN], Plan):
            assert _is_newest(_over(memory), expected), (race, step)
        else:  # the older plan was saved after the newer set was finished: it is the newest
            assert _is_newest(_over(memory), _alone(film, older)), (race, step)
    assert outcomes.count(True) > 10
    assert outcomes[-1] is False


@pytest.mark.parametrize("race", RACES)
def test_killed_anywhere_the_newest_is_made_by_running_it_again(film: Path, race: str) -> None:
    """The newest plan is killed at each of its steps, amid the run of an older one that goes on."""
    before, older, newest = RACES[race]
    expected = _alone(film, newest)
    for step in range(100):
        memory = Memory()
        if before is not None:
            _make(film, _over(memory), before)
        killed = _interrupted(film, memory, older, newest, step)
        _make(film, _over(memory), newest)
        assert _is_newest(_over(memory), expected), (race, step)
        if not killed:
            assert step > (3 if newest == before else 10)
            break


def _interrupted(film: Path, memory: Memory, older: Recipe, newest: Recipe, step: int) -> bool:
    """Begin and kill the newest plan when the older one has made a slice; whether it was killed."""
    killed: list[bool] = []
    steps = 0

    def kill(_verb: str, _key: str) -> None:
        nonlocal steps
        steps += 1
        if steps > step:
            raise _Killed

    def interrupt(_verb: str, key: str) -> None:
        if not killed and key.endswith("000002.jpg"):  # amid its second slice
            killed.append(False)
            try:
                _make(film, _watched(memory, kill), newest)
            except _Killed:
                killed[0] = True

    try:
        _make(film, _watched(memory, interrupt), older)
    except PlanReplacedError:
        assert steps > 0
    return killed[0]


@pytest.mark.parametrize("race", RACES)
@pytest.mark.parametrize("later", [1, 2])
def test_an_older_run_that_is_killed_harms_nothing(film: Path, race: str, later: int) -> None:
    """An older run is overtaken at any step and dies soon after: the newest, run again, is whole.

    It makes nothing again but documents.
    """
    before, older, newest = RACES[race]
    expected = _alone(film, newest)
    for step in range(3, 100):  # by then the older plan is saved
        memory, steps = Memory(), 0
        if before is not None:
            _make(film, _over(memory), before)

        def overtake(_verb: str, _key: str, memory: Memory = memory, at: int = step) -> None:
            nonlocal steps
            steps += 1
            if steps == at:
                _make(film, _over(memory), newest)
            if steps == at + later:
                raise _Killed

        try:
            _make(film, _watched(memory, overtake), older)
        except PlanReplacedError:
            continue
        except _Killed:
            assert _started(_make(film, _over(memory), newest)) == []
            assert _is_newest(_over(memory), expected), (race, step)
        else:
            assert steps < step
            break
    assert step > 12


def test_an_older_publisher_never_overwrites_the_newest(film: Path) -> None:
    """The newest set is published while the older one's first document is on its way."""
    memory = Memory()
    old, new = (scrubjay.plan(film, recipe=each, engine=InlineEngine()) for each in (OLDER, NEWEST))
    store = _over(memory)
    save_plan(store, old)
    for plan in (old, new):
        for slice_ in plan.slices:
            scrubjay.render_slice(plan, slice_.index, source=film, store=store)
    written: list[str] = []

    def overtake(verb: str, key: str) -> None:
        if verb == "put_if" and not written:
            save_plan(store, new)
            publish(new, store)
        written.append(key)

    with pytest.raises(PlanReplacedError, match="another recipe or video"):
        publish(old, _watched(memory, overtake), state=load_state(store, old))
    assert written == [PAGE]  # it looked once more, and gave up
    assert decode(store.get(MANIFEST), Manifest).plan == plan_id(new)
    assert _is_newest(store, {key: _objects(store)[key] for key in (MANIFEST, PAGE)})


def test_publishers_that_never_get_their_turn_say_so(film: Path) -> None:
    """Where somebody else writes a document at each try, it is an error, not an endless loop."""
    memory = Memory()
    plan = scrubjay.plan(film, recipe=FIRST, engine=InlineEngine())
    store = _over(memory)
    for slice_ in plan.slices:
        scrubjay.render_slice(plan, slice_.index, source=film, store=store)

    def meddle(verb: str, key: str) -> None:
        if verb == "put_if":
            store.put(key, os.urandom(8), "text/html")

    with pytest.raises(StoreError, match="run it again") as caught:
        publish(plan, _watched(memory, meddle))
    assert caught.value.retryable


def test_removing_stale_objects_spares_a_newer_set(film: Path) -> None:
    """A run that tidies up after it was published removes nothing of one that came meanwhile."""
    memory = Memory()
    _make(film, _over(memory), NEWEST)

    class Overtaken(Store):
        """Is used by the newest run while the older one looks what is stale."""

        def sizes(self, prefix: str = "") -> dict[str, int]:
            """Return what is there."""
            found = super().sizes(prefix)
            if prefix == GENERATIONS:
                assert len(found) == 2
                _make(film, _over(memory), NEWEST)
            return found

    events = _make(film, Overtaken(lambda: memory, place=None), OLDER, remove_stale=True)
    assert _finished(events).removed == 0
    assert _is_newest(_over(memory), _alone(film, NEWEST))


_KILLED_AT = """
import os, shutil, signal, sys
import msgspec
from pathlib import Path
from scrubjay import InlineEngine, Recipe, make
from scrubjay.errors import PlanReplacedError
from scrubjay.model import decode
from scrubjay.sets import folder as folders

video, base, root, *texts = sys.argv[1:]
older, newest = (decode(text.encode(), Recipe) for text in texts)
steps = 0

def killing(call, last):
    def step(*args, **kwargs):
        global steps
        steps += 1
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return step

def begun(folder, recipe, last=0):
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.rename, os.unlink = killing(os.rename, last), killing(os.unlink, last)
        make(video, folder, recipe=recipe, engine=InlineEngine())
        code = 0
    except PlanReplacedError:
        code = 3
    finally:
        os._exit(code)

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for step in range(1, 1000):
    folder = Path(root) / str(step)
    shutil.copytree(base, folder)
    both = begun(folder, older), begun(folder, newest, step)
    codes = [ended(child) for child in both]
    folders._UNTOUCHED_SECONDS = 0.01  # nobody writes any more
    print(*codes, ended(begun(folder, newest)), flush=True)
    if codes[1] != -signal.SIGKILL:
        break
"""


def test_processes_that_are_killed_at_every_step(film: Path, tmp_path: Path) -> None:
    """Two processes make two plans at once, and the newest's is killed amid writing some file.

    Run again, it completes its own set, and leaves no unfinished file.
    """
    _make(film, tmp_path / "base", FIRST)
    texts = [encode(recipe).decode() for recipe in (OLDER, NEWEST)]
    (tmp_path / "sets").mkdir()
    places = [str(each) for each in (film, tmp_path / "base", tmp_path / "sets")]
    command = [sys.executable, "-c", _KILLED_AT, *places, *texts]
    codes = [list(map(int, line.split())) for line in _run(command).splitlines()]
    assert len(codes) > 15
    assert {older for older, _, _ in codes} <= {0, 3}
    assert {newest for _, newest, _ in codes[:-1]} == {-9}
    assert {again for _, _, again in codes} == {0}
    expected = _alone(film, NEWEST)
    del expected[PAGE]  # it says where the video is
    folders = list((tmp_path / "sets").iterdir())
    assert len(folders) == len(codes)
    for folder in folders:
        assert _is_newest(Store.open(folder), expected), folder.name
        assert not list(folder.rglob("*#*"))


def test_many_runs_of_two_recipes_at_once(film: Path, tmp_path: Path) -> None:
    """However they interleave, every run ends well or as replaced, and the last to begin wins."""
    folder = tmp_path / "set"
    errors: list[Exception] = []

    def run(recipe: Recipe) -> None:
        try:
            _make(film, folder, recipe)
        except PlanReplacedError:
            pass
        except Exception as error:  # noqa: BLE001  the test looks at it
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=(recipe,)) for recipe in (OLDER, NEWEST, FIRST) * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert errors == []
    store = Store.open(folder)
    current = load_plan(store)
    assert current is not None
    assert decode(store.get(MANIFEST), Manifest).plan == plan_id(current)
    assert load_state(store, current).missing == {}
    _make(film, folder, NEWEST, remove_stale=True)
    assert _files(folder, without="\0") == _all_of(film, NEWEST, tmp_path / "alone")


def _all_of(video: Path, recipe: Recipe, folder: Path) -> dict[str, bytes]:
    _make(video, folder, recipe)
    return _files(folder, without="\0")

import json
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
import jsonschema
import numpy as np
import numpy.typing as npt
import pytest

import scrubjay
from scrubjay import stages
from scrubjay.engines.base import Job, Outcome
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    DestinationError,
    IncompleteError,
    RecipeError,
    RenderError,
    StoreError,
)
from scrubjay.events import Event, Finished, OnEvent, Planned, Probed, SliceStarted
from scrubjay.keys import GENERATIONS, MANIFEST, PAGE, PLAN, RECORDS, USAGE
from scrubjay.model import Animation, Manifest, Plan, Recipe, Sheet, Still, decode
from scrubjay.places.place import Place
from scrubjay.planning import artifacts_of
from scrubjay.sets.state import Missing
from scrubjay.sets.store import Store
from scrubjay.slices.renderer import SliceRenderer

Number = Callable[[npt.NDArray[np.uint8]], int]
Picture = Callable[[bytes], npt.NDArray[np.uint8]]
Tree = Callable[[Path], dict[str, str]]

WEBVTT = "storyboard.vtt"
SCHEMA = Path(__file__).parents[1] / "docs" / "schema" / "manifest.schema.json"
SHORT = Recipe(slice_length=Fraction(5))
"""Slices of the clip: 5, 5 and 2 seconds."""


def _objects(store: Store) -> dict[str, bytes]:
    """Return all but what is measured, which differs each time."""
    return {key: store.get(key) for key in sorted(store.sizes()) if key != USAGE}


def _without(objects: dict[str, bytes], *prefixes: str) -> dict[str, bytes]:
    return {key: data for key, data in objects.items() if not key.startswith(prefixes)}


def _stills(objects: dict[str, bytes]) -> dict[str, bytes]:
    """Return the stills by the second that they are for."""
    return {
        key.rpartition("/")[2]: data for key, data in objects.items() if key.startswith("frames/")
    }


def _played(gif: bytes) -> tuple[list[npt.NDArray[np.uint8]], float]:
    """Decode a GIF: its pictures, and how many seconds it lasts. FFmpeg is not to guess delays."""
    with av.open(BytesIO(gif), mode="r", options={"min_delay": "0"}) as container:
        frames = list(container.decode(video=0))
        duration = container.duration or 0
    return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames], (
        duration / 1_000_000
    )


def _inline(video: Path, recipe: Recipe = SHORT, store: Store | None = None) -> Store:
    store = store or Store.in_memory()
    scrubjay.make(video, store, recipe=recipe, engine=InlineEngine())
    return store


def _again(
    video: Path, store: Store, recipe: Recipe = SHORT, *, remove_stale: bool = False
) -> list[Event]:
    """Run once more in this process, and return what was told."""
    events: list[Event] = []
    scrubjay.make(
        video,
        store,
        recipe=recipe,
        engine=InlineEngine(),
        on_progress=events.append,
        remove_stale=remove_stale,
    )
    return events


def _of(kind: type[Event], events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def objects(clip: Path) -> dict[str, bytes]:
    """Every object of the clip's set, made in this process and in memory."""
    return _objects(_inline(clip))


@pytest.fixture(scope="module")
def manifest(objects: dict[str, bytes]) -> Manifest:
    """The manifest of that set."""
    return decode(objects[MANIFEST], Manifest)


def test_every_still_shows_its_frame(
    objects: dict[str, bytes], manifest: Manifest, number_in: Number, picture_of: Picture
) -> None:
    """The still for t is the last frame that begins at t or before, and says when that was."""
    assert [frame.time for frame in manifest.frames] == list(range(12))
    for frame in manifest.frames:
        picture = picture_of(objects[frame.key])
        assert picture.shape == (frame.height, frame.width, 3) == (180, 320, 3)
        assert number_in(picture) == frame.time * 24
        assert frame.source_time == frame.time


def test_every_animation_shows_its_frames(
    objects: dict[str, bytes], manifest: Manifest, number_in: Number
) -> None:
    """Each picture of each animation is the frame on screen then; its length is the slice's."""
    assert [(each.start, each.end) for each in manifest.animations] == [(0, 5), (5, 10), (10, 12)]
    for animation in manifest.animations:
        pictures, duration = _played(objects[animation.key])
        assert abs(duration - (animation.end - animation.start)) <= 0.01
        times = [Fraction(int(animation.start)) + Fraction(k, 10) for k in range(len(pictures))]
        assert [number_in(picture) for picture in pictures] == [int(time * 24) for time in times]
        assert len(pictures) == animation.frames == (animation.end - animation.start) * 10
        assert pictures[0].shape == (animation.height, animation.width, 3) == (135, 240, 3)


def test_every_thumbnail_shows_its_frame(
    objects: dict[str, bytes], manifest: Manifest, number_in: Number, picture_of: Picture
) -> None:
    """Thumbnail k of a sheet, by rows, is the frame at start + k * interval."""
    for sheet in manifest.sheets:
        picture = picture_of(objects[sheet.key])
        width, height = sheet.thumbnail_width, sheet.thumbnail_height
        assert picture.shape == (sheet.rows * height, sheet.columns * width, 3)
        assert sheet.count == sheet.end - sheet.start
        for place in range(sheet.count):
            row, column = divmod(place, sheet.columns)
            cell = picture[row * height : (row + 1) * height, column * width : (column + 1) * width]
            assert number_in(cell) == (sheet.start + place * sheet.interval) * 24


@pytest.mark.parametrize("length", [Fraction(30), Fraction(7), Fraction(7, 3)])
def test_a_minute_of_barcodes_is_exact(media: Path, picture_of: Picture, length: Fraction) -> None:
    """Real encoder, long GOPs: every still and animation picture is the frame a player shows."""

    def barcode(picture: npt.NDArray[np.uint8]) -> int:
        scale = picture.shape[1] / 512
        marks = [picture[int(16 * scale), int((16 + 32 * k) * scale)].mean() for k in range(16)]
        return sum(int(mark > 127) << k for k, mark in enumerate(marks))

    # 256 px are half of the video: the squares stay squares
    recipe = Recipe(slice_length=length, animations=(Animation(width=256),), sheets=())
    store = _inline(media / "real" / "barcode_frames_60s.mp4", recipe)
    manifest = decode(store.get(MANIFEST), Manifest)
    assert [frame.time for frame in manifest.frames] == list(range(60))
    for frame in manifest.frames:
        assert barcode(picture_of(store.get(frame.key))) == frame.time * 24
    for animation, start in zip(manifest.animations, (k * length for k in range(99)), strict=False):
        shown = [barcode(picture) for picture in _played(store.get(animation.key))[0]]
        assert shown == [int((start + Fraction(k, 10)) * 24) for k in range(animation.frames)]
    assert sum(animation.frames for animation in manifest.animations) >= 600


@pytest.mark.parametrize("workers", [1, 4])
def test_workers_make_the_same_bytes(
    clip: Path, tmp_path: Path, objects: dict[str, bytes], workers: int
) -> None:
    """One worker, four, or none at all: the same objects, byte for byte.

    Only the page may differ: it names the way from the set to the video.
    """
    with ProcessEngine(workers=workers) as engine:
        scrubjay.make(clip, tmp_path / "set", recipe=SHORT, engine=engine)
    made = _objects(Store.open(tmp_path / "set"))
    assert made.pop(PAGE) != objects[PAGE]
    assert made == {key: data for key, data in objects.items() if key != PAGE}


@pytest.mark.parametrize("length", [Fraction(30), Fraction(7), Fraction(7, 3), Fraction(1, 2)])
def test_stills_do_not_depend_on_the_cut(
    clip: Path, objects: dict[str, bytes], length: Fraction
) -> None:
    """However the video is cut into slices, its stills have the same bytes."""
    recipe = Recipe(slice_length=length, animations=(), sheets=())
    assert _stills(_objects(_inline(clip, recipe))) == _stills(objects)


def test_a_slice_may_lie_between_two_stills(clip: Path) -> None:
    """A slice without any instant of its own is still done, and the set complete."""
    recipe = Recipe(
        slice_length=Fraction(1, 2),
        animations=(),
        frames=(Still(interval=Fraction(5)),),
        sheets=(Sheet(interval=Fraction(5)),),
    )
    manifest = decode(_inline(clip, recipe).get(MANIFEST), Manifest)
    assert manifest.status == "complete"
    assert [frame.time for frame in manifest.frames] == [0, 5, 10]
    assert len(manifest.slices) == 24


def test_the_manifest_lists_what_is_there(objects: dict[str, bytes], manifest: Manifest) -> None:
    """Every artifact and document is in the manifest with its size, and nothing else is there."""
    made = (manifest.animations, manifest.frames, manifest.sheets)
    entries = [(entry.key, entry.size_bytes) for kind in made for entry in kind]
    listed = dict(entries)
    assert len(listed) == len(entries)
    state = {PLAN, *(key for key in objects if key.startswith((RECORDS, GENERATIONS)))}
    assert len(state) == 2 + 3 * 3
    documents = {MANIFEST, *manifest.tracks.values()}
    assert set(objects) == {*listed, *documents, *state}
    assert {key: len(objects[key]) for key in listed} == listed
    assert manifest.tracks == {"page": PAGE, "webvtt": WEBVTT}
    assert (manifest.status, manifest.gaps) == ("complete", ())


def test_the_manifest_is_as_published(objects: dict[str, bytes]) -> None:
    """The manifest is valid by the published schema, and its numbers are numbers."""
    plain = json.loads(objects[MANIFEST])
    assert plain["format"] == "scrubjay/1"
    assert plain["recipe"]["slice_length"] == 5
    assert plain["media"]["duration"] == 12
    schema = json.loads(SCHEMA.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plain, schema)


@pytest.mark.parametrize("interval", [Fraction(1), Fraction(5, 4), Fraction(7)])
def test_cues_cover_the_video(clip: Path, interval: Fraction) -> None:
    """WebVTT cues touch from 0 to the end, and each names a place inside a sheet that exists."""
    store = _inline(clip, Recipe(slice_length=Fraction(5), sheets=(Sheet(interval=interval),)))
    manifest = decode(store.get(MANIFEST), Manifest)
    sheets = {sheet.key: sheet for sheet in manifest.sheets}
    text = store.get(WEBVTT).decode()
    assert text.startswith("WEBVTT\n\n")
    cues = re.findall(r"^(\S+) --> (\S+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)\n", text, re.MULTILINE)
    assert len(cues) == sum(sheet.count for sheet in sheets.values()) == text.count("-->")
    assert cues[0][0] == "00:00:00.000"
    assert cues[-1][1] == "00:00:12.000"
    assert all(one[1] == other[0] for one, other in pairwise(cues))
    for _, _, key, *numbers in cues:
        x, y, width, height = map(int, numbers)
        sheet = sheets[key]
        assert (width, height) == (sheet.thumbnail_width, sheet.thumbnail_height)
        assert x % width == y % height == 0
        assert x + width <= sheet.columns * width
        assert y + height <= sheet.rows * height


def test_a_second_run_makes_nothing(clip: Path, objects: dict[str, bytes]) -> None:
    """Where all is there, no slice is made, and every byte stays as it was."""
    store = _inline(clip)
    events = _again(clip, store)
    (planned,) = _of(Planned, events)
    assert isinstance(planned, Planned)
    assert (planned.slices, planned.done) == (3, 3)
    assert not planned.remaining
    assert not planned.replaced
    assert not _of(SliceStarted, events)
    assert _objects(store) == objects


def test_a_run_tells_its_story(clip: Path) -> None:
    """Events come in order: probed, planned, the slices, finished; the last sums up."""
    store = Store.in_memory()
    events = _again(clip, store)
    assert isinstance(events[0], Probed)
    assert isinstance(events[1], Planned)
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.slices, last.failed) == ("complete", 3, 0)
    assert (last.animations, last.frames, last.sheets) == (3, 12, 3)
    artifacts = ("frames/", "sheets/", "animations/")
    assert last.stale == last.removed == 0
    sizes = store.sizes()
    assert last.size_bytes == sum(sizes[key] for key in sizes if key.startswith(artifacts))


@pytest.mark.parametrize(
    "lost",
    [
        r"frames/\w+/000006\.jpg",
        r"animations/\w+/000005\.gif",
        r"sheets/\w+/000005\.jpg",
        RECORDS + r"\w+/000005-000010\.json",
    ],
)
@pytest.mark.parametrize("shortened", [False, True])
def test_what_is_lost_is_restored(
    clip: Path, objects: dict[str, bytes], lost: str, *, shortened: bool
) -> None:
    """An object that is gone or cut short costs what its output has in its slice, and no more."""
    store = _inline(clip)
    plan = decode(store.get(PLAN), Plan)
    key = next(key for key in objects if re.fullmatch(lost, key))
    if shortened:
        store.put(key, objects[key][:50], "")
    else:
        store.delete([key])
    before = {key: store.version(key) for key in store.sizes()}
    events = _again(clip, store)
    assert [event.index for event in events if isinstance(event, SliceStarted)] == [1]
    assert _objects(store) == objects
    owner = next(each for each in plan.outputs if each.id in key)
    again = {key for key in objects if store.version(key) != before.get(key)}
    record = f"{RECORDS}{owner.id}/000005-000010.json"
    assert again == {
        *(each.key for each in artifacts_of(plan, owner, plan.slices[1])),
        record,
        MANIFEST,
    }


@pytest.mark.parametrize("key", [MANIFEST, PAGE, WEBVTT])
def test_documents_are_restored(clip: Path, objects: dict[str, bytes], key: str) -> None:
    """A document that is gone is written again without rendering anything."""
    store = _inline(clip)
    store.delete([key])
    assert not _of(SliceStarted, _again(clip, store))
    assert _objects(store) == objects


@pytest.mark.parametrize("remove_stale", [False, True])
def test_another_recipe_replaces_the_set(clip: Path, *, remove_stale: bool) -> None:
    """A changed recipe is noticed; what it no longer has goes only when that is asked for."""
    store = _inline(clip)
    store.put("frames/mine.jpg", b"mine", "image/jpeg")
    recipe = Recipe(slice_length=Fraction(6), frames=(Still(interval=Fraction(2)),))
    fresh = _objects(_inline(clip, recipe))
    events = _again(clip, store, recipe, remove_stale=remove_stale)
    planned, finished = _of(Planned, events)[0], events[-1]
    assert isinstance(planned, Planned)
    assert isinstance(finished, Finished)
    assert (planned.replaced, planned.done) == (True, 0)
    # 3 animations, 12 stills, 3 sheets, and 3 records of each
    counts = (0, 27) if remove_stale else (27, 0)
    assert (finished.stale, finished.removed) == counts
    left = _objects(store)
    assert left.pop("frames/mine.jpg") == b"mine"
    assert {key: left[key] for key in fresh} == fresh
    notes = [key for key in left if key.startswith(GENERATIONS)]
    assert len(notes) == (1 if remove_stale else 2)
    assert len(left) - len(fresh) == finished.stale + len(notes) - 1


def test_another_video_replaces_the_set(clip: Path, other_clip: Path) -> None:
    """A video of the same name with other content is noticed, and everything is made anew."""
    store = _inline(clip)
    events = _again(other_clip, store, remove_stale=True)
    (planned,) = _of(Planned, events)
    assert isinstance(planned, Planned)
    assert (planned.replaced, planned.done, planned.slices) == (True, 0, 1)
    assert _objects(store) == _objects(_inline(other_clip))


@pytest.mark.parametrize("name", ["index.html", "manifest.json"])
def test_what_scrubjay_did_not_make_is_not_overwritten(
    clip: Path, tmp_path: Path, name: str
) -> None:
    """A folder with a file in a set's place, and no plan, is refused before anything is written."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"mine")
    with pytest.raises(DestinationError, match=re.escape(name)):
        _inline(clip, store=Store.open(tmp_path))
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name", ["index.html", "animations/0123456789ab/000000.gif", ".scrubjay/plan.json"]
)
def test_a_set_is_not_written_over_its_video(clip: Path, tmp_path: Path, name: str) -> None:
    """A video that lies where an object of its set belongs is refused, also by way of a link."""
    folder, link = tmp_path / "set", tmp_path / "link"
    path = folder / name
    path.parent.mkdir(parents=True)
    shutil.copy(clip, path)
    link.symlink_to(folder)
    for video in (path, link / name):
        with pytest.raises(DestinationError, match="another destination"):
            _inline(video, store=Store.open(folder))
    assert path.read_bytes() == clip.read_bytes()


def test_a_video_may_lie_beside_its_set(clip: Path, tmp_path: Path) -> None:
    """A video in the very folder of its set is only another file there."""
    video = Path(shutil.copy(clip, tmp_path / "movie.mp4"))
    _inline(video, store=Store.open(tmp_path))
    assert video.read_bytes() == clip.read_bytes()


def test_a_finished_set_may_be_read_only(clip: Path, tmp_path: Path, tree: Tree) -> None:
    """A run that has nothing to do writes nothing: every file keeps its content and its date."""
    store = Store.open(tmp_path / "set")
    _inline(clip, store=store)
    dates = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")}
    before = tree(tmp_path / "set")
    _again(clip, store)
    assert tree(tmp_path / "set") == before
    assert {path: path.stat().st_mtime_ns for path in dates} == dates


def test_damage_is_told(media: Path) -> None:
    """A slice that a damaged stretch was passed over in is done, and the manifest says so."""
    store = Store.in_memory()
    events = _again(media / "bad" / "garbage_after_30pct.mp4", store, Recipe())
    manifest = decode(store.get(MANIFEST), Manifest)
    assert [part.damaged_packets > 50 for part in manifest.slices] == [True]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.damaged_slices == 1


def test_what_a_failed_slice_left_is_not_an_earlier_plans(media: Path) -> None:
    """Stills of a slice that was given up lie where the next try writes them: not stale."""
    store = Store.in_memory()
    events: list[Event] = []
    with pytest.raises(IncompleteError):
        scrubjay.make(
            media / "bad" / "garbage_after_30pct.mp4",
            store,
            recipe=Recipe(slice_length=Fraction(2)),
            engine=InlineEngine(),
            on_progress=events.append,
        )
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.failed > 0
    assert finished.stale == 0


class _Doubting(InlineEngine):
    """Makes every slice, and says that the second was lost: news of a worker may come too late."""

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        records = dict(super().run(job, missing, on_event).records)
        del records[1]
        return Outcome(records, {1: RenderError("slice 1: no news")})


def test_a_slice_that_is_there_is_kept_whatever_the_engine_says(
    clip: Path, objects: dict[str, bytes]
) -> None:
    """The store decides: a slice that arrived after it was given up is neither lost nor removed."""
    store = Store.in_memory()
    manifest = scrubjay.make(clip, store, recipe=SHORT, engine=_Doubting())
    assert manifest.status == "complete"
    assert _objects(store) == objects


@pytest.mark.parametrize(
    ("video", "is_refused"),
    [
        ("s3://b/set/index.html", True),
        ("s3://b/index.html", False),
        ("s3://b/settings/index.html", False),
        ("s3://other/set/index.html", False),
        ("s3://b/set/movie.mp4", False),
    ],
)
def test_only_a_key_of_the_set_is_the_sets(video: str, *, is_refused: bool) -> None:
    """In a bucket, too, a video is refused where its set would be written, and nowhere else."""
    store = Store.open("s3://b/set/")
    with pytest.raises(DestinationError) if is_refused else nullcontext():
        stages.check_apart(Place.of(video), store)


@pytest.mark.parametrize("name", scrubjay.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each name of the public surface loads when it is used."""
    assert getattr(scrubjay, name) is not None


def test_an_impossible_recipe_writes_nothing(clip: Path, tmp_path: Path) -> None:
    """A recipe that this video cannot have is refused before anything is written."""
    recipe = Recipe(sheets=(Sheet(interval=Fraction(1, 100), columns=1000),))
    with pytest.raises(RecipeError, match="sheet"):
        scrubjay.make(clip, tmp_path / "set", recipe=recipe, engine=InlineEngine())
    assert list(tmp_path.iterdir()) == []


def test_a_slice_can_be_made_alone(clip: Path, objects: dict[str, bytes]) -> None:
    """The public steps, by hand and out of order, give the same set as `make`."""
    plan = scrubjay.plan(clip, recipe=SHORT, engine=InlineEngine())
    store = Store.in_memory()
    for index in (2, 0, 1):
        scrubjay.render_slice(plan, index, source=clip, store=store)
    scrubjay.publish(plan, store)
    assert _objects(store) == _without(objects, PLAN, GENERATIONS)


def test_a_slice_that_failed_halfway_is_begun_anew(
    clip: Path, tmp_path: Path, objects: dict[str, bytes]
) -> None:
    """A renderer whose store failed amid a slice makes it whole at the next try."""
    plan = scrubjay.plan(clip, recipe=SHORT, engine=InlineEngine())
    store = Store.open(tmp_path)
    [key] = [key for key in objects if re.fullmatch(r"frames/\w+/000007\.jpg", key)]
    obstacle = tmp_path / key
    obstacle.mkdir(parents=True)
    with SliceRenderer(plan, source=Place.of(clip), store=store) as renderer:
        renderer.make(0)
        with pytest.raises(StoreError):
            renderer.make(1)
        obstacle.rmdir()
        renderer.make(1)
        renderer.make(2)
    assert _objects(store) == _without(objects, PLAN, GENERATIONS, MANIFEST, PAGE, WEBVTT)

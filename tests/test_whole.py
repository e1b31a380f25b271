"""Outputs of the whole video: one more job, whose pictures are what they claim to be."""

import json
import random
from collections.abc import Callable, Sequence
from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path

import av
import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from clips import number_of
from PIL import Image, ImageFilter, ImageSequence
from range_server import RangeServer

import scrubjay
from scrubjay.engines.base import Job
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue.completion import Ending, finish
from scrubjay.engines.queue.notes import failure_of, note_failure
from scrubjay.errors import RecipeError, RenderError
from scrubjay.events import Event, SliceDone
from scrubjay.keys import MANIFEST
from scrubjay.media.clocks import F
from scrubjay.media.decoders import VideoDecoder
from scrubjay.media.frames import FrameReader
from scrubjay.media.probe import probe_media
from scrubjay.media.rehearsal import RehearsalDecoder
from scrubjay.model import (
    Animation,
    Artifact,
    Manifest,
    Plan,
    Recipe,
    Sheet,
    Still,
    WholeEntry,
    decode,
)
from scrubjay.places.place import Place
from scrubjay.planning import make_plan
from scrubjay.publishing import publish
from scrubjay.sets.state import load_plan, load_state
from scrubjay.sets.store import Store
from scrubjay.slices.passes import Passes
from scrubjay.slices.reading import open_reader
from scrubjay.slices.renderer import SliceRenderer
from scrubjay.slices.whole import make_whole
from scrubjay.spread import cells_over, middles, shares_over

_FPS = 24
"""Of the clips."""

_ALL = Recipe(
    animations=(Animation(name="hover", per="video"),),
    frames=(Still(name="poster", per="video"),),
    sheets=(Sheet(name="overview", per="video", columns=4, quality=95),),
    documents=("poster",),
)
"""Everything that a whole video can have."""

_OVERVIEW = Recipe(
    animations=(),
    frames=(),
    sheets=(Sheet(name="overview", per="video", columns=4, quality=95),),
    documents=(),
)

Number = Callable[[npt.NDArray[np.uint8]], int]


def _made(video: Path, recipe: Recipe, store: Store | None = None) -> tuple[Store, list[Event]]:
    """Make a set in memory."""
    store = store or Store.in_memory()
    events: list[Event] = []
    scrubjay.make(video, store, recipe=recipe, engine=InlineEngine(), on_progress=events.append)
    return store, events


def _plan_in(store: Store) -> Plan:
    plan = load_plan(store)
    assert plan
    return plan


def _artifacts(store: Store) -> dict[str, Artifact]:
    """Return the artifact of each output of the whole video."""
    plan = _plan_in(store)
    assert plan.whole
    records = load_state(store, plan).made[plan.whole.index]
    found = {name: record.artifacts for name, record in records.items()}
    assert all(len(artifacts) == 1 for artifacts in found.values())
    return {name: artifacts[0] for name, artifacts in found.items()}


def _picture(store: Store, key: str) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(store.get(key))).convert("RGB"))


def _cells(sheet: npt.NDArray[np.uint8], columns: int, rows: int) -> list[npt.NDArray[np.uint8]]:
    cells: Sequence[npt.NDArray[np.uint8]] = [
        cell for row in np.split(sheet, rows) for cell in np.split(row, columns, axis=1)
    ]
    return list(cells)


# -- plans


@pytest.mark.parametrize(
    ("duration", "columns", "expected", "shape"),
    [
        (Fraction(1, 2), 10, (1, Fraction(1, 2)), (1, 1)),
        (Fraction(3), 10, (1, Fraction(3)), (1, 1)),
        (Fraction(30), 10, (15, Fraction(2)), (10, 2)),
        (Fraction(120), 10, (50, Fraction("2.4")), (10, 5)),
        (Fraction(10350), 10, (100, Fraction("103.5")), (10, 10)),
        (Fraction(120), 6, (54, Fraction("2.223")), (6, 9)),
    ],
)
def test_how_many_cells(
    planned: Callable[..., Plan],
    duration: Fraction,
    columns: int,
    expected: tuple[int, Fraction],
    shape: tuple[int, int],
) -> None:
    """Full rows where the video is long; cells about 2 s apart where it is short; whole ms."""
    assert cells_over(duration, columns) == expected
    recipe = msgspec.structs.replace(
        _OVERVIEW, sheets=(Sheet(name="overview", per="video", columns=columns),)
    )
    plan = planned(duration, recipe)
    (output,) = plan.outputs
    assert (output.layout.columns, output.layout.rows) == shape
    assert output.spacing == expected[1]
    assert [(each.index, each.span.duration, each.is_whole) for each in plan.slices] == [
        (0, duration, True)
    ]
    assert plan.timeline == ()


@pytest.mark.parametrize("seed", range(20))
def test_cells_cover_any_video(seed: int) -> None:
    """Each stretch begins within the video, the last one ends with it, and middles lie inside."""
    rng = random.Random(seed)  # noqa: S311  no secret
    duration = Fraction(rng.randrange(1, 10**9), rng.choice([1000, 30000, 90000]))
    columns = rng.randrange(1, 12)
    number, interval = cells_over(duration, columns)
    assert (interval * 1000).denominator == 1
    assert (number - 1) * interval < duration <= number * interval
    times = middles(duration, interval)
    assert len(times) == number
    assert all(k * interval < time < duration for k, time in enumerate(times))


def test_rows_of_an_overview_are_as_asked_for(planned: Callable[..., Plan]) -> None:
    """They are that many where the video is long enough, and else those that it needs."""
    sheet = Sheet(name="overview", per="video", columns=5, rows=4)
    recipe = msgspec.structs.replace(_OVERVIEW, sheets=(sheet,))
    layouts = [planned(Fraction(length), recipe).outputs[0].layout for length in (100, 20)]
    assert [(each.columns, each.rows, each.interval) for each in layouts] == [
        (5, 4, Fraction(5)),
        (5, 2, Fraction(2)),
    ]


def test_the_job_comes_last_and_is_no_part_of_the_timeline(planned: Callable[..., Plan]) -> None:
    """Its index follows the slices', which know nothing of its outputs, nor it of theirs."""
    recipe = Recipe(sheets=(Sheet(), Sheet(name="overview", per="video")))
    plan = planned(Fraction(100), recipe)
    assert [each.index for each in plan.slices] == [0, 1, 2, 3, 4]
    assert plan.timeline == plan.slices[:4]
    assert plan.whole == plan.slices[4]
    assert plan.whole.span.duration == 100
    names = [output.name for output in plan.outputs_of(plan.slices[0])]
    assert names == ["animations", "frames", "sheets"]
    assert [output.name for output in plan.outputs_of(plan.slices[4])] == ["overview"]


def test_the_id_depends_on_nothing_else_of_the_recipe(planned: Callable[..., Plan]) -> None:
    """Neither on the slice length nor on the tolerance nor on other outputs."""
    overview = Sheet(name="overview", per="video")
    ids = {
        planned(Fraction(100), recipe).outputs[-1].id
        for recipe in (
            Recipe(sheets=(overview,)),
            Recipe(slice_length=Fraction(10), sheets=(overview,)),
            Recipe(tolerance=Fraction(1), sheets=(Sheet(), overview)),
        )
    }
    assert len(ids) == 1


def test_a_poster_is_not_packed() -> None:
    """A format that packs stills one after another is refused where there is only one."""
    with pytest.raises(ValueError, match="a still of the whole video can be jpeg"):
        Still(per="video", format="mjpg")


def test_a_field_without_a_meaning_is_refused() -> None:
    """The distance of an overview's cells follows from the video's length."""
    with pytest.raises(ValueError, match='interval does not apply if per = "video"'):
        Sheet(per="video", interval=Fraction(5))


# -- the overview


def test_each_cell_shows_the_picture_that_it_claims(clip: Path, number_in: Number) -> None:
    """Read by machine; it lies in the cell's own stretch, and the cells left over are black."""
    store, _ = _made(clip, _OVERVIEW)
    plan, overview = _plan_in(store), _artifacts(store)["overview"]
    (output,) = plan.outputs
    layout = output.layout
    cells = _cells(_picture(store, overview.key), layout.columns, layout.rows)
    assert (overview.pictures, layout.columns, layout.rows) == (6, 4, 2)
    for place, time in enumerate(overview.source_times):
        assert place * output.spacing <= time < (place + 1) * output.spacing
        assert number_in(cells[place]) == time * _FPS
    assert all(cell.max() < 8 for cell in cells[6:])


def test_a_keyframe_between_two_cells_is_only_in_the_later_one(media: Path) -> None:
    """Every cell shows its own stretch, without its end; here some keyframes lie just there.

    The first picture of all, which is often black, is not shown.
    """
    store, _ = _made(media / "real" / "barcode_frames_60s.mp4", _OVERVIEW)
    overview, spacing = _artifacts(store)["overview"], _plan_in(store).outputs[0].spacing
    times = overview.source_times
    assert [time // spacing for time in times] == list(range(30))
    assert {Fraction(10), Fraction(20), Fraction(30)} < set(times)
    assert times[0] > 0


def _passes(reader: FrameReader[F], end: Fraction) -> Passes[F]:
    return Passes(
        lambda: reader,
        end=end,
        is_damaged=False,
        on_shown=lambda _: None,
        on_missing=lambda: None,
    )


def test_an_overview_of_a_film_needs_keyframes_alone(media: Path) -> None:
    """Fifty cells of two minutes cost fewer than 150 of its 2,880 frames.

    Its story jumps, and two stretches have no keyframe.
    """
    path = Place.of(media / "real" / "film_720p24_120s.mp4")
    plan = make_plan(*probe_media(path), _OVERVIEW)
    with open_reader(plan, path, RehearsalDecoder) as reader:
        passes = _passes(reader, plan.media.duration)
        spacing = plan.outputs[0].spacing
        times = middles(plan.media.duration, spacing)
        found = {shown.time for shown in passes.keyframes(times, spacing / 2)}
        assert reader.stream.counts.decoded == len(found)
        missing = [time for time in times if time not in found]
        found.update(shown.time for shown in passes.pictures(missing, spacing / 2))
        assert len(found) == ceil(plan.media.duration / spacing)
        assert reader.stream.counts.decoded < 150


def test_what_a_whole_video_costs_is_bounded(long_gops: Path) -> None:
    """With keyframes 10 s apart, frames that nothing refers to are not decoded for an overview.

    A poster that has so few keyframes costs less than decoding the video once.
    """
    path = Place.of(long_gops)
    recipe = msgspec.structs.replace(_ALL, animations=(), documents=())
    plan = make_plan(*probe_media(path), recipe)
    assert plan.whole
    decoded: dict[str, int] = {}
    for output in plan.outputs:
        with open_reader(plan, path, VideoDecoder) as reader:
            [made] = make_whole(plan, plan.whole, [output], _passes(reader, plan.media.duration))
            assert made.artifact.pictures == (1 if output.name == "poster" else 8)
            decoded[output.name] = reader.stream.counts.decoded
    frames = 16 * _FPS
    assert decoded["overview"] < 0.55 * frames
    assert decoded["poster"] < 0.95 * frames


@pytest.fixture(scope="module")
def long_gops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 16 s with keyframes at 0 and 10 s; every other frame is not referred to."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    with av.open(path, "w") as new:
        # without assembler code, which makes other clips now and then
        always = "keyint=240:bframes=1:b-adapt=0:scenecut=0:no-asm=1"
        options = {"preset": "veryfast", "threads": "1", "x264-params": always}
        stream = new.add_stream("libx264", rate=_FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(16 * _FPS):
            picture = np.roll(_scene(1, 10)[:96, :160], 2 * number, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            new.mux(stream.encode(frame))
        new.mux(stream.encode(None))
    return path


def test_storyboard_json_is_over_the_overview(clip: Path) -> None:
    """It has the one picture that the shape knows, though the set has two sheets of slices."""
    recipe = Recipe(
        slice_length=Fraction(6),
        animations=(),
        frames=(),
        sheets=(Sheet(), Sheet(name="overview", per="video")),
        documents=("storyboard", "webvtt"),
    )
    store, _ = _made(clip, recipe)
    board = json.loads(store.get("storyboard.json"))
    assert board["url"] == _artifacts(store)["overview"].key
    assert [tile["start"] for tile in board["tiles"]] == [0, 2, 4, 6, 8, 10]
    track = store.get("storyboard.vtt").decode()
    assert track.count("-->") == 12
    assert "overview" not in track


def test_tracks_are_over_the_overview_where_there_is_nothing_else(clip: Path) -> None:
    """A set of one sheet is enough for a player."""
    store, _ = _made(clip, msgspec.structs.replace(_OVERVIEW, documents=("webvtt",)))
    track = store.get("storyboard.vtt").decode()
    assert track.count("-->") == 6
    assert "00:00:10.000 --> 00:00:12.000" in track


# -- the poster


def _scene(seed: int, detail: int) -> npt.NDArray[np.uint8]:
    """Draw a still scene of squares; the smaller they are, the more detail it has."""
    rng = np.random.default_rng(seed)
    squares = rng.integers(60, 200, (180 // detail, 320 // detail, 3), np.uint8)
    return np.ascontiguousarray(squares.repeat(detail, axis=0).repeat(detail, axis=1))


_PLAIN, _RICH, _OTHER = _scene(1, 20), _scene(2, 10), _scene(3, 10)
_BLACK, _WHITE = np.zeros_like(_PLAIN), np.full_like(_PLAIN, 255)


def _mixed(
    one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], share: float
) -> npt.NDArray[np.uint8]:
    return (one * (1 - share) + other * share).round().astype(np.uint8)


def _blurred(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(6)))


Part = Callable[[float], npt.NDArray[np.uint8]]
_BAD: dict[str, Part] = {
    "black": lambda _: _BLACK,
    "white": lambda _: _WHITE,
    "blurred": lambda _: _blurred(_RICH),
    "faded": lambda share: _mixed(_BLACK, _RICH, 0.2 + 0.2 * share),
    "dissolving": lambda share: _mixed(_RICH, _OTHER, 2 * share % 1),
}
"""Parts of a film: the picture at a share of the part."""


def _film(path: Path, parts: Sequence[Part]) -> Path:
    """Write a film of parts of 2 s each, with a keyframe every half second."""
    with av.open(path, "w") as new:
        options = {"g": "12", "bf": "0", "preset": "veryfast", "threads": "1", "crf": "18"}
        stream = new.add_stream("libx264", rate=_FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(2 * _FPS * len(parts)):
            part, place = divmod(number, 2 * _FPS)
            picture = parts[part](place / (2 * _FPS))
            new.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        new.mux(stream.encode(None))
    return path


def _poster_time(video: Path) -> Fraction:
    recipe = msgspec.structs.replace(_ALL, animations=(), sheets=())
    store, _ = _made(video, recipe)
    poster = _artifacts(store)["poster"]
    assert store.get("poster.jpg") == store.get(poster.key)
    assert _picture(store, poster.key).shape == (180, 320, 3)
    (time,) = poster.source_times
    return time


@pytest.mark.parametrize("bad", _BAD)
def test_a_poster_is_never_worse_than_it_must_be(tmp_path: Path, bad: str) -> None:
    """Between six seconds of one bad thing, four of a plain scene are found."""
    parts = [_BAD[bad]] * 2 + [lambda _: _PLAIN] * 2 + [_BAD[bad]]
    assert 4 <= _poster_time(_film(tmp_path / "film.mp4", parts)) < 8


def test_a_poster_prefers_the_picture_with_more_in_it(tmp_path: Path) -> None:
    """Of two scenes that stand still, it shows the rich one."""
    parts: list[Part] = [lambda _: _PLAIN, lambda _: _RICH, lambda _: _PLAIN]
    assert 2 <= _poster_time(_film(tmp_path / "film.mp4", parts)) < 4


def test_where_there_is_nothing_better_a_poster_shows_what_there_is(tmp_path: Path) -> None:
    """Of a film that is black all over, it is black; of one long dissolve, it is within that."""
    assert 0 <= _poster_time(_film(tmp_path / "black.mp4", [_BAD["black"]])) < 2
    assert 0 <= _poster_time(_film(tmp_path / "dissolve.mp4", [_BAD["dissolving"]])) < 2


def test_a_document_without_its_poster_is_refused(planned: Callable[..., Plan]) -> None:
    """A recipe whose stills are those of slices has no poster."""
    with pytest.raises(RecipeError, match=r"stills with format = 'jpeg' and per = 'video'"):
        planned(Fraction(60), Recipe(documents=("poster",)))


# -- the clip


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (Fraction(100), [(5, "13.5", "1.5"), (20, "13.5", "1.5"), (35, "13.5", "1.5")]),
        (Fraction(10), [(Fraction(1, 2), "0", "1.5")]),
        (Fraction(1), [(0, "0", "1")]),
    ],
)
def test_where_moments_may_begin(
    duration: Fraction, expected: list[tuple[Fraction, str, str]]
) -> None:
    """Six equal shares between 5 and 95 % of a long video; a short one has fewer."""
    shares = shares_over(duration, 6, Fraction(3, 2))
    assert len(shares) == (6 if duration >= 10 else 1)
    for share, (start, slack, length) in zip(shares, expected, strict=False):
        assert share == (start, Fraction(slack), Fraction(length))
    assert all(share.start + share.slack + share.length <= duration for share in shares)


def test_a_clip_shows_its_moments_one_after_another(media: Path) -> None:
    """Read by machine: each picture is the one it claims, and the file's times go on evenly.

    Each moment is played at its own speed, begins at a keyframe, and lies in its share.
    """
    video = media / "real" / "barcode_frames_60s.mp4"
    hover = Animation(name="hover", per="video", width=512, fps=Fraction(8), format="gif")
    store, _ = _made(
        video,
        msgspec.structs.replace(_ALL, animations=(hover,), frames=(), sheets=(), documents=()),
    )
    clip = _artifacts(store)["hover"]
    numbers, lengths_ms = [], []
    with Image.open(BytesIO(store.get(clip.key))) as gif:
        for picture in ImageSequence.Iterator(gif):
            numbers.append(number_of(np.asarray(picture.convert("RGB"))))
            lengths_ms.append(picture.info["duration"])
    assert sum(lengths_ms) == 9000
    assert set(lengths_ms) <= {120, 130}
    assert numbers == [time * _FPS for time in clip.source_times]
    moments = [numbers[k : k + 12] for k in range(0, 72, 12)]
    assert [number for moment in moments for number in moment] == numbers
    for place, moment in enumerate(moments):
        assert moment == list(range(moment[0], moment[0] + 36, 3))
        assert moment[0] % 120 == 0  # five seconds from one keyframe to the next
        assert 3 + 9 * place <= moment[0] / _FPS <= 12 + 9 * place - Fraction(3, 2)
    manifest = publish(_plan_in(store), store)
    assert manifest.whole
    (entry,) = manifest.whole.animations
    assert (entry.duration, entry.frames) == (9, 72)
    assert entry.moments == tuple(moment[0] / _FPS for moment in moments)


def test_a_clip_leaves_out_what_is_black_if_it_can(tmp_path: Path) -> None:
    """Every other two seconds are black: no picture of the clip is."""
    parts: list[Part] = [_BAD["black"], lambda _: _PLAIN] * 6
    hover = Animation(name="hover", per="video", moments=4, seconds=Fraction(1))
    recipe = msgspec.structs.replace(_ALL, animations=(hover,), frames=(), sheets=(), documents=())
    store, _ = _made(_film(tmp_path / "film.mp4", parts), recipe)
    clip = _artifacts(store)["hover"]
    assert clip.pictures == 40
    assert all(int(time) // 2 % 2 for time in clip.source_times)


def test_fields_of_moments_mean_nothing_in_a_slice() -> None:
    """One sentence names the field."""
    with pytest.raises(ValueError, match='moments does not apply if per = "slice"'):
        Animation(moments=3)


# -- engines, damage


def test_an_output_that_is_added_is_all_that_is_made(clip: Path) -> None:
    """To a finished job another sheet is added: the first is not made again."""
    store, _ = _made(clip, _OVERVIEW)
    before = _artifacts(store)["overview"]
    store.put(before.key, bytes(before.size_bytes), before.media_type)  # a mark, of the same size
    more = Sheet(name="small", per="video", width=64)
    recipe = msgspec.structs.replace(_OVERVIEW, sheets=(*_OVERVIEW.sheets, more))
    _, events = _made(clip, recipe, store)
    (done,) = [each for each in events if isinstance(each, SliceDone)]
    assert (done.index, done.is_whole) == (0, True)
    assert store.get(before.key) == bytes(before.size_bytes)
    assert done.size_bytes == _artifacts(store)["small"].size_bytes


@pytest.mark.parametrize(
    "name", ["s_half_second.mp4", "s_one_frame.mp4", "s_three_frames_1fps.mp4"]
)
def test_a_short_video_has_them_all_the_same(media: Path, name: str) -> None:
    """One cell, one moment and one picture are enough."""
    store, _ = _made(media / "odd" / name, _ALL)
    made = _artifacts(store)
    assert made["overview"].pictures == made["poster"].pictures == 1
    assert 1 <= made["hover"].pictures <= 15
    assert all(_picture(store, artifact.key).mean() > 20 for artifact in made.values())


@pytest.mark.parametrize("name", ["hole_30pct_zeros.mp4", "garbage_after_30pct.mp4"])
def test_a_damaged_video_shows_what_there_is(media: Path, name: str) -> None:
    """Every cell has a picture that was decoded; a clip is the same alone and with the others."""
    store, _ = _made(media / "bad" / name, _ALL)
    made = _artifacts(store)
    overview, layout = made["overview"], _plan_in(store).outputs[2].layout
    cells = _cells(_picture(store, overview.key), layout.columns, layout.rows)
    assert all(cell.std() > 5 for cell in cells[: overview.pictures])
    assert _picture(store, made["poster"].key).std() > 5
    alone = Recipe(animations=_ALL.animations, frames=(), sheets=(), documents=())
    again, _ = _made(media / "bad" / name, alone)
    assert _artifacts(again)["hover"] == made["hover"]


def test_a_job_that_fails_makes_the_set_partial(clip: Path) -> None:
    """The timeline has no gap, but the manifest says what is missing, and why."""
    recipe = Recipe(animations=(), frames=(), sheets=(Sheet(), *_OVERVIEW.sheets), documents=())
    store, _ = _made(clip, recipe)
    plan = _plan_in(store)
    store.delete([_artifacts(store)["overview"].key])
    manifest = publish(plan, store, reasons={1: "it is damaged"})
    assert manifest.status == "partial"
    assert manifest.gaps == ()
    assert [each.status for each in manifest.slices] == ["done"]
    assert manifest.whole == WholeEntry(status="failed", reason="it is damaged")


def test_documents_of_slices_that_all_failed_are_not_there(clip: Path) -> None:
    """What was made of the whole video is published; no track names a file that is not there."""
    recipe = Recipe(
        animations=(),
        frames=(Still(format="mjpg"),),
        sheets=(Sheet(), Sheet(name="overview", per="video")),
        documents=("storyboard", "webvtt", "hls", "dash", "mjpg", "bif", "emby", "jellyfin"),
    )
    store, _ = _made(clip, recipe)
    [sheet] = decode(store.get(MANIFEST), Manifest).sheets
    store.delete([sheet.key, MANIFEST])
    manifest = publish(_plan_in(store), store)
    assert manifest.status == "partial"
    assert manifest.tracks == {"storyboard": "storyboard.json"}


def test_a_connection_that_breaks_changes_nothing(clip: Path) -> None:
    """Read from a server that breaks off again and again, the whole video has the same outputs."""
    recipe = msgspec.structs.replace(_ALL, documents=())
    here, _ = _made(clip, recipe)
    there = Store.in_memory()
    with RangeServer(clip.parent) as server:
        server.does.drop_after, server.does.drops = clip.stat().st_size // 3, 4
        url = f"{server.url}/{clip.name}"
        scrubjay.make(url, there, recipe=recipe, engine=InlineEngine())
        assert not server.does.drops
    assert _artifacts(there) == _artifacts(here)


def test_a_note_about_the_whole_video_is_none_about_its_first_slice(clip: Path) -> None:
    """Behind a queue: the job that cannot be made ends the set as a partial one, with the reason.

    Both begin at 0; a job that is tried again takes its own note away, and publishes it whole.
    """
    recipe = Recipe(animations=(), frames=(), sheets=(Sheet(), *_OVERVIEW.sheets), documents=())
    store, _ = _made(clip, recipe)
    plan = _plan_in(store)
    assert plan.whole
    store.delete([_artifacts(store)["overview"].key, MANIFEST])
    job = Job(plan, Place.of(clip), store)
    endings: list[Ending] = []
    assert finish(job, endings.append) is None
    note_failure(store, plan, plan.whole, RenderError("out of luck"))
    assert failure_of(store, plan, plan.slices[0]) is None
    assert finish(job, endings.append) == Ending("partial")
    manifest = decode(store.get(MANIFEST), Manifest)
    assert manifest.whole == WholeEntry(status="failed", reason="out of luck")
    with SliceRenderer(plan, source=Place.of(clip), store=store) as renderer:
        renderer.make(plan.whole.index)
    assert finish(job, endings.append) == Ending("complete")


def test_what_reading_costs_is_that_of_slices(clip: Path) -> None:
    """What the job for the whole video reads is found while reading: not counted, and said so."""
    with InlineEngine() as engine:
        found = engine.explain(_planned(clip, _OVERVIEW), Place.of(clip))
    assert (found.pictures, len(found.reasons)) == (0, 1)


def _planned(video: Path, recipe: Recipe) -> Plan:
    return make_plan(*probe_media(Place.of(video)), recipe)

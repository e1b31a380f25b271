"""What a video may cost, whatever it claims to be."""

import struct
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sheet_strategies import sheets_and_lengths

import scrubjay
from scrubjay.cli.words import describe_plan
from scrubjay.costs import Count, counts_of
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import LimitError, RecipeError, SourceDamagedError
from scrubjay.limits import Limits, option_of
from scrubjay.media.probe import probe_media
from scrubjay.model import Animation, Plan, Recipe, Sheet, Still
from scrubjay.places.place import Place
from scrubjay.planning import artifacts_of, make_plan
from scrubjay.sets.store import Store

Planned = Callable[..., Plan]

INTERVALS = st.fractions(min_value=Fraction(1, 2), max_value=100, max_denominator=30)
DURATIONS = st.fractions(min_value=Fraction(1, 24), max_value=150, max_denominator=90_000)


@given(duration=DURATIONS, still=INTERVALS, fitting=sheets_and_lengths(width=16))
def test_counting_is_as_good_as_listing(
    planned: Planned, duration: Fraction, still: Fraction, fitting: tuple[Sheet, Fraction]
) -> None:
    """What a set has of everything is what its slices' instants are, counted without listing."""
    sheet, length = fitting
    recipe = Recipe(
        slice_length=length,
        animations=(Animation(fps=Fraction(7, 3)), Animation(name="slow", fps=Fraction(1, 9))),
        frames=(
            Still(interval=still),
            Still(name="few", interval=3 * still),
            Still(name="packed", format="mjpg", interval=still, width=160),
        ),
        sheets=(sheet,),
    )
    plan = planned(duration, recipe)
    counts = counts_of(duration, recipe)
    assert counts.slices == len(plan.slices)
    assert counts.outputs == tuple(
        Count(
            artifacts=sum(len(artifacts_of(plan, output, slice_)) for slice_ in plan.slices),
            pictures=sum(len(list(output.options.instants(each.span))) for each in plan.slices),
        )
        for output in plan.outputs
    )


@pytest.mark.parametrize("sheets", [(), (Sheet(),), (Sheet(), Sheet(name="few", width=64))])
def test_no_set_has_more_objects_than_were_counted(clip: Path, sheets: tuple[Sheet, ...]) -> None:
    """Everything that a set consists of was counted before anything was made."""
    recipe = Recipe(
        slice_length=Fraction(5),
        frames=(Still(), Still(name="small", width=64, interval=Fraction(5))),
        sheets=sheets,
    )
    store = Store.in_memory()
    manifest = scrubjay.make(clip, store, recipe=recipe, engine=InlineEngine())
    counts = counts_of(Fraction(12), recipe)
    spare = counts.documents - len(manifest.tracks)
    assert 0 <= spare <= len(recipe.documents)
    assert len(store.sizes()) == counts.objects - spare
    made = len(manifest.animations) + len(manifest.frames) + len(manifest.sheets)
    assert made == sum(output.artifacts for output in counts.outputs)


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Limits)])
def test_every_limit_is_an_option(field: str) -> None:
    """Each limit is an option of the command line, and has a line on its page."""
    page = Path(__file__).parents[1] / "docs" / "limits.md"
    assert f"`{option_of(field)}`" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("limits", "recipe", "option"),
    [
        (Limits(max_duration=3600), Recipe(), "--max-duration"),
        (Limits(max_slices=239), Recipe(), "--max-slices"),
        (Limits(max_objects=7000), Recipe(), "--max-objects"),
        (Limits(base_objects=10, objects_per_packet=1), Recipe(), "--objects-per-packet"),
    ],
)
def test_a_plan_holds_to_its_limits(
    planned: Planned, limits: Limits, recipe: Recipe, option: str
) -> None:
    """A film that would cost more than is allowed is refused in a sentence with the option."""
    plan = planned(Fraction(7200), recipe)
    media = msgspec.structs.replace(plan.media, packets=500)
    with pytest.raises(LimitError, match=rf"^film\.mp4 .*{option}"):
        make_plan(plan.source, media, recipe, limits)


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(
            slice_length=Fraction(86400),
            animations=(Animation(fps=Fraction(50), width=4096),),
            sheets=(),
        ),
        Recipe(slice_length=Fraction(3600), sheets=()),
        Recipe(
            slice_length=Fraction(3600),
            animations=(),
            sheets=(Sheet(width=1000, columns=60),),
        ),
    ],
)
def test_a_slice_must_fit_into_memory(planned: Planned, recipe: Recipe) -> None:
    """Pictures that are held until their slice ends, and do not fit, are refused beforehand."""
    with pytest.raises(RecipeError, match=r"film\.mp4 .*MiB.*shorter slices"):
        planned(Fraction(7200), recipe, width=4096, height=2160)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("reports/bomb_402h_2frames.mp4", "--max-duration"),
        ("reports/bomb_20h_65kB.mp4", "--objects-per-packet"),
        ("bad/bomb_png_16000x16000.mov", "--max-pixels"),
    ],
)
def test_a_bomb_is_braked(media: Path, name: str, option: str) -> None:
    """A small file that claims to be huge is refused before anything is written, with the option.

    The first is held even where a day is allowed: two pictures are two pictures.
    """
    store = Store.in_memory()
    for limits in (Limits(), Limits(max_duration=10**7, max_slices=10**6, max_objects=10**7)):
        with pytest.raises(LimitError, match=r"--[a-z-]+"):
            scrubjay.make(media / name, store, engine=InlineEngine(limits=limits))
    with pytest.raises(LimitError, match=option):
        scrubjay.make(media / name, store, engine=InlineEngine())
    assert not store.sizes()


def test_a_slide_show_is_no_bomb(media: Path) -> None:
    """A picture each ten seconds is what some videos are; its 35 are counted by a sample."""
    plan = scrubjay.plan(media / "odd/s_slideshow_1_per_10s.mp4", engine=InlineEngine())
    assert len(plan.slices) == 12
    assert 35 <= plan.media.packets < 42


def test_a_time_lapse_of_a_day_is_no_bomb(planned: Planned) -> None:
    """A picture a minute for 24 hours is allowed, and so is one picture with an hour of sound."""
    plan = planned(Fraction(60))
    replace = msgspec.structs.replace
    for seconds, packets, size in ((86_400, 1_440, 4 << 20), (3_600, 1, 60_000)):
        media = replace(plan.media, duration=Fraction(seconds), packets=packets)
        source = replace(plan.source, size_bytes=size)
        assert make_plan(source, media, Recipe()).media.duration == seconds


def test_the_default_of_objects_is_two_days() -> None:
    """As the limit's description says: two days of the classic recipe fit, three do not."""
    counts = [counts_of(Fraction(86_400 * days), Recipe()).objects for days in (2, 3)]
    assert counts[0] <= Limits().max_objects < counts[1]


def test_an_index_of_few_bytes_holds_few_packets() -> None:
    """A header may claim millions of packets: without bytes for them, they count for nothing."""
    limits = Limits()
    assert limits.objects_for(18_000_000, 107_000) < 40_000
    assert limits.objects_for(2, 1490) == limits.base_objects + 2 * limits.objects_per_packet


@pytest.mark.parametrize(
    ("limits", "option"),
    [
        (Limits(probe_packets=300), "--probe-packets"),
        (Limits(probe_timeout=0), "--probe-timeout"),
        (Limits(max_streams=1), "--max-streams"),
        (Limits(max_pixels=100_000), "--max-pixels"),
        (Limits(max_side=512), "--max-side"),
    ],
)
def test_probing_holds_to_its_limits(media: Path, limits: Limits, option: str) -> None:
    """What probing meets and may not is a sentence with the option."""
    video = Place.of(media / "real/film_vp8_720p_30s.webm")
    signs: list[None] = []
    with pytest.raises(LimitError, match=rf"film_vp8.*{option}"):
        probe_media(video, limits=limits, on_packet=lambda: signs.append(None))
    assert len(signs) <= limits.probe_packets + 1


def _named_again(mov: bytes, *, chunks: int, samples: int) -> bytes:
    """Let a MOV's index name its first chunk over and over, as so many chunks of samples each."""
    data = bytearray(mov)

    def put(box: bytes, at: int, *values: int) -> None:
        start = data.index(box) + at
        data[start : start + 4 * len(values)] = struct.pack(f">{len(values)}I", *values)

    put(b"stsz", 12, chunks * samples)
    put(b"stts", 12, chunks * samples, 1)
    put(b"stsc", 12, 1, samples, 1)
    table = data.index(b"stco")
    [before, first] = struct.unpack(">II", data[table + 8 : table + 16])
    data[table + 12 : table + 12 + 4 * before] = struct.pack(">I", first) * chunks
    put(b"stco", 8, chunks)
    for box in (b"stco", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        start = data.index(box) - 4
        [size] = struct.unpack(">I", data[start : start + 4])
        put(box, -4, size + 4 * (chunks - before))
    return bytes(data).replace(b"edts", b"free")


def test_an_index_cannot_name_packets_without_end(tmp_path: Path) -> None:
    """A file whose index names the same bytes again and again is read no further."""
    path = tmp_path / "index.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 2, 2, "rgb24"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame(2, 2, "rgb24")))
        container.mux(stream.encode())
    path.write_bytes(_named_again(path.read_bytes(), chunks=1000, samples=100))
    signs: list[None] = []
    with pytest.raises(SourceDamagedError, match=r"index\.mov .*more packets than it has bytes"):
        probe_media(Place.of(path), on_packet=lambda: signs.append(None))
    assert len(signs) < 20_000


def test_a_plan_is_described_without_listing_it(planned: Planned) -> None:
    """To say how much a day of video becomes takes no memory for its instants."""
    plan = planned(Fraction(86_400))
    tracemalloc.start()
    text = describe_plan(plan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "864000 frames" in text
    assert peak < 1 << 20


def test_packets_without_a_picture_end_a_slice(media: Path) -> None:
    """A stretch of packets that gives no picture to show becomes a gap, with the option."""
    recipe = Recipe(
        animations=(),
        frames=(Still(interval=Fraction(40), width=64),),
        sheets=(),
        slice_length=Fraction(120),
    )
    video, few = media / "real/film_720p24_120s.mp4", Limits(idle_packets=20)
    with pytest.raises(SourceDamagedError, match=r"film_720.* 20 packets .*--idle-packets"):
        scrubjay.make(video, Store.in_memory(), recipe=recipe, engine=InlineEngine(limits=few))


def _noise(path: Path, *, width: int, height: int, frames: int) -> Path:
    """Write MPEG-4 at its coarsest of pictures that no JPEG can make small."""
    rng = np.random.default_rng(14)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.qmin = stream.codec_context.qmax = 31
        for _ in range(frames):
            picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("engine", [InlineEngine, ProcessEngine])
def test_a_set_holds_to_its_bytes(
    tmp_path: Path, engine: type[InlineEngine] | type[ProcessEngine]
) -> None:
    """A video whose pictures are larger than it ends the run, in a sentence with the option.

    What was made stays, and with more allowed the same run ends it.
    """
    video = _noise(tmp_path / "noise.avi", width=1920, height=1080, frames=6)
    recipe = Recipe(
        slice_length=Fraction(2),
        animations=(),
        frames=(Still(quality=100),),
        sheets=(),
    )
    few = Limits(base_output=1, output_per_byte=0)
    with engine(limits=few) as lent, pytest.raises(LimitError, match=r"1 MiB.*--output-per-byte"):
        scrubjay.make(video, tmp_path / "set", recipe=recipe, engine=lent)
    assert not (tmp_path / "set/manifest.json").exists()
    assert scrubjay.make(video, tmp_path / "set", recipe=recipe).status == "complete"


def test_a_picture_that_was_allowed_is_decoded(tmp_path: Path) -> None:
    """Limits that were raised for planning hold for the slices as well."""
    video, side = tmp_path / "large.mov", 8200
    with av.open(str(video), "w") as container:
        stream = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = side, side, "gray"
        container.mux(stream.encode(av.VideoFrame(side, side, "gray")))
        container.mux(stream.encode())
    recipe = Recipe(animations=(Animation(width=64),), frames=(Still(width=64),), sheets=())
    with pytest.raises(LimitError, match="--max-pixels"):
        scrubjay.make(video, tmp_path / "set", recipe=recipe, engine=InlineEngine())
    engine = InlineEngine(limits=Limits(max_pixels=side * side))
    manifest = scrubjay.make(video, tmp_path / "set", recipe=recipe, engine=engine)
    assert manifest.status == "complete"

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sheet_strategies import sheets_and_lengths

from scrubjay.errors import RecipeError
from scrubjay.model import (
    Animation,
    Plan,
    PlannedOutput,
    Recipe,
    Sheet,
    Size,
    Slice,
    Still,
    decode_as,
)
from scrubjay.planning import artifacts_of, chosen_outputs, instants_of, targets_from
from scrubjay.registry import STILL_FORMATS

Planned = Callable[..., Plan]

DURATIONS = st.fractions(min_value=Fraction(1, 24), max_value=150, max_denominator=90_000)
LENGTHS = st.fractions(min_value=Fraction(1, 2), max_value=70, max_denominator=30)
INTERVALS = st.fractions(min_value=Fraction(1, 2), max_value=20, max_denominator=30)


def _output(plan: Plan, name: str) -> PlannedOutput:
    [output] = chosen_outputs(plan, [name])
    return output


def _instants(plan: Plan, slice_: Slice, name: str) -> Sequence[Fraction]:
    return list(_output(plan, name).options.instants(slice_.span))


@given(duration=DURATIONS, length=LENGTHS)
def test_slices_touch_and_cover(planned: Planned, duration: Fraction, length: Fraction) -> None:
    """Slices are numbered without holes, touch, and cover the video exactly."""
    slices = planned(duration, Recipe(slice_length=length, sheets=())).slices
    assert [slice_.index for slice_ in slices] == list(range(len(slices)))
    assert slices[0].start == 0
    assert slices[-1].end == duration
    assert all(one.end == other.start for one, other in pairwise(slices))


@given(duration=DURATIONS, length=LENGTHS, interval=INTERVALS)
def test_every_still_is_in_one_slice(
    planned: Planned, duration: Fraction, length: Fraction, interval: Fraction
) -> None:
    """The slices' stills together are the video's grid of instants, each once."""
    recipe = Recipe(slice_length=length, frames=(Still(interval=interval),), sheets=())
    plan = planned(duration, recipe)
    times = [time for each in plan.slices for time in _instants(plan, each, "frames")]
    assert times == [k * interval for k in range(len(times))]
    assert times[-1] < duration <= times[-1] + interval


@given(duration=DURATIONS, fitting=sheets_and_lengths(width=16), data=st.data())
def test_one_formula_finds_each_thumbnail(
    planned: Planned, duration: Fraction, fitting: tuple[Sheet, Fraction], data: st.DataObject
) -> None:
    """All sheets of a video are alike, lie in one slice each, and only the last has empty cells."""
    sheet, length = fitting
    plan = planned(duration, Recipe(slice_length=length, sheets=(sheet,)))
    output = _output(plan, "sheets")
    layout, lists = output.layout, [artifacts_of(plan, output, each) for each in plan.slices]
    sheets = [each for made in lists for each in made]
    cells, interval = layout.columns * layout.rows, sheet.interval
    assert output.canvas.width == layout.columns * layout.size.width
    assert output.canvas.height == layout.rows * layout.size.height
    assert [each.start for each in sheets] == [k * cells * interval for k in range(len(sheets))]
    assert [each.pictures for each in sheets[:-1]] == [cells] * (len(sheets) - 1)
    assert sheets[-1].end == duration
    assert all(one.end == other.start for one, other in pairwise(sheets))
    for slice_, made in zip(plan.slices, lists, strict=True):
        assert all(slice_.start <= each.start < slice_.end for each in made)

    time = data.draw(st.fractions(0, duration).filter(lambda time: time < duration))
    number = time // interval
    found = sheets[number // cells]
    shown = found.start + number % cells * interval
    assert number % cells < found.pictures
    assert shown <= time < shown + interval
    assert shown in {at for each in plan.slices for at in _instants(plan, each, "sheets")}


@pytest.mark.parametrize(
    ("length", "interval", "columns", "rows", "seconds", "grid"),
    [
        (30, 1, 6, 0, 600, (6, 5)),
        (30, 2, 6, 0, 600, (5, 3)),
        (10, 1, 6, 0, 600, (5, 2)),
        (12, 1, 6, 0, 600, (6, 2)),
        (17, 1, 6, 0, 600, (1, 17)),
        (30, 30, 6, 0, 600, (1, 1)),
        (30, 45, 6, 0, 600, (1, 1)),
        (1000, 10, 10, 10, 6000, (10, 10)),
        (30, 1, 6, 0, 3, (3, 1)),
        (30, 1, 6, 0, "13/2", (6, 2)),
        (30, 1, 6, 0, "1/10", (1, 1)),
        (1000, 10, 10, 10, 30, (10, 10)),
    ],
)
def test_grids(
    planned: Planned,
    length: int,
    interval: int,
    columns: int,
    rows: int,
    seconds: object,
    grid: tuple[int, int],
) -> None:
    """Without rows, a sheet is a slice's, or a short video's; with rows, it is as asked for."""
    sheet = Sheet(interval=Fraction(interval), columns=columns, rows=rows, width=16)
    recipe = Recipe(slice_length=Fraction(length), animations=(), frames=(), sheets=(sheet,))
    [layout] = planned(Fraction(str(seconds)), recipe).layouts
    assert (layout.columns, layout.rows) == grid


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"interval": "1/3"},
            r"^interval of 's' is 1/3, .* milliseconds.*; use interval = 0\.333$",
        ),
        (
            {"interval": 7},
            r"^slice_length is 30, .*'s'.*; use slice_length = 28 or interval = 7\.5$",
        ),
        ({"interval": "0.7"}, r"; use slice_length = 30\.1 or interval = 0\.75$"),
        (
            {"rows": 7},
            r"6 x 7 thumbnails of 's' lasts 42 s, .*; use slice_length = 42 or rows = 0$",
        ),
        ({"rows": 2}, r"lasts 12 s, .*; use slice_length = 24 or rows = 0$"),
        ({"interval": 400, "rows": 300}, r", but a slice has whole sheets; use rows = 0$"),
    ],
)
def test_a_grid_that_no_reader_can_use(fields: dict[str, object], words: str) -> None:
    """Where sheets could not be alike, one sentence says so, and what would do."""
    with pytest.raises(msgspec.ValidationError, match=words):
        decode_as({"sheets": [{"name": "s", **fields}]}, Recipe)


@given(length=LENGTHS, interval=INTERVALS, columns=st.integers(1, 9), rows=st.integers(0, 4))
def test_what_would_do_does(length: Fraction, interval: Fraction, columns: int, rows: int) -> None:
    """Who follows the remedies that refusals name gets a recipe that is accepted."""
    fields: dict[str, object] = {"interval": interval, "columns": columns, "rows": rows}
    for _ in range(4):
        try:
            Recipe(slice_length=length, sheets=(Sheet(**fields),))  # type: ignore[arg-type]
        except ValueError as error:
            remedy = str(error).rpartition("; ")[2]
            if found := re.search(r"slice_length = ([\d./]+)", remedy):
                length = Fraction(found[1])
            elif found := re.search(r"interval = ([\d./]+)", remedy):
                fields["interval"] = Fraction(found[1])
            else:
                fields["rows"] = 0
        else:
            return
    pytest.fail("no remedy helped")


@given(duration=DURATIONS, length=LENGTHS)
def test_an_animation_has_its_share_of_pictures(
    planned: Planned, duration: Fraction, length: Fraction
) -> None:
    """Every slice has as many animation pictures as start in it at the recipe's rate."""
    plan = planned(duration, Recipe(slice_length=length, sheets=()))
    for slice_ in plan.slices:
        count = len(_instants(plan, slice_, "animations"))
        assert (count - 1) / Fraction(10) < slice_.span.duration <= count / Fraction(10)


def test_instants_are_sorted_and_unique(planned: Planned) -> None:
    """An instant that several outputs need is decoded once; those of a few can be asked for."""
    plan = planned(Fraction(60))
    second = plan.slices[1]
    seconds = [Fraction(time) for time in range(30, 60)]
    assert _instants(plan, second, "frames") == _instants(plan, second, "sheets") == seconds
    assert instants_of(plan, second) == [Fraction(tenth, 10) for tenth in range(300, 600)]
    assert instants_of(plan, second, chosen_outputs(plan, ["frames", "sheets"])) == seconds


@given(duration=DURATIONS, fitting=sheets_and_lengths(width=16), interval=INTERVALS, data=st.data())
def test_targets_know_their_neighbours(
    planned: Planned,
    duration: Fraction,
    fitting: tuple[Sheet, Fraction],
    interval: Fraction,
    data: st.DataObject,
) -> None:
    """From any slice on, each instant is told with the ones next to it, across the cuts."""
    stills = (Still(interval=interval), Still(name="few", interval=7 * interval))
    sheet, length = fitting
    plan = planned(duration, Recipe(slice_length=length, frames=stills, sheets=(sheet,)))
    index = data.draw(st.sampled_from(plan.slices)).index
    names = data.draw(st.sampled_from([["frames"], ["few", "sheets"], []]))
    outputs = chosen_outputs(plan, names)
    found = list(targets_from(plan, index, outputs))
    instants = [time for each in plan.slices[index:] for time in instants_of(plan, each, outputs)]
    assert [target.time for target in found] == instants
    assert all(one.after == other.time for one, other in pairwise(found))
    assert all(one.time == other.before for one, other in pairwise(found))
    if found:
        before = instants_of(plan, plan.slices[index - 1], outputs) if index else []
        assert found[0].before == (before[-1] if before else None)
        assert found[-1].after is None


def test_each_output_has_keys_of_its_own(planned: Planned) -> None:
    """Several outputs of one kind lie side by side, each named by its times."""
    stills = (Still(interval=Fraction(2)), Still(name="small", width=64, interval=Fraction(7)))
    plan = planned(Fraction(20), Recipe(slice_length=Fraction(10), frames=stills))
    keys = [
        [each.key for each in artifacts_of(plan, output, plan.slices[1])] for output in plan.outputs
    ]
    ids = [output.id for output in plan.outputs]
    assert len(set(ids)) == 4
    assert keys == [
        [f"animations/{ids[0]}/000010.gif"],
        [f"frames/{ids[1]}/{time:06}.jpg" for time in (10, 12, 14, 16, 18)],
        [f"small/{ids[2]}/000014.jpg"],
        [f"sheets/{ids[3]}/000010.jpg"],
    ]
    assert [each.start for each in artifacts_of(plan, plan.outputs[2], plan.slices[1])] == [14]


def test_an_output_may_have_nothing_in_a_slice(planned: Planned) -> None:
    """Where no instant of an output falls into a slice, it has no artifact there."""
    sheets = (Sheet(interval=Fraction(15)),)
    plan = planned(Fraction(20), Recipe(slice_length=Fraction(5), sheets=sheets))
    counts = [len(artifacts_of(plan, _output(plan, "sheets"), each)) for each in plan.slices]
    assert counts == [1, 0, 0, 1]


def test_what_is_not_asked_for_is_not_planned(planned: Planned) -> None:
    """A recipe with stills alone has no other output, layout or instant."""
    plan = planned(Fraction(30), Recipe(animations=(), sheets=()))
    assert [output.name for output in plan.outputs] == ["frames"]
    assert len(plan.layouts) == 1
    assert len(instants_of(plan, plan.slices[0])) == 30


@pytest.mark.parametrize(
    ("size", "wanted", "made"),
    [
        ((1920, 1080), 240, Size(width=240, height=135)),
        ((200, 100), 240, Size(width=200, height=100)),
        ((1080, 1920), 240, Size(width=240, height=427)),
        ((4000, 2), 240, Size(width=240, height=1)),
        ((1, 1), 240, Size(width=1, height=1)),
    ],
)
def test_pictures_keep_their_shape(
    planned: Planned, size: tuple[int, int], wanted: int, made: Size
) -> None:
    """A picture is scaled to its width by the video's aspect, never enlarged, never empty."""
    width, height = size
    recipe = Recipe(animations=(Animation(width=wanted),))
    plan = planned(Fraction(30), recipe, width=width, height=height)
    assert _output(plan, "animations").canvas == made
    assert _output(plan, "frames").canvas == Size(width=width, height=height)


def test_a_sheet_too_large_for_jpeg_is_refused(planned: Planned) -> None:
    """A sheet larger than a JPEG may be is an error that says what to change."""
    recipe = Recipe(slice_length=Fraction(3600), sheets=(Sheet(name="tall", columns=1),))
    largest = STILL_FORMATS["jpeg"].largest_side_px
    with pytest.raises(RecipeError, match=f"'tall': .*over the {largest} px of a JPEG"):
        planned(Fraction(3600), recipe)


@pytest.mark.parametrize(
    ("size", "recipe", "words"),
    [
        ((65_501, 9), Recipe(), "'frames': pictures would be 65501 x 9 px, over the 65500 px"),
        ((2, 40_000), Recipe(frames=()), None),
        (
            (20, 65_536),
            Recipe(frames=(), sheets=()),
            "'animations': .* over the 65535 px a side of a GIF",
        ),
    ],
)
def test_a_picture_too_large_for_its_format_is_refused(
    planned: Planned, size: tuple[int, int], recipe: Recipe, words: str | None
) -> None:
    """Each output is held to what its own format can be, and named where it cannot."""
    width, height = size
    if words is None:
        assert planned(Fraction(1, 10), recipe, width=width, height=height)
        return
    with pytest.raises(RecipeError, match=words):
        planned(Fraction(1, 10), recipe, width=width, height=height)


def test_a_budget_that_no_animation_fits_into_is_refused(planned: Planned) -> None:
    """The message names the output and a budget that would do."""
    tiny = Recipe(animations=(Animation(max_bytes=10),))
    with pytest.raises(RecipeError, match=r"max_bytes of 'animations' is 10, .* use 1024"):
        planned(Fraction(30), tiny)
    assert planned(Fraction(30), Recipe(animations=(Animation(max_bytes=1024),)))


@pytest.mark.parametrize(
    ("options", "is_planned"),
    [
        (Animation(format="gif", width=960), True),
        (Animation(format="gif", width=1280), False),
        (Animation(format="mp4", width=1280), True),
        (Animation(format="mp4", width=1280, max_bytes=10_000_000), False),
        (Animation(format="mp4", width=1280, of="highlight"), False),
        (Animation(format="avif", width=3840, of="timelapse"), False),
    ],
)
def test_only_what_is_held_takes_memory(
    planned: Planned, options: Animation, *, is_planned: bool
) -> None:
    """Videos are coded as pictures come; a budget or a choice of pictures needs all of them."""
    recipe = Recipe(animations=(options,), frames=(), sheets=())
    if is_planned:
        assert planned(Fraction(30), recipe, width=3840, height=2160).slices
        return
    with pytest.raises(RecipeError, match="memory"):
        planned(Fraction(30), recipe, width=3840, height=2160)

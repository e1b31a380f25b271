from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay.errors import RecipeError
from scrubjay.model import Animation, Plan, PlannedOutput, Recipe, Sheet, Size, Slice, Still
from scrubjay.planning import artifacts_of, chosen_outputs, instants_of, targets_from
from scrubjay.registry import FORMATS

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
    slices = planned(duration, Recipe(slice_length=length)).slices
    assert [slice_.index for slice_ in slices] == list(range(len(slices)))
    assert slices[0].start == 0
    assert slices[-1].end == duration
    assert all(one.end == other.start for one, other in pairwise(slices))


@given(duration=DURATIONS, length=LENGTHS, interval=INTERVALS)
def test_every_still_is_in_one_slice(
    planned: Planned, duration: Fraction, length: Fraction, interval: Fraction
) -> None:
    """The slices' stills together are the video's grid of instants, each once."""
    recipe = Recipe(slice_length=length, frames=(Still(interval=interval),))
    plan = planned(duration, recipe)
    times = [time for each in plan.slices for time in _instants(plan, each, "frames")]
    assert times == [k * interval for k in range(len(times))]
    assert times[-1] < duration <= times[-1] + interval


@given(duration=DURATIONS, length=LENGTHS, interval=INTERVALS, columns=st.integers(1, 12))
def test_a_sheet_holds_every_thumbnail(
    planned: Planned, duration: Fraction, length: Fraction, interval: Fraction, columns: int
) -> None:
    """However slices lie on the grid of thumbnails, the sheet has a cell for each of them."""
    sheets = (Sheet(interval=interval, columns=columns, width=16),)
    plan = planned(duration, Recipe(slice_length=length, sheets=sheets))
    sheet = _output(plan, "sheets")
    counts = [len(_instants(plan, each, "sheets")) for each in plan.slices]
    assert sheet.layout.columns <= columns
    assert max(counts) <= sheet.layout.columns * sheet.layout.rows
    assert sheet.canvas.width == sheet.layout.columns * sheet.layout.size.width
    assert sheet.canvas.height == sheet.layout.rows * sheet.layout.size.height


@given(duration=DURATIONS, length=LENGTHS)
def test_an_animation_has_its_share_of_pictures(
    planned: Planned, duration: Fraction, length: Fraction
) -> None:
    """Every slice has as many animation pictures as start in it at the recipe's rate."""
    plan = planned(duration, Recipe(slice_length=length))
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


@given(duration=DURATIONS, length=LENGTHS, interval=INTERVALS, data=st.data())
def test_targets_know_their_neighbours(
    planned: Planned,
    duration: Fraction,
    length: Fraction,
    interval: Fraction,
    data: st.DataObject,
) -> None:
    """From any slice on, each instant is told with the ones next to it, across the cuts."""
    stills = (Still(interval=interval), Still(name="few", interval=7 * interval))
    plan = planned(duration, Recipe(slice_length=length, frames=stills))
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
    largest = FORMATS["jpeg"].largest_side_px
    with pytest.raises(RecipeError, match=f"JPEG holds {largest};.*'tall'"):
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

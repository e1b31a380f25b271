from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay.errors import RecipeError
from scrubjay.model import Animation, Plan, Recipe, Sheet, Size, Still, decode, encode
from scrubjay.planning import MAX_JPEG_PX, instants_of, plan_id, targets_of

Planned = Callable[..., Plan]

DURATIONS = st.fractions(min_value=Fraction(1, 24), max_value=150, max_denominator=90_000)
LENGTHS = st.fractions(min_value=Fraction(1, 2), max_value=70, max_denominator=30)
INTERVALS = st.fractions(min_value=Fraction(1, 2), max_value=20, max_denominator=30)


@given(duration=DURATIONS, length=LENGTHS)
def test_slices_touch_and_cover(planned: Planned, duration: Fraction, length: Fraction) -> None:
    """Slices are numbered without holes, touch, and cover the video exactly."""
    slices = planned(duration, Recipe(slice_length=length)).slices
    assert [part.index for part in slices] == list(range(len(slices)))
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
    times = [time for part in plan.slices for time in targets_of(plan, part).frames]
    assert times == [k * interval for k in range(len(times))]
    assert times[-1] < duration <= times[-1] + interval


@given(duration=DURATIONS, length=LENGTHS, interval=INTERVALS, columns=st.integers(1, 12))
def test_a_sheet_holds_every_thumbnail(
    planned: Planned, duration: Fraction, length: Fraction, interval: Fraction, columns: int
) -> None:
    """However slices lie on the grid of thumbnails, the sheet has a cell for each of them."""
    sheets = Sheet(interval=interval, columns=columns, width=16)
    plan = planned(duration, Recipe(slice_length=length, sheets=sheets))
    assert plan.sheet is not None
    counts = [len(targets_of(plan, part).sheet) for part in plan.slices]
    assert plan.sheet.columns <= columns
    assert max(counts) <= plan.sheet.columns * plan.sheet.rows


@given(duration=DURATIONS, length=LENGTHS)
def test_an_animation_has_its_share_of_pictures(
    planned: Planned, duration: Fraction, length: Fraction
) -> None:
    """Every slice has as many animation pictures as start in it at the recipe's rate."""
    plan = planned(duration, Recipe(slice_length=length))
    for part in plan.slices:
        count = len(targets_of(plan, part).animation)
        assert (count - 1) / Fraction(10) < part.span.duration <= count / Fraction(10)


def test_instants_are_sorted_and_unique(planned: Planned) -> None:
    """An instant that several outputs want is decoded once."""
    plan = planned(Fraction(30))
    targets = targets_of(plan, plan.slices[0])
    assert targets.frames == targets.sheet == tuple(Fraction(second) for second in range(30))
    assert instants_of(plan, plan.slices[0]) == [Fraction(tenth, 10) for tenth in range(300)]


def test_what_is_switched_off_is_not_planned(planned: Planned) -> None:
    """A kind of output that is off has no size and no instants."""
    off = Recipe(animations=(), sheets=())
    plan = planned(Fraction(30), off)
    assert plan.animation is None
    assert plan.sheet is None
    targets = targets_of(plan, plan.slices[0])
    assert (targets.animation, targets.sheet) == ((), ())
    assert len(targets.frames) == 30


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
    assert plan.animation == made
    assert plan.frame == Size(width=width, height=height)


def test_a_sheet_too_large_for_jpeg_is_refused(planned: Planned) -> None:
    """A sheet larger than a JPEG may be is an error that says what to change."""
    recipe = Recipe(slice_length=Fraction(3600), sheets=(Sheet(columns=1),))
    with pytest.raises(RecipeError, match=f"{MAX_JPEG_PX}.*sheets"):
        planned(Fraction(3600), recipe)


def test_a_plan_is_named_by_its_content(planned: Planned) -> None:
    """Equal plans have one id; another recipe, source, or renderer has another."""
    plan = planned(Fraction(30))
    replace = msgspec.structs.replace
    others = [
        planned(Fraction(31)),
        planned(Fraction(30), Recipe(slice_length=Fraction(7))),
        planned(Fraction(30), Recipe(frames=(Still(quality=81),))),
        replace(plan, source=replace(plan.source, fingerprint="1" * 32)),
        replace(plan, render_version=plan.render_version + 1),
    ]
    assert plan_id(planned(Fraction(30))) == plan_id(plan)
    assert plan_id(decode(encode(plan), Plan)) == plan_id(plan)
    assert len({plan_id(each) for each in (plan, *others)}) == 1 + len(others)


def test_a_renamed_video_keeps_its_plan(planned: Planned) -> None:
    """The name of the file is for people: it is no part of the id."""
    plan = planned(Fraction(30))
    renamed = msgspec.structs.replace(plan.source, name="other.mp4")
    assert plan_id(msgspec.structs.replace(plan, source=renamed)) == plan_id(plan)

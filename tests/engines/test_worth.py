from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import scrubjay
from scrubjay import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.worth import threads_for, work_of, workers_for
from scrubjay.events import Event, SliceStarted
from scrubjay.model import Plan, Recipe, Still

WORKS = st.lists(st.floats(0.001, 1000), min_size=1, max_size=60)
WORKERS = st.integers(1, 64)


@pytest.fixture(scope="module")
def plan(media: Path) -> Plan:
    """The classic plan of a film of two minutes: five slices, the last one of 0.1 s."""
    return scrubjay.plan(media / "real/film_720p24_120s.mp4", engine=InlineEngine())


@given(works=WORKS, most=WORKERS)
def test_workers_are_neither_more_than_allowed_nor_than_slices(
    works: list[float], most: int
) -> None:
    """There is always a worker, and never one without a slice."""
    assert 1 <= workers_for(works, most) <= min(most, len(works))


@given(works=WORKS, most=WORKERS, more=st.floats(1, 100))
def test_more_work_takes_no_fewer_workers(works: list[float], most: int, more: float) -> None:
    """The same slices of a heavier video, and more cores, never get fewer workers."""
    workers = workers_for(works, most)
    assert workers <= workers_for([more * each for each in works], most)
    assert workers <= workers_for(works, most + 1)


@given(works=WORKS, most=WORKERS)
def test_each_worker_is_worth_its_start(works: list[float], most: int) -> None:
    """Every worker after the first takes over several times what its start costs."""
    workers = workers_for(works, most)
    assert workers == 1 or sum(works) / workers >= 2


@given(most=WORKERS, rest=st.floats(0.001, 1.9), slices=st.integers(1, 20))
def test_a_remainder_starts_nobody(most: int, rest: float, slices: int) -> None:
    """A little more than whole slices is made by those that make the slices."""
    whole = [10.0] * slices
    assert workers_for([*whole, rest], most) == workers_for(whole, most)


@given(works=WORKS, most=WORKERS)
def test_threads_stay_within_the_cores(works: list[float], most: int) -> None:
    """All decoders together have no more threads than there may be workers."""
    workers = workers_for(works, most)
    assert 1 <= threads_for(works, workers, most) <= min(8, most)


@pytest.mark.parametrize(
    ("works", "most", "workers", "threads"),
    [
        ([30], 1, 1, 1),
        ([30], 2, 1, 2),
        ([30], 16, 1, 8),
        ([30, 11], 2, 2, 2),
        ([30, 30], 2, 2, 1),
        ([30, 30, 30], 2, 2, 2),
        ([30, 30, 30], 8, 3, 2),
        ([30] * 4 + [1], 2, 2, 1),
        ([30] * 20, 16, 16, 4),
        ([30] * 345, 2, 2, 1),
        ([30] * 345, 16, 16, 1),
        ([0.7, 0.01], 2, 1, 1),
        ([0.1] * 10, 4, 1, 1),
        ([0.1] * 50, 8, 2, 4),
        ([2.5, 0.1], 2, 1, 2),
    ],
)
def test_cores_are_used_where_that_pays(
    works: list[float], most: int, workers: int, threads: int
) -> None:
    """Heavy slices fill the cores, with workers first and threads where these are too few."""
    assert workers_for(works, most) == workers
    assert threads_for(works, workers, most) == threads


def test_work_grows_with_the_slice_and_with_what_is_made_of_it(plan: Plan) -> None:
    """A slice costs as its length and its outputs do; all of it costs the sum of it."""
    first, last = plan.slices[0], plan.slices[-1]
    names = [output.name for output in plan.outputs]
    whole = work_of(plan, first.index, names)
    share = Fraction(last.span.duration, first.span.duration)
    assert work_of(plan, last.index, names) == pytest.approx(whole * float(share))
    each = [work_of(plan, first.index, [name]) for name in names]
    assert max(each) < whole < sum(each)


def test_a_tiny_remainder_goes_to_the_worker_that_is_there(media: Path, tmp_path: Path) -> None:
    """A clip that is a little longer than a slice is made by one worker, from start to end."""
    events: list[Event] = []
    recipe = Recipe(slice_length=Fraction(17), frames=(Still(),))
    with ProcessEngine(workers=4) as engine:
        scrubjay.make(
            media / "real/phone_360p_17s.mp4",
            tmp_path / "set",
            recipe=recipe,
            engine=engine,
            on_progress=events.append,
        )
    started = [event for event in events if isinstance(event, SliceStarted)]
    assert [(event.index, event.worker) for event in started] == [(0, 0), (1, 0)]


def test_a_format_has_its_price(media: Path) -> None:
    """Stills that take longer to encode are more work."""
    recipe = Recipe(animations=(), frames=(Still(),), sheets=())

    def work(format_: str) -> float:
        stills = replace(recipe, frames=(Still(format=format_),))
        made = scrubjay.plan(media / "real/globe_30s.mp4", recipe=stills, engine=InlineEngine())
        return work_of(made, 0, {"frames"})

    assert work("jpeg") == work("mjpg") < work("webp") < work("png")

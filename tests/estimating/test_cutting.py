"""Whether it pays to cut a video up, compared with what can be calculated by hand."""

from math import ceil

import pytest

from scrubjay.estimating.cutting import Costs, cut_time, cutting_of
from scrubjay.estimating.machines import makespan

_IDEAL = Costs(
    duration=600.0,
    before=0.0,
    after=0.0,
    whole=0.0,
    second=0.1,
    fixed=0.0,
    cold=0.0,
    late=0.0,
    is_each_cold=False,
)
"""Ten minutes of video in a minute, and nothing else."""


def test_jobs_begin_when_a_worker_is_free() -> None:
    """Rounds of equal jobs; a long last one is waited for."""
    assert makespan([], 3) == 0
    assert makespan([2.0] * 7, 3) == 3 * 2
    assert makespan([1.0, 1.0, 1.0, 5.0], 2) == 6
    assert makespan([1.0] * 200_000, 4) == pytest.approx(50_000, rel=0.001)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("length", [5.0, 10.0, 30.0, 60.0])
def test_without_fixed_costs_time_is_rounds_of_slices(workers: int, length: float) -> None:
    """Any number of workers takes as many rounds as they need for all slices."""
    rounds = ceil(600 / length / workers)
    assert cut_time(_IDEAL, length, workers).seconds == pytest.approx(rounds * length * 0.1)


def test_the_serial_part_is_amdahl_s_limit() -> None:
    """With a tenth of one pass serial, nothing is more than ten times as fast."""
    costs = _IDEAL._replace(before=4.0, after=60 / 9 - 4)
    found = cutting_of(costs, slice_length=1.0, workers=600, engine="local")
    assert found.amdahl == pytest.approx(10)
    assert found.one_pass / found.cut < 10
    assert found.one_pass / found.cut == pytest.approx(1 / (0.1 + 0.9 / 600), rel=0.01)
    serial = found.serial / found.cut
    assert found.gustafson == pytest.approx(600 - 599 * serial)


@pytest.mark.parametrize("engine", ["local", "procrastinate", "aws-lambda"])
def test_fixed_costs_above_the_own_work_say_do_not_cut(engine: str) -> None:
    """Where a slice costs more before its work than its work, more workers only burn money.

    Others count the work alone, and find that 20 workers are 20 times as fast.
    """
    costs = _IDEAL._replace(cold=5.0, is_each_cold=engine != "local")
    found = cutting_of(costs, slice_length=30.0, workers=20, engine=engine)  # type: ignore[arg-type]
    assert not found.pays
    assert found.sentence.startswith("Do not cut it up: each ")
    assert "5.0 s before its 3.0 s of work" in found.sentence


def test_longer_slices_can_pay_where_short_ones_do_not() -> None:
    """The best length for time shares the work out; the best one for cost is no cut."""
    costs = _IDEAL._replace(cold=5.0, is_each_cold=True, second=1.0)
    assert not cutting_of(costs, slice_length=5.0, workers=4, engine="aws-lambda").pays
    found = cutting_of(costs, slice_length=60.0, workers=4, engine="aws-lambda")
    assert found.pays
    assert found.best_for_cost == 600
    assert found.best_for_time == 30  # five full rounds; of 60 s, the third round is half empty
    assert found.sentence.startswith("Cut it up: 4 functions with 10 slices need ")


def test_one_slice_is_not_cut() -> None:
    """A video that is shorter than a slice."""
    found = cutting_of(_IDEAL, slice_length=900.0, workers=4, engine="local")
    assert not found.pays
    assert "one slice" in found.sentence
    assert found.enough_workers == 1


def test_workers_after_which_nothing_is_gained() -> None:
    """As many as there are slices, if nothing is serial; few, if most of it is."""
    assert cutting_of(_IDEAL, slice_length=30.0, workers=2, engine="local").enough_workers == 24
    serial = _IDEAL._replace(before=600.0)
    assert cutting_of(serial, slice_length=30.0, workers=2, engine="local").enough_workers == 2

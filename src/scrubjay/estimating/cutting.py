"""Does it pay to cut a video up? One pass against slices over workers."""

from math import ceil
from typing import NamedTuple

import msgspec

from scrubjay.estimating.charging import EngineKind
from scrubjay.estimating.machines import makespan

__all__ = ["Costs", "Cutting", "LengthChoice", "cut_time", "cutting_of"]

_LENGTHS = (2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600)
"""Slice lengths that are compared, in seconds, and the video's own."""

_WORKERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1000)

_GAIN = 0.05
"""What more workers must gain to be worth it."""

_WORTH_IT = 0.9
"""Share of the time of one pass below which cutting pays."""


class Costs(NamedTuple):
    """What making a set takes, in seconds on a core with nothing else to do."""

    duration: float
    """Of the video."""
    before: float
    """Start, probe and plan: once."""
    after: float
    """Publishing: once."""
    whole: float
    """The job for the whole video's outputs: once, beside the slices."""
    second: float
    """Of a second of video: work that can be shared out."""
    fixed: float
    """Of each slice."""
    cold: float
    """Of each slice whose worker did not make the one before: opening and lead-in, and for
    functions the start of the process that decodes."""
    late: float
    """For functions: until one begins, start of its environment included."""
    is_each_cold: bool
    """Whether each slice is made by a worker of its own, as functions and clusters do."""


class LengthChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A slice length and what it would take."""

    slice_length: float
    slices: int
    seconds: float
    """From the beginning to the end, with the workers of the estimate."""
    work: float
    """Seconds of all workers together."""


class Cutting(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it pays to cut a video up."""

    pays: bool
    sentence: str
    one_pass: float
    """Seconds without a cut, by one worker."""
    cut: float
    """Seconds with the slices of the recipe, by the workers of the estimate."""
    slice_length: float
    workers: int
    serial: float
    """Seconds that no second worker shortens: start, probe, plan, publish."""
    slice_own: float
    """Seconds of work in a slice of that length."""
    slice_fixed: float
    """Seconds that each slice costs beside, or each worker where workers go on from slice to
    slice."""
    amdahl: float
    """How many times faster any number of workers can be: one pass by its serial part."""
    gustafson: float
    """How many times more video that many workers make in the time that they need here."""
    best_for_time: float
    """Slice length in seconds, with those workers; the video's own if it is best uncut."""
    best_for_cost: float
    enough_workers: int
    """More gain less than 5 %, with slices of the recipe's length."""
    lengths: tuple[LengthChoice, ...]


def cut_time(costs: Costs, slice_length: float, workers: int) -> LengthChoice:
    """Return what slices of a length take on some workers.

    Args:
        costs: of the video.
        slice_length: in seconds; the video's own is no cut.
        workers: how many slices are made at once.
    """
    count = max(1, ceil(costs.duration / slice_length - 1e-9))
    last = costs.duration - (count - 1) * slice_length
    cold = count if costs.is_each_cold else min(count, workers)
    jobs = [
        costs.second * (last if place == count - 1 else slice_length)
        + costs.fixed
        + (costs.cold if place < cold else 0.0)
        for place in range(count)
    ]
    if costs.whole:
        jobs.append(costs.whole + (costs.cold if costs.is_each_cold else 0.0))
    spent = makespan(jobs, workers)
    return LengthChoice(
        slice_length=slice_length,
        slices=count,
        seconds=costs.before + costs.late + spent + costs.after,
        work=sum(jobs) + costs.before + costs.after,
    )


def cutting_of(costs: Costs, *, slice_length: float, workers: int, engine: EngineKind) -> Cutting:
    """Say whether it pays to cut a video up.

    Args:
        costs: of the video.
        slice_length: of the recipe, in seconds.
        workers: how many slices are made at once.
        engine: where slices are made.
    """
    length = min(slice_length, costs.duration)
    one_pass = cut_time(costs, costs.duration, 1)
    cut = cut_time(costs, length, workers)
    lengths = [each for each in _LENGTHS if each < costs.duration]
    choices = [cut_time(costs, float(each), workers) for each in lengths]
    choices.append(cut_time(costs, costs.duration, workers))
    fastest = min(choices, key=lambda each: (each.seconds, -each.slice_length))
    cheapest = min(choices, key=lambda each: (each.work, -each.slice_length))
    serial = costs.before + costs.late + costs.after
    own, fixed = _shares(costs, length, workers)
    pays = fixed < own and cut.slices > 1 and cut.seconds < _WORTH_IT * one_pass.seconds
    cutting = Cutting(
        pays=pays,
        sentence="",
        one_pass=one_pass.seconds,
        cut=cut.seconds,
        slice_length=length,
        workers=workers,
        serial=serial,
        slice_own=own,
        slice_fixed=fixed,
        amdahl=one_pass.seconds / serial if serial else float(cut.slices),
        gustafson=workers - (workers - 1) * serial / cut.seconds,
        best_for_time=fastest.slice_length,
        best_for_cost=cheapest.slice_length,
        enough_workers=_enough(costs, length),
        lengths=tuple(choices),
    )
    return msgspec.structs.replace(cutting, sentence=_sentence(cutting, cut, engine))


def _shares(costs: Costs, length: float, workers: int) -> tuple[float, float]:
    """Return the own work of a slice, and what it costs beside.

    Where workers go on from slice to slice, both are of all that one worker makes.
    """
    if costs.is_each_cold:
        return costs.second * length, costs.fixed + costs.cold
    count = ceil(costs.duration / length - 1e-9)
    used = min(workers, count)
    own = costs.second * costs.duration / used
    return own, costs.cold + costs.fixed * count / used


def _enough(costs: Costs, length: float) -> int:
    """Return the number of workers after which more gain little."""
    most = cut_time(costs, length, _WORKERS[-1]).seconds
    return next(
        workers
        for workers in _WORKERS
        if cut_time(costs, length, workers).seconds <= most * (1 + _GAIN)
    )


def _sentence(found: Cutting, cut: LengthChoice, engine: EngineKind) -> str:
    each = "function" if engine == "aws-lambda" else "worker"
    if cut.slices == 1:
        return f"Do not cut it up: the video is one slice, and one pass takes {_s(found.one_pass)}."
    if found.slice_fixed >= found.slice_own:
        what = "slice" if engine != "local" else "worker"
        return (
            f"Do not cut it up: each {what} would cost {_s(found.slice_fixed)} before its "
            f"{_s(found.slice_own)} of work; one pass takes {_s(found.one_pass)}."
        )
    many = f"{found.workers} {each}s" if found.workers > 1 else f"one {each}"
    if not found.pays:
        return (
            f"Do not cut it up: {many} with {cut.slices} slices would need {_s(found.cut)}, and "
            f"one pass takes {_s(found.one_pass)}."
        )
    return (
        f"Cut it up: {many} with {cut.slices} slices need {_s(found.cut)} instead of "
        f"{_s(found.one_pass)} for one pass. More than {found.enough_workers} {each}s gain nothing."
    )


def _s(seconds: float) -> str:
    if seconds < 10:  # noqa: PLR2004  below, tenths matter
        return f"{seconds:.1f} s"
    if seconds < 120:  # noqa: PLR2004  below, people count in seconds
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"

"""What a plan's set must have, derived from the plan alone, apart from how sets are made. Pure.

Everything here follows from `model` and from the published format of keys.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from scrubjay.keys import artifact_key
from scrubjay.model import Animation, Plan, PlannedOutput, Sheet, Slice
from scrubjay.registry import DOCUMENTS

__all__ = ["Due", "due_in", "outputs_behind", "shown_times"]


class Due(NamedTuple):
    """An object that an output must have in a slice."""

    output: PlannedOutput
    slice_: Slice
    key: str
    start: Fraction
    """The time of its first picture, in seconds."""
    end: Fraction
    times: tuple[Fraction, ...]
    """The times of its pictures, if the plan decides them: not those of animations."""
    pictures: int
    """How many pictures it has; at most, in a clip of the whole video."""


def due_in(plan: Plan, output: PlannedOutput, slice_: Slice) -> Iterator[Due]:
    """Yield the objects of an output in a slice, rising in time."""
    if output.is_whole != slice_.is_whole:
        return
    if isinstance(output.options, Animation):
        yield _animation(output, output.options, slice_)
    elif output.is_whole:
        yield _due(output, slice_, _grid_times(output, plan.media.duration), plan.media.duration)
    else:
        times = _multiples(output.spacing, slice_)
        held = _held(output, len(times))
        for place in range(0, len(times), held):
            own = times[place : place + held]
            yield _due(output, slice_, own, _end_of(plan, output, slice_, own))


def _animation(output: PlannedOutput, options: Animation, slice_: Slice) -> Due:
    length = slice_.end - slice_.start
    if options.per == "video":
        pictures = options.moments * ceil(options.length * options.fps)
    elif options.of == "timelapse":
        pictures = ceil(length)
    elif options.of == "highlight":
        pictures = ceil(min(options.length, length) * options.fps)
    else:
        pictures = ceil(length * options.fps)
    return Due(output, slice_, _key(output, slice_.start), slice_.start, slice_.end, (), pictures)


def _due(output: PlannedOutput, slice_: Slice, times: tuple[Fraction, ...], end: Fraction) -> Due:
    return Due(output, slice_, _key(output, times[0]), times[0], end, times, len(times))


def _grid_times(output: PlannedOutput, duration: Fraction) -> tuple[Fraction, ...]:
    """Return the times of what the whole video has once: of a sheet's cells, or of a still."""
    if not isinstance(output.options, Sheet):
        return (Fraction(0),)
    return tuple(k * output.spacing for k in range(ceil(duration / output.spacing)))


def _multiples(step: Fraction, slice_: Slice) -> tuple[Fraction, ...]:
    first, after = ceil(slice_.start / step), ceil(slice_.end / step)
    return tuple(k * step for k in range(first, after))


def _held(output: PlannedOutput, count: int) -> int:
    """Return how many pictures one object holds."""
    if isinstance(output.options, Sheet):
        return output.layout.columns * output.layout.rows
    return max(1, count) if output.format.is_packed else 1


def _end_of(
    plan: Plan, output: PlannedOutput, slice_: Slice, times: tuple[Fraction, ...]
) -> Fraction:
    after = times[-1] + output.spacing
    is_single = not isinstance(output.options, Sheet) and not output.format.is_packed
    return min(after, slice_.end if is_single else plan.media.duration)


def _key(output: PlannedOutput, start: Fraction) -> str:
    return artifact_key(output.name, output.id, start, output.format.suffix)


def shown_times(due: Due, pictures: int) -> tuple[Fraction, Fraction]:
    """Return seconds from one picture of an animation to the next, and how long all are shown.

    Args:
        due: the animation.
        pictures: how many it has.
    """
    options = due.output.options
    assert isinstance(options, Animation)  # noqa: S101  callers ask for animations only
    step = 1 / options.fps
    is_sped_up = options.of == "timelapse" or options.per == "video"
    return step, pictures * step if is_sped_up else due.end - due.start


def outputs_behind(plan: Plan, document: str) -> list[PlannedOutput]:
    """Return the outputs that a document describes, as the registry says."""
    kind = DOCUMENTS[document]
    readable = [
        output
        for output in plan.outputs
        if kind.can_read(output.options.kind, output.options.format)
    ]
    of_slices = [output for output in readable if not output.is_whole]
    whole = [output for output in readable if output.is_whole][:1]
    first, second = (whole, of_slices) if kind.per == "video" else (of_slices, whole)
    return first or (second if kind.reads == "sheets" else [])

"""How many workers to start: a start is not free, and most videos are short. Pure.

The seconds here are CPU seconds of one machine (AMD EPYC, 2026-11-26; classic recipe, H.264 of
360p to 720p). Only their ratios matter, and these differ little between machines.
"""

from collections.abc import Collection, Sequence
from math import ceil, floor

from scrubjay.model import Animation, Plan, PlannedOutput
from scrubjay.planning import chosen_outputs

__all__ = ["threads_for", "work_of", "workers_for"]

_START = 0.25
"""Cost of starting a worker: loading Python, FFmpeg and numpy."""

_LEAST_SHARE = 8 * _START
"""Least work that justifies a worker: its start adds at most an eighth."""

_DECODED_PIXEL = 1.3e-9
"""Cost of decoding a pixel of the video."""

_SCALED_PIXEL = 2.4e-9
"""Cost of scaling a pixel of the video for a picture."""

_ANIMATED_PIXEL = 3.1e-8
"""Cost of a pixel of an animation: choosing its colour, and compression."""

_LOOKS = 300
"""Frames that are decoded for what the whole video has once, about."""

_IDLE_SHARE = 0.1
"""Share of the cores, over all rounds of slices, that may be idle."""

_MOST_THREADS = 8
"""More decoder threads do not help, because painting is then slower than decoding."""


def work_of(plan: Plan, index: int, names: Collection[str]) -> float:
    """Estimate what a slice costs, in CPU seconds.

    Args:
        plan: the plan of the slice.
        index: which slice, 0-based.
        names: names of the outputs to make.
    """
    media, slice_ = plan.media, plan.slices[index]
    seconds = float(slice_.span.duration)
    source_pixels = media.coded_width * media.coded_height
    if slice_.is_whole:
        return min(float(media.packets), _LOOKS) * source_pixels * (_DECODED_PIXEL + _SCALED_PIXEL)
    frames = float(media.packets / media.duration) * seconds
    painted = sum(_painted(each, source_pixels) for each in chosen_outputs(plan, names))
    return frames * source_pixels * _DECODED_PIXEL + seconds * painted


def _painted(output: PlannedOutput, source_pixels: int) -> float:
    """Estimate the cost of an output for each second of video, in addition to decoding."""
    options, size = output.options, output.layout.size
    pixels = size.width * size.height
    scaled = source_pixels * _SCALED_PIXEL
    if isinstance(options, Animation):
        return (scaled + pixels * _ANIMATED_PIXEL) / float(options.spacing)
    coded = pixels * output.format.cpu_ns_per_px * 1e-9
    return (scaled + coded) / float(options.interval)


def workers_for(works: Sequence[float], most: int) -> int:
    """Return how many workers to start, so that each one's work costs several times its start.

    The first one always starts. Work that is too little for one more worker goes to the others,
    which continue decoding from their last slice.

    Args:
        works: cost of each slice to make, in CPU seconds; at least one slice.
        most: how many workers there may be.
    """
    falling = sorted(works, reverse=True)
    total = waiting = sum(works)
    for others, work in enumerate(falling[: most - 1], start=1):
        waiting -= work  # the work left for one more when each of the others has a slice
        if min(waiting, total / (others + 1)) < _LEAST_SHARE:
            return others
    return min(most, len(works))


def threads_for(works: Sequence[float], workers: int, most: int) -> int:
    """Return how many threads each decoder gets, so that few cores are idle.

    With few slices, the last round leaves cores idle, and more threads use them. With many slices
    that matters little, and one thread takes the least memory. For little work, threads cost more
    time than they save.

    Args:
        works: cost of each slice to make, in CPU seconds; at least one slice.
        workers: how many workers make them at once.
        most: how many workers there may be.
    """
    if sum(works) < _LEAST_SHARE:
        return 1
    if workers < most:
        return min(most // workers, _MOST_THREADS)
    slices = max(1, floor(sum(works) / max(works)))  # as if all had full length
    rounds = ceil(slices / most)
    idle = rounds * most - slices
    if idle <= _IDLE_SHARE * rounds * most:
        return 1
    return min(most // (most - idle), _MOST_THREADS)

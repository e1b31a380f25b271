"""How many workers a run is worth: a start is not free, and most videos are short. Pure.

The seconds here are CPU seconds of one machine (AMD EPYC, 2026-11-26; classic recipe, H.264 of
360p to 720p). Only their ratios matter, and these differ little between machines.
"""

from collections.abc import Collection, Sequence
from math import ceil, floor

from scrubjay.model import Animation, Plan, PlannedOutput
from scrubjay.planning import chosen_outputs

__all__ = ["threads_for", "work_of", "workers_for"]

_START = 0.25
"""What it costs to start a worker: Python, FFmpeg and numpy are loaded."""

_LEAST_SHARE = 8 * _START
"""The least work that is worth a worker: its start adds at most an eighth to it."""

_DECODED_PIXEL = 1.3e-9
"""What it costs to decode a pixel of the video."""

_SCALED_PIXEL = 2.4e-9
"""What it costs to scale a pixel of the video for a picture."""

_ANIMATED_PIXEL = 3.1e-8
"""What it costs to draw a pixel of an animation: choose its color, compress it."""

_STILL_PIXEL = 6e-9
"""What it costs to compress a pixel of a still or a sheet."""

_LOOKS = 300
"""Frames that are decoded for what the whole video has once, about."""

_IDLE_SHARE = 0.1
"""Of all cores over all rounds of slices, how many may be idle."""

_MOST_THREADS = 8
"""More decoder threads than that decode faster than their pictures are painted."""


def work_of(plan: Plan, index: int, names: Collection[str]) -> float:
    """Estimate what a slice costs, in CPU seconds.

    Args:
        plan: what the slice belongs to.
        index: which slice, 0-based.
        names: of the outputs that are to be made.
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
    """Estimate what an output costs for each second of video, beside the decoding."""
    options, size = output.options, output.layout.size
    pixels = size.width * size.height
    scaled = source_pixels * _SCALED_PIXEL
    if isinstance(options, Animation):
        return float(options.fps) * (scaled + pixels * _ANIMATED_PIXEL)
    return (scaled + pixels * _STILL_PIXEL) / float(options.interval)


def workers_for(works: Sequence[float], most: int) -> int:
    """Return how many workers are worth their start: each one's share is worth several starts.

    The first always starts. What is too little for one more is left to those that are there, which
    go on decoding where they stand.

    Args:
        works: what each of the slices to make costs, in CPU seconds, at least one.
        most: how many workers there may be.
    """
    falling = sorted(works, reverse=True)
    total = waiting = sum(works)
    for others, work in enumerate(falling[: most - 1], start=1):
        waiting -= work  # what is left for one more, when each of the others has a slice
        if min(waiting, total / (others + 1)) < _LEAST_SHARE:
            return others
    return min(most, len(works))


def threads_for(works: Sequence[float], workers: int, most: int) -> int:
    """Return how many threads each decoder gets, so that few cores are idle for want of slices.

    Where slices are few, the last round of them does not fill the cores. Where they are many, that
    matters little, and one thread costs the least memory. Where there is little to do, threads cost
    more than the time that they save.

    Args:
        works: what each of the slices to make costs, in CPU seconds, at least one.
        workers: how many make them at once.
        most: how many workers there may be.
    """
    if sum(works) < _LEAST_SHARE:
        return 1
    if workers < most:
        return min(most // workers, _MOST_THREADS)
    slices = max(1, floor(sum(works) / max(works)))  # counted as of full length
    rounds = ceil(slices / most)
    idle = rounds * most - slices
    if idle <= _IDLE_SHARE * rounds * most:
        return 1
    return min(most // (most - idle), _MOST_THREADS)

"""Choosing which neighbouring pictures share a palette."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from scrubjay.encode.gif.nearest import Points, distances, find_nearest, make_scorer, widen
from scrubjay.encode.gif.packed import RgbPicture
from scrubjay.encode.gif.palette import Palette, Pixels, build_palette, count_colors

__all__ = ["Stretch", "plan_palettes"]

_BLOCK = 10  # most pictures that are judged together
_DRIFT = 14.0  # mean difference to a block's first picture, in levels, at which a new one starts
_BLOCK_PIXELS = 16384  # sampled from a block; with 4096 the screencast loses 1.9 dB
_PAYS = 0.7  # its own palette costs 768 bytes a frame: it must lower the squared error to this
_STAYS = (
    1.1  # it stays while its error is at most so many times the first one (1.3: film loses 0.3 dB)
)
_JUDGED = 512  # pixels of a sample that a palette is judged by
_VARIED = (
    8192  # different colours in a 32nd of all samples: most blocks then get their own palette,
)
_THIN = 16  # so one sample in so many is enough for the common one
_GOOD = 3.0  # squared error of a pixel that needs no better palette (48 dB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Neighbouring pictures that share a palette: ``start <= index < stop``."""

    start: int
    stop: int
    palette: Palette
    error: float
    """Mean squared error of a sampled pixel, summed over its channels, where it is used."""
    common: bool
    """Whether this is the palette of all stretches without their own."""


def plan_palettes(pictures: Sequence[RgbPicture], colors: int) -> list[Stretch]:
    """Choose one palette for all pictures, and others for stretches where that pays.

    Args:
        pictures: equal-sized pictures, at least one.
        colors: how many colours a palette may have, 1 to 255.

    Returns:
        Stretches in order, without gaps.
    """
    bounds = _block_bounds(pictures)
    blocks = [_sample(pictures[i:j]) for i, j in pairwise(bounds)]
    common = build_palette(_common_sample(blocks), colors)
    judges = [_judges(block) for block in blocks]
    errors = [_error(points, common) for points in judges]
    common_error = sum(errors) / len(errors)
    stretches: list[Stretch] = []
    at, patience = 0, 1
    while at < len(blocks):
        own, stop = _own_palette(blocks[at], judges, errors, at, colors)
        if own is None and errors[at] > _GOOD:  # it did not pay: wait before the next try
            stop = min(at + patience, len(blocks))
            patience *= 2
        stretches.append(
            Stretch(
                start=bounds[at],
                stop=bounds[stop],
                palette=common if own is None else own,
                error=common_error if own is None else sum(errors[at:stop]) / (stop - at),
                common=own is None,
            )
        )
        at = stop
    return stretches


def _block_bounds(pictures: Sequence[RgbPicture]) -> list[int]:
    """Cut the pictures where they change: at scene cuts, and often within fades."""
    height, width = pictures[0].shape[:2]
    down, right = height // 10 + 1, width // 16 + 1
    thumbs = np.stack([p[down // 2 :: down, right // 2 :: right] for p in pictures])
    levels = thumbs.reshape(len(thumbs), -1).astype(np.int16)
    bounds = [0]
    for at in range(1, len(pictures)):
        drift = np.abs(levels[at] - levels[bounds[-1]]).mean()
        if drift > _DRIFT or at - bounds[-1] == _BLOCK:
            bounds.append(at)
    return [*bounds, len(pictures)]


def _own_palette(
    block: Pixels, judges: Sequence[Points], errors: list[float], at: int, colors: int
) -> tuple[Palette | None, int]:
    """Try a palette of its own for the block `at`, and for those after it.

    Returns:
        The palette, or None, and the block where it ends. The palette's errors replace `errors`.
    """
    if errors[at] <= _GOOD:
        return None, at + 1
    own = build_palette(block, colors)
    found = [_error(judges[at], own)]
    if found[0] > _PAYS * errors[at]:
        return None, at + 1
    stop = at + 1
    while stop < len(judges):
        error = _error(judges[stop], own)
        if error > min(_STAYS * found[0], errors[stop]):
            break
        found.append(error)
        stop += 1
    errors[at:stop] = found
    return own, stop


def _sample(pictures: Sequence[RgbPicture]) -> Pixels:
    """Take an even sample of the pixels of some pictures; all of them if they are few."""
    distinct = [p for i, p in enumerate(pictures) if i == 0 or p is not pictures[i - 1]]
    frames = distinct[:: max(1, (len(distinct) + 2) // 3)]
    height, width = frames[0].shape[:2]
    step = 1
    while len(frames) * (height // step) * (width // step) > _BLOCK_PIXELS:
        step += 1
    shifts = [(i * 2 % step, i * 3 % step) for i in range(len(frames))]
    parts = [p[y::step, x::step].reshape(-1, 3) for p, (y, x) in zip(frames, shifts, strict=True)]
    return np.concatenate(parts) if min(map(len, parts)) else frames[0].reshape(-1, 3)


def _common_sample(blocks: Sequence[Pixels]) -> Pixels:
    """Join the samples; thin them if there are so many colours that most blocks get a palette."""
    pixels = np.concatenate(blocks)
    return pixels[::_THIN] if count_colors(pixels[::32]) > _VARIED else pixels


def _judges(block: Pixels) -> Points:
    """Choose the pixels of a block that palettes are judged by."""
    some = block[:: max(1, len(block) // _JUDGED)]
    return widen(some.T, len(some))


def _error(points: Points, palette: Palette) -> float:
    """Measure the mean squared distance of points to the nearest colours of a palette."""
    nearest = find_nearest(points, make_scorer(palette))
    shown = widen(palette.T, len(palette)).take(nearest, axis=0)
    return float(distances(points, shown).mean(dtype=np.float64))

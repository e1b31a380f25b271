"""Choosing the colours of a GIF.

They are split by weighted variance (median cut) and refined by k-means. All sums are whole numbers
below 2**53 in float64, and all matrix products whole numbers below 2**24 in float32, so they are
exact: no order of summation, thread count or BLAS can change a palette.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from scrubjay.encode.gif.nearest import find_nearest, make_scorer, widen
from scrubjay.encode.gif.packed import Packed

__all__ = ["Palette", "Pixels", "build_palette", "count_colors", "trimmed"]

Palette: TypeAlias = npt.NDArray[np.uint8]
"""(colours, 3) RGB uint8, 1 to 255 colours."""
Pixels: TypeAlias = npt.NDArray[np.uint8]  # (pixels, 3) RGB
_Floats: TypeAlias = npt.NDArray[np.float64]  # whole numbers throughout

_POINTS = 4000  # most colours, or means of cells, for median cut and k-means, approximately
_EXACT = 256  # most of them that are exact; with 512 film loses 0.04 dB, flat graphics gain none
_KMEANS_STEPS = 2  # a third gains 0.03 dB
_SPARE = 3  # colours reserved for what the sample misses; they cost 0.02 dB


def build_palette(pixels: Pixels, colors: int) -> Palette:
    """Choose the colours that represent the given pixels with the least squared error.

    Args:
        pixels: (pixels, 3) RGB uint8, at least one.
        colors: how many colours at most, 1 to 255.

    Returns:
        The palette: exactly the pixels' colours if they are few enough, else a few less than
        `colors`, which leaves room for colours that the sample misses.
    """
    points, counts, cells = _count(pixels)
    if len(points) <= colors:
        return points.astype(np.uint8)
    weights = counts.astype(np.float64)
    if len(points) > _POINTS:
        points, weights = _gather(points, weights, cells)
    palette = _median_cut(points, weights, trimmed(colors))
    wide, moments = widen(points.T, len(points)), np.stack([weights, *(points.T * weights)])
    for _ in range(_KMEANS_STEPS):
        nearest = find_nearest(wide, make_scorer(palette))
        total, *sums = _sum_up(moments, nearest, len(palette))
        means = np.rint(np.stack(sums) / np.maximum(total, 1)).T
        palette = np.where(total[:, None] > 0, means, palette)
    return palette.astype(np.uint8)


def count_colors(pixels: Pixels) -> int:
    """Count the different colours of some pixels."""
    return len(_count(pixels)[0])


def _count(pixels: Pixels) -> tuple[_Floats, npt.NDArray[np.intp], Packed]:
    """Count the pixels of each colour: (n, 3) colours, (n,) counts and 6-bit cells, ascending.

    A cell's number ends with its three sixth bits: without them it is that of a 5-bit cell.
    """
    keys = np.zeros(len(pixels), dtype=np.uint32)
    for channel in range(3):  # cell << 6 | place in the cell
        levels = pixels[:, channel].astype(np.uint32)
        keys |= levels >> 3 << 5 * channel + 9
        keys |= (levels >> 2 & 1) << channel + 6
        keys |= (levels & 3) << 2 * channel
    keys = _sorted(keys)
    edges = _edges(keys[1:] != keys[:-1])
    keys = keys[edges]
    points = np.empty((len(keys), 3))
    for channel in range(3):
        high, sixth, low = (keys >> at for at in (5 * channel + 9, channel + 6, 2 * channel))
        points[:, channel] = (high & 31) << 3 | (sixth & 1) << 2 | low & 3
    counts = np.diff(edges, append=len(pixels)).astype(np.intp)
    return points, counts, keys >> np.uint32(6)


def _sorted(keys: Packed) -> Packed:
    """Sort numbers below 2**24, by their low 16 bits and then by the others.

    numpy sorts 8 and 16 bits by radix: 0.15 ms for 16 thousand, where 32 bits take 0.24.
    """
    keys = keys.take(keys.astype(np.uint16).argsort(kind="stable"))
    return keys.take((keys >> np.uint32(16)).astype(np.uint8).argsort(kind="stable"))


def _edges(changes: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return where runs start, given which elements differ from the one before (not the first)."""
    return np.flatnonzero(np.concatenate([[True], changes]))


def _gather(points: _Floats, weights: _Floats, cells: Packed) -> tuple[_Floats, _Floats]:
    """Merge weighted colours, sorted by cell, into the rounded mean colours of cells.

    The most common colours stay exact, because every level is visible in flat areas. If there are
    many 6-bit cells, as in film, 5-bit cells take half the time and lose 0.04 dB.
    """
    own = weights > _rank(weights)
    alone = own[1:] | own[:-1]
    edges = _edges((cells[1:] != cells[:-1]) | alone)
    if len(edges) > _POINTS:
        wide = cells >> np.uint32(3)
        edges = _edges((wide[1:] != wide[:-1]) | alone)
    total = np.add.reduceat(weights, edges)
    sums = [np.add.reduceat(channel * weights, edges) for channel in points.T]
    return np.rint(np.stack(sums, axis=1) / total[:, None]), total


def _rank(weights: _Floats) -> int:
    """Return the weight of the colour that comes `_EXACT`-th by weight."""
    tally = np.bincount(weights.astype(np.intp))
    return len(tally) - 1 - int(np.argmax(np.cumsum(tally[::-1]) >= _EXACT))


def _median_cut(points: _Floats, weights: _Floats, colors: int) -> _Floats:
    """Split boxes at their mean along their longest spread, several in every round.

    One box at a time, as in textbooks, takes 254 rounds of numpy calls. Splitting all boxes at once
    that are at least a quarter as bad as the worst takes about 12. In each box, only what moves to
    the new box is summed up.
    """
    channels = points.T.copy()
    first = channels * weights
    moments = np.stack([weights, *first, *(first * channels)])
    sums = np.zeros((len(moments), colors))
    sums[:, 0] = moments.sum(axis=1)
    levels, places = channels.reshape(-1), np.arange(len(points))
    box = np.zeros(len(points), dtype=np.intp)
    count = 1
    while True:
        total = sums[0, :count]
        centre = sums[1:4, :count] / total
        spread = sums[4:, :count] - centre * centre * total
        worst = spread.max(axis=0)
        order = np.argsort(-worst, kind="stable")
        order = order[worst[order] > max(worst[order[0]] / 4, 0.25)][: colors - count]
        if not len(order):
            return np.rint(centre.T)
        own: npt.NDArray[np.intp] = spread.argmax(axis=0)
        middle = np.full(count, np.inf)  # no point is above it in a box that is not split
        middle[order] = centre[own[order], order]
        level: _Floats = levels.take((own * len(points)).take(box) + places)
        moves = np.flatnonzero(level > middle.take(box))
        split = np.zeros(count, dtype=np.intp)
        split[order] = np.arange(len(order))
        target = split.take(box.take(moves))
        moved = _sum_up(moments.take(moves, axis=1), target, len(order))
        sums[:, order] -= moved
        sums[:, count : count + len(order)] = moved
        box[moves] = target + count
        count += len(order)


def _sum_up(moments: _Floats, box: npt.NDArray[np.intp], count: int) -> _Floats:
    """Sum (moments, points) numbers over the points of each box: (moments, boxes)."""
    rows = np.arange(len(moments))[:, None] * count  # one call for all is faster than one each
    sums = np.bincount((box + rows).reshape(-1), moments.reshape(-1), len(moments) * count)
    return np.asarray(sums, dtype=np.float64).reshape(-1, count)


def trimmed(colors: int) -> int:
    """Return the size of a palette without the colours reserved for what its sample misses."""
    return colors - _SPARE if colors > 8 * _SPARE else colors

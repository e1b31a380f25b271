"""Choosing the colours of a GIF, and finding the nearest of them for every pixel.

Colours are split by weighted variance (median cut) and refined by k-means; a stretch of pictures
whose colours the common palette shows badly gets its own. All sums are whole numbers below 2**53
in float64, and all matrix products whole numbers below 2**24 in float32, so they are exact: no
order of summation, thread count or BLAS can change a palette.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["CellTable", "Palette", "RgbPicture", "Stretch", "build_palette", "plan_palettes"]

RgbPicture: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3) RGB uint8, C-contiguous."""
Palette: TypeAlias = npt.NDArray[np.uint8]
"""(colours, 3) RGB uint8, 1 to 255 colours."""
_Pixels: TypeAlias = npt.NDArray[np.uint8]  # (pixels, 3) RGB
_Floats: TypeAlias = npt.NDArray[np.float64]  # whole numbers throughout
_Packed: TypeAlias = npt.NDArray[np.uint32]

_BLOCK = 10  # pictures that are judged together, at most
_DRIFT = 12.0  # mean difference to a block's first picture, in levels, at which a new one starts
_BLOCK_PIXELS = 16384  # sampled from a block; with 4096 the screencast loses 1.9 dB
_WINDOW = 1  # blocks that an own palette is made from
_PAYS = 0.7  # an own palette costs 768 bytes a frame: it must take this off the squared error
_STAYS = 1.3  # and is kept while its error is at most this many times that of its first blocks
_GOOD = 3.0  # squared error of a pixel that needs no better palette (48 dB)
_POINTS = 6000  # distinct colours that median cut and k-means work on
_EXACT = 512  # of them, at most, are exact; the others are means of 4 x 4 x 4 levels
_KMEANS_STEPS = 2  # a third gains 0.03 dB
_SPARE = 6  # colours kept for what the sample misses; they cost 0.04 dB
_FAR = 3 * 24**2  # squared distance to all colours at which one is spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Neighbouring pictures that share a palette: ``start <= index < stop``."""

    start: int
    stop: int
    palette: Palette
    error: float
    """Mean squared error of a sampled pixel, summed over its channels, wherever it is used."""
    common: bool
    """Whether this is the palette for all that have none of their own."""


def plan_palettes(pictures: Sequence[RgbPicture], colors: int) -> list[Stretch]:
    """Choose one palette for all pictures, and own ones for the stretches where that pays.

    Args:
        pictures: equal-sized pictures, at least one.
        colors: how many colours a palette may have, 1 to 255.

    Returns:
        Stretches in order, without holes.
    """
    bounds = _block_bounds(pictures)
    blocks = [_sample(pictures[i:j]) for i, j in pairwise(bounds)]
    common = build_palette(np.concatenate(blocks), colors)
    errors = [_error(block, common) for block in blocks]
    common_error = sum(errors) / len(errors)
    stretches: list[Stretch] = []
    at, patience = 0, 1
    while at < len(blocks):
        own, stop = _own_palette(blocks, errors, at, colors)
        if own is None and errors[at] > _GOOD:  # do not try again soon where it did not pay
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
    """Cut the pictures where they have become others: at scene cuts, and often within fades."""
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
    blocks: list[_Pixels], errors: list[float], at: int, colors: int
) -> tuple[Palette | None, int]:
    """Try a palette of its own for the blocks from `at` on.

    Returns:
        The palette and the block where it ends, with its `errors` put in; or None.
    """
    if errors[at] <= _GOOD:
        return None, at + 1
    stop = min(at + _WINDOW, len(blocks))
    own = build_palette(np.concatenate(blocks[at:stop]), colors)
    found = [_error(block, own) for block in blocks[at:stop]]
    if sum(found) > _PAYS * sum(errors[at:stop]):
        return None, at + 1
    limit = _STAYS * sum(found) / len(found)
    while stop < len(blocks):
        error = _error(blocks[stop], own)
        if error > min(limit, errors[stop]):
            break
        found.append(error)
        stop += 1
    errors[at:stop] = found
    return own, stop


def _sample(pictures: Sequence[RgbPicture]) -> _Pixels:
    """Take an even sample of the pixels of some pictures; all of them when they are few."""
    distinct = [p for i, p in enumerate(pictures) if i == 0 or p is not pictures[i - 1]]
    frames = distinct[:: max(1, (len(distinct) + 2) // 3)]
    height, width = frames[0].shape[:2]
    step = 1
    while len(frames) * (height // step) * (width // step) > _BLOCK_PIXELS:
        step += 1
    shifts = [(i * 2 % step, i * 3 % step) for i in range(len(frames))]
    parts = [p[y::step, x::step].reshape(-1, 3) for p, (y, x) in zip(frames, shifts, strict=True)]
    return np.concatenate(parts) if min(map(len, parts)) else frames[0].reshape(-1, 3)


def _error(pixels: _Pixels, palette: Palette) -> float:
    """Measure the mean squared distance of pixels to their palette colours."""
    some = pixels[:: max(1, len(pixels) // 512)].astype(np.float64)
    wide = palette.astype(np.float64)
    off = some - wide[_nearest(some, _scorer(wide))]
    return float((off * off).sum()) / len(some)


def build_palette(pixels: _Pixels, colors: int) -> Palette:
    """Choose the colours that show the given pixels with the least squared error.

    Args:
        pixels: (pixels, 3) RGB uint8, at least one.
        colors: how many colours at most, 1 to 255.

    Returns:
        The palette: exactly the pixels' colours when they are few enough, else a few less than
        `colors`, which leaves room for what the pixels are no sample of.
    """
    points, counts, cells = _count(pixels)
    if len(points) <= colors:
        return points.astype(np.uint8)
    weights = counts.astype(np.float64)
    if len(points) > _POINTS:
        points, weights = _gather(points, weights, cells)
    palette = _median_cut(points, weights, _trimmed(colors))
    for _ in range(_KMEANS_STEPS):
        nearest = _nearest(points, _scorer(palette))
        sums = np.stack([np.bincount(nearest, weights * c, len(palette)) for c in points.T], axis=1)
        total = np.bincount(nearest, weights, len(palette))[:, None]
        palette = np.where(total > 0, np.rint(sums / np.maximum(total, 1)), palette)
    return palette.astype(np.uint8)


def _count(pixels: _Pixels) -> tuple[_Floats, npt.NDArray[np.intp], _Packed]:
    """Count the pixels of each colour: (n, 3) colours, (n,) counts and 6-bit cells, ascending."""
    keys = np.zeros(len(pixels), dtype=np.uint32)
    for channel in range(3):  # cell << 6 | place in the cell
        levels = pixels[:, channel].astype(np.uint32)
        keys |= levels >> 2 << 6 * channel + 6
        keys |= (levels & 3) << 2 * channel
    keys.sort()
    edges = _edges(keys[1:] != keys[:-1])
    keys = keys[edges]
    points = np.empty((len(keys), 3))
    for channel in range(3):
        points[:, channel] = (keys >> 6 * channel + 6 & 63) << 2 | keys >> 2 * channel & 3
    counts = np.diff(edges, append=len(pixels)).astype(np.intp)
    return points, counts, keys >> np.uint32(6)


def _edges(changes: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return where runs start, given which elements differ from the one before (not the first)."""
    return np.flatnonzero(np.concatenate([[True], changes]))


def _gather(points: _Floats, weights: _Floats, cells: _Packed) -> tuple[_Floats, _Floats]:
    """Gather weighted colours, sorted by cell, into the rounded mean colours of cells.

    The commonest colours stay themselves: flat areas are seen, and measured, to the last level.
    """
    own = weights > np.partition(weights, -_EXACT)[-_EXACT]
    edges = _edges((cells[1:] != cells[:-1]) | own[1:] | own[:-1])
    total = np.add.reduceat(weights, edges)
    sums = np.add.reduceat(points * weights[:, None], edges)
    return np.rint(sums / total[:, None]), total


def _median_cut(points: _Floats, weights: _Floats, colors: int) -> _Floats:
    """Split boxes at their mean along their longest spread, several in every round.

    One box at a time, as the textbook has it, takes 254 rounds of numpy calls; all boxes that are
    at least a quarter as bad as the worst, at once, take about 12.
    """
    box = np.zeros(len(points), dtype=np.intp)
    count = 1
    moments = [weights * c for c in points.T], [weights * c * c for c in points.T]
    while True:
        total = np.bincount(box, weights, count)[:, None]
        centre = np.stack([np.bincount(box, m, count) for m in moments[0]], axis=1) / total
        square = np.stack([np.bincount(box, m, count) for m in moments[1]], axis=1)
        spread = square - centre * centre * total
        worst = spread.max(axis=1)
        order = np.argsort(-worst, kind="stable")
        order = order[worst[order] > max(worst[order[0]] / 4, 0.25)][: colors - count]
        if not len(order):
            return np.rint(centre)
        own = spread.argmax(axis=1)[box]
        upper = np.take_along_axis(points, own[:, None], axis=1)[:, 0] > centre[box, own]
        target = np.full(count, -1, dtype=np.intp)
        target[order] = count + np.arange(len(order))
        moves = upper & (target[box] >= 0)
        box[moves] = target[box[moves]]
        count += len(order)


def _scorer(palette: _Floats) -> npt.NDArray[np.float32]:
    """Return the (4, 256) matrix with which `_nearest` scores points by a single product."""
    scorer = np.zeros((4, 256), dtype=np.float32)
    scorer[3] = -(2.0**23)  # 256 columns are a third faster than 255; unused ones never win
    scorer[:3, : len(palette)] = 2 * palette.T
    scorer[3, : len(palette)] = -(palette * palette).sum(axis=1)
    return scorer


def _nearest(points: _Floats, scorer: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Return the index of the nearest palette colour for each (n, 3) point of whole numbers."""
    wide = np.ones((len(points), 4), dtype=np.float32)
    wide[:, :3] = points
    nearest = np.empty(len(points), dtype=np.intp)
    # 256 rows of scores stay in the cache; and OpenBLAS takes threads, which spin on two cores
    # for 20 times as long as the work takes, for products of more than 256 * 256 * 4
    for start in range(0, len(points), 256):
        some = slice(start, start + 256)
        (wide[some] @ scorer).argmax(axis=1, out=nearest[some])
    return nearest


class CellTable:
    """From a colour cell to the nearest colour of a palette, filled as cells are met.

    Args:
        palette: the colours to start with.
        colors: how many it may grow to, at most 255. A sample misses what is small: a far colour
            met while mapping (a cursor, a lamp) is added, any colour if the palette had them all.
        bits: of each channel that a cell keeps, 6 to 8. In flat graphics 6 lose 5 dB against 7
            (there are few cells, and everything lies in them) and 8 gain up to another 1. In film
            8 gain 0.2 dB over 6 and take a third more time, since so many more cells are met.
    """

    def __init__(self, palette: Palette, colors: int, bits: int) -> None:
        self._colors = colors
        self._bits = bits
        self._far = _FAR if len(palette) >= _trimmed(colors) else 0
        self._table = np.zeros(1 << 3 * bits, dtype=np.uint8)  # 0: not yet known
        self._use(palette)

    @property
    def palette(self) -> Palette:
        """The colours so far; those that were there keep their places."""
        return self._palette

    def forget(self) -> None:
        """Let go of the table (up to 16 MB) and keep the palette; no look-up may follow."""
        self._table = np.zeros(0, dtype=np.uint8)

    def _use(self, palette: Palette) -> None:
        """Take these colours."""
        self._palette = palette
        self._doubled = palette.astype(np.float64) * 2  # see `_fill`
        self._scorer = _scorer(self._doubled)
        wide = palette.astype(np.uint32)
        index = np.arange(1, len(palette) + 1, dtype=np.uint32)
        self._packed: _Packed = np.zeros(256, dtype=np.uint32)
        self._packed[index] = index << 24 | wide[:, 2] << 16 | wide[:, 1] << 8 | wide[:, 0]

    def lookup(self, pixels: _Packed) -> _Packed:
        """Map pixels to palette colours.

        Args:
            pixels: (n,) packed ``0 << 24 | blue << 16 | green << 8 | red``.

        Returns:
            (n,) packed ``index << 24 | blue << 16 | green << 8 | red`` of the nearest colours;
            indices start at 1, since 0 is the transparent one.
        """
        bits, drop = self._bits, 8 - self._bits
        mask = (1 << bits) - 1
        cells = pixels >> drop
        cells &= mask
        cells |= pixels >> 2 * drop & mask << bits
        cells |= pixels >> 3 * drop & mask << 2 * bits
        found = self._table.take(cells, mode="wrap")
        if not found.all():
            self._fill(cells[found == 0].astype(np.uint32))
            found = self._table.take(cells, mode="wrap")
        return self._packed.take(found, mode="wrap")

    def _fill(self, cells: _Packed) -> None:
        """Find the nearest colours of the middles of some cells."""
        cells.sort()
        cells = cells[_edges(cells[1:] != cells[:-1])]
        bits, size = self._bits, 1 << 8 - self._bits
        middles = np.empty((len(cells), 3))
        for channel in range(3):
            middles[:, channel] = cells >> bits * channel & (1 << bits) - 1
        middles *= 2 * size  # doubled, since middles lie between levels: all stay whole numbers
        middles += size - 1
        nearest = _nearest(middles, self._scorer)
        while len(self._palette) < self._colors:
            off = middles - self._doubled.take(nearest, axis=0)
            far = np.einsum("ij,ij->i", off, off)
            worst = int(far.argmax())
            if far[worst] <= 4 * self._far:
                break
            added = (middles[worst] // 2).astype(np.uint8)
            self._use(np.vstack([self._palette, added]))
            nearest = _nearest(middles, self._scorer)
        self._table[cells] = nearest + 1


def _trimmed(colors: int) -> int:
    """Leave some colours of a palette for what its sample misses."""
    return colors - _SPARE if colors > 8 * _SPARE else colors

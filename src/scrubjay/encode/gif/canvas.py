"""What a viewer of a GIF sees, frame after frame, and what has to be redrawn."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from scrubjay.encode.gif.cells import CellTable
from scrubjay.encode.gif.lzw import Indices
from scrubjay.encode.gif.packed import COLOUR, INDEX, NOTHING, Packed, RgbPicture, pack, squares

__all__ = ["Canvas", "Change"]

Change: TypeAlias = tuple[int, int, Indices]
"""Top and left of a changed rectangle, and its indices."""

_Where: TypeAlias = npt.NDArray[np.intp]
_GREY = np.uint32(0x010101)
_BAYER = 8
_FARTHEST = 3 * 255**2  # squared distance of two colours
_DENSE = 0.4  # share of changed pixels from which checking all is cheaper than gathering them
_TOGETHER = 1 << 13  # changed pixels of several pictures that are looked up together


class _Candidates(NamedTuple):
    """The pixels of a picture that may have to be redrawn."""

    at: _Where
    colours: Packed
    errors: Packed | None
    """Squared errors of what is shown there, if known."""


_NONE = _Candidates(np.zeros(0, np.intp), np.zeros(0, np.uint32), np.zeros(0, np.uint32))


class Canvas:
    """What a viewer of the GIF sees so far.

    Args:
        height: of the picture in pixels.
        width: of the picture in pixels.
        dither: amplitude in levels.
        slack: how much larger a pixel's squared error may be than if it were redrawn.
    """

    def __init__(self, height: int, width: int, dither: int, slack: int) -> None:
        self._width = width
        self._shown: Packed = np.full(height * width, NOTHING, dtype=np.uint32)
        self._now: Packed = self._shown.copy()
        self._before: Packed = self._shown.copy()
        self._last: RgbPicture | None = None
        self._table: CellTable | None = None
        self._slack = np.uint32(min(slack, _FARTHEST))
        self._dither = _dither_pattern(height, width, dither) if dither else None

    def show(self, pictures: Iterable[RgbPicture], table: CellTable) -> Iterator[Change | None]:
        """Draw pictures, one over the other.

        If few pixels change, numpy's calls cost more than its work, so the colours of several
        pictures are looked up together.

        Yields:
            For each picture what to draw, or None for nothing.
        """
        batch: list[_Candidates] = []
        waiting = 0
        for picture in pictures:
            candidates = self._look(picture, table, is_next=not waiting)
            batch.append(candidates)
            waiting += len(candidates.at)
            if waiting >= _TOGETHER:
                yield from self._draw(batch, table)
                batch, waiting = [], 0
        yield from self._draw(batch, table)

    def _look(self, picture: RgbPicture, table: CellTable, *, is_next: bool) -> _Candidates:
        """Find the pixels of a picture that may have to be redrawn.

        With the same palette these are the changed ones, because the others are within the limit. A
        new palette may show the others in a changed row better.
        """
        if picture is self._last:
            return _NONE
        self._last = picture
        self._now, self._before = self._before, self._now
        pack(picture, self._now)
        changed = self._now != self._before
        if table is not self._table:
            self._table = table
            changed = np.repeat(changed.reshape(-1, self._width).any(axis=1), self._width)
        if is_next and np.count_nonzero(changed) > _DENSE * len(changed):
            errors = squares(self._shown, self._now)
            some = np.flatnonzero((errors > self._slack) & changed)
            return _Candidates(some, self._now.take(some), errors.take(some))
        at = np.flatnonzero(changed)
        colours = self._now.take(at)
        if not is_next:  # what will be shown by then is not known yet
            return _Candidates(at, colours, None)
        errors = squares(self._shown.take(at), colours)
        some = np.flatnonzero(errors > self._slack)
        return _Candidates(at.take(some), colours.take(some), errors.take(some))

    def _draw(self, batch: Sequence[_Candidates], table: CellTable) -> Iterator[Change | None]:
        """Redraw the pixels whose error is over the limit."""
        if not batch:
            return
        colours = np.concatenate([each.colours for each in batch])
        fresh = table.lookup(self._dithered(colours, batch))
        limits = squares(fresh & COLOUR, colours)
        limits += self._slack
        begin = 0
        for at, pixels, errors in batch:
            span = slice(begin, begin + len(at))
            begin += len(at)
            known = squares(self._shown.take(at), pixels) if errors is None else errors
            redrawn = np.flatnonzero(known > limits[span])
            yield (
                self._redraw(at.take(redrawn), fresh[span].take(redrawn)) if len(redrawn) else None
            )

    def _redraw(self, at: _Where, fresh: Packed) -> Change:
        """Show other colours at some positions."""
        self._shown[at] = fresh & COLOUR
        width = self._width
        top, bottom = int(at[0]) // width, int(at[-1]) // width + 1
        indices = np.zeros((bottom - top) * width, dtype=np.uint8)
        indices[at - top * width] = fresh >> INDEX
        return _cropped(indices.reshape(-1, width), top)

    def _dithered(self, pixels: Packed, batch: Sequence[_Candidates]) -> Packed:
        """Shift the channels of pixels by the dither pattern, within 0 to 255."""
        if self._dither is None:
            return pixels
        at = np.concatenate([each.at for each in batch])
        up, down = (pattern.take(at).view(np.uint8) for pattern in self._dither)
        moved = np.maximum(pixels.view(np.uint8), down)
        moved -= down
        np.minimum(moved, 255 - up, out=moved)
        moved += up
        return moved.view(np.uint32)


def _dither_pattern(height: int, width: int, amplitude: int) -> tuple[Packed, Packed]:
    """Return what 8 x 8 Bayer dither adds and subtracts at each pixel, for all channels alike."""
    bayer = np.zeros((1, 1))
    while len(bayer) < _BAYER:
        bayer = np.block([[4 * bayer, 4 * bayer + 2], [4 * bayer + 3, 4 * bayer + 1]])
    steps = np.rint((2 * bayer - 63) * amplitude / 64).astype(np.int64)
    tiles = np.tile(steps, (height // _BAYER + 1, width // _BAYER + 1))[:height, :width].reshape(-1)
    up, down = (side.clip(0, None).astype(np.uint32) * _GREY for side in (tiles, -tiles))
    return up, down


def _cropped(indices: Indices, top: int) -> tuple[int, int, Indices]:
    """Crop indices, whose first and last rows are not empty, from the left and the right."""
    columns = np.flatnonzero(np.bitwise_or.reduce(indices, axis=0))
    left, right = int(columns[0]), int(columns[-1])
    return top, left, indices[:, left : right + 1]

"""What a viewer of a GIF sees, frame after frame, and what has to be redrawn of it."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from scrubjay.encode.cells import CellTable
from scrubjay.encode.lzw import Indices
from scrubjay.encode.packed import COLOUR, INDEX, Packed, RgbPicture, pack, squares

__all__ = ["Canvas"]

_Where: TypeAlias = npt.NDArray[np.intp]
_GREY = np.uint32(0x010101)
_BAYER = 8


class Canvas:
    """What a viewer of the GIF sees so far.

    Args:
        height: of the picture in pixels.
        width: of the picture in pixels.
        dither: amplitude in levels.
        slack: squared error that a pixel may have more than if it was redrawn.
    """

    def __init__(self, height: int, width: int, dither: int, slack: int) -> None:
        self._shown: Packed = np.zeros(height * width, dtype=np.uint32)
        self._now, self._before = np.zeros_like(self._shown), np.zeros_like(self._shown)
        self._last: RgbPicture | None = None
        self._table: CellTable | None = None
        self._slack = slack
        self._dither = _dither_pattern(height, width, dither) if dither else None

    def show(self, picture: RgbPicture, table: CellTable) -> tuple[int, int, Indices] | None:
        """Draw a picture over what is shown.

        Returns:
            Top and left of the changed rectangle and its indices, or None when nothing changed.
        """
        if picture is self._last:
            return None
        change: tuple[int, int, Indices] | None
        first, self._last = self._last is None, picture
        self._now, self._before = self._before, self._now
        pack(picture, self._now)
        if first:
            fresh = table.lookup(self._dithered(self._now, None))
            self._shown[:] = fresh & COLOUR
            indices = (fresh >> INDEX).astype(np.uint8)
            change = _cropped(indices.reshape(picture.shape[:2]), 0)
        else:
            change = self._change(picture.shape[1], table)
        self._table = table
        return change

    def _change(self, width: int, table: CellTable) -> tuple[int, int, Indices] | None:
        """Redraw the pixels that are worse than they must be."""
        at = self._changed(width, table)
        wanted, held = self._now.take(at), self._shown.take(at)
        errors = squares(held, wanted)
        some = np.flatnonzero(errors > self._slack)
        if len(some) < len(at):
            at, wanted, errors = at.take(some), wanted.take(some), errors.take(some)
        fresh = table.lookup(self._dithered(wanted, at))
        limits = squares(fresh & COLOUR, wanted)
        limits += np.uint32(self._slack)
        redrawn = np.flatnonzero(errors > limits)
        if not len(redrawn):
            return None
        at, fresh = at.take(redrawn), fresh.take(redrawn)
        self._shown[at] = fresh & COLOUR
        top, bottom = int(at[0]) // width, int(at[-1]) // width + 1
        indices = np.zeros((bottom - top) * width, dtype=np.uint8)
        indices[at - top * width] = fresh >> INDEX
        return _cropped(indices.reshape(-1, width), top)

    def _changed(self, width: int, table: CellTable) -> _Where:
        """Find the pixels that are to be looked at.

        With the same palette these are the changed ones: the others are within the bound. A new
        palette may show the others in a changed row better.
        """
        changed = self._now != self._before
        if table is not self._table:
            return np.flatnonzero(np.repeat(changed.reshape(-1, width).any(axis=1), width))
        return np.flatnonzero(changed)

    def _dithered(self, pixels: Packed, at: _Where | None) -> Packed:
        """Move the channels of pixels by the pattern where they are, within 0 to 255."""
        if self._dither is None:
            return pixels
        up, down = (
            (pattern if at is None else pattern.take(at)).view(np.uint8) for pattern in self._dither
        )
        moved = np.maximum(pixels.view(np.uint8), down)
        moved -= down
        np.minimum(moved, 255 - up, out=moved)
        moved += up
        return moved.view(np.uint32)


def _dither_pattern(height: int, width: int, amplitude: int) -> tuple[Packed, Packed]:
    """Return what 8 x 8 Bayer dither adds and takes away at each pixel, the same for channels."""
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

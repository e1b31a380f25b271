"""Where a slice is liveliest: its pictures differ most, without a cut, and none is black.

All is counted in whole numbers, so that every machine finds the same.
"""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scrubjay.encode.base import RgbPicture

__all__ = ["Liveliness", "liveliest"]

_CELL_PX = 3
"""Differences are those of the means of squares of so many pixels a side: noise is none."""

_FLASH = 15
"""Mean difference of luma, 0 to 255, above which a picture is no livelier."""

_CUT, _CUT_TIMES, _CUT_PLUS = 18, 3, 4
"""A cut differs by more than 18 levels, and by more than 4 over 3 times the median around it."""

_AROUND = 10
"""Pictures to each side of one whose median difference is compared with its own."""

_DARK, _FLAT = 20, 8
"""Mean and deviation of luma below which a picture is black."""


class Liveliness(NamedTuple):
    """What one picture adds."""

    change: float
    """Mean absolute difference of luma from the picture before, 0 to 255."""
    is_black: bool
    luma: npt.NDArray[np.int32]
    """Of each square of pixels, times a constant: for the next picture."""

    @staticmethod
    def of(picture: RgbPicture, before: "Liveliness | None") -> "Liveliness":
        """Measure a picture.

        Args:
            picture: of the same size as the one before.
            before: what that one added; None for the first.
        """
        side = min(_CELL_PX, *picture.shape[:2])
        rows, columns = (length // side for length in picture.shape[:2])
        levels = picture[: rows * side, : columns * side].astype(np.uint16)
        # ITU-R BT.709-6, 3.2, in 256ths: 16 bits hold it
        luma = 54 * levels[..., 0] + 183 * levels[..., 1] + 19 * levels[..., 2]
        cells: npt.NDArray[np.int32] = luma.reshape(rows, side, columns, side).sum(
            axis=(1, 3), dtype=np.int32
        )
        unit = 256 * side * side
        total, squares = int(cells.sum()), int((cells.astype(np.int64) ** 2).sum())
        mean = total / cells.size / unit
        variance = max(0.0, squares / cells.size / unit**2 - mean**2)
        difference = int(np.abs(cells - before.luma).sum()) if before else 0
        change = difference / cells.size / unit
        return Liveliness(change, mean < _DARK or variance < _FLAT**2, cells)


def liveliest(changes: Sequence[float], blacks: Sequence[bool], count: int) -> int:
    """Return the index of the first of `count` pictures in a row that are the liveliest.

    Those with the fewest black pictures come first, then those without a cut, then those that
    differ most; of equals, the earliest.

    Args:
        changes: how much each picture differs from the one before, 0 to 255.
        blacks: whether each picture is black.
        count: at least 1, and at most the number of pictures.
    """
    cuts = [_is_cut(changes, at) for at in range(len(changes))]

    def rank(first: int) -> tuple[int, bool, float]:
        inside = slice(first + 1, first + count)
        lively = sum(min(change, _FLASH) for change in changes[inside])
        return sum(blacks[first : first + count]), any(cuts[inside]), -lively

    return min(range(len(changes) - count + 1), key=rank)


def _is_cut(changes: Sequence[float], at: int) -> bool:
    if changes[at] <= _CUT:
        return False
    around = median(changes[max(0, at - _AROUND) : at + _AROUND + 1])
    return changes[at] > _CUT_TIMES * around + _CUT_PLUS

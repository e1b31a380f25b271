"""Where the pictures of an output of the whole video lie: spread evenly over its length. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

__all__ = ["Cells", "cells_over", "middles"]

_LONG = 900
"""Seconds from which on a video is worth twice as many cells: Mux draws the line there, too."""

_CELLS, _CELLS_OF_LONG = 50, 100

_CLOSEST = 2
"""Seconds between two cells, at least, where the video is long enough for two."""


class Cells(NamedTuple):
    """How the cells of one sheet are spread over a whole video."""

    number: int
    interval: Fraction
    """Seconds from one to the next: a whole number of milliseconds, for players count in those."""


def cells_over(duration: Fraction, columns: int) -> Cells:
    """Spread the cells of a sheet over a video: as many as it is worth, in full rows.

    Args:
        duration: of the video in seconds, above 0.
        columns: cells in a row, at most.
    """
    worth = _CELLS_OF_LONG if duration >= _LONG else _CELLS
    full = columns * ceil(worth / columns)
    most = min(full, max(1, floor(duration / _CLOSEST)))
    interval = Fraction(ceil(duration * 1000 / most), 1000)
    return Cells(ceil(duration / interval), interval)


def middles(duration: Fraction, interval: Fraction) -> Sequence[Fraction]:
    """Return the middle of each stretch of `interval` seconds: it stands for the stretch best."""
    starts = (k * interval for k in range(ceil(duration / interval)))
    return [(start + min(start + interval, duration)) / 2 for start in starts]

"""Where the pictures of an output of the whole video lie: spread evenly over its length. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

__all__ = ["Cells", "Share", "candidates_over", "cells_over", "middles", "shares_over"]

_LONG = 900
"""Seconds from which on a video is worth twice as many cells: Mux draws the line there, too."""

_CELLS, _CELLS_OF_LONG = 50, 100

_CLOSEST = 2
"""Seconds between two cells, at least, where the video is long enough for two."""


_CANDIDATES, _FEWEST_CANDIDATES = 32, 8
"""How many pictures compete for a poster: in a long video, and in one of a few seconds."""

_MARGIN = Fraction(5, 100)
"""Share of a video at each end that has no moment of a clip: titles and credits."""

_FIRST, _LAST = Fraction(5, 100), Fraction(85, 100)
"""Where posters are sought, as shares of a video: between its titles and its credits."""


class Cells(NamedTuple):
    """How the cells of one sheet are spread over a whole video."""

    number: int
    interval: Fraction
    """Seconds from one to the next: a whole number of milliseconds, for players count in those."""


class Share(NamedTuple):
    """The part of a video from which one moment of a clip is taken."""

    start: Fraction
    """Where the moment begins at the earliest, in seconds."""
    slack: Fraction
    """By how much later it may begin."""
    length: Fraction
    """How long it is."""


def cells_over(duration: Fraction, columns: int, rows: int = 0) -> Cells:
    """Spread the cells of a sheet over a video: as many as it is worth, in full rows.

    Args:
        duration: of the video in seconds, above 0.
        columns: cells in a row, at most.
        rows: at most; 0 is as many as it is worth.
    """
    worth = _CELLS_OF_LONG if duration >= _LONG else _CELLS
    full = columns * (rows or ceil(worth / columns))
    most = min(full, max(1, floor(duration / _CLOSEST)))
    interval = Fraction(ceil(duration * 1000 / most), 1000)
    return Cells(ceil(duration / interval), interval)


def middles(duration: Fraction, interval: Fraction) -> Sequence[Fraction]:
    """Return the middle of each stretch of `interval` seconds: it stands for the stretch best."""
    starts = (k * interval for k in range(ceil(duration / interval)))
    return [(start + min(start + interval, duration)) / 2 for start in starts]


def candidates_over(duration: Fraction) -> tuple[Sequence[Fraction], Fraction]:
    """Return the times of the pictures that compete for a poster, and by how much each may miss.

    Args:
        duration: of the video in seconds, above 0.
    """
    room = (_LAST - _FIRST) * duration
    number = min(_CANDIDATES, max(_FEWEST_CANDIDATES, floor(room / _CLOSEST)))
    spacing = room / number
    times = [_FIRST * duration + (2 * k + 1) * spacing / 2 for k in range(number)]
    return times, spacing / 2


def shares_over(duration: Fraction, moments: int, seconds: Fraction) -> Sequence[Share]:
    """Cut a video into equal shares, one for each moment of a clip.

    A short video has fewer moments; one that is shorter than a moment is one itself.

    Args:
        duration: of the video in seconds, above 0.
        moments: how many there are, at most.
        seconds: how long each is, at most.
    """
    room = (1 - 2 * _MARGIN) * duration
    number = min(moments, floor(room / seconds))
    if number == 0:
        length = min(seconds, duration)
        return [Share((duration - length) / 2, Fraction(0), length)]
    own = room / number
    return [Share(_MARGIN * duration + k * own, own - seconds, seconds) for k in range(number)]

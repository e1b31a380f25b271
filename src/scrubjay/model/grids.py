"""Grids of sheets: all sheets of an output are alike, so one formula finds each thumbnail. Pure.

For a time t, an interval i and a grid of c x r, thumbnail `k = floor(t / i)` is cell `k mod (c*r)`
of sheet `floor(k / (c*r))`. Players of DASH, HLS and Jellyfin have no other way to find it: no
sheet can differ from the others. So slices end where a sheet ends, and only the last sheet of a
video has cells without a picture.
"""

from fractions import Fraction
from math import ceil
from typing import NamedTuple

__all__ = ["Grid", "check_grid", "grid_of"]

_LONGEST_SLICE = 86400
_TRIES = 100
"""How far from an interval one is looked for that would do."""


class Grid(NamedTuple):
    """The arrangement of the thumbnails in each sheet."""

    columns: int
    rows: int

    @property
    def cells(self) -> int:
        """Thumbnails in a full sheet."""
        return self.columns * self.rows


def grid_of(
    interval: Fraction, columns: int, rows: int, slice_length: Fraction, duration: Fraction
) -> Grid:
    """Return the grid of an output's sheets.

    With `rows`, the grid is as requested. Without, a slice has one sheet without empty cells: the
    number of columns is the largest that divides the number of thumbnails. If the whole video
    needs only one sheet, the grid is only as large as that sheet.

    Args:
        interval: seconds from one thumbnail to the next.
        columns: thumbnails in a row; without `rows`, at most.
        rows: number of rows, or 0.
        slice_length: length of a slice in seconds, checked by `check_grid`.
        duration: duration of the video in seconds.
    """
    if rows:
        return Grid(columns, rows)
    cells = max(1, int(slice_length / interval))
    in_video = ceil(duration / interval)
    if in_video <= cells:
        width = min(columns, in_video)
        return Grid(width, ceil(in_video / width))
    width = next(each for each in range(min(columns, cells), 0, -1) if cells % each == 0)
    return Grid(width, cells // width)


def check_grid(
    name: str, interval: Fraction, columns: int, rows: int, slice_length: Fraction
) -> None:
    """Check that all sheets of an output can have the same grid.

    Args:
        name: name of the output.
        interval: seconds from one thumbnail to the next.
        columns: thumbnails in a row.
        rows: number of rows; 0 if any number is allowed.
        slice_length: length of a slice in seconds.

    Raises:
        ValueError: they cannot; the text names values that are possible.
    """
    if (interval * 1000).denominator > 1:
        raise ValueError(
            f"interval of {name!r} is {interval}, which is not a whole number of milliseconds, so "
            "thumbnails would drift in every player; use interval = "
            f"{_decimal(Fraction(round(interval * 1000), 1000))}"
        )
    if interval < slice_length and slice_length % interval:
        raise ValueError(
            f"slice_length is {_decimal(slice_length)}, which is not a multiple of "
            f"{_decimal(interval)}, the interval of {name!r}, so its sheets would differ, and "
            "players of DASH, HLS and Jellyfin would show wrong thumbnails; use "
            f"{_remedies(interval, slice_length)}"
        )
    length = columns * rows * interval
    if rows and slice_length % length:
        fitting = length * max(1, round(slice_length / length))
        raise ValueError(
            f"slice_length is {_decimal(slice_length)}, and a sheet of {columns} x {rows} "
            f"thumbnails of {name!r} lasts {_decimal(length)} s, but a slice has whole sheets; use "
            + (f"slice_length = {_decimal(fitting)} or " if fitting <= _LONGEST_SLICE else "")
            + "rows = 0"
        )


def _remedies(interval: Fraction, slice_length: Fraction) -> str:
    """Return the nearest possible slice length and interval, for people."""
    near = round(slice_length / interval)
    counts = (count for off in range(_TRIES) for count in (near - off, near + off) if count > 0)
    fitting = (slice_length / count for count in counts)
    whole = next((each for each in fitting if (each * 1000).denominator == 1), None)
    length = f"slice_length = {_decimal(near * interval)}"
    return length if whole is None else f"{length} or interval = {_decimal(whole)}"


def _decimal(seconds: Fraction) -> str:
    """Write seconds as recipes do: 30, 0.25, or 7/3 if the decimals never end."""
    decimal = f"{float(seconds):.3f}".rstrip("0").rstrip(".")
    return decimal if Fraction(decimal) == seconds else str(seconds)

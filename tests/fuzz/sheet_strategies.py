"""Sheets that a recipe accepts, and slice lengths that fit them, for hypothesis."""

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from scrubjay.model import Sheet

_LONGEST = Fraction(86_400)


@st.composite
def sheets_and_lengths(
    draw: st.DrawFn,
    /,
    *,
    least: Fraction = Fraction(1, 2),
    longest: Fraction = Fraction(70),
    **fields: Any,  # noqa: ANN401  a sheet's
) -> tuple[Sheet, Fraction]:
    """Draw a sheet, and a slice length in seconds that divides into its sheets.

    The sheet has rows of its own, or as many as the slice needs, or a thumbnail more seldom than
    there are slices.

    Args:
        draw: from hypothesis.
        least: the shortest interval, in seconds.
        longest: about the longest slice, in seconds.
        fields: of the sheet, beside its grid.
    """
    how = draw(st.sampled_from(["rows", "slice", "seldom"]))
    columns, rows = draw(st.integers(1, 12)), draw(st.integers(1, 6)) if how == "rows" else 0
    interval = Fraction(draw(st.integers(int(least * 1000), 20_000)), 1000)
    sheet = Sheet(interval=interval, columns=columns, rows=rows, **fields)
    if how == "seldom":
        length = draw(st.fractions(Fraction(1, 10), interval, max_denominator=10**6))
    else:
        step = interval * columns * rows if rows else interval
        length = step * draw(st.integers(1, max(1, int(longest / step))))
    return sheet, min(length, _LONGEST)

"""Thumbnails side by side in one picture."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["lay_out"]


def lay_out(
    thumbnails: Sequence[npt.NDArray[np.uint8]], *, columns: int, rows: int
) -> npt.NDArray[np.uint8]:
    """Lay out equal (height, width, 3) RGB uint8 pictures by rows; empty cells are black.

    Args:
        thumbnails: at least one, at most `columns * rows`.
        columns: pictures in a row.
        rows: rows of the sheet, filled or not.

    Returns:
        (rows * height, columns * width, 3) RGB uint8.
    """
    height, width, _ = thumbnails[0].shape
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for index, thumbnail in enumerate(thumbnails):
        row, column = divmod(index, columns)
        top, left = row * height, column * width
        sheet[top : top + height, left : left + width] = thumbnail
    return sheet

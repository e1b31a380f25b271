"""The nearest colours of a palette, by one exact matrix product."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Points", "Scorer", "distances", "find_nearest", "make_scorer", "widen"]

Points: TypeAlias = npt.NDArray[np.float32]
"""(points, 4): the three channels, whole numbers, and 1."""
Scorer: TypeAlias = npt.NDArray[np.float32]
"""(4, 256): what points are multiplied with; the highest score is the nearest colour's."""

# 256 rows of scores stay in the cache; and for products of more than 256 * 256 * 4, OpenBLAS starts
# threads, which spin on two cores for 20 times as long as the work takes
_ROWS = 256


def widen(channels: Iterable[npt.NDArray[Any]], count: int) -> Points:
    """Return points for `find_nearest`, given their three channels."""
    points = np.ones((count, 4), dtype=np.float32)
    for place, channel in enumerate(channels):
        points[:, place] = channel
    return points


def make_scorer(palette: npt.NDArray[Any]) -> Scorer:
    """Return the scorer of (colours, 3) whole numbers of less than 512."""
    colours = palette.astype(np.float32)
    scorer = np.zeros((4, 256), dtype=np.float32)
    scorer[3] = -(2.0**23)  # 256 columns are a third faster than 255; unused ones never win
    scorer[:3, : len(colours)] = 2 * colours.T
    scorer[3, : len(colours)] = -(colours * colours).sum(axis=1)
    return scorer


def find_nearest(points: Points, scorer: Scorer) -> npt.NDArray[np.intp]:
    """Return the index of the nearest palette colour for each point."""
    nearest = np.empty(len(points), dtype=np.intp)
    scores = np.empty((_ROWS, 256), dtype=np.float32)
    for start in range(0, len(points), _ROWS):
        some = points[start : start + _ROWS]
        found = np.matmul(some, scorer, out=scores[: len(some)])
        found.argmax(axis=1, out=nearest[start : start + _ROWS])
    return nearest


def distances(points: Points, colours: Points) -> npt.NDArray[np.float32]:
    """Return the exact squared distances of points to as many others, or to a single one."""
    off: Points = points - colours
    return np.asarray(np.einsum("ij,ij->i", off, off), dtype=np.float32)

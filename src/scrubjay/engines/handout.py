"""Which worker makes which slice next. Pure.

A worker that goes on to the next slice goes on decoding, without a new seek and lead-in. So a free
worker takes the slice after its last one while that is to be had; else it takes a stretch that
nobody is working towards; else the far half of the longest stretch that somebody is.
"""

from collections.abc import Iterable
from itertools import pairwise

__all__ = ["Handout"]


class Handout:
    """The slices still to be handed out.

    Args:
        indexes: of the slices to make.
    """

    def __init__(self, indexes: Iterable[int]) -> None:
        self._waiting = set(indexes)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def put_back(self, index: int) -> None:
        """Hand a slice out again later."""
        self._waiting.add(index)

    def clear(self) -> list[int]:
        """Take back all that is waiting, and return it."""
        rest = sorted(self._waiting)
        self._waiting.clear()
        return rest

    def take(self, last: int | None, busy: Iterable[int]) -> int:
        """Choose a slice for a free worker; call it only while something is waiting.

        Args:
            last: the slice that this worker made last, if any.
            busy: the slices that other workers are making now.
        """
        index = self._choose(last, set(busy))
        self._waiting.remove(index)
        return index

    def _choose(self, last: int | None, busy: set[int]) -> int:
        if last is not None and last + 1 in self._waiting:
            return last + 1
        runs = self._runs()
        free = [run for run in runs if run[0] - 1 not in busy]
        if free:
            return free[0][0]
        longest = max(runs, key=len)
        return longest[len(longest) // 2]

    def _runs(self) -> list[list[int]]:
        """Return the waiting slices as stretches of neighbours."""
        rising = sorted(self._waiting)
        runs = [[rising[0]]]
        for before, index in pairwise(rising):
            if index == before + 1:
                runs[-1].append(index)
            else:
                runs.append([index])
        return runs

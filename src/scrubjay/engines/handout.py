"""Chooses the next slice for each worker. Pure.

For the slice after its last one, a worker continues decoding, without a new seek and lead-in. So a
free worker gets that slice if it is still waiting. Otherwise it gets the start of a run of waiting
slices that no other worker is about to reach, and otherwise the middle of the longest run.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

__all__ = ["Handout"]


class Handout:
    """The slices that wait for a worker.

    Args:
        indexes: indexes of the slices to make.
    """

    def __init__(self, indexes: Iterable[int]) -> None:
        self._waiting = set(indexes)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[int]:
        return iter(self._waiting)

    def __contains__(self, index: int) -> bool:
        return index in self._waiting

    def put_back(self, index: int) -> None:
        """Hand a slice out again later."""
        self._waiting.add(index)

    def clear(self) -> list[int]:
        """Remove all waiting slices, and return them."""
        rest = sorted(self._waiting)
        self._waiting.clear()
        return rest

    def take(self, last: int | None, busy: Iterable[int]) -> int:
        """Choose a slice for a free worker; call it only while slices are waiting.

        Args:
            last: the slice that this worker made last, if any.
            busy: the slices that other workers are making now.
        """
        index = self._choose(last, set(busy))
        self._waiting.remove(index)
        return index

    def take_these(self, indexes: list[int]) -> list[int]:
        """Take certain slices, all of which must be waiting, and return them."""
        self._waiting.difference_update(indexes)
        return indexes

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
        """Return the waiting slices as runs of consecutive indexes."""
        rising = sorted(self._waiting)
        runs = [[rising[0]]]
        for before, index in pairwise(rising):
            if index == before + 1:
                runs[-1].append(index)
            else:
                runs.append([index])
        return runs

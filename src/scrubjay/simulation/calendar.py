"""A queue of a million things that are due at some time, sorted a few thousand at a time."""

from bisect import insort
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

__all__ = ["Calendar"]

E = TypeVar("E", bound=tuple[Any, ...])


class Calendar(Generic[E]):
    """Entries in their order: tuples that begin with the time at which they are due.

    What is due on a later page is kept unsorted with all else of that page.

    Args:
        pages: how many there are for a second.
    """

    __slots__ = ("_at", "_later", "_numbers", "_open", "_page", "_pages")

    def __init__(self, pages: float) -> None:
        self._pages = pages
        self._open: list[E] = []
        """The entries of the open page, rising; those before `_at` are removed."""
        self._at = 0
        self._page = 0
        self._later: dict[int, list[E]] = {}
        """All other entries, by page."""
        self._numbers: list[int] = []
        """A heap of those pages."""

    def put(self, entry: E) -> None:
        """Add an entry; no two are equal."""
        page = int(entry[0] * self._pages)
        if page <= self._page:
            insort(self._open, entry, self._at)
            return
        entries = self._later.get(page)
        if entries is None:
            self._later[page] = [entry]
            heappush(self._numbers, page)
        else:
            entries.append(entry)

    def first(self) -> E | None:
        """Return the first entry, None if there is none."""
        if self._at == len(self._open) and not self._turn():
            return None
        return self._open[self._at]

    def _turn(self) -> bool:
        """Open the next page that has entries, once all of this one are removed."""
        if not self._numbers:
            return False
        self._page = heappop(self._numbers)
        self._open = self._later.pop(self._page)
        self._open.sort()
        self._at = 0
        return True

    def taken_before(self, time: float) -> Iterator[E]:
        """Remove and yield each entry that is due before a time; others may be put meanwhile."""
        while self._at < len(self._open) or self._turn():
            entry = self._open[self._at]
            if entry[0] >= time:
                return
            self._at += 1
            yield entry

    def drop(self) -> None:
        """Remove the first entry, which `first` has returned."""
        self._at += 1

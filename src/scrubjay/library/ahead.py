"""Finds videos beside the work on them, some ahead, so that people can see how much is left."""

from collections import deque
from collections.abc import Iterable
from threading import Condition, Thread
from time import monotonic

from scrubjay.events import FilmsFound, OnEvent
from scrubjay.library.film import Film

__all__ = ["FilmsAhead"]

_MOST_AHEAD = 1000
"""How many films may wait; with more, memory would grow with the library."""

_REPORT_SECONDS = 0.5
"""Least time between two reports of how many were found."""


class FilmsAhead:
    """Films that were found and wait for their turn. Threads may share it.

    Args:
        films: the films, which may take long to find.
        report: called with how many were found, in a thread of its own.
    """

    def __init__(self, films: Iterable[Film], report: OnEvent) -> None:
        self._films = films
        self._report = report
        self._waiting = deque[Film]()
        self._changed = Condition()
        self._is_over = False
        self._is_stopped = False
        self._found, self._bytes = 0, 0
        self._due = 0.0
        self.error: BaseException | None = None
        """Why the search ended early, if it did."""
        Thread(target=self._search, name="scrubjay films", daemon=True).start()

    def take(self) -> Film | None:
        """Return the next film, None after the last one; it may have to be found first."""
        with self._changed:
            while not (self._waiting or self._is_over):
                self._changed.wait()
            film = self._waiting.popleft() if self._waiting else None
            self._changed.notify_all()
            return film

    def stop(self) -> None:
        """Let nobody take another film."""
        with self._changed:
            self._is_over = self._is_stopped = True
            self._waiting.clear()
            self._changed.notify_all()

    def _search(self) -> None:
        try:
            for film in self._films:
                if not self._add(film):
                    return
        except BaseException as error:  # noqa: BLE001  the run raises it
            self.error = error
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        self._say(is_all=self.error is None)

    def _add(self, film: Film) -> bool:
        """Let a film wait for its turn, once there is room; return False after `stop`."""
        with self._changed:
            while len(self._waiting) >= _MOST_AHEAD and not self._is_stopped:
                self._changed.wait()
            if self._is_stopped:
                return False
            self._waiting.append(film)
            self._changed.notify_all()
        self._found += 1
        self._bytes += film.stamp.size_bytes or 0
        if monotonic() >= self._due:
            self._due = monotonic() + _REPORT_SECONDS
            self._say(is_all=False)
        return True

    def _say(self, *, is_all: bool) -> None:
        self._report(FilmsFound(films=self._found, size_bytes=self._bytes, is_all=is_all))

"""Keeps the index of a library up to date while its films are made.

A thread reads what is new and writes the index. Others only put events into its queue, which a
signal cannot interrupt: so whatever was noted is written, whenever a run is stopped.
"""

from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import NamedTuple

from scrubjay.errors import StoreError
from scrubjay.events import Event, FilmEnded, FilmOutcome, FilmStarted
from scrubjay.library.catalogue import Catalogue, EntryStatus
from scrubjay.places.place import Place

__all__ = ["Indexing"]

_STATUSES: dict[FilmOutcome, EntryStatus] = {
    "made": "complete",
    "already": "complete",
    "partial": "partial",
    "failed": "failed",
}

_EVERY_SECONDS = 60.0
"""How often the index is written while films are made."""

_SHORTEST_PAUSE = 0.2
_PAUSE = 9
"""Between two writes, so many times as long as the first took: so writing costs a tenth at most,
however many films there are and however fast they come."""


class _Gone(NamedTuple):
    names: list[str]


class _Last(NamedTuple):
    """Ends the thread."""

    forgets: bool
    """Whether films that were not met and have no set are forgotten."""


class Indexing:
    """Writes the index now and then, and at the end. Threads may share it.

    Call it with each event of the run. What comes during a write is written by the next one.

    Args:
        root: where the index goes.

    Raises:
        DestinationError: another program's `index.html` is there.
    """

    def __init__(self, root: Place) -> None:
        self._catalogue = Catalogue(root)
        self._news = SimpleQueue[FilmStarted | FilmEnded | _Gone | _Last]()
        self._under_way: set[object] = set()
        self._is_changed = False
        self._written_at = monotonic()
        self._rested_at = 0.0
        self._error: Exception | None = None
        self._thread = Thread(target=self._keep, name="scrubjay index", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Note what becomes of a film."""
        if isinstance(event, FilmStarted | FilmEnded):
            self._news.put(event)

    def forget(self, names: list[str]) -> None:
        """Remove films that are gone."""
        self._news.put(_Gone(names))

    def close(self, *, forgets: bool = False) -> None:
        """Write what is not written yet. If this is interrupted, call it again.

        Args:
            forgets: whether films that were not met and have no set are forgotten, because the run
                has looked at every film.

        Raises:
            StoreError: the index cannot be written.
        """
        self._news.put(_Last(forgets))
        self._thread.join()
        if self._error:
            raise self._error

    def _keep(self) -> None:
        """Take what is new, and write the index when it is due, until the end."""
        try:
            while not isinstance(new := self._next(), _Last):
                self._take(new)
            if new.forgets:
                with suppress(StoreError):  # a set that cannot be read is not gone
                    self._catalogue.forget(self._catalogue.unseen_without_set())
            if self._is_changed or new.forgets:
                self._catalogue.write()
        except Exception as error:  # noqa: BLE001  `close` raises it
            self._error = error

    def _next(self) -> FilmStarted | FilmEnded | _Gone | _Last:
        """Wait for something new; write the index meanwhile if it is due."""
        while self._is_changed:
            due = self._rested_at
            if self._under_way or not self._news.empty():
                due = max(due, self._written_at + _EVERY_SECONDS)
            try:
                left = due - monotonic()
                if left > 0:
                    return self._news.get(timeout=left)
            except Empty:
                pass
            self._write()
        return self._news.get()

    def _take(self, new: FilmStarted | FilmEnded | _Gone) -> None:
        match new:
            case FilmStarted():
                self._under_way.add(new.film)
            case FilmEnded():
                self._under_way.discard(new.film)
                self._is_changed |= self._note(new)
            case _Gone():
                self._is_changed |= self._catalogue.forget(new.names)

    def _note(self, event: FilmEnded) -> bool:
        """Note what became of a film, and return whether its entry has changed."""
        if event.outcome == "passed":
            return self._catalogue.forget([str(event.film)])
        if event.outcome not in _STATUSES:
            return False
        return self._catalogue.add(
            str(event.film),
            _STATUSES[event.outcome],
            event.destination,
            size_bytes=event.size_bytes,
            message=event.message,
            is_news=event.is_news,
        )

    def _write(self) -> None:
        began = monotonic()
        with suppress(StoreError):  # it may pass; the last write reports it
            self._catalogue.write()
            self._is_changed = False
        self._written_at = monotonic()
        self._rested_at = self._written_at + max(
            _SHORTEST_PAUSE, _PAUSE * (self._written_at - began)
        )

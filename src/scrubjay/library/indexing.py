"""Keeps the index of a library up to date while its films are made."""

from contextlib import suppress
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Self

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


class Indexing:
    """Writes the index now and then, and at the end. Threads may share it.

    Args:
        root: where it goes.
        is_full: whether the run looks at every film, so that others can be forgotten.

    Raises:
        DestinationError: another program's `index.html` is there.
    """

    def __init__(self, root: Place, *, is_full: bool = False) -> None:
        self._catalogue = Catalogue(root)
        self._is_full = is_full
        self._lock = Lock()
        self._under_way = 0
        self._is_changed = False
        self._written_at = monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Write the index once more."""
        with self._lock:
            if kind is None and self._is_full:
                with suppress(StoreError):  # a set that cannot be read is not gone
                    self._catalogue.forget(self._catalogue.unseen_without_set())
                self._is_changed = True
            try:
                self._write()
            except StoreError:
                if error is None:  # otherwise the first error is the important one
                    raise

    def __call__(self, event: Event) -> None:
        """Note what became of a film."""
        if isinstance(event, FilmStarted):
            self._under_way += 1
        if not isinstance(event, FilmEnded) or event.outcome not in _STATUSES:
            return
        with self._lock:
            if event.is_news:
                self._under_way = max(0, self._under_way - 1)
            self._is_changed |= self._catalogue.add(
                str(event.film),
                _STATUSES[event.outcome],
                event.destination,
                size_bytes=event.size_bytes,
                message=event.message,
                is_news=event.is_news,
            )
            if not self._under_way or monotonic() - self._written_at > _EVERY_SECONDS:
                self._write()

    def forget(self, names: list[str]) -> None:
        """Remove films that are gone."""
        with self._lock:
            self._catalogue.forget(names)
            self._is_changed = True
            self._write()

    def _write(self) -> None:
        if self._is_changed:
            self._catalogue.write()
            self._is_changed, self._written_at = False, monotonic()

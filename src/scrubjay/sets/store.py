"""Bytes by key: the one way to read and write a destination.

A thin layer over a folder, a bucket or memory; each writes every object whole or not at all.
"""

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from scrubjay.errors import DestinationError, ObjectNotFoundError
from scrubjay.places.place import Place, PlaceText
from scrubjay.sets.folder import Folder, local_errors
from scrubjay.sets.memory import Memory
from scrubjay.waiting import mapped

if TYPE_CHECKING:
    from scrubjay.sets.bucket import Objects

__all__ = ["Sink", "Store"]

_Backend: TypeAlias = "Folder | Memory | Objects"

_REMOTE_LANES = 16
"""Requests to an object store that run at once; more gained nothing (docs/stores.md)."""


class Sink(Protocol):
    """Takes what a slice makes: a store, or who hands it on to one."""

    @property
    def lanes(self) -> int:
        """How many objects at once pay off."""
        ...

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Take an object, over any of the same key.

        Raises:
            StoreError: it could not be written.
        """
        ...


class Store:
    """The objects under one destination. It may be shared between threads.

    Args:
        connect: returns the folder, bucket or memory; called on first use.
        place: where another process opens the same store; None where none can (memory).
    """

    def __init__(self, connect: Callable[[], _Backend], *, place: Place | None) -> None:
        self._connect = connect
        self.place = place
        self.lanes = 1 if place is None or place.is_local else _REMOTE_LANES
        """How many requests at once pay off."""

    @cached_property
    def _backend(self) -> _Backend:
        return self._connect()

    @classmethod
    def in_memory(cls) -> "Store":
        """Make an empty store that lives as long as this object."""
        return cls(Memory, place=None)

    @classmethod
    def open(cls, where: PlaceText | Place) -> "Store":
        """Open the store at a folder, `s3://bucket/prefix`, `gs://...` or `az://...`.

        This writes and sends nothing; a folder is made when it is first written.

        Raises:
            PlaceError: the address is of an unknown kind.
            DestinationError: the path is a file or cannot be a folder, or the place is read-only.
        """
        place = Place.of(where)
        if place.is_local:
            return cls._open_folder(place)
        if place.scheme in {"http", "https"}:
            raise DestinationError(f"{place.shown} can be read, but nothing can be stored there")
        return cls(partial(_open_objects, place), place=place)

    @classmethod
    def _open_folder(cls, place: Place) -> "Store":
        folder = Path(place.address)
        with local_errors(str(folder)):
            existing = next(each for each in (folder, *folder.parents) if each.exists())
        if not existing.is_dir():
            raise DestinationError(f"{existing} is a file, so {folder} cannot be a destination")
        return cls(partial(Folder, folder), place=place)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Write an object whole, over any that is there.

        Raises:
            StoreFullError: no space is left.
            DestinationError: the destination cannot be written.
            StoreError: it failed for a reason that may pass.
        """
        backend = self._backend
        if isinstance(backend, Folder | Memory):  # these keep no attributes
            backend.put(key, data)
        else:
            backend.put(key, data, media_type)

    def put_if(self, key: str, data: bytes, media_type: str, version: str) -> bool:
        """Write an object whole, if nobody has written it since it had that version.

        Args:
            key: of the object.
            data: its bytes.
            media_type: what they are.
            version: what `version` returned; empty if there was no such object.

        Returns:
            Whether it was written.

        Raises:
            StoreFullError: no space is left.
            DestinationError: the destination cannot be written.
            StoreError: it failed for a reason that may pass.
        """
        backend = self._backend
        if isinstance(backend, Folder | Memory):
            return backend.put_if(key, data, version)
        return backend.put_if(key, data, media_type, version)

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ObjectNotFoundError: there is none.
            DestinationError: what is there is not a file.
            StoreError: it could not be read.
        """
        return self._backend.get(key)

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return the size in bytes of every object, by key.

        Args:
            prefix: a folder of keys to look in, such as "frames/"; all of them if empty.
        """
        return self._backend.sizes(prefix.rstrip("/"))

    def version(self, key: str) -> str:
        """Return what changes when other bytes are written; empty if there is no object.

        Raises:
            StoreError: it could not be looked up.
        """
        return self._backend.version(key)

    def age(self, key: str) -> float:
        """Return how many seconds ago an object was written.

        Raises:
            ObjectNotFoundError: there is none.
            StoreError: it could not be looked up.
        """
        return self._backend.age(key)

    def has(self, key: str) -> bool:
        """Whether there is an object of that key.

        Raises:
            StoreError: it could not be looked up.
        """
        return bool(self.version(key))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; keys that have none are passed over."""
        mapped(self._delete, keys, lanes=self.lanes)

    def delete_if(self, key: str, version: str) -> None:
        """Delete an object, if nobody has written it since it had that version.

        In buckets another writer may come between the look and the deletion.
        """
        try:
            self._backend.delete_if(key, version)
        except ObjectNotFoundError:
            return

    def _delete(self, key: str) -> None:
        try:
            self._backend.delete(key)
        except ObjectNotFoundError:
            return

    def remove_empty(self, folders: Iterable[str]) -> None:
        """Remove folders in which nothing is left; only local destinations have any."""
        if isinstance(self._backend, Folder):
            self._backend.remove_empty(folders)

    def sweep(self, folders: Iterable[str], is_ours: Callable[[str], bool]) -> None:
        """Remove the unfinished files that a killed writer left, and no other writer's.

        An object is written in one go, so a file that stays as it is for a second is nobody's.

        Args:
            folders: where to look; only local folders have such files.
            is_ours: whether a key is one that we write: a neighbour's "take #2" is not touched.

        Raises:
            StoreError: a folder cannot be looked into, or a file cannot be removed.
        """
        if isinstance(self._backend, Folder):
            self._backend.sweep(folders, is_ours)


def _open_objects(place: Place) -> "Objects":
    from scrubjay.sets.bucket import Objects  # noqa: PLC0415  slow to load, and most sets are folders

    return Objects(place)

"""Objects by key: the only way to read and write a destination.

It is a thin layer over a folder, a bucket or memory. Each writes every object whole or not at all.
"""

from collections.abc import Callable, Iterable, Iterator
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

_PIECE_BYTES = 4 << 20
"""Bytes of an object that are read at once by `Store.pieces`."""

_REMOTE_LANES = 16
"""Requests to an object store that run at once; more did not help (docs/stores.md)."""


class Sink(Protocol):
    """Accepts the objects of a slice: a store, or a connection to one."""

    @property
    def lanes(self) -> int:
        """How many objects to write at once."""
        ...

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Write an object, replacing any of that key.

        Raises:
            StoreError: the object could not be written.
        """
        ...


class Store:
    """The objects of one destination. Threads may share it.

    Args:
        connect: returns the folder, bucket or memory; called on first use.
        place: where another process can open the same store; None for memory.
    """

    def __init__(self, connect: Callable[[], _Backend], *, place: Place | None) -> None:
        self._connect = connect
        self.place = place
        self.lanes = 1 if place is None or place.is_local else _REMOTE_LANES
        """How many requests to make at once."""

    @cached_property
    def _backend(self) -> _Backend:
        return self._connect()

    @classmethod
    def in_memory(cls) -> "Store":
        """Return an empty store in memory."""
        return cls(Memory, place=None)

    @classmethod
    def open(cls, where: PlaceText | Place) -> "Store":
        """Open the store at a folder, `s3://bucket/prefix`, `gs://...` or `az://...`.

        This writes and sends nothing; a folder is created on the first write.

        Raises:
            PlaceError: the address is of an unknown kind.
            DestinationError: the path is a file or cannot be a folder, or the address is read-only.
        """
        place = Place.of(where)
        if place.is_local:
            return cls._open_folder(place)
        if place.scheme in {"http", "https"}:
            raise DestinationError(
                f"{place.shown} is a web address, which cannot be written; use a folder or a bucket"
            )
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
        """Write a whole object, replacing any of that key.

        Raises:
            StoreFullError: no space is left.
            DestinationError: the destination cannot be written.
            StoreError: writing failed for a reason that may be temporary.
        """
        backend = self._backend
        if isinstance(backend, Folder | Memory):  # these keep no attributes
            backend.put(key, data)
        else:
            backend.put(key, data, media_type)

    def put_if(self, key: str, data: bytes, media_type: str, version: str) -> bool:
        """Write a whole object, unless it was written since it had that version.

        Args:
            key: key of the object.
            data: its bytes.
            media_type: its media type.
            version: what `version` returned; empty if the object must not exist.

        Returns:
            Whether it was written.

        Raises:
            StoreFullError: no space is left.
            DestinationError: the destination cannot be written.
            StoreError: writing failed for a reason that may be temporary.
        """
        backend = self._backend
        if isinstance(backend, Folder | Memory):
            return backend.put_if(key, data, version)
        return backend.put_if(key, data, media_type, version)

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ObjectNotFoundError: the object does not exist.
            DestinationError: something that is not a regular file is in its place.
            StoreError: the object could not be read.
        """
        return self._backend.get(key)

    def pieces(self, key: str, size: int) -> Iterator[bytes]:
        """Yield an object's bytes in pieces, so that it need not fit into memory.

        Args:
            key: key of the object.
            size: its size in bytes; what lies beyond is not read.

        Raises:
            ObjectNotFoundError: the object does not exist, or is shorter by now.
            DestinationError: something that is not a regular file is in its place.
            StoreError: the object could not be read.
        """
        for start in range(0, size, _PIECE_BYTES):
            length = min(_PIECE_BYTES, size - start)
            piece = self._backend.part(key, start, length)
            if len(piece) != length:
                raise ObjectNotFoundError(f"{key} became shorter while it was read")
            yield piece

    def children(self, folder: str = "") -> tuple[list[str], list[str]]:
        """Return the names of the files and of the folders in one folder, in no order.

        Args:
            folder: the folder, such as "films/"; if empty, the destination itself.
        """
        return self._backend.children(folder.rstrip("/"))

    def unfinished(self) -> list[str]:
        """Return the keys of half-written files; only local destinations have any."""
        return self._backend.unfinished() if isinstance(self._backend, Folder) else []

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return the size in bytes of every object, by key.

        Args:
            prefix: folder to list, such as "frames/"; if empty, everything.
        """
        return self._backend.sizes(prefix.rstrip("/"))

    def version(self, key: str) -> str:
        """Return the version of an object, which changes with each write; empty if it is missing.

        Raises:
            StoreError: the object could not be looked up.
        """
        return self._backend.version(key)

    def age(self, key: str) -> float:
        """Return how many seconds ago an object was written.

        Raises:
            ObjectNotFoundError: the object does not exist.
            StoreError: the object could not be looked up.
        """
        return self._backend.age(key)

    def has(self, key: str) -> bool:
        """Whether there is an object of that key.

        Raises:
            StoreError: the object could not be looked up.
        """
        return bool(self.version(key))

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; keys without an object are skipped."""
        mapped(self._delete, keys, lanes=self.lanes)

    def delete_if(self, key: str, version: str) -> None:
        """Delete an object, unless it was written since it had that version.

        In buckets, another write may happen between the check and the deletion.
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
        """Remove empty folders; only local destinations have folders."""
        if isinstance(self._backend, Folder):
            self._backend.remove_empty(folders)

    def sweep(self, folders: Iterable[str], is_ours: Callable[[str], bool]) -> None:
        """Remove unfinished files that killed writers left, and not those of running ones.

        An object is written in one go, so a file that does not change for a second is abandoned.

        Args:
            folders: folders to clean; only local destinations have such files.
            is_ours: whether a key is one of Scrubjay's: another program's "take #2" stays.

        Raises:
            StoreError: a folder cannot be read, or a file cannot be removed.
        """
        if isinstance(self._backend, Folder):
            self._backend.sweep(folders, is_ours)


def _open_objects(place: Place) -> "Objects":
    from scrubjay.sets.bucket import Objects  # noqa: PLC0415  slow to load, and most sets are folders

    return Objects(place)

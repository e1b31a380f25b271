"""Bytes by key: the one way to read and write a destination.

A thin layer over `obstore`, which writes every object whole or not at all. It maps that library's
errors to ours and knows what a killed writer leaves behind.
"""

import errno
import os
import re
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path

from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore

from scrubjay.errors import DestinationError, ObjectNotFoundError, StoreError, StoreFullError

__all__ = ["Store"]

_STAGED = re.compile(r"(.+)#\d+")
"""What obstore's local store calls a file that it has not finished: the name, `#`, a number."""

_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = {
    errno.EPERM,
    errno.EACCES,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


class Store:
    """The objects under one destination.

    Args:
        connect: returns obstore's store, rooted at the destination; called on first use.
        location: where another process opens the same store; None where none can (memory).
        folder: the local folder behind it, if there is one.
    """

    def __init__(
        self,
        connect: Callable[[], LocalStore | MemoryStore],
        *,
        location: str | None,
        folder: Path | None,
    ) -> None:
        self._connect = connect
        self.location = location
        self._folder = folder

    @cached_property
    def _backend(self) -> LocalStore | MemoryStore:
        return self._connect()

    @classmethod
    def in_memory(cls) -> "Store":
        """Make an empty store that lives as long as this object."""
        return cls(MemoryStore, location=None, folder=None)

    @classmethod
    def open(cls, location: str | Path) -> "Store":
        """Open the store at a local folder; the folder is made when it is first used.

        Raises:
            DestinationError: the path is a file or cannot be a folder.
        """
        # not `Path.expanduser`: it refuses a folder that is named like no user, "~x"
        folder = Path(os.path.expanduser(location)).absolute()  # noqa: PTH111
        if not _is_text(str(folder)):
            raise DestinationError(f"the path {str(folder)!a} is not UTF-8 text; use another one")
        with _errors(str(folder)):
            existing = next(each for each in (folder, *folder.parents) if each.exists())
        if not existing.is_dir():
            raise DestinationError(f"{existing} is a file, so {folder} cannot be a destination")
        connect = partial(LocalStore, folder, mkdir=True)
        return cls(connect, location=str(folder), folder=folder)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Write an object whole, over any that is there.

        Raises:
            StoreFullError: no space is left.
            DestinationError: the destination cannot be written.
            StoreError: it failed for a reason that may pass.
        """
        with _errors(key):
            if self._folder:  # a file system keeps no media type
                self._backend.put(key, data, use_multipart=False)
            else:
                self._backend.put(
                    key, data, use_multipart=False, attributes={"Content-Type": media_type}
                )

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ObjectNotFoundError: there is none.
            StoreError: it could not be read.
        """
        with _errors(key):
            return bytes(self._backend.get(key).bytes())

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every object, by key."""
        with _errors("the list of objects"):
            return {entry["path"]: entry["size"] for page in self._backend.list() for entry in page}

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; keys that have none are passed over."""
        for key in keys:
            try:
                with _errors(key):
                    self._backend.delete(key)
            except ObjectNotFoundError:
                continue

    def sweep(self, folders: Iterable[str], is_ours: Callable[[str], bool]) -> None:
        """Remove the unfinished files that a killed writer left.

        Args:
            folders: where to look; only local folders have such files.
            is_ours: whether a key is one that we write: a neighbour's "take #2" is not touched.
        """
        if self._folder is None:
            return
        for path in [path for name in folders for path in (self._folder / name).glob("*#*")]:
            staged = _STAGED.fullmatch(path.relative_to(self._folder).as_posix())
            if staged and is_ours(staged[1]):
                with _errors(path.name):
                    path.unlink(missing_ok=True)


def _is_text(path: str) -> bool:
    """Whether a path is UTF-8: other bytes could not be told to a worker in JSON."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _errors(what: str) -> Generator[None]:
    """Turn obstore's errors into ours; it raises builtins for some and `BaseError` for most."""
    try:
        yield
    except FileNotFoundError as exc:
        raise ObjectNotFoundError(f"{what} does not exist in the destination") from exc
    except (BaseError, OSError) as exc:
        reason = str(exc).partition("\n")[0]
        numbers = {int(number) for number in _OS_ERROR.findall(str(exc))}
        numbers |= {exc.errno} if isinstance(exc, OSError) and exc.errno else set()
        if numbers & _NO_SPACE:
            raise StoreFullError(f"no space is left in the destination to write {what}") from exc
        if isinstance(exc, PermissionError) or numbers & _NOT_WRITABLE:
            raise DestinationError(f"the destination cannot be written: {reason}") from exc
        raise StoreError(f"the destination failed on {what}: {reason}") from exc

"""Bytes by key: the one way to read and write a destination.

A thin layer over `obstore`, which writes every object whole or not at all. It maps that library's
errors to ours and knows what a killed writer leaves behind.
"""

import errno
import os
import re
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, TypeAlias

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import LocalStore, MemoryStore

from scrubjay.clouds import Bucket, first_line, open_bucket, refusal_code
from scrubjay.errors import (
    DestinationError,
    ObjectNotFoundError,
    StoreError,
    StoreFullError,
)
from scrubjay.naming import caching
from scrubjay.place import Place, PlaceText, redacted

__all__ = ["Store"]

_Backend: TypeAlias = LocalStore | MemoryStore | Bucket

_REMOTE_LANES = 16
"""Requests to an object store that run at once; more gained nothing (docs/stores.md)."""

_STAGED = re.compile(r"(.+)#\d+")
"""What obstore's local store calls a file that it has not finished: the name, `#`, a number."""

_UNTOUCHED_SECONDS = 1
"""How long an unfinished file must stay as it is to be nobody's."""

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
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""What file systems without hard links say, by which obstore puts new files: FAT, some shares."""

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidToken"}
"""What Amazon calls a session that is over."""

_NO_BUCKET = "the destination cannot be used: there is no such bucket or folder"
_NO_CREDENTIALS = re.compile(r"169\.254\.|metadata\.google|/oauth2/token|credential", re.IGNORECASE)
"""What obstore's errors hold where it found no credentials and asked the machine for some."""


class Store:
    """The objects under one destination. It may be shared between threads.

    Args:
        connect: returns obstore's store, rooted at the destination; called on first use.
        place: where another process opens the same store; None where none can (memory).
    """

    def __init__(self, connect: Callable[[], _Backend], *, place: Place | None) -> None:
        self._connect = connect
        self.place = place
        self._folder = Path(place.address) if place and place.is_local else None
        is_remote = place is not None and not place.is_local
        self._errors = _remote_errors if is_remote else _local_errors
        self.lanes = _REMOTE_LANES if is_remote else 1
        """How many requests at once pay off."""

    @cached_property
    def _backend(self) -> _Backend:
        return self._connect()

    @classmethod
    def in_memory(cls) -> "Store":
        """Make an empty store that lives as long as this object."""
        return cls(MemoryStore, place=None)

    @classmethod
    def open(cls, where: PlaceText | Place) -> "Store":
        """Open the store at a folder, `s3://bucket/prefix`, `gs://...` or `az://...`.

        This writes and sends nothing; a folder is made when it is first used.

        Raises:
            PlaceError: the address is of an unknown kind.
            DestinationError: the path is a file or cannot be a folder, or the place is read-only.
        """
        place = Place.of(where)
        if place.is_local:
            return cls._open_folder(place)
        if place.scheme in {"http", "https"}:
            raise DestinationError(f"{place.shown} can be read, but nothing can be stored there")
        prefix = place.key.strip("/") or None
        with _remote_errors(place.shown):
            return cls(partial(open_bucket, place, prefix=prefix), place=place)

    @classmethod
    def _open_folder(cls, place: Place) -> "Store":
        folder = Path(place.address)
        with _local_errors(str(folder)):
            existing = next(each for each in (folder, *folder.parents) if each.exists())
        if not existing.is_dir():
            raise DestinationError(f"{existing} is a file, so {folder} cannot be a destination")
        return cls(partial(LocalStore, folder, mkdir=True), place=place)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Write an object whole, over any that is there.

        Raises:
            StoreFullError: no space is left.
            DestinationError: the destination cannot be written.
            StoreError: it failed for a reason that may pass.
        """
        with self._errors(key, is_writing=True):
            self._put(key, data, media_type, "overwrite")

    def put_new(self, key: str, data: bytes, media_type: str) -> bool:
        """Write an object whole, unless there is one: of several writers, one is told True.

        Raises:
            StoreFullError: no space is left.
            DestinationError: the destination cannot be written.
            StoreError: it failed for a reason that may pass.
        """
        with self._errors(key, is_writing=True):
            try:
                self._put(key, data, media_type, "create")
            except AlreadyExistsError:
                return False
            except (BaseError, OSError) as exc:
                if not self._folder or not _numbers_in(exc) & _NO_LINKS:
                    raise
                return self._claim(self._folder, key, data, media_type)
        return True

    def _claim(self, folder: Path, key: str, data: bytes, media_type: str) -> bool:
        """Put a new file where there are no hard links: an empty one first, to be the only one."""
        path = folder / key
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return False
        try:
            self._put(key, data, media_type, "overwrite")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return True

    def _put(
        self, key: str, data: bytes, media_type: str, mode: Literal["overwrite", "create"]
    ) -> None:
        if self._folder:  # a file system keeps no attributes
            self._backend.put(key, data, use_multipart=False, mode=mode)
        else:
            self._backend.put(
                key,
                data,
                use_multipart=False,
                mode=mode,
                attributes={"Content-Type": media_type, "Cache-Control": caching(key)},
            )

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ObjectNotFoundError: there is none.
            StoreError: it could not be read.
        """
        with self._errors(key):
            return bytes(self._backend.get(key).bytes())

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Return the size in bytes of every object, by key.

        Args:
            prefix: a folder of keys to look in, such as "frames/"; all of them if empty.
        """
        with self._errors("the list of objects", is_writing=True):
            pages = self._backend.list(prefix.rstrip("/") or None)
            return {entry["path"]: entry["size"] for page in pages for entry in page}

    def has(self, key: str) -> bool:
        """Whether there is an object of that key.

        Raises:
            StoreError: it could not be asked for.
        """
        try:
            with self._errors(key):
                self._backend.head(key)
        except ObjectNotFoundError:
            return False
        return True

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; keys that have none are passed over."""
        with ThreadPoolExecutor(self.lanes) as pool:
            for _ in pool.map(self._delete, keys):
                pass

    def _delete(self, key: str) -> None:
        try:
            with self._errors(key):
                self._backend.delete(key)
        except ObjectNotFoundError:
            return

    def sweep(self, folders: Iterable[str], is_ours: Callable[[str], bool]) -> None:
        """Remove the unfinished files that a killed writer left, and no other writer's.

        An object is written in one go, so a file that stays as it is for a second is nobody's.

        Args:
            folders: where to look; only local folders have such files.
            is_ours: whether a key is one that we write: a neighbour's "take #2" is not touched.

        Raises:
            StoreError: a folder cannot be looked into, or a file cannot be removed.
        """
        with self._errors("the list of unfinished files"):
            found = self._staged(folders, is_ours)
            if found:
                time.sleep(_UNTOUCHED_SECONDS)
            for path, state in self._staged(folders, is_ours).items():
                if found.get(path) == state:
                    path.unlink(missing_ok=True)

    def _staged(
        self, folders: Iterable[str], is_ours: Callable[[str], bool]
    ) -> dict[Path, tuple[int, int, int]]:
        """Return the unfinished files, each with what changes when somebody writes it."""
        found: dict[Path, tuple[int, int, int]] = {}
        for folder in (self._folder / name for name in folders) if self._folder else ():
            for path in folder.glob("*#*"):
                staged = _STAGED.fullmatch(path.relative_to(str(self._folder)).as_posix())
                if staged and is_ours(staged[1]):
                    with suppress(FileNotFoundError):  # it is finished by now
                        status = path.stat()
                        found[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
        return found


@contextmanager
def _local_errors(what: str, *, is_writing: bool = False) -> Generator[None]:
    """Turn what obstore raises of a folder or of memory into our errors.

    Args:
        what: the object.
        is_writing: a "not found" then means the folder, not the object.
    """
    try:
        yield
    except (BaseError, OSError) as exc:
        raise _local_error(exc, what, is_writing=is_writing) from exc


@contextmanager
def _remote_errors(what: str, *, is_writing: bool = False) -> Generator[None]:
    """Turn what obstore raises of a bucket into our errors.

    Its own are forgotten: they hold the server's whole answer, which may repeat a session's token.

    Args:
        what: the object.
        is_writing: a "not found" then means the bucket, not the object.
    """
    try:
        yield
    except (BaseError, OSError) as exc:
        error = _remote_error(exc, what, is_writing=is_writing)
    else:
        return
    try:
        raise error from None
    finally:
        error.__context__ = None  # `raise` has just set it, to what is forgotten


def _local_error(exc: BaseError | OSError, what: str, *, is_writing: bool) -> StoreError:
    """Return what an error means; obstore raises builtins for some and `BaseError` for most."""
    if isinstance(exc, FileNotFoundError):
        return _not_found(what, is_writing=is_writing)
    reason = redacted(str(exc).partition("\n")[0])
    numbers = _numbers_in(exc)
    if numbers & _NO_SPACE:
        return StoreFullError(
            f"no space is left in the destination to write {what}; make some, and go on from here"
        )
    if isinstance(exc, PermissionError | PermissionDeniedError) or numbers & _NOT_WRITABLE:
        return DestinationError(f"the destination cannot be written: {reason}")
    return StoreError(f"the destination failed on {what}: {reason}")


def _remote_error(exc: BaseError | OSError, what: str, *, is_writing: bool) -> StoreError:
    """Return what an error means, as far as its text and its class say it."""
    reason, code = first_line(exc), refusal_code(exc)
    has_no_credentials = _NO_CREDENTIALS.search(reason) is not None
    if isinstance(exc, FileNotFoundError):
        return _not_found(what, is_writing=is_writing)
    if code in _EXPIRED:
        return DestinationError(
            f"the destination refuses {what}: these credentials have expired ({code}); sign in "
            "again, or take fresh ones"
        )
    is_refused = isinstance(exc, PermissionDeniedError | UnauthenticatedError)
    if is_refused or ("403 Forbidden" in reason and not has_no_credentials):
        return DestinationError(
            f"the destination refuses {what}: these credentials may not do that"
        )
    if "404 Not Found" in reason:  # what a list says; other requests have an error of their own
        return DestinationError(_NO_BUCKET)
    if has_no_credentials:
        return DestinationError(f"no credentials were found for the destination: {reason}")
    return StoreError(f"the destination failed on {what}: {reason}")


def _not_found(what: str, *, is_writing: bool) -> StoreError:
    if is_writing:
        return DestinationError(_NO_BUCKET)
    return ObjectNotFoundError(f"{what} does not exist in the destination")


def _numbers_in(exc: BaseError | OSError) -> set[int]:
    """Return the numbers of the system's errors that an error tells of."""
    numbers = {int(number) for number in _OS_ERROR.findall(str(exc))}
    return numbers | ({exc.errno} if isinstance(exc, OSError) and exc.errno else set())

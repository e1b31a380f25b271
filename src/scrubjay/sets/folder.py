"""A folder as a store: files are written whole or not at all, and never through a link.

A destination may contain anything: pipes with the names of our documents, links to other people's
folders. So every folder below it is opened by its handle, without following links, and only regular
files are read. The destination itself may be a link.
"""

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from scrubjay.errors import DestinationError, ObjectNotFoundError, StoreError, StoreFullError

__all__ = ["Folder", "local_errors"]

_STAGED = re.compile(r"(.+)#\d+")
"""Name of an unfinished file: its final name, `#`, a number."""

_STAGED_BYTES = 6

_UNTOUCHED_SECONDS = 1
"""How long an unfinished file must stay unchanged to count as abandoned."""

_MOST_BYTES = 1 << 30
"""Largest object, in bytes, that is read into memory."""

_ENTER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NOT_WRITABLE = {
    errno.EPERM,
    errno.EACCES,
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOTEMPTY,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EINVAL,
}
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)


class _Staged(NamedTuple):
    """An unfinished file, and its state, which changes when it is written."""

    folder: str
    name: str
    state: tuple[int, int, int]


class Folder:
    """The files below a folder, which is created on the first write. Threads may share it.

    Args:
        root: the folder, absolute.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, data: bytes) -> None:
        """Write a whole file, replacing any of that key."""
        with local_errors(key, is_writing=True), self._written(key, data) as (folder, staged, name):
            os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)

    def put_if(self, key: str, data: bytes, version: str) -> bool:
        """Write a whole file if its version is still that one; return whether it was written."""
        with (
            local_errors(key, is_writing=True),
            self._written(key, data) as (folder, staged, name),
            _locked(folder),
        ):
            if _version(folder, name) != version:
                return False
            os.rename(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
            return True

    @contextmanager
    def _written(self, key: str, data: bytes) -> Generator[tuple[int, str, str]]:
        """Write a file under a temporary name, which is removed at the end."""
        with self._parent(key, is_made=True) as (folder, name):
            staged = f"{name}#{1 + int.from_bytes(os.urandom(_STAGED_BYTES))}"
            file = os.open(staged, _CREATE, 0o666, dir_fd=folder)
            try:
                with os.fdopen(file, "wb", buffering=0) as writer:
                    rest = memoryview(data)
                    while rest:
                        rest = rest[writer.write(rest) or 0 :]
                yield folder, staged, name
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(staged, dir_fd=folder)

    def get(self, key: str) -> bytes:
        """Return a file's bytes.

        Raises:
            ObjectNotFoundError: the file does not exist.
            DestinationError: it is not a regular file.
        """
        with local_errors(key), self._parent(key) as (folder, name):
            self._check_is_file(key, os.stat(name, dir_fd=folder, follow_symlinks=False))
            with os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as file:
                status = os.fstat(file.fileno())
                self._check_is_file(key, status)
                return file.read(status.st_size + 1)

    def part(self, key: str, start: int, length: int) -> bytes:
        """Return some of a file's bytes; fewer if it ends before.

        Raises:
            ObjectNotFoundError: the file does not exist.
            DestinationError: it is not a regular file.
        """
        with local_errors(key), self._parent(key) as (folder, name):
            file = os.open(name, _READ, dir_fd=folder)
            try:
                self._check_is_file(key, os.fstat(file))
                return os.pread(file, length, start)
            finally:
                os.close(file)

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the names of the regular files and of the folders in one folder."""
        with local_errors(folder or "the list of objects"):
            try:
                with self._entered(folder) as handle:
                    files = [name for name, _ in _regular_in(handle)]
                    return files, _folders_in(handle)
            except FileNotFoundError:
                return [], []

    def unfinished(self) -> list[str]:
        """Return the keys of the unfinished files in and below the folder."""
        with local_errors("the list of objects"):
            try:
                with self._entered("") as folder:
                    return sorted(key for key, _ in _files_in(folder, "", are_staged=True))
            except FileNotFoundError:
                return []

    def _check_is_file(self, key: str, status: os.stat_result) -> None:
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a device")
            raise DestinationError(f"{self._root / key} is {kind}, not a file; remove it")
        if status.st_size > _MOST_BYTES:
            raise DestinationError(f"{self._root / key} is too large to be a file of Scrubjay's")

    def version(self, key: str) -> str:
        """Return the version of a file, which changes with each write; empty if it is missing."""
        with suppress(ObjectNotFoundError), local_errors(key), self._parent(key) as (folder, name):
            return _version(folder, name)
        return ""

    def age(self, key: str) -> float:
        """Return how many seconds ago a file was written."""
        with local_errors(key), self._parent(key) as (folder, name):
            return time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime

    def delete(self, key: str) -> None:
        """Remove a file, or a link but never its target.

        Raises:
            ObjectNotFoundError: the file does not exist.
        """
        with local_errors(key), self._parent(key) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def delete_if(self, key: str, version: str) -> None:
        """Remove a file if its version is still that one."""
        with local_errors(key), self._parent(key) as (folder, name), _locked(folder):
            if _version(folder, name) == version:
                os.unlink(name, dir_fd=folder)

    def remove_empty(self, folders: Iterable[str]) -> None:
        """Remove empty folders, and parent folders that become empty."""
        for path in folders:
            steps = path.strip("/").split("/")
            for end in range(len(steps), 0, -1):
                above = "/".join(steps[: end - 1])
                with suppress(OSError), self._entered(above) as folder:
                    os.rmdir(steps[end - 1], dir_fd=folder)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of every regular file in and below a folder, by key."""
        with local_errors("the list of objects"):
            try:
                with self._entered(prefix) as folder:
                    return dict(_files_in(folder, f"{prefix}/" if prefix else ""))
            except FileNotFoundError:
                return {}

    def sweep(self, folders: Iterable[str], is_ours: Callable[[str], bool]) -> None:
        """Remove unfinished files that killed writers left, and not those of running ones."""
        with local_errors("the list of unfinished files"):
            names = list(folders)
            found = set(self._staged(names, is_ours))
            if found:
                time.sleep(_UNTOUCHED_SECONDS)
            for each in found.intersection(self._staged(names, is_ours)) if found else ():
                with suppress(FileNotFoundError), self._entered(each.folder) as folder:
                    os.unlink(each.name, dir_fd=folder)

    def _staged(self, folders: list[str], is_ours: Callable[[str], bool]) -> Iterator[_Staged]:
        for name in folders:
            with suppress(FileNotFoundError), self._entered(name) as folder:
                for file, status in _regular_in(folder):
                    staged = _STAGED.fullmatch(file)
                    if staged and is_ours(f"{name}/{staged[1]}".lstrip("/")):
                        state = (status.st_ino, status.st_size, status.st_mtime_ns)
                        yield _Staged(name, file, state)

    @contextmanager
    def _parent(self, key: str, *, is_made: bool = False) -> Generator[tuple[int, str]]:
        """Open the folder of a key; yield its handle and the file's name in it."""
        path, _, name = key.rpartition("/")
        if not name or not {"", ".", ".."}.isdisjoint(key.split("/")):
            raise DestinationError(f"{key!r} is not a valid key of an object")
        with self._entered(path, is_made=is_made) as folder:
            yield folder, name

    @contextmanager
    def _entered(self, path: str, *, is_made: bool = False) -> Generator[int]:
        """Open a folder below the root, step by step, and yield its handle."""
        try:
            handle = os.open(self._root, _ENTER)
        except FileNotFoundError:
            if not is_made:
                raise
            self._root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._root, _ENTER)
        try:
            for step in filter(None, path.split("/")):
                inner = self._step(handle, step, is_made=is_made)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)

    def _step(self, handle: int, name: str, *, is_made: bool) -> int:
        try:
            return os.open(name, _ENTER | os.O_NOFOLLOW, dir_fd=handle)
        except FileNotFoundError:
            if not is_made:
                raise
            with suppress(FileExistsError):  # another process has just created it
                os.mkdir(name, dir_fd=handle)
            return self._step(handle, name, is_made=False)
        except OSError:
            if stat.S_ISLNK(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                raise DestinationError(
                    f"{name} in {self._root} is a link, and Scrubjay does not follow links in a "
                    "destination; replace it with a folder, or use another destination"
                ) from None
            raise


@contextmanager
def _locked(folder: int) -> Generator[None]:
    """Lock a folder against other conditional writes; a lock ends with its process."""
    with suppress(OSError):  # some network shares have no locks; two writers at once are rare
        fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_UN)


def _version(folder: int, name: str) -> str:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return ""
    return f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"


def _files_in(folder: int, prefix: str, *, are_staged: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the regular files in and below a folder, with their sizes; links are skipped.

    Args:
        folder: its handle.
        prefix: of the keys of its files.
        are_staged: whether to yield unfinished files, and no others.
    """
    for name, status in _regular_in(folder):
        if (_STAGED.fullmatch(name) is not None) == are_staged:
            yield prefix + name, status.st_size
    for name in _folders_in(folder):
        with suppress(FileNotFoundError, NotADirectoryError):  # removed or replaced meanwhile
            inner = os.open(name, _ENTER | os.O_NOFOLLOW, dir_fd=folder)
            try:
                yield from _files_in(inner, f"{prefix}{name}/", are_staged=are_staged)
            finally:
                os.close(inner)


def _regular_in(folder: int) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and _is_text(entry.name):
                with suppress(FileNotFoundError):  # removed meanwhile
                    yield entry.name, entry.stat(follow_symlinks=False)


def _folders_in(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [
            each.name
            for each in entries
            if each.is_dir(follow_symlinks=False) and _is_text(each.name)
        ]


def _is_text(name: str) -> bool:
    """Whether a name is UTF-8, as all of Scrubjay's are."""
    return not any("\ud800" <= each <= "\udfff" for each in name)


@contextmanager
def local_errors(what: str, *, is_writing: bool = False) -> Generator[None]:
    """Convert the system's errors about a destination to ours.

    Args:
        what: the object that is read or written.
        is_writing: whether "not found" means a folder that was removed meanwhile.
    """
    try:
        yield
    except OSError as exc:
        raise _error(exc, what, is_writing=is_writing) from exc


def _error(exc: OSError, what: str, *, is_writing: bool) -> StoreError:
    reason = exc.strerror or type(exc).__name__
    if isinstance(exc, FileNotFoundError) and not is_writing:
        return ObjectNotFoundError(f"{what} does not exist in the destination")
    if exc.errno in _NO_SPACE:
        return StoreFullError(
            f"no space is left in the destination to write {what}; free some space, then run the "
            "same command again to continue"
        )
    if exc.errno in _NOT_WRITABLE:
        verb = "written" if is_writing else "used"
        return DestinationError(f"the destination cannot be {verb}: {what}: {reason}")
    return StoreError(f"the destination failed on {what}: {reason}")

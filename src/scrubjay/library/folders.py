"""The videos below a folder, depth first, each folder in the order of its names."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.errors import SourceNotFoundError, SourceUnreadableError
from scrubjay.events import PassedReason
from scrubjay.keys import PLAN, is_ours
from scrubjay.library.content import HEAD_BYTES, content_of
from scrubjay.library.film import Film, Stamp
from scrubjay.library.names import SIDECARS, is_hidden, is_unfinished
from scrubjay.library.passing import OnPassed, Passed
from scrubjay.library.patterns import Selection
from scrubjay.places.place import Place

__all__ = ["FolderWalk", "is_set", "stamp_of"]

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class _Folder(NamedTuple):
    path: Path
    """Absolute, as it was reached."""
    prefix: str
    """What the names of its videos begin with: empty, or with `/` at its end."""
    names: list[str]
    """What is still to be looked at, falling."""
    sidecars: frozenset[str]


class FolderWalk:
    """One walk through a folder and all below it.

    Links are followed, except those to what the walk finds by itself or has found already, so loops
    end. Folders that cannot be read are reported and passed over.

    Args:
        root: the folder.
        selection: which paths are wanted.
        is_known: whether a video need not be opened, because its set is there.
        on_passed: called with all that is passed over.
        below: the folder to walk, relative to the root; empty for all.

    Raises:
        SourceNotFoundError: the folder does not exist.
        SourceUnreadableError: it cannot be read.
    """

    def __init__(
        self,
        root: Place,
        selection: Selection,
        is_known: Callable[[Film], bool],
        on_passed: OnPassed,
        *,
        below: str = "",
    ) -> None:
        self._root = root
        self._selection = selection
        self._is_known = is_known
        self._on_passed = on_passed
        path = Path(root.address)
        self._linked: set[tuple[int, int]] = set()
        """Device and inode of each folder that a link led to."""
        try:
            self._real_root = path.resolve(strict=True)
            self._is_set = is_set(path)
            self._open: list[_Folder] = [_listed(path, "")]
        except FileNotFoundError:
            raise SourceNotFoundError(f"{root.shown} does not exist") from None
        except OSError as exc:
            raise SourceUnreadableError(f"{root.shown} cannot be read: {exc.strerror}") from exc
        for name in filter(None, below.split("/")):
            if self._open:
                self._open = [self._open[0]._replace(names=[name])]
                self._step()
                del self._open[0]

    def _step(self) -> Film | None:
        """Look at the next name; return the video of that name, if it is one."""
        folder = self._open[-1]
        if not folder.names:
            self._open.pop()
            return None
        name = folder.names.pop()
        try:
            found = self._looked_at(folder, name)
        except FileNotFoundError:
            return None  # removed meanwhile
        except OSError as exc:
            found = Passed(folder.prefix + name, "unreadable", exc.strerror or str(exc))
        if isinstance(found, Film):
            return found
        if found:
            self._on_passed(found)
        return None

    def __iter__(self) -> Iterator[Film]:
        """Yield the videos."""
        while self._open:
            if film := self._step():
                yield film

    def _looked_at(self, folder: _Folder, name: str) -> Film | Passed | None:
        """Return the video of that name, or why it is none; a folder is walked next."""
        path, shown = Path(folder.path, name), folder.prefix + name
        if reason := self._reason_by_name(folder, name):
            message = "its name is not UTF-8 text; rename it" if reason == "unreadable" else ""
            return Passed(shown, reason, message)
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            followed = self._followed(path)
            if followed is None:
                return Passed(shown, "link")
            status = followed
        if stat.S_ISDIR(status.st_mode):
            if is_set(path):
                return Passed(shown, "set")
            self._open.append(_listed(path, f"{shown}/"))
            return None
        if not stat.S_ISREG(status.st_mode):
            return Passed(shown, "special")
        return self._film(path, shown, status)

    def _reason_by_name(self, folder: _Folder, name: str) -> PassedReason | None:
        shown = folder.prefix + name
        if not name.isascii() and any("\ud800" <= each <= "\udfff" for each in name):
            return "unreadable"
        if is_hidden(name):
            return "hidden"
        if is_unfinished(name, folder.sidecars):
            return "unfinished"
        if self._selection.excludes(shown):
            return "excluded"
        return "set" if self._is_set and is_ours(shown) else None

    def _followed(self, path: Path) -> os.stat_result | None:
        """Return the status of a link's target; None if the link is not followed."""
        try:
            real = path.resolve(strict=True)
            status = real.stat()
        except (FileNotFoundError, RuntimeError):  # it leads nowhere, or to itself
            return None
        if self._is_found(real) or self._real_root.is_relative_to(real):
            return None
        identity = status.st_dev, status.st_ino
        if stat.S_ISDIR(status.st_mode):
            if identity in self._linked:
                return None
            self._linked.add(identity)
        return status

    def _is_found(self, real: Path) -> bool:
        """Whether the walk finds a path without the link to it."""
        if not real.is_relative_to(self._real_root):
            return False
        inner = real.relative_to(self._real_root)
        return not (any(map(is_hidden, inner.parts)) or self._selection.excludes(str(inner)))

    def _film(self, path: Path, shown: str, status: os.stat_result) -> Film | Passed:
        if not self._selection.takes(shown):
            return Passed(shown, "excluded")
        film = Film(
            source=replace(self._root, address=str(path)),
            name=shown,
            stamp=stamp_of(status),
            disk=str(status.st_dev),
        )
        if self._is_known(film):
            return film
        content = content_of(shown, lambda: _head_of(path))
        return film if content == "video" else Passed(shown, content)


def is_set(folder: Path) -> bool:
    """Whether a folder holds a set of previews, finished or not."""
    return (folder / PLAN).is_file()


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


def _listed(folder: Path, prefix: str) -> _Folder:
    with os.scandir(folder) as entries:
        names = sorted((each.name for each in entries), reverse=True)
    sidecars = frozenset(each for each in names if each.endswith(SIDECARS))
    return _Folder(folder, prefix, names, sidecars)


def _head_of(path: Path) -> bytes:
    file = os.open(path, _READ)
    try:
        return os.read(file, HEAD_BYTES)
    finally:
        os.close(file)

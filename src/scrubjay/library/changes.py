"""When something has changed in a library: the file system's events, or a look now and then.

Events only say where to look. What is there is found by looking, so a lost event costs time alone.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from scrubjay.places.place import Place

if TYPE_CHECKING:
    from watchfiles.main import FileChange

__all__ = ["Changes", "FolderEvents", "NoEvents", "changes_of", "has_events"]

_NETWORK = ("nfs", "cifs", "smb", "fuse.", "9p", "afs", "ceph", "gluster", "lustre", "virtiofs")
"""How the types of file systems begin whose files other machines may change without an event."""

_QUIET_MS = 50
"""How long no event must come before those so far are passed on."""

_ROUND_MS = 500
"""How long one call waits for events, and so how late a wait ends at most."""


class Changes(Protocol):
    """Waits until something may have changed."""

    def wait(self, seconds: float) -> set[str] | None:
        """Wait no longer than that.

        Returns:
            The folders in which something changed, relative to the root; empty for the root itself.
            None after `stop`.
        """
        ...

    def stop(self) -> None:
        """End this and every later wait, from another thread."""
        ...


class NoEvents:
    """Waits, and knows of no change: for buckets and network drives, which are looked at again."""

    def __init__(self) -> None:
        self._stopped = Event()

    def wait(self, seconds: float) -> set[str] | None:
        """Wait that long; return None after `stop`."""
        return None if self._stopped.wait(seconds) else set()

    def stop(self) -> None:
        """End this and every later wait, from another thread."""
        self._stopped.set()


class FolderEvents:
    """The events of a folder and all below it, by `watchfiles`.

    Args:
        folder: absolute.

    Raises:
        OSError: they cannot be had, such as over the limit of inotify.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopped = Event()
        self._batches = self._begun()
        self._early = self._next()
        """What happened while the first round waited: from then on, nothing is missed."""

    def _begun(self) -> "Iterator[set[FileChange]]":
        from watchfiles import watch  # noqa: PLC0415  an extra

        return watch(
            self._folder,
            watch_filter=None,
            step=_QUIET_MS,
            rust_timeout=_ROUND_MS,
            yield_on_timeout=True,
            force_polling=False,
            ignore_permission_denied=True,
            stop_event=self._stopped,
        )

    def wait(self, seconds: float) -> set[str] | None:
        """Wait no longer than that; return the folders that changed, and None after `stop`."""
        until = monotonic() + seconds
        changed, self._early = self._early, set[str]()
        while not changed and monotonic() < until and not self._stopped.is_set():
            changed = self._next()
        return None if self._stopped.is_set() else changed

    def stop(self) -> None:
        """End this and every later wait, from another thread."""
        self._stopped.set()

    def _next(self) -> set[str]:
        """Wait for the events of one round."""
        try:
            return {self._folder_of(path) for _, path in next(self._batches, ())}
        except (OSError, RuntimeError):  # such as a queue of events that ran over
            self._stopped.wait(1)
            self._batches = self._begun()
            return {""}

    def _folder_of(self, path: str) -> str:
        above = os.path.relpath(Path(path).parent, self._folder)
        return "" if above.startswith(".") else above


def has_events(place: Place) -> bool:
    """Whether the system reports what changes at a place: not in buckets, nor on network drives."""
    if not place.is_local or find_spec("watchfiles") is None:
        return False
    if not Path(place.address).is_dir():
        return False
    return not _file_system_of(Path(place.address)).startswith(_NETWORK)


def changes_of(place: Place, *, is_polling: bool = False) -> Changes:
    """Return what tells of changes at a place.

    Args:
        place: a folder or a bucket's prefix.
        is_polling: whether to do without events.
    """
    if is_polling or not has_events(place):
        return NoEvents()
    try:
        return FolderEvents(Path(place.address))
    except OSError:  # such as inotify's limit
        return NoEvents()


def _file_system_of(folder: Path) -> str:
    """Return the type of the file system that a folder is on; empty if unknown (not Linux)."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found, kind = "", ""
    real = f"{folder.resolve()}/"
    for line in lines.splitlines():
        left, _, right = line.partition(" - ")
        mount = left.split()[4].encode().decode("unicode_escape").rstrip("/") + "/"
        if real.startswith(mount) and len(mount) >= len(found):
            found, kind = mount, right.split()[0]
    return kind

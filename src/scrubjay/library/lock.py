"""A lock that keeps two runs from working on one library at once.

Sets are safe without it: each is written by compare-and-swap, in folders and in buckets. Two runs
would only do the same work twice, and the later of their indexes would replace the other.
"""

import errno
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from scrubjay.errors import DestinationError
from scrubjay.places.place import Place
from scrubjay.sets.folder import local_errors

__all__ = ["locked"]

_NAME = ".scrubjay-library.lock"
_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
"""What network shares without locks answer."""


@contextmanager
def locked(root: Place) -> Generator[None]:
    """Hold the lock of a library in a folder; it ends with this process, whatever happens to it.

    Buckets have no locks, and nor do some network shares; nothing is locked there.

    Args:
        root: the folder that all sets are below.

    Raises:
        DestinationError: another run holds the lock, or the folder cannot be written.
    """
    if not root.is_local:
        yield
        return
    folder = Path(root.address)
    with local_errors(_NAME, is_writing=True):
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / _NAME, _OPEN, 0o644)
    try:
        _lock(file, root)
        with suppress(OSError):
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def _lock(file: int, root: Place) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        process = os.pread(file, 32, 0).decode(errors="replace").strip()
        raise DestinationError(
            f"another run is at work on {root.shown}"
            + (f" (process {process})" if process.isdigit() else "")
            + "; wait for it, or stop it first"
        ) from None
    except OSError as exc:
        if exc.errno not in _WITHOUT_LOCKS:
            raise

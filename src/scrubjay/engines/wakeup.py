"""Lets other threads end a wait for workers."""

from contextlib import suppress

__all__ = ["Wakeup"]

_MOST_BYTES = 1 << 12


class Wakeup:
    """Becomes readable, for `selectors`, when any thread calls `send`."""

    def __init__(self) -> None:
        from socket import socketpair  # noqa: PLC0415  slow to load, and most runs need none

        self._readable, self._writable = socketpair()
        for end in (self._readable, self._writable):
            end.settimeout(0)

    def fileno(self) -> int:
        """Return the file descriptor to wait for."""
        return self._readable.fileno()

    def send(self) -> None:
        """Make it readable."""
        with suppress(OSError):  # it is readable already, or closed
            self._writable.send(b".")

    def clear(self) -> None:
        """Make it unreadable until the next `send`."""
        with suppress(OSError):
            self._readable.recv(_MOST_BYTES)

    def close(self) -> None:
        """Close it; `send` does nothing from now on."""
        self._readable.close()
        self._writable.close()

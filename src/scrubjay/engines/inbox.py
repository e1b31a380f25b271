"""Parses what a worker sends: lines of JSON, and the bytes of objects."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import msgspec

from scrubjay.engines.wire import MAX_LINE_BYTES, Put, Reply, to_reply
from scrubjay.errors import WorkerCrashedError

__all__ = ["Inbox", "Received", "ReceivedObject"]


class ReceivedObject(NamedTuple):
    """An object that a worker made, not yet checked against its slice."""

    key: str
    media_type: str
    data: bytes


Received: TypeAlias = Reply | ReceivedObject


class Inbox:
    """Parses what one worker sends.

    Args:
        most_bytes: largest size of one object.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._unread = bytearray()
        self._searched = 0
        self._due: Put | None = None

    def take(self, data: bytes) -> Iterator[Received]:
        """Add bytes, and yield each reply and object that is complete.

        Raises:
            WorkerCrashedError: the bytes are not a valid reply, or an object or line is too large.
        """
        self._unread += data
        while True:
            received = self._object(self._due) if self._due else self._line()
            if received is None:
                return
            if isinstance(received, Put):
                self._due = self._checked(received)
            else:
                self._due = None
                yield received

    def _checked(self, put: Put) -> Put:
        if put.size_bytes > self._most_bytes:
            raise WorkerCrashedError("the worker process announced an object that is too large")
        return put

    def _object(self, put: Put) -> ReceivedObject | None:
        if len(self._unread) < put.size_bytes:
            return None
        return ReceivedObject(put.key, put.media_type, self._cut(put.size_bytes))

    def _line(self) -> Reply | None:
        end = self._unread.find(b"\n", self._searched)
        if max(end, len(self._unread) if end < 0 else 0) > MAX_LINE_BYTES:
            raise WorkerCrashedError("the worker process sent a line that is too long")
        if end < 0:
            self._searched = len(self._unread)
            return None
        try:
            return to_reply(self._cut(end + 1)[:-1])
        except msgspec.DecodeError as exc:
            message = f"the worker process sent an invalid reply: {exc}"
            raise WorkerCrashedError(message) from exc

    def _cut(self, length: int) -> bytes:
        data = bytes(self._unread[:length])
        del self._unread[:length]
        self._searched = 0
        return data

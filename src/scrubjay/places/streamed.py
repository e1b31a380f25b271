"""A video on a server of which little is read, with as few requests as that takes.

FFmpeg sends a request for every jump, also for one back to what it has read before, and each time a
video is opened. Here, what was read is kept, and an answer is read on for as long as it serves.
"""

import http.client
from contextlib import suppress

from msgspec.structs import replace

from scrubjay.places.place import Place
from scrubjay.places.ranges import Opened, changed_error, opened, reading_error
from scrubjay.places.remote import signed

__all__ = ["Reader", "StreamedFile", "streamed"]

_PIECE_BYTES = 64 << 10
_SKIPPED_BYTES = 512 << 10
"""So many bytes are read for nothing rather than to send another request, which takes as long."""

_KEPT_BYTES = 64 << 20
"""Bytes that are kept; of more, the oldest are dropped and may be requested again."""

_MOST_BREAKS = 3
"""How often in a row an answer may break off before a byte of it was read."""


class _Stretch:
    """Bytes of the video that were read one after another."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.data = bytearray()

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class Reader:
    """Reads a video from a position of its own, as PyAV reads files.

    Args:
        file: the video.
        name: its address, for people.
    """

    def __init__(self, file: "StreamedFile", name: str) -> None:
        self._file = file
        self._at = 0
        self.name = name

    def read(self, length: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        data = self._file.read(self._at, length)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position, counted from the start, or from here (`whence` 1) or the end (2)."""
        self._at = offset + (0, self._at, self._file.size)[whence]
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at


class StreamedFile:
    """A video on a server. Not thread-safe.

    Args:
        place: where it is; if it has an `etag`, only that version is read.

    Raises:
        SourceError: it cannot be read.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._url = signed(place)
        self._stretches: list[_Stretch] = []
        self._answer: http.client.HTTPResponse | None = None
        first = self._request(0)
        self.size = first.size
        self.etag = first.etag
        self._place = replace(place, etag=first.etag)  # from now on, only this version

    def renew(self, place: Place) -> None:
        """Read on with the fresh URL of a place."""
        self._url = signed(place)

    def read(self, start: int, length: int) -> bytes:
        """Return some of its bytes, fewer at its end.

        Raises:
            SourceError: they cannot be read, or the video has changed.
        """
        end, data = min(start + length, self.size), bytearray()
        while (at := start + len(data)) < end:
            kept = next((each for each in self._stretches if each.start <= at < each.end), None)
            kept = kept or self._fetched(at)
            data += memoryview(kept.data)[at - kept.start : end - kept.start]
        return bytes(data)

    def reader(self) -> Reader:
        """Return a reader that is at the start of the video."""
        return Reader(self, self._place.shown)

    def _fetched(self, at: int) -> _Stretch:
        """Return the newest stretch, read on or begun so that it has a byte."""
        stretch, breaks = self._stretches[-1], 0
        while not stretch.start <= at < stretch.end:
            if self._answer is None or not stretch.end <= at <= stretch.end + _SKIPPED_BYTES:
                if self._request(at).size != self.size:
                    raise changed_error(self._place)
                stretch = self._stretches[-1]
            breaks = 0 if self._read_on(stretch) else breaks + 1
            if breaks > _MOST_BREAKS:
                raise reading_error(self._place, ConnectionResetError())
        self._forget()
        return stretch

    def _request(self, at: int) -> Opened:
        """Request the video from a byte on, and begin a stretch there."""
        if self._answer is not None:
            self._answer.close()
        found = opened(self._place, self._url, at)
        self._answer = found.response
        self._stretches.append(_Stretch(at))
        return found

    def _read_on(self, stretch: _Stretch) -> bool:
        """Read a piece; return whether there was one. If not, the answer is closed."""
        assert self._answer is not None  # noqa: S101  it was requested
        piece = b""
        with suppress(OSError, http.client.HTTPException):
            piece = self._answer.read(_PIECE_BYTES)
        stretch.data += piece
        if not piece:
            self._answer.close()
            self._answer = None
        return bool(piece)

    def _forget(self) -> None:
        """Drop the oldest bytes if there are too many."""
        excess = sum(len(each.data) for each in self._stretches) - _KEPT_BYTES
        while excess > 0 and len(self._stretches) > 1:
            excess -= len(self._stretches.pop(0).data)
        if excess > 0:
            stretch = self._stretches[0]
            dropped = len(stretch.data) // 2
            stretch.start += dropped
            del stretch.data[:dropped]


_last: dict[Place, StreamedFile] = {}


def streamed(place: Place) -> StreamedFile:
    """Return the video at a place; all that open it in this process share what was read of it.

    Raises:
        SourceError: it cannot be read.
    """
    lasting = replace(place, url="")  # a signed URL changes each time
    if lasting not in _last:
        _last.clear()
        _last[lasting] = StreamedFile(place)
    file = _last[lasting]
    file.renew(place)
    return file

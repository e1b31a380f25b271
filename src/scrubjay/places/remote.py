"""Videos on servers: their addresses for FFmpeg, their versions, and a few of their bytes.

FFmpeg reads a video itself, over HTTP. What is read here is little: which version it is, what it
is known by, and how its boxes lie. It needs nothing but range requests, so it is the same for web
servers and object stores.
"""

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from scrubjay.errors import SourceError
from scrubjay.places.place import Place

if TYPE_CHECKING:
    from scrubjay.places.ranges import Answer

__all__ = ["RemoteFile", "pinned", "server_error", "signed"]

_HEAD_BYTES = 64 << 10

_PRINTABLE = "".join(each for each in map(chr, range(0x21, 0x7F)) if each not in "'\"<>")
"""What a URL keeps as it is. What ends one inside a text (see `redacted`) is none of it: FFmpeg
repeats URLs."""


def signed(place: Place) -> str:
    """Return the URL that reads the video at a place: `http(s)://`, `s3://`, `gs://` or `az://`.

    Whoever has it may read the video: it is for FFmpeg and for nobody's eyes.

    Raises:
        SourceUnreadableError: there are no credentials to sign it with.
    """
    if place.url:
        return place.url
    if place.scheme in {"http", "https"}:
        return quote(place.address.partition("#")[0], safe=_PRINTABLE)
    from scrubjay.places.signing import sign  # noqa: PLC0415  slow to load, and most videos are files

    return sign(place)


class RemoteFile:
    """A video on a server, of which a few ranges are read. It may be shared between threads.

    Args:
        place: where it lies; if it has an `etag`, only that version is read.

    Raises:
        SourceError: it cannot be read.
    """

    def __init__(self, place: Place) -> None:
        self._url = signed(place)
        self._place = place
        first = _fetch(place, self._url, 0, _HEAD_BYTES)
        self.head = first.data
        """Its first 64 KiB, or all of it."""
        self.size = first.size

    def read(self, start: int, length: int) -> bytes:
        """Return some of its bytes, fewer at its end.

        Raises:
            SourceError: they cannot be read, or the video is another one by now.
        """
        end = min(start + length, self.size)
        if end <= len(self.head):
            return self.head[start:end]
        if start >= end:
            return b""
        return _fetch(self._place, self._url, start, end - start, size=self.size).data


def pinned(place: Place) -> Place:
    """Return a place that means the version that lies there now, if its server names versions.

    A path is returned as it is, and so is a place that has an `etag`.

    Raises:
        SourceError: the video cannot be read.
    """
    if place.is_local or place.etag:
        return place
    etag = _fetch(place, signed(place), 0, 1).etag
    return msgspec.structs.replace(place, etag=etag)


def server_error(place: Place) -> SourceError | None:
    """Return why a video cannot be read just now, or None if it can: one small request."""
    try:
        _fetch(place, signed(place), 0, 1, patient=False)
    except SourceError as error:
        return error
    return None


def _fetch(
    place: Place,
    url: str,
    start: int,
    length: int,
    *,
    size: int | None = None,
    patient: bool = True,
) -> "Answer":
    from scrubjay.places.ranges import fetch  # noqa: PLC0415  slow to load, and most videos are files

    return fetch(place, url, start, length, size=size, patient=patient)

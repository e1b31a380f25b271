"""Videos on servers: their addresses for FFmpeg, their versions, and a few of their bytes.

FFmpeg reads a video itself, over HTTP. This module reads only its version, the samples that
identify it, and its boxes. It only needs range requests, so it is the same for web servers and
object stores.
"""

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from scrubjay.errors import SourceError
from scrubjay.places.place import Place

if TYPE_CHECKING:
    from scrubjay.places.ranges import Answer

__all__ = ["RemoteFile", "first_bytes", "pinned", "server_error", "signed"]

_HEAD_BYTES = 64 << 10

_PRINTABLE = "".join(each for each in map(chr, range(0x21, 0x7F)) if each not in "'\"<>")
"""Characters that stay as they are in a URL. Those that would end a URL in a text (see `redacted`)
are not among them, because FFmpeg repeats URLs in its messages."""


def signed(place: Place) -> str:
    """Return the URL to read the video at a place: `http(s)://`, `s3://`, `gs://` or `az://`.

    It is a secret: whoever has it can read the video. Pass it only to FFmpeg.

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
    """A video on a server, of which a few ranges are read. Thread-safe.

    Args:
        place: where it is; if it has an `etag`, only that version is read.

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
            SourceError: they cannot be read, or the video has changed.
        """
        end = min(start + length, self.size)
        if end <= len(self.head):
            return self.head[start:end]
        if start >= end:
            return b""
        return _fetch(self._place, self._url, start, end - start, size=self.size).data


def pinned(place: Place) -> Place:
    """Return a place with the video's current version, if its server names versions.

    A path is returned as it is, and so is a place that has an `etag`.

    Raises:
        SourceError: the video cannot be read.
    """
    if place.is_local or place.etag:
        return place
    etag = _fetch(place, signed(place), 0, 1).etag
    return msgspec.structs.replace(place, etag=etag)


def first_bytes(place: Place, length: int) -> bytes:
    """Return the first bytes of what is at a place on a server, or all: one request.

    Raises:
        SourceError: it cannot be read.
    """
    return _fetch(place, signed(place), 0, length).data


def server_error(place: Place) -> SourceError | None:
    """Return why a video cannot be read now, or None if it can: one small request."""
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

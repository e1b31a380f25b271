"""Opening a video: only known containers, only known protocols, only the video stream."""

import stat
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from scrubjay.errors import SourceNotFoundError, SourceUnreadableError
from scrubjay.limits import Limits
from scrubjay.media.boxes import Fragments, fragments_of
from scrubjay.media.diagnosis import explained
from scrubjay.media.ffmpeg import source_errors
from scrubjay.media.tracks import ordered_streams
from scrubjay.media.web import ONE_PASS, READ_TIMEOUT, web_request
from scrubjay.model import SourceRef
from scrubjay.place import Place
from scrubjay.remote import RemoteFile

__all__ = [
    "as_fraction",
    "fragments_at",
    "identify",
    "name_of",
    "open_container",
    "origin_of",
    "read_only",
    "rewind",
    "stamp_of",
    "time_base_of",
    "video_streams",
]

_CONTAINERS = (
    "mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "ogg", "asf", "mxf",
    "nut", "ivf", "rm", "dv", "h264", "hevc", "obu", "m4v", "h263", "vc1", "gxf", "wtv", "gif",
    "yuv4mpegpipe", "swf", "mp3", "aac", "flac", "wav",
)  # fmt: skip
"""Containers that hold their own media: a playlist or script could name other files or hosts.

The last four hold sound alone; they open only so that the error can say so."""

_FORMATS = {"format_whitelist": ",".join(_CONTAINERS)}
_LOCAL = {"protocol_whitelist": "file"}

_BEFORE_19 = int(av.__version__.partition(".")[0]) < 19  # noqa: PLR2004  a version
_TOLERANT: dict[str, Any] = {"metadata_errors": "replace"} if _BEFORE_19 else {}
"""Old files hold names in any encoding; PyAV 19 bears that by itself."""

_open: Callable[..., InputContainer] = av.open

_SAMPLES = 64
_SAMPLE_BYTES = 64 << 10
_WHOLE_BYTES = _SAMPLES * _SAMPLE_BYTES
_LANES = 16
"""Ranges of a remote video that are read at once."""


def identify(place: Place, *, on_packet: Callable[[], None] = lambda: None) -> SourceRef:
    """Say which video lies at a place, by content.

    Up to 4 MiB are hashed whole; of a larger video, its size and 64 samples of 64 KiB, spread
    evenly from its first byte to its last. A copy elsewhere is the same video.

    Args:
        place: where it lies.
        on_packet: called for each sample that has been read.

    Raises:
        SourceNotFoundError: nothing is there.
        SourceUnreadableError: it is no regular file, is empty, or may not be read.
        SourceUnavailableError: its server does not answer.
    """
    if place.is_local:
        return _identify_file(place, on_packet)
    file = RemoteFile(place)
    with ThreadPoolExecutor(_LANES) as pool:
        pieces = pool.map(file.read, _starts(file.size), repeat(_SAMPLE_BYTES))
        return _reference(place, file.size, pieces, on_packet)


def stamp_of(place: Place) -> tuple[int, ...]:
    """Return what changes when the file at a place is written or replaced; empty of a server's.

    Raises:
        SourceNotFoundError: it is gone.
    """
    if not place.is_local:
        return ()
    try:
        status = Path(place.address).stat()
    except OSError as exc:
        raise SourceNotFoundError(f"{place.address} does not exist any more") from exc
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _identify_file(place: Place, on_packet: Callable[[], None]) -> SourceRef:
    path = Path(place.address)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceUnreadableError(f"{path.name} is not a file")
        if not status.st_size:
            raise SourceUnreadableError(f"{path.name} is empty")
        with path.open("rb") as file:
            samples = _samples(file, status.st_size)
            return _reference(place, status.st_size, samples, on_packet)
    except FileNotFoundError:
        raise SourceNotFoundError(f"{path} does not exist") from None
    except OSError as exc:
        raise SourceUnreadableError(f"{path.name} cannot be read: {exc.strerror}") from exc


def _samples(file: BinaryIO, size: int) -> Iterator[bytes]:
    for start in _starts(size):
        file.seek(start)
        yield file.read(_SAMPLE_BYTES)


def _starts(size: int) -> list[int]:
    """Return where the pieces of a video begin that it is known by."""
    if size <= _WHOLE_BYTES:
        return list(range(0, size, _SAMPLE_BYTES))
    return [(size - _SAMPLE_BYTES) * index // (_SAMPLES - 1) for index in range(_SAMPLES)]


def _reference(
    place: Place, size: int, pieces: Iterable[bytes], on_packet: Callable[[], None]
) -> SourceRef:
    digest = blake2b(f"{size}:".encode(), digest_size=16)
    for piece in pieces:
        digest.update(piece)
        on_packet()
    return SourceRef(name=place.name, size_bytes=size, fingerprint=digest.hexdigest())


@lru_cache(maxsize=16)
def fragments_at(place: Place) -> Fragments:
    """Say how the video at a place on a server is fragmented, by a few of its bytes.

    Raises:
        SourceError: its server does not let us read it.
    """
    return fragments_of(RemoteFile(place))


@contextmanager
def open_container(
    place: Place, limits: Limits = Limits(), extra: Mapping[str, str] = MappingProxyType({})
) -> Generator[InputContainer]:
    """Open the video at a place, read-only, for as long as the context lasts.

    Args:
        place: where it lies.
        limits: how many streams it may have, and how many pixels its decoders take.
        extra: more of FFmpeg's options.

    Raises:
        LimitError: it has more streams than are allowed.
        SourceError: it cannot be opened as a video.
    """
    if place.is_local:
        # `file:` keeps FFmpeg from reading "a:b.mp4" as a protocol or "-i.mp4" as anything else
        url, options, timeout = f"file:{place.address}", _LOCAL, None
    else:
        url, options = web_request(place)
        if fragments_at(place).lacks_index:
            options |= ONE_PASS
        timeout = READ_TIMEOUT
    with explained(place), source_errors(place):
        # what the container does not know goes to the decoders that look into its streams
        given = _FORMATS | options | {"max_pixels": str(limits.decoder_pixels), **extra}
        container = _open(url, options=given, timeout=timeout, **_TOLERANT)
    with container:
        limits.check_streams(place.name, len(container.streams))
        for stream in container.streams.video:
            if getattr(stream, "codec_context", None) is not None:  # it is, without a decoder
                stream.codec_context.options = {"max_pixels": str(limits.decoder_pixels)}
        yield container


def video_streams(container: InputContainer, number: int | None = None) -> list[VideoStream]:
    """Return the streams that hold moving pictures, first the one that browsers show.

    Args:
        container: the opened file.
        number: the 0-based number of the only stream to take; None is none in particular.

    Raises:
        NoVideoError: there are none, or the named one is none; covers of music do not count.
    """
    return ordered_streams(container, name_of(container), number)


def as_fraction(value: Fraction | None) -> Fraction | None:
    """Return a ratio as a fraction (PyAV 19 has a type of its own); None for none and for 0."""
    return Fraction(value.numerator, value.denominator) if value else None


def time_base_of(stream: Stream) -> Fraction:
    """Return the length of a stream's tick in seconds; MPEG's where it does not say."""
    return as_fraction(stream.time_base) or Fraction(1, 90_000)


def read_only(container: InputContainer, wanted: Stream) -> None:
    """Tell FFmpeg not to read the packets of any other stream."""
    for stream in container.streams:
        stream.discard = Discard.default if stream is wanted else Discard.all


def origin_of(container: InputContainer) -> Fraction:
    """Return what the clock of a video shows, in seconds, where its seek bar starts.

    That is the earliest start of its sound and pictures, which is what players subtract.
    """
    return min(
        (
            stream.start_time * time_base_of(stream)
            for stream in container.streams
            if stream.type in {"audio", "video"}
            and not stream.disposition & Disposition.attached_pic
            and stream.start_time is not None
        ),
        default=Fraction(0),
    )


def rewind(container: InputContainer, stream: VideoStream) -> None:
    """Go back to the first packet of a stream.

    A seek to the very first timestamp lands after the first keyframe in MPEG-TS, so this asks for
    ten seconds before; demuxers that refuse that find the first timestamp exactly, and a stream
    without packets refuses both.
    """
    first = stream.start_time or 0
    margin = round(10 / time_base_of(stream))
    for target in (first - margin, first):
        try:
            container.seek(target, stream=stream)
        except av.error.FFmpegError:
            continue
        return


def name_of(container: InputContainer) -> str:
    """Return the last part of an open video's address, for people."""
    address = container.name
    return Place.of(address.removeprefix("file:")).name

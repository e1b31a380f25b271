"""Opening a video: only local files, only known containers, only the video stream."""

import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from scrubjay.errors import NoVideoError, SourceNotFoundError, SourceUnreadableError
from scrubjay.media.ffmpeg import ffmpeg_errors
from scrubjay.model import SourceRef

__all__ = [
    "as_fraction",
    "identify",
    "open_container",
    "origin_of",
    "read_only",
    "rewind",
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

_OPTIONS = {"format_whitelist": ",".join(_CONTAINERS), "protocol_whitelist": "file"}

_BEFORE_19 = int(av.__version__.partition(".")[0]) < 19  # noqa: PLR2004  a version
_TOLERANT: dict[str, Any] = {"metadata_errors": "replace"} if _BEFORE_19 else {}
"""Old files hold names in any encoding; PyAV 19 bears that by itself."""

_open: Callable[..., InputContainer] = av.open

_WHOLE_BYTES = 64 << 20
_SAMPLES = 64
_SAMPLE_BYTES = 64 << 10


def identify(location: str) -> SourceRef:
    """Say which video lies at a path, by content.

    Up to 64 MiB are hashed whole; of a larger file, its size and 64 samples of 64 KiB, spread
    evenly from its first byte to its last.

    Raises:
        SourceNotFoundError: nothing is there.
        SourceUnreadableError: it is no regular file, is empty, or may not be read.
    """
    path = Path(location)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceUnreadableError(f"{path.name} is not a file")
        if not status.st_size:
            raise SourceUnreadableError(f"{path.name} is empty")
        digest = blake2b(f"{status.st_size}:".encode(), digest_size=16)
        for piece in _content(path, status.st_size):
            digest.update(piece)
    except FileNotFoundError:
        raise SourceNotFoundError(f"{location} does not exist") from None
    except OSError as exc:
        raise SourceUnreadableError(f"{path.name} cannot be read: {exc.strerror}") from exc
    return SourceRef(name=path.name, size_bytes=status.st_size, fingerprint=digest.hexdigest())


def _content(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            while piece := file.read(1 << 20):
                yield piece
            return
        for index in range(_SAMPLES):
            file.seek((size - _SAMPLE_BYTES) * index // (_SAMPLES - 1))
            yield file.read(_SAMPLE_BYTES)


@contextmanager
def open_container(location: str) -> Generator[InputContainer]:
    """Open the video file at a path, read-only, for as long as the context lasts.

    Raises:
        SourceError: it cannot be opened as a video.
    """
    name = Path(location).name
    with ffmpeg_errors(name):
        # `file:` keeps FFmpeg from reading "a:b.mp4" as a protocol or "-i.mp4" as anything else
        container = _open(f"file:{location}", options=_OPTIONS, **_TOLERANT)
    with container:
        yield container


def video_streams(container: InputContainer) -> list[VideoStream]:
    """Return the streams that hold moving pictures, the one that players choose first.

    Raises:
        NoVideoError: there are none; covers of music do not count.
    """
    moving = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not moving:
        cover = " but a cover picture" if container.streams.video else ""
        raise NoVideoError(f"{_name(container)} has no video{cover}")
    best = container.streams.best("video")
    return sorted(moving, key=lambda stream: stream is not best)


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


def _name(container: InputContainer) -> str:
    return Path(container.name).name

"""Opening a video: only known containers, only known protocols, only the video stream."""

import errno
import stat
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import lru_cache, partial
from hashlib import blake2b
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO

import av
from av.container import Container, InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from scrubjay.errors import (
    SourceError,
    SourceForbiddenError,
    SourceNotFoundError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.limits import Limits
from scrubjay.media.allowed import DECODERS
from scrubjay.media.boxes import Fragments, fragments_of
from scrubjay.media.diagnosis import explained
from scrubjay.media.ffmpeg import source_errors
from scrubjay.media.tracks import has_decoder, ordered_streams
from scrubjay.media.web import ONE_PASS, READ_TIMEOUT, web_request
from scrubjay.model import SourceRef
from scrubjay.places.place import Place
from scrubjay.places.remote import RemoteFile

if TYPE_CHECKING:
    from scrubjay.places.streamed import Reader, StreamedFile

__all__ = [
    "Starts",
    "as_fraction",
    "fragments_at",
    "has_guesses",
    "identify",
    "name_of",
    "open_container",
    "read_only",
    "stamp_of",
    "time_base_of",
    "usual_length",
    "usual_ticks",
    "video_streams",
]

_CONTAINERS = (
    "mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "ogg", "asf", "mxf",
    "nut", "ivf", "rm", "dv", "h264", "hevc", "obu", "m4v", "h263", "vc1", "gxf", "wtv", "gif",
    "yuv4mpegpipe", "swf", "mp3", "aac", "flac", "wav",
)  # fmt: skip
"""Containers that contain their own media: a playlist or script could name other files or hosts.

The last four only have sound; they are opened so that the error can say so."""

_GENUINE = frozenset({
    "mpegts", "mpeg", "avi", "asf", "mxf", "rm", "h264", "hevc", "obu", "m4v", "mpegvideo", "h263",
    "vc1",
})  # fmt: skip
"""Containers whose times may be missing, or are only decoding times. FFmpeg fills in guesses; for
these, only the times in the file are used."""

_FORMATS = {"format_whitelist": ",".join(_CONTAINERS), "codec_whitelist": DECODERS}
_LOCAL = {"protocol_whitelist": "file"}

_BEFORE_19 = int(av.__version__.partition(".")[0]) < 19  # noqa: PLR2004  a version
_TOLERANT: dict[str, Any] = {"metadata_errors": "replace"} if _BEFORE_19 else {}
"""Old files have names in any encoding; PyAV 19 accepts that by default."""

_open: Callable[..., InputContainer] = av.open

_HIGHEST_RATE = 1000
"""Frames per second above which a rate comes from a damaged clock."""

_SAMPLES = 64
_SAMPLE_BYTES = 64 << 10
_WHOLE_BYTES = _SAMPLES * _SAMPLE_BYTES
_LANES = 16
"""Ranges of a remote video that are read at the same time."""


def identify(place: Place, *, on_packet: Callable[[], None] = lambda: None) -> SourceRef:
    """Identify the video at a place by its content.

    Up to 4 MiB are hashed completely; of a larger video, its size and 64 samples of 64 KiB, spread
    evenly from its first byte to its last. A copy elsewhere is the same video.

    Args:
        place: where it is.
        on_packet: called for each sample that was read.

    Raises:
        SourceNotFoundError: nothing is there.
        SourceUnreadableError: it is not a regular file, is empty, or access is refused.
        SourceUnavailableError: its server does not answer.
    """
    if place.is_local:
        return _identify_file(place, on_packet)
    if place.few_requests:
        film = few_bytes_of(place)
        return _reference(place, film.size, [film.etag.encode()], on_packet)
    file = RemoteFile(place)
    with ThreadPoolExecutor(_LANES) as pool:
        pieces = pool.map(file.read, _starts(file.size), repeat(_SAMPLE_BYTES))
        return _reference(place, file.size, pieces, on_packet)


def stamp_of(place: Place) -> tuple[int, ...]:
    """Return values that change when the file at a place is written or replaced; () on a server.

    Raises:
        SourceNotFoundError: it is gone.
        SourceUnavailableError: it cannot be checked now.
    """
    if not place.is_local:
        return ()
    try:
        status = Path(place.address).stat()
    except OSError as exc:
        raise _file_error(exc, place.address, "does not exist any more") from exc
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _identify_file(place: Place, on_packet: Callable[[], None]) -> SourceRef:
    path = Path(place.address)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceUnreadableError(f"{path.name} is not a file")
        if not status.st_size:
            raise SourceUnreadableError(f"{path.name} is empty")
        if place.few_requests:
            stamp = [repr(stamp_of(place)).encode()]
            return _reference(place, status.st_size, stamp, on_packet)
        with path.open("rb") as file:
            samples = _samples(file, status.st_size)
            return _reference(place, status.st_size, samples, on_packet)
    except OSError as exc:
        raise _file_error(exc, str(path), "does not exist") from exc


_LASTING = {errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL}
"""System errors that do not pass by themselves."""


def _file_error(exc: OSError, path: str, is_gone: str) -> SourceError:
    """Return the error for a video after a system error; a network share may come back."""
    if isinstance(exc, FileNotFoundError | NotADirectoryError):
        return SourceNotFoundError(f"{path} {is_gone}")
    message = f"{path} cannot be read: {exc.strerror}"
    if isinstance(exc, PermissionError):
        return SourceForbiddenError(message)
    if exc.errno in _LASTING:
        return SourceUnreadableError(message)
    return SourceUnavailableError(message)


def _samples(file: BinaryIO, size: int) -> Iterator[bytes]:
    for start in _starts(size):
        file.seek(start)
        yield file.read(_SAMPLE_BYTES)


def _starts(size: int) -> list[int]:
    """Return where the samples that identify a video begin."""
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
    """Return how the video at a place on a server is fragmented, from a few of its bytes.

    Raises:
        SourceError: its server refuses access.
    """
    return fragments_of(few_bytes_of(place) if place.few_requests else RemoteFile(place))


def few_bytes_of(place: Place) -> "StreamedFile":
    """Return the video at a place on a server, of which only a few pictures are read."""
    from scrubjay.places.streamed import streamed  # noqa: PLC0415  slow to load, and most videos are files

    return streamed(place)


@contextmanager
def open_container(
    place: Place,
    limits: Limits = Limits(),
    extra: Mapping[str, str] = MappingProxyType({}),
    *,
    container_name: str = "",
    on_open: Callable[[InputContainer], None] = lambda _: None,
) -> Generator[InputContainer]:
    """Open the video at a place, read-only, for as long as the context lasts.

    Args:
        place: where it is.
        limits: on its streams, and on the pixels that its decoders accept.
        extra: more of FFmpeg's options.
        container_name: FFmpeg's name of its container, if known, so that it is opened only once.
        on_open: called with the video as FFmpeg opens it by default.

    Raises:
        LimitError: it has more streams than are allowed.
        SourceError: it cannot be opened as a video.
    """
    is_genuine = container_name in _GENUINE
    with ExitStack() as stack:
        opened = partial(_opened, place, limits, extra)
        container = stack.enter_context(opened(is_genuine=is_genuine))
        if not is_genuine:
            on_open(container)
        if not is_genuine and has_guesses(container):
            stack.close()
            container = stack.enter_context(opened(is_genuine=True))
        yield container


def has_guesses(container: Container) -> bool:
    """Whether FFmpeg would fill in guesses for times that an open video lacks.

    Matroska has presentation times, unless it was made from an AVI (`V_MS/VFW/FOURCC`): then its
    tracks have the four characters of their codec.
    """
    name = container.format.name
    is_vfw = name.startswith("matroska") and any(
        has_decoder(stream) and stream.codec_context.codec_tag.strip("\0")
        for stream in container.streams.video
    )
    return name in _GENUINE or is_vfw


@contextmanager
def _opened(
    place: Place, limits: Limits, extra: Mapping[str, str], *, is_genuine: bool
) -> Generator[InputContainer]:
    url: str | Reader
    if place.is_local:
        # with `file:`, FFmpeg does not take "a:b.mp4" for a protocol
        url, options, timeout = f"file:{place.address}", dict(_LOCAL), None
    elif place.few_requests:
        url, options, timeout = few_bytes_of(place).reader(), dict(_LOCAL), None
    else:
        url, options = web_request(place)
        if fragments_at(place).lacks_index:
            options |= ONE_PASS
        timeout = READ_TIMEOUT
    if is_genuine:
        options["fflags"] = "nofillin"
    with explained(place), source_errors(place):
        # options that the container does not know go to the decoders that probe its streams
        given = _FORMATS | options | {"max_pixels": str(limits.decoder_pixels), **extra}
        container = _open(url, options=given, timeout=timeout, **_TOLERANT)
    with container:
        limits.check_streams(place.name, len(container.streams))
        for stream in container.streams.video:
            if getattr(stream, "codec_context", None) is not None:  # it is, without a decoder
                stream.codec_context.options = {"max_pixels": str(limits.decoder_pixels)}
        yield container


def video_streams(container: InputContainer, number: int | None = None) -> list[VideoStream]:
    """Return the streams with moving pictures, first the one that browsers show.

    Args:
        container: the opened file.
        number: the 0-based number of the only stream to use; None means any.

    Raises:
        NoVideoError: there are none, or `number` is not one; covers of music do not count.
        SoundOnlyError: there is only sound, perhaps with a cover.
    """
    return ordered_streams(container, name_of(container), number)


def as_fraction(value: Fraction | None) -> Fraction | None:
    """Return a ratio as a fraction (PyAV 19 has a type of its own); None if it is not positive."""
    ratio = Fraction(value.numerator, value.denominator) if value else Fraction(0)
    return ratio if ratio > 0 else None


def time_base_of(stream: Stream) -> Fraction:
    """Return the length of a stream's tick in seconds; MPEG's if it is not declared."""
    return as_fraction(stream.time_base) or Fraction(1, 90_000)


def read_only(container: InputContainer, kept: Stream) -> None:
    """Make FFmpeg skip the packets of all other streams."""
    for stream in container.streams:
        stream.discard = Discard.default if stream is kept else Discard.all


class Starts:
    """When the streams of a video start, as FFmpeg finds when it opens the video by default.

    FFmpeg does not find this if it may not fill in times, so it is read before that.
    """

    def __init__(self) -> None:
        self._starts: dict[int, Fraction] = {}
        self._ids: dict[int, int] = {}
        self.duration: Fraction | None = None
        """The duration in the header, in seconds."""

    def read(self, container: InputContainer) -> None:
        """Read the starts of an opened video."""
        length = container.duration
        self.duration = Fraction(length, 1_000_000) if length and length > 0 else None
        for stream in container.streams:
            is_played = stream.type in {"audio", "video"}
            is_cover = stream.disposition & Disposition.attached_pic
            if is_played and not is_cover and stream.start_time is not None:
                self._starts[stream.index] = stream.start_time * time_base_of(stream)
                self._ids[stream.index] = stream.id

    def origin(self, video: VideoStream, first: Fraction, programme: Collection[int]) -> Fraction:
        """Return what the clock of a video shows, in seconds, where its seek bar starts.

        That is the earliest start of its sound and pictures, which players subtract.

        Args:
            video: its video stream.
            first: the time of its first picture, in seconds of its clock.
            programme: the ids of the streams that share the clock; all of them if empty.
        """
        starts = (
            start
            for index, start in self._starts.items()
            if index == video.index or not programme or self._ids[index] in programme
        )
        return min(starts, default=first)


def usual_length(stream: VideoStream) -> Fraction:
    """Return the usual duration of a picture of the stream, in seconds.

    Without a known or plausible rate, it is a 25th of a second.
    """
    rates = [stream.average_rate, stream.guessed_rate, stream.codec_context.framerate]
    if has_guesses(stream.container):  # an average of guesses is useless
        rates.reverse()
    known = (rate for rate in map(as_fraction, rates) if rate and 0 < rate <= _HIGHEST_RATE)
    return 1 / next(known, Fraction(25))


def usual_ticks(stream: VideoStream) -> int:
    """Return the usual duration of a picture of the stream in ticks, at least 1."""
    return max(1, round(usual_length(stream) / time_base_of(stream)))


def name_of(container: InputContainer) -> str:
    """Return the last part of an open video's address, for people."""
    address = container.name
    return Place.of(address.removeprefix("file:")).name

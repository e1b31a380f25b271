"""What is in a video: read from its packets and its first picture, not believed from its header."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import av.error
from av import VideoFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.errors import SourceError, SourceUnreadableError
from scrubjay.limits import Limits
from scrubjay.media.boxes import Fragments
from scrubjay.media.diagnosis import encrypted_error, no_picture_error
from scrubjay.media.ffmpeg import DECODE_ERRORS, NETWORK_ERRORS, source_errors
from scrubjay.media.looks import looks_of
from scrubjay.media.meter import ProbeMeter, packets_in
from scrubjay.media.mp4 import bytes_of
from scrubjay.media.packets import packets_of
from scrubjay.media.protection import is_encrypted, is_protected_by_header, scheme_of
from scrubjay.media.source import (
    as_fraction,
    fragments_at,
    identify,
    name_of,
    open_container,
    origin_of,
    read_only,
    rewind,
    time_base_of,
    video_streams,
)
from scrubjay.media.tracks import has_decoder
from scrubjay.model import MediaInfo, SourceRef
from scrubjay.place import Place
from scrubjay.timing import Timeline

__all__ = ["probe_media"]

_FIRST_PICTURE_PACKETS = 1000
"""Packets read, at most, in search of a stream's first picture."""

_TAIL = 10
"""Seconds before the declared end from which packets are read: MPEG-TS seeks land late, and the
last packet in the file is seldom the last in time."""

_HIGHEST_RATE = 1000
"""Frames per second above which a rate is a damaged clock: a set must not last no time at all."""

_NO_LOOK = {"codec_whitelist": "none", "max_pixels": str((1 << 31) - 1)}
"""FFmpeg's options that make it believe a header, and decode nothing."""

_FAR = 1 << 62
"""A tick after the end of every video."""

_MOST_READ_BYTES = 64 << 20
"""How large a video on a server may be to be read from end to end just to see how long it is."""


def probe_media(
    place: Place,
    *,
    limits: Limits = Limits(),
    on_packet: Callable[[], None] = lambda: None,
) -> tuple[SourceRef, MediaInfo]:
    """Look into the video at a place: which it is, and what it holds.

    Args:
        place: where it lies, and which stream of the file is meant if not the first one.
        limits: how much of it may be read, and how large it may be.
        on_packet: called for whatever has been read, as a sign of life.

    Raises:
        LimitError: it is larger than that, or takes longer.
        SourceError: it cannot be opened, has no video, or gives no picture.
    """
    meter = ProbeMeter(place.name, limits, on_packet)
    source = identify(place, on_packet=meter)
    jumps_to_end = not place.is_local and _has_index_at_end(place, source.size_bytes, limits)
    meter()
    with open_container(place, limits) as container, source_errors(place):
        meter()
        streams = video_streams(container, place.stream)
        search = _Search(place, container, meter)
        for stream in streams:
            read_only(container, stream)
            _check_pixels(place, stream, limits)
            picture = search.first_picture(stream)
            if picture is not None:
                limits.check_pixels(source.name, picture.width, picture.height)
                packets = packets_in(container, stream, source.size_bytes, meter)
                end = _End(container, stream, jumps=jumps_to_end, on_packet=meter)
                return source, _describe(container, stream, picture, end, packets)
        raise search.error(streams)


def _has_index_at_end(place: Place, size_bytes: int, limits: Limits) -> bool:
    """Whether a video on a server is a fragmented MP4 with its index at its end.

    Raises:
        LimitError: it is one that has no index, and too large to be fetched whole.
    """
    fragments = fragments_at(place)
    if fragments is Fragments.MANY:
        limits.check_one_pass(place.name, size_bytes)
    return fragments is Fragments.INDEXED_AT_END


def _check_pixels(place: Place, stream: VideoStream, limits: Limits) -> None:
    """Check the size that a stream claims, before anything of it is decoded.

    FFmpeg forgets a size that is larger than its decoders may take, while it looks into a file; so
    where there is none, the file is opened once more without that look.
    """
    if not has_decoder(stream):
        return
    context = stream.codec_context
    if context.width and context.height:
        limits.check_pixels(place.name, context.width, context.height)
        return
    with open_container(place, limits, _NO_LOOK) as container:
        for claimed in container.streams.video:
            if claimed.index == stream.index:
                context = claimed.codec_context
                limits.check_pixels(place.name, context.width, context.height)


class _Search:
    """Looks for the first picture of each stream, and notes why there is none.

    Args:
        place: where the video lies.
        container: the opened video.
        on_packet: called for each packet that is read.
    """

    def __init__(
        self, place: Place, container: InputContainer, on_packet: Callable[[], None]
    ) -> None:
        self._place = place
        self._container = container
        self._on_packet = on_packet
        self._packets = 0
        self._is_damaged = False
        self._scheme: str | None = None

    def first_picture(self, stream: VideoStream) -> VideoFrame | None:
        """Return the first picture of a stream that has a time, or None if none decodes early on.

        Raises:
            EncryptedVideoError: it is noise, for the video is encrypted.
        """
        picture = self._first_picture(stream) if has_decoder(stream) else None
        if picture is not None and (self._is_damaged or picture.is_corrupt):
            scheme = is_protected_by_header(bytes_of(self._place), stream)
            if scheme is not None:
                raise encrypted_error(self._place, scheme)
        return picture

    def error(self, streams: Sequence[VideoStream]) -> SourceError:
        """Return why no stream gave a picture."""
        if self._scheme is not None:
            return encrypted_error(self._place, self._scheme)
        return no_picture_error(self._place, self._container, streams, self._packets)

    def _first_picture(self, stream: VideoStream) -> VideoFrame | None:
        rewind(self._container, stream)
        stream.codec_context.thread_count = 1
        for number, packet in enumerate(packets_of(self._container, stream)):
            self._on_packet()
            if number > _FIRST_PICTURE_PACKETS:
                break
            self._packets += packet.size > 0
            frames = self._decoded(packet)
            for frame in frames:
                if frame.pts is not None:
                    return frame
        return None

    def _decoded(self, packet: "Packet[VideoStream]") -> list[VideoFrame]:
        if is_encrypted(packet):
            self._scheme = scheme_of(packet)
            return []
        try:
            return packet.decode()
        except (av.error.MemoryError, MemoryError):
            raise
        except DECODE_ERRORS:
            self._is_damaged = True
            return []


def _describe(
    container: InputContainer,
    stream: VideoStream,
    picture: VideoFrame,
    the_end: "_End",
    packets: int,
) -> MediaInfo:
    timeline = Timeline(time_base=time_base_of(stream), origin=origin_of(container))
    declared = the_end.declared
    end = the_end.measure(timeline)
    first = timeline.seconds(picture.pts or 0)
    duration = max(end, first + _usual_length(stream))
    looks = looks_of(container, stream, picture, duration=duration, on_packet=the_end.on_packet)
    return MediaInfo(
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        stream_index=stream.index,
        duration=duration,
        declared_duration=declared,
        first_picture=first,
        origin=timeline.origin,
        time_base=timeline.time_base,
        frame_rate=as_fraction(stream.average_rate),
        has_audio=bool(container.streams.audio),
        packets=packets,
        warnings=tuple(_warnings(container, duration, declared, timeline.origin)),
        **looks,
    )


def _warnings(
    container: InputContainer, duration: Fraction, declared: Fraction | None, origin: Fraction
) -> Iterator[str]:
    longest = duration + 1 + max(origin, Fraction(0))  # Matroska's header counts from the clock's 0
    claimed = "" if declared is None else f"{float(declared):.2f}"
    if declared is None:
        yield "its header gives no duration; it was measured by reading the file"
    elif declared > longest and not container.streams.audio:
        yield f"its header claims {claimed} s, but its pictures end at {float(duration):.2f} s"
    elif declared > longest:
        yield f"its pictures end at {float(duration):.2f} s of {claimed} s"


class _End:
    """Finds where the pictures of a video end, from its last packets.

    Args:
        container: the opened video.
        stream: its video stream.
        jumps: whether to ask for its very end, for its header knows only its beginning.
        on_packet: called for each packet that is read.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        *,
        jumps: bool,
        on_packet: Callable[[], None],
    ) -> None:
        self._container = container
        self._stream = stream
        self._jumps = jumps
        self.on_packet = on_packet
        """Called for each packet that is read."""
        self._is_remote = not container.name.startswith("file:")
        duration = None if jumps else container.duration
        self.declared = Fraction(duration, 1_000_000) if duration else None
        """What the header says, in seconds."""

    def measure(self, timeline: Timeline) -> Fraction:
        """Return when the last picture ends, by reading the last packets; all if need be."""
        end = None
        if self._jumps or self.declared:
            far = _FAR if self.declared is None else timeline.last_pts_at(self.declared - _TAIL)
            try:
                self._container.seek(far, stream=self._stream)
                end = self._end_of_packets()
            except av.error.FFmpegError as exc:  # no way to the end but reading all of it
                self._check(exc)
        if end is None:
            self._refuse_to_read_all()
            rewind(self._container, self._stream)
            end = self._end_of_packets()
        return Fraction(0) if end is None else timeline.seconds(end)

    def _end_of_packets(self) -> int | None:
        """Return the tick at which the packets from here on end; None if there are none."""
        usual = _usual_length(self._stream) / time_base_of(self._stream)
        end: int | None = None
        try:
            for packet in packets_of(self._container, self._stream):
                self.on_packet()
                stamp = packet.pts if packet.pts is not None else packet.dts
                if packet.size and stamp is not None and not packet.is_discard:
                    after = stamp + (packet.duration or round(usual))
                    end = after if end is None else max(end, after)
        except DECODE_ERRORS as exc:
            self._check(exc)  # a damaged end: what was read before it counts
        return end

    def _check(self, exc: Exception) -> None:
        """Raise an error of the network: what follows is not the end."""
        if self._is_remote and isinstance(exc, NETWORK_ERRORS):
            raise exc

    def _refuse_to_read_all(self) -> None:
        if self._is_remote and self._container.size > _MOST_READ_BYTES:
            raise SourceUnreadableError(
                f"{name_of(self._container)} does not say how long it is and has no index, so all "
                "of it would be fetched; mend it: ffmpeg -i in -c copy out"
            )


def _usual_length(stream: VideoStream) -> Fraction:
    """Return how long a picture of the stream is shown on average, in seconds.

    Where no rate is known, or none that a camera or a screen has, it is a 25th of a second.
    """
    for rate in (as_fraction(stream.average_rate), as_fraction(stream.guessed_rate)):
        if rate and 0 < rate <= _HIGHEST_RATE:
            return 1 / rate
    return Fraction(1, 25)

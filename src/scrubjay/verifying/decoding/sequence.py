"""The pictures of a video, one after another from its start, as any plain reader decodes them.

Nothing is sought or skipped. What is shared with the reader that makes sets is how a file may be
opened: which containers, decoders and protocols are allowed (`media.source`).
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from heapq import heappop, heappush
from typing import NamedTuple

import av.error
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from scrubjay.limits import Limits
from scrubjay.media.source import open_container
from scrubjay.model import MediaInfo
from scrubjay.places.place import Place

__all__ = ["Frame", "frames_of"]

_DECODE_ERRORS = (av.error.FFmpegError, UnicodeDecodeError, ValueError)
_MOST_ERRORS = 100
_LONGEST_STEP = 10
"""Seconds from one picture to the next above which the video's clock has jumped."""

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class Frame(NamedTuple):
    """A picture of the video."""

    time: Fraction
    """When it is shown, in seconds on the seek bar."""
    picture: VideoFrame
    is_certain: bool
    """Whether every reader gives it this time: not after a jump of the clock, nor where some of the
    video's pictures have no time."""


def frames_of(source: Place, media: MediaInfo, on_packet: Callable[[], None]) -> Iterator[Frame]:
    """Yield the pictures of a video; those without a time are left out.

    Where the clock jumps, the next picture follows after the usual time, as in players.

    Args:
        source: the location of the video.
        media: which stream of it, and what its clock is.
        on_packet: called for each packet that is read.

    Raises:
        SourceError: the video cannot be opened.
    """
    pixels = media.coded_width * media.coded_height
    limits = Limits(max_pixels=max(Limits().max_pixels, pixels), max_streams=1 << 31)
    with open_container(source, limits, container_name=media.container) as container:
        stream = container.streams[media.stream_index]
        assert isinstance(stream, VideoStream)  # noqa: S101  its probe chose a video stream
        decoder = _decoder(stream)
        ticks: list[int] = []
        clock = _Clock(media)
        for packet in _packets(container.demux(stream)):
            on_packet()
            if packet is not None and packet.size and not packet.is_discard:
                tick = packet.dts if packet.dts is not None else packet.pts
                heappush(ticks, len(ticks) if tick is None else tick)
            for frame in _decoded(decoder, packet):
                tick = frame.pts if media.clock in {"pts", "gaps"} else heappop(ticks)
                if tick is not None:
                    time = clock.time_of(tick * media.time_base - media.origin)
                    yield Frame(time, frame, clock.is_certain)


class _Clock:
    """Joins the stretches of a clock that jumps.

    Args:
        media: the video.
    """

    def __init__(self, media: MediaInfo) -> None:
        self.is_certain = media.clock != "gaps"
        self._jumps = media.is_stitched
        self._usual = 1 / (media.frame_rate or Fraction(25))
        self._offset = Fraction(0)
        self._last: Fraction | None = None

    def time_of(self, time: Fraction) -> Fraction:
        """Return when a picture is shown, given what the clock says."""
        due = time if self._last is None else self._last + self._usual
        if self._jumps and abs(time + self._offset - due) > _LONGEST_STEP:
            self._offset, self.is_certain = due - time, False
        self._last = time + self._offset
        return self._last


def _packets(
    packets: "Iterator[Packet[VideoStream]]",
) -> "Iterator[Packet[VideoStream] | None]":
    errors = 0
    while errors < _MOST_ERRORS:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except _DECODE_ERRORS:
            errors += 1
            continue
        errors = 0
        if packet.size:
            yield packet
    yield None


def _decoded(decoder: VideoCodecContext, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
    try:
        return decoder.decode(packet)
    except _DECODE_ERRORS:
        return []


def _decoder(stream: VideoStream) -> VideoCodecContext:
    """Return the decoder of a stream; of a transparent WebM, the one that decodes that too."""
    own = stream.codec_context
    own.thread_type = "AUTO"
    name = _WITH_ALPHA.get(own.codec.canonical_name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return own
    decoder = CodecContext.create(name, "r")
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101  it decodes video
    decoder.extradata = own.extradata
    return decoder

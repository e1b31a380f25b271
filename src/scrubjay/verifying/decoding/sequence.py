"""The pictures of a video, one after another from its start, as any plain reader decodes them.

Nothing is sought or skipped. What is shared with the reader that makes sets is how a file may be
opened: which containers, decoders and protocols are allowed (`media.source`).
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from heapq import heappop, heappush

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

__all__ = ["frames_of"]

_DECODE_ERRORS = (av.error.FFmpegError, UnicodeDecodeError, ValueError)
_MOST_ERRORS = 100
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def frames_of(
    source: Place, media: MediaInfo, on_packet: Callable[[], None]
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Yield each picture of a video and when it is shown, in seconds on the seek bar.

    Args:
        source: the location of the video.
        media: which stream of it, and what its clock is; `clock` must not be `gaps`.
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
        for packet in _packets(container.demux(stream)):
            on_packet()
            if packet is not None and packet.size and not packet.is_discard:
                tick = packet.dts if packet.dts is not None else packet.pts
                heappush(ticks, len(ticks) if tick is None else tick)
            for frame in _decoded(decoder, packet):
                tick = frame.pts if media.clock == "pts" else heappop(ticks)
                if tick is not None:
                    yield tick * media.time_base - media.origin, frame


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

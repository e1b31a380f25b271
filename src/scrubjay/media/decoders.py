"""Decoders: packets in, frames out. Which one reads a stream, and what it may skip."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

import av.error
from av import VideoFrame
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from scrubjay.media.clocks import F
from scrubjay.media.damage import Damage, StartAgainError
from scrubjay.media.ffmpeg import DECODE_ERRORS
from scrubjay.media.protection import is_encrypted

__all__ = [
    "SKIPPING_CODECS",
    "Coded",
    "Decoder",
    "DecoderFor",
    "VideoDecoder",
    "can_skip",
    "decoder_of",
]

SKIPPING_CODECS = frozenset({"h264", "hevc", "mpeg2video", "mpeg4"})
"""Codecs whose decoders can skip a frame that no other refers to without changing any other;
`tests/media/test_frames.py` checks it, bit by bit. For the others, all frames are decoded."""

_THREADED_CODECS = frozenset({"h264", "hevc", "vp9", "mpeg4", "libdav1d"})
"""Decoders that give the same pictures with several threads as with one, and that report damage.
VP8's does not: for a damaged video, its pictures depend on the number of threads."""

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that also read the transparency of WebM video, a second picture beside the first."""

_HVCC_LAYERS = 21
"""The byte of hvcC with `numTemporalLayers`."""


class Coded(NamedTuple):
    """A packet to decode."""

    packet: "Packet[VideoStream]"
    tick: int | None
    """Its time, if it has one."""
    is_second_field: bool = False
    """Whether it completes the picture that the packet before it began."""
    may_skip: bool = False
    """Whether its frame may be left out if no other refers to it."""


class Decoder(Protocol[F]):
    """Turns the packets of one stream into frames."""

    def decode(self, coded: Coded | None) -> list[F]:
        """Take a packet, and return the frames that are ready, in the order in which they show.

        Args:
            coded: the packet; None asks for all frames that were held back.

        Raises:
            StartAgainError: damage was found, and reading must not go on.
        """
        ...

    def flush(self) -> None:
        """Forget all packets so far: the container has just jumped elsewhere."""
        ...


DecoderFor: TypeAlias = Callable[[VideoStream, Damage], Decoder[F]]
"""Returns a decoder for a stream that has just been opened; it notes the damage that it finds."""


class VideoDecoder:
    """Decodes with FFmpeg.

    Args:
        stream: the stream, just opened.
        damage: takes note of what is damaged.
        threads: how many to use. No picture depends on it: damaged videos, and those too large for
            several threads' memory, are decoded by one.
    """

    def __init__(self, stream: VideoStream, damage: Damage, *, threads: int = 1) -> None:
        self._codec = codec = decoder_of(stream)
        self._is_own = codec is stream.codec_context
        self._damage = damage
        damage.is_threaded = threads > 1 and codec.name in _THREADED_CODECS
        codec.thread_count = threads if damage.is_threaded else 1
        codec.thread_type = "FRAME"  # with slice threads, damaged pictures would differ
        self._is_intra_only = codec.codec.intra_only
        self._tick: int | None = None

    def decode(self, coded: Coded | None) -> list[VideoFrame]:
        """Decode a packet; one that is encrypted, or cannot be decoded, gives no frame."""
        if coded is None:
            return self._decoded(None)
        packet, self._tick = coded.packet, coded.tick
        if is_encrypted(packet):
            self._damage.note(self._tick)
            self._damage.is_encrypted = True
            return []
        if packet.is_corrupt:
            self._damage.note(self._tick)
            if self._is_intra_only:
                return []  # in a cut-off raw picture, FFmpeg leaves arbitrary memory content
            packet.is_corrupt = False  # so that its frame's flag comes from the decoder
        self._codec.skip_frame = "NONREF" if coded.may_skip else "DEFAULT"
        return self._decoded(packet)

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        try:
            frames = self._codec.decode(packet)
        except (av.error.MemoryError, MemoryError):
            if self._damage.is_threaded:
                raise StartAgainError from None
            raise
        except DECODE_ERRORS:
            self._damage.note(None if packet is None else self._tick)
            return []
        for frame in frames:
            if frame.is_corrupt:
                self._damage.note_frame(frame.pts, self._tick)
        return frames

    def flush(self) -> None:
        """Forget all packets so far; the stream's own decoder was flushed by the jump."""
        if not self._is_own:
            self._codec.flush_buffers()


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """Return the decoder for a stream: its own, unless that ignores its transparency."""
    own = stream.codec_context
    name = _WITH_ALPHA.get(own.codec.canonical_name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return own
    try:
        decoder = CodecContext.create(name, "r")
    except (av.error.FFmpegError, ValueError):  # an FFmpeg without it: no transparency
        return own
    assert isinstance(decoder, VideoCodecContext)  # noqa: S101  it decodes video
    decoder.options = dict(own.options)
    decoder.extradata = own.extradata
    return decoder


def can_skip(stream: VideoStream) -> bool:
    """Whether a stream's decoder can skip frames that no other refers to.

    Not with temporal sub-layers in H.265: there, a "non-reference" frame is one that its own
    sub-layer does not refer to (ITU-T H.265, 7.4.2.2). hvcC has their number (ISO 14496-15).
    """
    codec = stream.codec_context
    if codec.name == "hevc":
        extradata = codec.extradata or b""
        return len(extradata) > _HVCC_LAYERS and extradata[_HVCC_LAYERS] >> 3 & 7 == 1
    return codec.name in SKIPPING_CODECS

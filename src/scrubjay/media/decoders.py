"""Which decoder reads a stream: FFmpeg's default, unless that one ignores something."""

import av.error
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

__all__ = ["decoder_of"]

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that also read the transparency of WebM video, a second picture beside the first."""


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

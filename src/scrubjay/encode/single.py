"""One picture coded by FFmpeg, in a format whose packet is the file."""

from collections.abc import Mapping
from fractions import Fraction
from typing import cast

from av.buffer import Buffer
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from scrubjay.encode.base import RgbPicture

__all__ = ["coded"]

_RGB = "rgb24"


def coded(
    picture: RgbPicture, encoder: str, *, pixel_format: str = _RGB, options: Mapping[str, str]
) -> bytes:
    """Return a picture as a file.

    Args:
        picture: to encode.
        encoder: FFmpeg's name of it.
        pixel_format: what the encoder takes, with red, green and blue.
        options: the encoder's.
    """
    context = cast("VideoCodecContext", CodecContext.create(encoder, "w"))
    context.height, context.width = picture.shape[:2]
    context.pix_fmt = pixel_format
    context.time_base = Fraction(1)
    context.thread_count = 1  # with another number, some write other bytes
    context.options = dict(options)
    frame = VideoFrame.from_ndarray(picture, format=_RGB)
    if pixel_format != _RGB:
        frame = frame.reformat(format=pixel_format)
    frame.pts = 0
    packets = cast("list[Buffer]", [*context.encode(frame), *context.encode(None)])
    return b"".join(bytes(packet) for packet in packets)

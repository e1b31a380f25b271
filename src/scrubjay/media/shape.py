"""The shape of a picture: how wide its pixels are, which way up it is, and its size as shown."""

import struct
from fractions import Fraction
from typing import Literal, TypeAlias

from av import VideoFrame
from av.video.stream import VideoStream

from scrubjay.media.side_data import side_data
from scrubjay.media.source import as_fraction

__all__ = ["Turn", "displayed", "orientation", "picture_aspect"]

Turn: TypeAlias = Literal[0, 90, 180, 270]

_MATRIX = struct.Struct("<9i")


def picture_aspect(stream: VideoStream) -> Fraction:
    """Return how wide a coded pixel is to its height; 1 where the video does not say."""
    return as_fraction(stream.sample_aspect_ratio) or Fraction(1)


def displayed(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return the size in square pixels as browsers give it: never smaller than the coded one."""
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def orientation(picture: VideoFrame) -> tuple[Turn, bool]:
    """Return the clockwise turn that puts a picture upright, and whether to flip it before that.

    FFmpeg's display matrix (libavutil/display.h) maps a coded point (x, y) to
    (a x + c y, b x + d y) as displayed; y grows downwards.
    """
    matrix = side_data(picture, "DISPLAYMATRIX")
    if len(matrix) != _MATRIX.size:
        return 0, False
    a, b, _, c, d, *_ = _MATRIX.unpack(matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        mirrored = (a < 0) != (d < 0)
        return (180 if d < 0 else 0), mirrored
    mirrored = (b < 0) == (c < 0)
    return (90 if c < 0 else 270), mirrored

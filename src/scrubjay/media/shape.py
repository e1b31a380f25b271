"""The shape of a picture: the aspect of its pixels, its orientation, and its size as shown."""

import struct
from fractions import Fraction
from typing import Any, Literal, NamedTuple, TypeAlias

import av
import av.error
from av import VideoFrame
from av.codec.context import CodecContext
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from scrubjay.media.side_data import side_data
from scrubjay.media.source import as_fraction
from scrubjay.model import Crop

__all__ = [
    "AspectReader",
    "Shape",
    "Turn",
    "crop_of",
    "displayed",
    "orientation",
    "picture_aspect",
]

Turn: TypeAlias = Literal[0, 90, 180, 270]

_MATRIX = struct.Struct("<9i")

_SAY_NO_ASPECT = frozenset(
    {"mpegts", "mpeg", "mpegvideo", "h264", "hevc", "m4v", "vc1", "obu", "flv", "ivf"}
)
"""Containers without an aspect of pixels; each picture has its own."""

_START_OF_FRAME = struct.Struct("=4i")
_START_OF_ASPECT = struct.Struct("=2i")
_FRAME_AT = 104
_ASPECT_AT = 124
"""Where FFmpeg 8's `AVFrame` (libavutil/frame.h) has width, height, samples and format, and where
the aspect of its pixels: after 8 pointers, 8 line sizes and another pointer."""


class Shape(NamedTuple):
    """How one frame is laid out and shown. Frames of equal shape are painted alike."""

    width: int
    """As decoded, in pixels."""
    height: int
    aspect: Fraction
    """Width of a pixel divided by its height."""
    rotation_deg: Turn
    mirrored: bool


class AspectReader:
    """Reads the aspect of the pixels of frames.

    In some containers only the pictures have it, and it may change in the middle of a film, as on
    television. PyAV does not expose it, but its `wrapped_avframe` encoder copies FFmpeg's own
    structure of a frame in a few microseconds.

    Args:
        container: FFmpeg's name of the container.
        usual: the container's aspect, or that of the picture that the video was planned with.
    """

    def __init__(self, container: str, usual: Fraction) -> None:
        self._usual = usual
        self._varies = not _SAY_NO_ASPECT.isdisjoint(container.split(","))
        self._kind: tuple[object, ...] = ()
        self._wrapper: Any = None

    def read(self, frame: VideoFrame) -> Fraction:
        """Return the width of a frame's pixels divided by their height."""
        if not self._varies:
            return self._usual
        kind = frame.width, frame.height, frame.format.name, frame.time_base
        if kind != self._kind:
            self._kind = kind
            self._wrapper = _wrapper(frame)
        if self._wrapper is None:
            return self._usual
        try:
            packets = self._wrapper.encode(frame)
            content = memoryview(packets[0])
        except (av.error.FFmpegError, ValueError, IndexError):
            return self._usual
        width, height, *_ = _START_OF_FRAME.unpack_from(content, _FRAME_AT)
        if (width, height) != (frame.width, frame.height):  # another layout
            return self._usual
        across, down = _START_OF_ASPECT.unpack_from(content, _ASPECT_AT)
        return Fraction(across, down) if across > 0 and down > 0 else Fraction(1)


def _wrapper(frame: VideoFrame) -> VideoCodecContext | None:
    """Return the encoder that copies frames of one kind, pictures by reference."""
    try:
        wrapper = CodecContext.create("wrapped_avframe", "w")
    except (av.error.FFmpegError, ValueError):
        return None
    assert isinstance(wrapper, VideoCodecContext)  # noqa: S101  it is a video encoder
    wrapper.width, wrapper.height = frame.width, frame.height
    wrapper.pix_fmt = frame.format.name
    wrapper.time_base = frame.time_base or Fraction(1, 90_000)  # so that the frame keeps its own
    return wrapper


def picture_aspect(stream: VideoStream) -> Fraction:
    """Return the width of a coded pixel divided by its height; 1 if it is not declared."""
    return as_fraction(stream.sample_aspect_ratio) or Fraction(1)


def crop_of(crop: Crop, width: int, height: int) -> Crop:
    """Return what a container cuts off a picture of some size; nothing if that is invalid."""
    if crop.left + crop.right >= width or crop.top + crop.bottom >= height:
        return Crop()
    return crop


def displayed(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return the size in square pixels as browsers give it: never smaller than the coded one."""
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def orientation(picture: VideoFrame) -> tuple[Turn, bool]:
    """Return the clockwise rotation that puts a picture upright, and whether to flip it first.

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

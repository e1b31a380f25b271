"""Animations that FFmpeg codes as their pictures come, and codes again to keep a budget."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from io import BytesIO
from typing import ClassVar, NamedTuple, cast

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream

from scrubjay.encode.base import PlanarPicture, RgbPicture, is_planar
from scrubjay.model import Animation

__all__ = ["ONE_KEYFRAME", "Coding", "StreamingEncoder"]

ONE_KEYFRAME = "100000"
"""A distance of keyframes that no animation has: only its first picture has to stand alone."""

_COLOURS = "bgra"
"""The pixel format of pictures that the encoder itself converts to luma and chroma."""


class Coding(NamedTuple):
    """How FFmpeg's libraries write a format.

    A quality from 1 to 100 is a value of one of the encoder's options, spread evenly over
    `quality_range`.
    """

    encoder: str
    container: str
    ticks: int
    """Units of time in a second."""
    quality_option: str
    quality_range: tuple[int, int]
    """The option's values at qualities 0 and 100."""
    quality: int
    """The quality of an output that asks for none."""
    least_quality: int
    """A budget does not take a file's quality below that."""
    options: Mapping[str, str]
    """The encoder's other options."""
    container_options: Mapping[str, str] = {}
    pixel_format: str = "yuv420p"
    curve: int = ColorTrc.BT709
    opening: Callable[[], AbstractContextManager[None]] = nullcontext
    """What surrounds the opening of the encoder."""

    def value(self, quality: int) -> str:
        """Return the value of the quality's option."""
        worst, best = self.quality_range
        return str(round(worst + Fraction(quality * (best - worst), 100)))


class _Shown(NamedTuple):
    """A converted picture, and from which tick to which it is shown."""

    frame: VideoFrame
    start: int
    end: int


class StreamingEncoder:
    """Makes one animation of an output; a format is a subclass with its `coding`.

    A picture is coded when the next one comes, which ends it. Nothing of it is kept, unless there
    is a budget.

    Args:
        options: the output's. With `max_bytes`, the pictures are kept, and coded again with a lower
            quality if need be.
    """

    coding: ClassVar[Coding]

    def __init__(self, options: Animation) -> None:
        self._options = options
        self._quality = options.quality or self.coding.quality
        self._converter = VideoReformatter()
        self._picture: RgbPicture | PlanarPicture | None = None
        self._frame: VideoFrame | None = None
        self._writer: _Writer | None = None
        self._origin = Fraction(0)
        self._start = 0
        self._kept: list[_Shown] = []

    def add(self, picture: RgbPicture | PlanarPicture, time: Fraction) -> None:
        """Take the next picture, shown from `time` seconds on."""
        if self._frame is None:
            self._origin = time
        else:
            self._write(time)
        if picture is not self._picture:
            self._picture, self._frame = picture, self._converted(picture)

    def finish(self, end: Fraction) -> bytes:
        """Return the file; its last picture ends at `end` seconds."""
        self._write(end)
        assert self._writer is not None  # noqa: S101  an animation has a picture
        data = self.completed(self._writer.finish(), self._start)
        self._writer = None  # its memory serves the encoders that finish next
        most_bytes = self._options.max_bytes
        if not most_bytes or len(data) <= most_bytes:
            return data
        return self._squeezed(most_bytes, self._start)

    def prepared(self, picture: RgbPicture) -> RgbPicture:
        """Return a picture as the format can hold it."""
        return picture

    def completed(self, data: bytes, length: int) -> bytes:
        """Return a file as it is to be, which lasts so many ticks."""
        del length
        return data

    def _write(self, end: Fraction) -> None:
        """Code the picture that is shown up to a time."""
        ticks = max(self._start + 1, round((end - self._origin) * self.coding.ticks))
        frame = cast("VideoFrame", self._frame)
        shown = _Shown(frame, self._start, ticks)
        self._start = ticks
        if self._writer is None:
            self._writer = _Writer(self.coding, frame, self._options.fps, self._quality)
        self._writer.write(shown)
        if self._options.max_bytes:
            self._kept.append(shown)

    def _squeezed(self, most_bytes: int, length: int) -> bytes:
        """Find the best quality that keeps a budget, by bisection; the worst if none does."""
        low, high = min(self.coding.least_quality, self._quality), self._quality
        best = self._coded(low, length)
        while high - low > 1 and len(best) <= most_bytes:
            middle = (low + high) // 2
            data = self._coded(middle, length)
            if len(data) > most_bytes:
                high = middle
            else:
                low, best = middle, data
        return best

    def _coded(self, quality: int, length: int) -> bytes:
        writer = _Writer(self.coding, self._kept[0].frame, self._options.fps, quality)
        for shown in self._kept:
            writer.write(shown)
        return self.completed(writer.finish(), length)

    def _converted(self, picture: RgbPicture | PlanarPicture) -> VideoFrame:
        """Convert a picture to what the encoder takes: BT.709 in the limited range."""
        if is_planar(picture):
            return VideoFrame.from_ndarray(picture, format="yuv420p")
        frame = VideoFrame.from_ndarray(self.prepared(picture), format="rgb24")
        if self.coding.pixel_format == _COLOURS:
            return frame.reformat(format=_COLOURS)
        return self._converter.reformat(
            frame,
            format=self.coding.pixel_format,
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC,  # nearer than bilinear, and four times as fast
            threads=1,
        )


class _Writer:
    """Codes one animation at one quality, into memory."""

    def __init__(self, coding: Coding, frame: VideoFrame, fps: Fraction, quality: int) -> None:
        self._file = BytesIO()
        self._tick = Fraction(1, coding.ticks)
        self._lengths: dict[int | None, int] = {}
        options = {"fflags": "+bitexact", **coding.container_options}
        self._output = av.open(self._file, "w", format=coding.container, options=options)
        codec_options = {**coding.options, coding.quality_option: coding.value(quality)}
        stream = self._output.add_stream(coding.encoder, rate=fps, options=codec_options)
        self._stream = cast("VideoStream", stream)
        self._open(coding, frame)

    def _open(self, coding: Coding, frame: VideoFrame) -> None:
        context = self._stream.codec_context
        context.width, context.height = frame.width, frame.height
        context.pix_fmt = coding.pixel_format
        context.time_base = self._stream.time_base = self._tick
        context.thread_count = 1  # with another number, some write other bytes
        if coding.pixel_format != _COLOURS:
            context.colorspace = Colorspace.ITU709
            context.color_primaries = ColorPrimaries.BT709
            context.color_trc = coding.curve
            context.color_range = ColorRange.MPEG
        with coding.opening():
            context.open()

    def write(self, shown: _Shown) -> None:
        """Code a picture."""
        frame, start, end = shown
        frame.pts, frame.time_base, frame.duration = start, self._tick, end - start
        self._lengths[start] = end - start
        self._code(frame)

    def finish(self) -> bytes:
        """Return the file."""
        self._code(None)
        self._output.close()
        return self._file.getvalue()

    def _code(self, frame: VideoFrame | None) -> None:
        packets = cast("list[Packet[VideoStream]]", self._stream.encode(frame))
        for packet in packets:  # encoders forget how long a picture lasts
            packet.duration = self._lengths.pop(packet.pts, packet.duration)
            self._output.mux(packet)

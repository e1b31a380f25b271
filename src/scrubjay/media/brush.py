"""From a frame's coded values to red, green and blue on a screen, at a given size."""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from scrubjay.media.colour import Colours
from scrubjay.media.cutting import Area, Cutter
from scrubjay.media.gamut import GamutMapper
from scrubjay.media.tone import tone_mapper
from scrubjay.model import Size

__all__ = ["Brush"]

_MUCH_SMALLER = 4
"""A frame this many times larger than its picture is first averaged to twice the picture's size,
and then scaled with Lanczos. Measured on film and screen recordings at 720p and 1080p to 240 px:
less than half the CPU of Lanczos alone (0.8 to 1.1 ms against 1.8 to 2.3), and 47 dB from it with
no shift of colours."""

_EXACT = Interpolation.LANCZOS | Interpolation.FULL_CHR_H_INT
"""Without full chroma, libswscale uses a table of 8 bits for colours: white became 253."""

_PLANAR = "gbrp"
"""The format that libswscale scales to in less than half the time of `rgb24`, with the same levels:
its code for that is vectorized. Without scaling, `rgb24` is faster."""

_CODED = "yuv420p"
"""The format of most videos, and of planar pictures."""

_Levels = npt.NDArray[np.uint8]


class Brush:
    """Paints frames of one size, one pixel format and equal colours.

    Args:
        like: one of the frames.
        colours: how to interpret their values.
        area: the area of them to show.
        size: of the result, as coded, before rotation.
        is_interlaced: whether every second row is from another moment.
        background: what shows through transparent pixels, (3,) uint8.
        peak: peak brightness of HDR in cd/m2; 0 if unknown.
    """

    def __init__(
        self,
        like: VideoFrame,
        colours: Colours,
        area: Area,
        size: Size,
        *,
        is_interlaced: bool,
        background: _Levels,
        peak: int,
    ) -> None:
        self._colours = colours
        self._width, self._height = size.width, size.height
        is_whole = area == Area(0, 0, like.width, like.height) and not is_interlaced
        self._cutter = None if is_whole else Cutter(area, like, is_interlaced=is_interlaced)
        pixels = like.format
        self._is_transparent = any(each.is_alpha for each in pixels.components)
        can_stay = not (pixels.has_palette or pixels.is_bayer)  # libswscale cannot write these
        self._averages = can_stay and area.width >= _MUCH_SMALLER * self._width
        self._background = background.astype(np.uint32)
        self._tone = (
            tone_mapper(colours.curve, colours.primaries, peak) if colours.are_hdr else None
        )
        is_plain = colours.are_hdr or colours.are_ordinary
        self._gamut = None if is_plain else GamutMapper(colours.curve, colours.primaries)
        self._deep = "rgb48le" if self._tone else "rgb24"
        self.paints_planar = (
            self._averages
            and pixels.name == _CODED
            and colours.are_ordinary
            and (colours.space, colours.range) == (Colorspace.ITU709, ColorRange.MPEG)
        )
        """Whether `paint_planar` works: the colours are already those of planar pictures."""
        # each keeps libswscale's tables from frame to frame
        self._scaler, self._averager = VideoReformatter(), VideoReformatter()
        self._planar_scaler = VideoReformatter()
        self._flattener = VideoReformatter()

    def paint(self, frame: VideoFrame) -> _Levels:
        """Return a frame as (height, width, 3) RGB uint8."""
        if self._cutter:
            frame = self._cutter.cut(frame)
        if self._is_transparent:
            frame = self._flattened(frame)
        if self._averages:
            frame = self._averaged(frame)
        coded = self._scaled(frame)
        if self._tone:
            return self._tone(coded.astype(np.uint16, copy=False))
        levels = cast("_Levels", coded)  # 8 bits each
        return self._gamut(levels) if self._gamut else levels

    def paint_planar(self, frame: VideoFrame) -> _Levels:
        """Return a frame in luma and chroma, as `Painter.paint_planar` does."""
        if self._cutter:
            frame = self._cutter.cut(frame)
        columns, rows = self._width % 2, self._height % 2
        frame = _extended(self._averaged(frame), 2 * columns, 2 * rows)
        planar = self._planar_scaler.reformat(
            frame,
            width=self._width + columns,
            height=self._height + rows,
            src_colorspace=self._colours.space,
            dst_colorspace=self._colours.space,
            src_color_range=self._colours.range,
            dst_color_range=self._colours.range,
            interpolation=Interpolation.LANCZOS,
            threads=1,
        )
        return cast("_Levels", planar.to_ndarray())

    def _averaged(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame at twice the picture's size."""
        return self._averager.reformat(
            frame,
            width=2 * self._width,
            height=2 * self._height,
            interpolation=Interpolation.AREA,
            threads=1,
        )

    def _scaled(self, frame: VideoFrame) -> npt.NDArray[Any]:
        colours = self._colours
        is_resized = (frame.width, frame.height) != (self._width, self._height)
        return self._scaler.reformat(
            frame,
            width=self._width,
            height=self._height,
            format=_PLANAR if is_resized and not self._tone else self._deep,
            src_colorspace=colours.space,
            dst_colorspace=colours.space,
            src_color_range=ColorRange.JPEG if frame.format.is_rgb else colours.range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
            threads=1,
        ).to_ndarray()

    def _flattened(self, frame: VideoFrame) -> VideoFrame:
        """Return a transparent frame over the background, at its own size.

        This happens before scaling, so that invisible colours leave no fringe.
        """
        layers = self._flattener.reformat(
            frame,
            format="rgba64le" if self._tone else "rgba",
            src_colorspace=self._colours.space,
            dst_colorspace=self._colours.space,
            src_color_range=self._colours.range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT,
            threads=1,
        ).to_ndarray()
        most = 65_535 if self._tone else 255
        alpha = layers[..., 3:].astype(np.uint32)
        behind = self._background * (most // 255) * (most - alpha)
        flat = (layers[..., :3] * alpha + behind + most // 2) // most
        whole: Any = np.ascontiguousarray(flat.astype(layers.dtype))
        return VideoFrame.from_ndarray(whole, format=self._deep)


def _extended(frame: VideoFrame, columns: int, rows: int) -> VideoFrame:
    """Repeat the last columns and rows of a frame in 4:2:0 with even sides.

    Args:
        frame: the frame.
        columns: how many to add, even.
        rows: how many to add, even.
    """
    if not columns and not rows:
        return frame
    coded = frame.to_ndarray().reshape(-1)
    extended = np.empty((frame.height + rows) * (frame.width + columns) * 3 // 2, np.uint8)
    start = start_there = 0
    for step in (1, 2, 2):  # one luma plane, two of chroma
        width, height = frame.width // step, frame.height // step
        wide, high = width + columns // step, height + rows // step
        end, end_there = start + width * height, start_there + wide * high
        plane = extended[start_there:end_there].reshape(high, wide)
        plane[:height, :width] = coded[start:end].reshape(height, width)
        plane[:height, width:] = plane[:height, width - 1 : width]
        plane[height:] = plane[height - 1]
        start, start_there = end, end_there
    shape = ((frame.height + rows) * 3 // 2, frame.width + columns)
    return VideoFrame.from_ndarray(extended.reshape(shape), format=_CODED)

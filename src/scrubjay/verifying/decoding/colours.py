"""From a decoded frame to red, green and blue, by the frame's own tags."""

from typing import cast

from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from scrubjay.verifying.decoding.look import RgbPicture

__all__ = ["to_rgb", "to_rgba"]

_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
"""By their code in ITU-T H.273, table 4."""

_HD_HEIGHT = 720
"""A picture without a matrix is BT.709 from this height on, as browsers have it."""


def to_rgb(frame: VideoFrame) -> RgbPicture:
    """Return a frame as (height, width, 3) RGB uint8."""
    return _converted(frame, "rgb24")


def to_rgba(frame: VideoFrame) -> RgbPicture:
    """Return a frame as (height, width, 4) RGBA uint8."""
    return _converted(frame, "rgba")


def _converted(frame: VideoFrame, layout: str) -> RgbPicture:
    default = Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
    is_full = frame.color_range == ColorRange.JPEG or frame.format.is_rgb
    converted = frame.reformat(
        format=layout,
        src_colorspace=_MATRICES.get(int(frame.colorspace), default),
        src_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT,
    )
    return cast("RgbPicture", converted.to_ndarray())

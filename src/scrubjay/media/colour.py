"""What the coded values of a picture mean: its matrix, range, curve and primaries.

The codes are those of ITU-T H.273 (2021), tables 2 to 4, which FFmpeg uses for all codecs.
"""

from typing import NamedTuple

from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

__all__ = [
    "HDR_CURVES",
    "Colours",
    "colours_of",
    "matrix_name",
    "primaries_name",
    "range_name",
    "transfer_name",
]

HDR_CURVES = frozenset({"pq", "hlg"})

_UNSPECIFIED = "unspecified"

_MATRICES = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m",
             9: "bt2020nc", 10: "bt2020c"}  # fmt: skip
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear",
              13: "srgb", 14: "bt2020-10", 15: "bt2020-12", 16: "pq", 17: "smpte428",
              18: "hlg"}  # fmt: skip
_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film",
              9: "bt2020", 11: "dci-p3", 12: "display-p3", 22: "ebu3213"}  # fmt: skip
_RANGES = {1: "limited", 2: "full"}

_SPACES = {
    "bt709": Colorspace.ITU709,
    "fcc": Colorspace.FCC,
    "bt470bg": Colorspace.ITU601,
    "smpte170m": Colorspace.ITU601,
    "smpte240m": Colorspace.SMPTE240M,
    "bt2020nc": Colorspace.BT2020,
    "bt2020c": Colorspace.BT2020,
}

_HD_HEIGHT = 720
"""A picture without a colour matrix is BT.709 from this height on, and BT.601 below it, as in
Chromium (media/ffmpeg/ffmpeg_common.cc)."""

_OTHER_CURVES = frozenset({"gamma22", "gamma28", "linear", "smpte428", *HDR_CURVES})
"""Curves that differ from an ordinary screen's. BT.709's, BT.601's and BT.2020's are treated as
sRGB's, as in browsers: they describe a camera, not a screen."""

_ORDINARY_PRIMARIES = frozenset({"bt709", "smpte170m", "smpte240m", _UNSPECIFIED})
"""Primaries shown as an ordinary screen's, as Chromium does with BT.601's of 525 lines."""


class Colours(NamedTuple):
    """How to interpret the values of one frame. Frames with equal colours are painted alike."""

    space: Colorspace
    range: ColorRange
    curve: str
    """`srgb` if it is an ordinary screen's."""
    primaries: str
    """`bt709` if they are an ordinary screen's."""

    @property
    def are_ordinary(self) -> bool:
        """Whether red, green and blue can be shown without conversion."""
        return self.curve == "srgb" and self.primaries == "bt709"

    @property
    def are_hdr(self) -> bool:
        """Whether they are HDR, brighter than an ordinary screen."""
        return self.curve in HDR_CURVES


def matrix_name(frame: VideoFrame) -> str:
    """Return the name of the matrix that a frame is tagged with."""
    return _MATRICES.get(frame.colorspace, _UNSPECIFIED)


def range_name(frame: VideoFrame) -> str:
    """Return the name of the range that a frame is tagged with: `limited` or `full`."""
    return _RANGES.get(frame.color_range, _UNSPECIFIED)


def transfer_name(frame: VideoFrame) -> str:
    """Return the name of the transfer curve that a frame is tagged with."""
    return _TRANSFERS.get(frame.color_trc, _UNSPECIFIED)


def primaries_name(frame: VideoFrame) -> str:
    """Return the name of the primaries that a frame is tagged with."""
    return _PRIMARIES.get(frame.color_primaries, _UNSPECIFIED)


def colours_of(frame: VideoFrame) -> Colours:
    """Return how to interpret a frame, from its own tags, or as browsers do without tags."""
    matrix, curve, primaries = matrix_name(frame), transfer_name(frame), primaries_name(frame)
    by_height = Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
    space = _SPACES.get(matrix, by_height)
    is_full = frame.color_range == ColorRange.JPEG or frame.format.is_rgb
    curve = curve if curve in _OTHER_CURVES else "srgb"
    if primaries == _UNSPECIFIED and (curve in HDR_CURVES or space is Colorspace.BT2020):
        primaries = "bt2020"  # every video has both or neither
    return Colours(
        space,
        ColorRange.JPEG if is_full else ColorRange.MPEG,
        curve,
        "bt709" if primaries in _ORDINARY_PRIMARIES else primaries,
    )

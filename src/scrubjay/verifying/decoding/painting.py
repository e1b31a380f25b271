"""Shows a frame of the video at the size of a written picture, and measures how alike two are."""

from math import sqrt
from typing import cast

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from scrubjay.model import MediaInfo, Size, Stereo
from scrubjay.verifying.decoding.colours import to_rgb, to_rgba
from scrubjay.verifying.decoding.look import RgbPicture

__all__ = ["Brush", "distance", "reduced"]

_MOST_KEPT = 5
"""Frames that are kept in colours: one, and its neighbours."""

_LONGEST_PX = 320
"""Longest side at which pictures are compared."""

_PLAIN_CURVES = {"bt709", "smpte170m", "smpte240m", "srgb", "bt2020-10", "bt2020-12", "unspecified"}
_PLAIN_PRIMARIES = {"bt709", "smpte170m", "smpte240m", "bt470bg", "unspecified"}

_FLAT = 6
"""Levels of contrast below which brightness cannot be fitted to a picture."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Brush:
    """Shows frames of a video upright, in square pixels, as red, green and blue.

    Args:
        media: what probing found in the video.
        background: what shows through transparent pixels, as `#rrggbb`.
        stereo: which eye's picture to show: `both` or `left`.
    """

    def __init__(self, media: MediaInfo, background: str, stereo: str) -> None:
        self._media = media
        self._background = np.frombuffer(bytes.fromhex(background[1:]), np.uint8)
        self._eye: Stereo = media.stereo if stereo == "left" else "mono"
        self.is_mapped = (
            media.color_transfer not in _PLAIN_CURVES
            or media.color_primaries not in _PLAIN_PRIMARIES
        )
        """Whether showing the video on an ordinary screen changes its colours: HDR and the like."""
        self._recent: dict[int, tuple[VideoFrame, RgbPicture]] = {}

    def paint(self, frame: VideoFrame, size: Size) -> RgbPicture | None:
        """Return a frame at a size, reduced; None if its shape is not that of the video."""
        media, crop = self._media, self._media.crop
        if (frame.width, frame.height) != (media.coded_width, media.coded_height):
            return None
        whole = self._shown(frame)
        cut = whole[crop.top : frame.height - crop.bottom, crop.left : frame.width - crop.right]
        height, width = cut.shape[:2]
        match self._eye:
            case "left-right":
                cut = cut[:, : max(1, width // 2)]
            case "right-left":
                cut = cut[:, width - max(1, width // 2) :]
            case "top-bottom":
                cut = cut[: max(1, height // 2)]
            case "bottom-top":
                cut = cut[height - max(1, height // 2) :]
            case "mono":
                pass
        if media.mirrored:
            cut = cut[:, ::-1]
        upright = np.rot90(cut, -media.rotation_deg // 90)
        return reduced(_resized(upright, size))

    def _shown(self, frame: VideoFrame) -> RgbPicture:
        """Return a frame as coded, and keep it: several samples may be of one frame."""
        if id(frame) not in self._recent:
            while len(self._recent) >= _MOST_KEPT:
                self._recent.pop(next(iter(self._recent)))
            self._recent[id(frame)] = frame, self._flat(frame)
        return self._recent[id(frame)][1]

    def _flat(self, frame: VideoFrame) -> RgbPicture:
        """Return a frame as coded in red, green and blue, over the background."""
        if not any(each.is_alpha for each in frame.format.components):
            return to_rgb(frame)
        levels = to_rgba(frame)
        alpha = levels[..., 3:].astype(np.float32) / 255
        flat = levels[..., :3] * alpha + self._background * (1 - alpha)
        return np.rint(flat).astype(np.uint8)


def reduced(picture: RgbPicture) -> RgbPicture:
    """Return a picture at the size at which pictures are compared."""
    height, width = picture.shape[:2]
    share = min(1.0, _LONGEST_PX / max(height, width))
    small = Size(width=max(1, round(width * share)), height=max(1, round(height * share)))
    return _resized(picture, small)


def _resized(picture: RgbPicture, size: Size) -> RgbPicture:
    if picture.shape[:2] == (size.height, size.width):
        return np.ascontiguousarray(picture)
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    is_smaller = size.width <= frame.width and size.height <= frame.height
    how = Interpolation.AREA if is_smaller else Interpolation.BICUBIC
    scaled = frame.reformat(size.width, size.height, "rgb24", interpolation=how)
    return cast("RgbPicture", scaled.to_ndarray())


def distance(written: RgbPicture, painted: RgbPicture, *, is_hdr: bool = False) -> float:
    """Return the root mean square of the differences of two pictures, in levels of 0 to 255.

    Args:
        written: the picture of a set.
        painted: that of the video.
        is_hdr: whether brightness and contrast may differ: then luma is compared, fitted as well as
            a straight line can.
    """
    if not is_hdr:
        levels = written.astype(np.float32), painted.astype(np.float32)
        squares: npt.NDArray[np.float32] = np.square(levels[0] - levels[1])
        return sqrt(float(squares.mean()))
    one, other = _luma(written), _luma(painted)
    spread = float(one.std() * other.std())
    shared: npt.NDArray[np.float32] = (one - one.mean()) * (other - other.mean())
    fit = float(shared.mean()) / max(spread, 1e-6)
    if other.std() < _FLAT:
        return float(abs(one.std() - other.std()))
    return float(other.std()) * sqrt(max(0.0, 1 - max(0.0, fit) ** 2))


def _luma(picture: RgbPicture) -> npt.NDArray[np.float32]:
    luma: npt.NDArray[np.float32] = picture.astype(np.float32) @ _LUMA
    return luma

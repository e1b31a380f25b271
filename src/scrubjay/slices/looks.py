"""Which of several pictures look good: measured on thumbnails, and known without a reference.

The size of a thumbnail's JPEG at a fixed quality is the measure. On five clips it preferred the
good picture to a black, faded, white or blurred copy in 98 % of pairs, as does the variance of the
Laplacian, at a third of its time (docs/decisions/0021-whole-video-outputs.md).
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from scrubjay.encode import jpeg
from scrubjay.encode.base import RgbPicture
from scrubjay.media.frames import Shown
from scrubjay.model import Size
from scrubjay.slices.encoding import Painters

__all__ = ["Look", "look_at", "luma_of", "thumbnail_size"]

_WIDTH_PX = 240
_QUALITY = 75
_DARKEST, _BRIGHTEST = 24, 232
"""Mean luma, 0 to 255, below and above which a picture is black, white or nearly so."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601-7, section 2.5.1."""


class Look(NamedTuple):
    """How a picture of a video looks."""

    time: Fraction
    """When the video shows it first, in seconds."""
    is_usable: bool
    """Whether it is neither black nor white, and whole."""
    detail: int
    """Bytes of its thumbnail as a JPEG: the more, the better."""


def thumbnail_size(size: Size) -> Size:
    """Return the size at which pictures of a size are compared."""
    width = min(_WIDTH_PX, size.width)
    return Size(width=width, height=max(1, round(Fraction(width * size.height, size.width))))


def look_at(shown: Shown[VideoFrame], painters: Painters, size: Size) -> Look:
    """Measure a picture.

    Args:
        shown: the picture.
        painters: paint it.
        size: of its thumbnail.
    """
    thumbnail = painters.paint(shown.frame, size)
    is_lit = _DARKEST <= float(luma_of(thumbnail).mean()) <= _BRIGHTEST
    detail = len(jpeg.encode(thumbnail, _QUALITY))
    return Look(shown.source_time, is_lit and not shown.frame.is_corrupt, detail)


def luma_of(picture: RgbPicture) -> npt.NDArray[np.float32]:
    """Return the luma of each pixel, 0 to 255: (height, width)."""
    return picture @ _LUMA

"""From a decoded frame to a picture as people see it: upright, square pixels, RGB.

Each frame is painted by its own tags alone (size, aspect, rotation, colours), and frames with equal
tags are processed in the same way, so that no picture depends on those before it.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from scrubjay.media.brush import Brush
from scrubjay.media.colour import Colours, colours_of
from scrubjay.media.cutting import Area
from scrubjay.media.shape import AspectReader, Shape, crop_of, displayed, orientation
from scrubjay.model import MediaInfo, Size, Stereo
from scrubjay.planning import eye_size

__all__ = ["Painter", "PlanarPicture", "RgbPicture"]

RgbPicture: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3) RGB uint8, full range, C-contiguous."""

PlanarPicture: TypeAlias = npt.NDArray[np.uint8]
"""(height * 3 // 2, width) uint8: the planes of luma and of 4:2:0 chroma, in BT.709 and the limited
range. Both sides are even; where the picture's are odd, the last column and row are repeated."""

_MOST_WAYS = 16
"""Kinds of frames for which scalers are kept; each takes a few MB at most."""


class _Look(NamedTuple):
    """Everything about a frame that decides how it is painted."""

    shape: Shape
    format: str
    colours: Colours
    is_interlaced: bool


class _Way(NamedTuple):
    """How frames of one look become pictures."""

    brush: Brush
    left: int
    """Position of the picture on the canvas, before rotation."""
    top: int
    width: int
    height: int


class Painter:
    """Paints frames of one video on canvases of one size.

    A frame of another shape than the canvas keeps its shape, between bars.

    Args:
        media: what probing found in the video.
        size: of the pictures, as displayed.
        background: behind transparent pictures and beside narrow ones, as `#rrggbb`.
        stereo: which eye's picture of a stereo video to show: `both` or `left`.
    """

    def __init__(
        self, media: MediaInfo, size: Size, *, background: str = "#000000", stereo: str = "both"
    ) -> None:
        self._media = media
        self._size = size
        self._background = np.frombuffer(bytes.fromhex(background[1:]), np.uint8)
        self._eye: Stereo = media.stereo if stereo == "left" else "mono"
        self._aspects = AspectReader(media.container, media.sample_aspect_ratio)
        self._ways: dict[_Look, _Way] = {}

    def paint(self, frame: VideoFrame) -> RgbPicture:
        """Return the frame as a picture."""
        way, shape = self._way_of(frame)
        return self._laid(way, shape, way.brush.paint(frame))

    def paint_planar(self, frame: VideoFrame) -> PlanarPicture | None:
        """Return the frame as a planar picture; None if its colours or shape need RGB."""
        way, shape = self._way_of(frame)
        is_upright = not (shape.mirrored or shape.rotation_deg)
        fills = (way.width, way.height) == self._canvas(shape)
        if not (is_upright and fills and way.brush.paints_planar):
            return None
        return way.brush.paint_planar(frame)

    def _way_of(self, frame: VideoFrame) -> tuple[_Way, Shape]:
        """Return how a frame becomes a picture, and its shape."""
        turn, mirrored = orientation(frame)
        aspect = self._aspects.read(frame)
        shape = Shape(frame.width, frame.height, aspect, turn, mirrored)
        look = _Look(shape, frame.format.name, colours_of(frame), frame.interlaced_frame)
        way = self._ways.get(look)
        if way is None:
            if len(self._ways) >= _MOST_WAYS:
                self._ways.pop(next(iter(self._ways)))
            way = self._ways[look] = self._prepare(look, frame)
        return way, shape

    def _laid(self, way: _Way, shape: Shape, painted: RgbPicture) -> RgbPicture:
        """Put a painted frame on the canvas, upright."""
        picture = painted
        width, height = self._canvas(shape)
        if (way.width, way.height) != (width, height):
            picture = np.empty((height, width, 3), np.uint8)
            picture[:] = self._background
            below, right = way.top + way.height, way.left + way.width
            picture[way.top : below, way.left : right] = painted
        if shape.mirrored:
            picture = picture[:, ::-1]
        if shape.rotation_deg:
            picture = np.rot90(picture, -shape.rotation_deg // 90)
        return np.ascontiguousarray(picture)

    def _prepare(self, look: _Look, like: VideoFrame) -> _Way:
        """Return how frames of a look become pictures."""
        area, shown = self._area(look.shape)
        canvas = self._canvas(look.shape)
        width, height = _fitted(shown, canvas)
        brush = Brush(
            like,
            look.colours,
            area,
            Size(width=width, height=height),
            is_interlaced=look.is_interlaced,
            background=self._background,
            peak=self._media.peak_nits,
        )
        return _Way(brush, (canvas[0] - width) // 2, (canvas[1] - height) // 2, width, height)

    def _canvas(self, shape: Shape) -> tuple[int, int]:
        """Return the size of the canvas before a picture is turned upright."""
        turned = shape.rotation_deg in {90, 270}
        width, height = self._size.width, self._size.height
        return (height, width) if turned else (width, height)

    def _area(self, shape: Shape) -> tuple[Area, tuple[int, int]]:
        """Return which area of a frame is shown, and its size in square pixels."""
        crop = crop_of(self._media.crop, shape.width, shape.height)
        width = shape.width - crop.left - crop.right
        height = shape.height - crop.top - crop.bottom
        left, top = crop.left, crop.top
        shown = eye_size(displayed(width, height, shape.aspect), self._eye)
        if self._eye in {"left-right", "right-left"}:
            width = max(1, width // 2)
            left += width if self._eye == "right-left" else 0
        elif self._eye in {"top-bottom", "bottom-top"}:
            height = max(1, height // 2)
            top += height if self._eye == "bottom-top" else 0
        return Area(left, top, width, height), shown


def _fitted(shown: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a picture on a canvas: the whole canvas, except for bars on two sides.

    A difference of one pixel is rounding, not another shape.
    """
    width, height = canvas
    if shown[0] * height > shown[1] * width:
        high = max(1, round(width * shown[1] / shown[0]))
        return canvas if height - high <= 1 else (width, high)
    wide = max(1, round(height * shown[0] / shown[1]))
    return canvas if width - wide <= 1 else (wide, height)

"""A contact sheet: pictures with space around them, the time in each, and a header above."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from scrubjay.encode.base import RgbPicture
from scrubjay.encode.lettering import Coverage, lettering
from scrubjay.model import Layout
from scrubjay.timing import exact_clock

__all__ = ["contact_sheet"]

_LABEL_SHARE, _SMALLEST_LABEL_PX = 14, 8
"""Capitals of a label are this part of a picture's height, and at least so high."""

_SHADE = 0.35
"""What is left of a picture's light behind its label."""

_WHITE, _GREY = 245, 90
_BRIGHT = 128


def contact_sheet(
    thumbnails: Sequence[RgbPicture],
    times: Sequence[Fraction],
    *,
    layout: Layout,
    background: str,
) -> RgbPicture:
    """Lay out pictures by rows, with their times, and write the header's lines above them.

    Args:
        thumbnails: (height, width, 3) RGB uint8, of the layout's size.
        times: of each, in seconds.
        layout: the grid, and its captions.
        background: colour of the sheet, as #rrggbb.

    Returns:
        (height, width, 3) RGB uint8.
    """
    captions, size = layout.captions, layout.size
    assert captions is not None  # noqa: S101  no other sheet comes here
    width, height = layout.sides
    colour = np.frombuffer(bytes.fromhex(background.removeprefix("#")), np.uint8)
    sheet = np.full((height, width, 3), colour, np.uint8)
    ink = _GREY if float(colour.mean()) > _BRIGHT else _WHITE
    gap, label_px = captions.gap_px, max(_SMALLEST_LABEL_PX, size.height // _LABEL_SHARE)
    for number, line in enumerate(filter(None, captions.lines)):
        text = lettering(line, captions.text_px)[:, : width - 4 * gap]
        _write(sheet[2 * gap + number * captions.line_px :, 2 * gap :], text, ink)
    for number, (thumbnail, time) in enumerate(zip(thumbnails, times, strict=True)):
        row, column = divmod(number, layout.columns)
        top = captions.header_px + gap + row * (size.height + gap)
        left = gap + column * (size.width + gap)
        cell = sheet[top : top + size.height, left : left + size.width]
        cell[:] = thumbnail
        _label(cell, lettering(exact_clock(time), label_px), label_px)
    return sheet


def _label(cell: npt.NDArray[np.uint8], text: Coverage, text_px: int) -> None:
    """Write a time into the bottom right corner of a picture, on a shade; skip it if too large."""
    pad = text_px // 2
    height, width = text_px + 2 * pad, text.shape[1] + pad
    if height > cell.shape[0] or width > cell.shape[1]:
        return
    corner = cell[-height:, -width:]
    corner[:] = (corner * _SHADE).astype(np.uint8)
    _write(corner[pad:, pad:], text, _WHITE)


def _write(picture: npt.NDArray[np.uint8], text: Coverage, ink: int) -> None:
    """Write a text into the top left corner of a picture, as far as it fits."""
    height, width = (min(sides) for sides in zip(picture.shape, text.shape, strict=False))
    place, cover = picture[:height, :width], text[:height, :width, None]
    place[:] = np.rint(place + (ink - place.astype(np.float32)) * cover).astype(np.uint8)

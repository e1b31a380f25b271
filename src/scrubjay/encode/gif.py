"""Pictures to an animated GIF, made for video.

Every pixel that may stay as it is shown is left transparent: that makes GIFs of video small. The
bound: whenever its row changes, the squared error of a shown pixel is at most ``slack`` more than
that of the palette's own answer for it. Errors never add up. (A row that does not change stays as
it is, even if a later palette could show it better.)

FFmpeg's GIF encoder does the LZW coding and nothing else; blocks, delays and palettes are written
here. By itself it does no frame differencing when the palette changes (it then writes the whole
frame), and it lets a frame with transparent pixels be erased when it ends (disposal 2).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt

from scrubjay.encode.palette import (
    CellTable,
    Palette,
    RgbPicture,
    Stretch,
    plan_palettes,
)

__all__ = ["encode_gif"]

_Packed: TypeAlias = npt.NDArray[np.uint32]  # index << 24 | blue << 16 | green << 8 | red
_Indices: TypeAlias = npt.NDArray[np.uint8]  # 0: transparent
_Where: TypeAlias = npt.NDArray[np.intp] | slice

_RED, _COLOUR = np.uint32(0xFF), np.uint32(0xFFFFFF)
_GREEN, _BLUE, _INDEX = np.uint32(8), np.uint32(16), np.uint32(24)
_GREY = np.uint32(0x010101)
_ENDLESS = 1 << 31  # more than any squared error

_TRANSPARENT = 0

_MOST_COLORS, _MOST_DITHER = 255, 127
_LADDER = (
    *((255, slack) for slack in (9, 16, 23, 30, 40, 50, 65, 80, 100)),
    *((colors, 100) for colors in (128, 96, 64, 48, 32)),
    *((32, slack) for slack in (150, 200, 300)),
    (16, 300),
)
"""Colours and slack in the order in which they hurt least, as measured on film, a live camera and a
screencast. Up to a slack of 100 (which looks like gifski's quality 90) more slack saves more than
fewer colours do at the same PSNR; from there it is the other way on film and screencast."""

_LONGEST = 0xFFFF  # hundredths of a second in a frame's 16 bits


def encode_gif(
    pictures: Sequence[RgbPicture],
    starts: Sequence[Fraction],
    end: Fraction,
    *,
    colors: int = 255,
    dither: int = 0,
    slack: int = 9,
    max_bytes: int | None = None,
) -> bytes:
    """Write pictures as a GIF that loops for ever, one GIF frame for each picture.

    Args:
        pictures: equal-sized pictures; the same object in a row costs almost nothing.
        starts: when each is shown, in exact seconds, ascending.
        end: when the last one ends, in exact seconds.
        colors: colours in a palette at most, 1 to 255.
        dither: amplitude of the ordered 8 x 8 dither in levels, 0 to 127. With palettes made for
            each scene, 1 hides next to no bands, and costs 0.2 to 1.2 dB.
        slack: how much more squared error (sum of three channels) a pixel that is not redrawn may
            have than if it was, 0 or more. Files with 0 are 4 to 20 % larger than with 9, with 30
            7 to 23 % smaller; from 300 on still areas look dirty.
        max_bytes: what the file may take at most. Kept by more slack first and fewer colours then;
            five or six times the work.

    Returns:
        The file.

    Raises:
        ValueError: the arguments do not fit together, or `max_bytes` cannot be kept.
    """
    if not pictures or len(pictures) != len(starts):
        raise ValueError(f"{len(pictures)} pictures with {len(starts)} start times")
    if len({picture.shape for picture in pictures}) > 1:
        raise ValueError("the pictures are not all of one size")
    if not 1 <= colors <= _MOST_COLORS:
        raise ValueError(f"a GIF frame has 1 to {_MOST_COLORS} colours here, not {colors}")
    if not (0 <= dither <= _MOST_DITHER and slack >= 0):
        raise ValueError(f"dither {dither} is not from 0 to 127, or slack {slack} is below 0")
    delays = _delays(starts, end)
    stretches = plan_palettes(pictures, colors)
    first = _Effort(colors=colors, dither=dither, slack=slack)
    data = _write(pictures, delays, stretches, first)
    if max_bytes is None or len(data) <= max_bytes:
        return data
    return _squeeze(pictures, delays, first, max_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effort:
    """How good a GIF is to be; the fields are those of `encode_gif`."""

    colors: int
    dither: int
    slack: int


def _squeeze(
    pictures: Sequence[RgbPicture], delays: Sequence[int], first: _Effort, max_bytes: int
) -> bytes:
    """Find the best GIF that keeps the budget, by bisection over `_LADDER`: five are written."""
    ladder = [
        _Effort(colors=min(colors, first.colors), dither=0, slack=max(slack, first.slack))
        for colors, slack in _LADDER
    ]
    low, high = 0, len(ladder)
    best, smallest = None, 0
    while low < high:
        middle = (low + high) // 2 if best or smallest else high - 1  # the floor comes first
        effort = ladder[middle]
        data = _write(pictures, delays, plan_palettes(pictures, effort.colors), effort)
        if len(data) > max_bytes:
            low, smallest = middle + 1, len(data)
        else:
            high, best = middle, data
    if best is None:
        raise ValueError(f"the GIF takes {smallest} bytes at its worst, more than {max_bytes}")
    return best


def _write(
    pictures: Sequence[RgbPicture],
    delays: Sequence[int],
    stretches: Sequence[Stretch],
    effort: _Effort,
) -> bytes:
    """Map, code and put together all frames."""
    height, width = pictures[0].shape[:2]
    canvas = _Canvas(height, width, effort.dither, effort.slack)
    frames = list(_frames(pictures, stretches, canvas, effort.colors))
    uses = Counter(id(frame.table) for frame in frames if frame.table)
    # the palette that is used most is written once; others are written in each of their frames
    common = max((f.table for f in frames if f.table), key=lambda table: uses[id(table)])
    blocks = [_header(width, height, common.palette)]
    for delay, frame in zip(delays, frames, strict=True):
        blocks.append(frame.block(delay, None if frame.table is common else frame.table))
    blocks.append(b"\x3b")
    return b"".join(blocks)


def _delays(starts: Sequence[Fraction], end: Fraction) -> list[int]:
    """Round delays to 1/100 s from absolute times, so that they never drift."""
    ticks = [round((time - starts[0]) * 100) for time in (*starts, end)]
    delays = [after - before for before, after in pairwise(ticks)]
    if min(delays) < 0 or max(delays) > _LONGEST:
        raise ValueError(f"a frame would last {min(delays) / 100} or {max(delays) / 100} s")
    return delays


def _header(width: int, height: int, palette: Palette) -> bytes:
    """Write signature, logical screen, global palette and the loop-for-ever extension."""
    screen = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    flags, table = _colour_table(palette)
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    return b"GIF89a" + screen + bytes([0xF0 | flags, 0, 0]) + table + loop


def _colour_table(palette: Palette) -> tuple[int, bytes]:
    """Write a colour table, entry 0 unused: its size as the format's flags say it, its bytes."""
    size = max(1, len(palette).bit_length())
    return size - 1, (b"\0\0\0" + palette.tobytes()).ljust(3 << size, b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One GIF image: LZW data of a rectangle, and what its indices mean (None: nothing)."""

    left: int
    top: int
    width: int
    height: int
    table: CellTable | None
    data: bytes

    def block(self, delay: int, local: CellTable | None) -> bytes:
        """Write the graphic control extension, the image descriptor, the palette and the data."""
        flags, table = (0, b"") if local is None else _colour_table(local.palette)
        numbers = (self.left, self.top, self.width, self.height)
        return b"".join(
            [
                b"\x21\xf9\x04\x05" + delay.to_bytes(2, "little") + bytes([_TRANSPARENT, 0]),
                b"\x2c" + b"".join(n.to_bytes(2, "little") for n in numbers),
                bytes([flags if local is None else flags | 0x80]),
                table,
                self.data,
            ]
        )


def _frames(
    pictures: Sequence[RgbPicture], stretches: Sequence[Stretch], canvas: "_Canvas", colors: int
) -> Iterator[_Frame]:
    """Map every picture to a frame that changes what is shown by then."""
    lzw = _Lzw()
    nothing = np.full((1, 1), _TRANSPARENT, dtype=np.uint8)
    common: CellTable | None = None
    for stretch in stretches:
        table = common if stretch.common else None
        if table is None:
            table = CellTable(stretch.palette, colors, _bits(stretch.error))
        for picture in pictures[stretch.start : stretch.stop]:
            change = canvas.show(picture, table)
            top, left, indices = change or (0, 0, nothing)
            yield _Frame(
                left=left,
                top=top,
                width=indices.shape[1],
                height=indices.shape[0],
                table=None if change is None else table,
                data=lzw.encode(indices),
            )
        if stretch.common:
            common = table
        else:  # an own palette is never used again: 2 MB each, 46 MB in 30 s of film
            table.forget()


def _bits(error: float) -> int:
    """Choose how finely to tell colours apart, given a palette's mean squared error."""
    fine, fair = 6, 24  # 45 and 39 dB
    return 8 if error < fine else 7 if error < fair else 6


class _Canvas:
    """What a viewer of the GIF sees so far.

    Args:
        height: of the picture in pixels.
        width: of the picture in pixels.
        dither: amplitude in levels.
        slack: squared error that a pixel may have more than if it was redrawn.
    """

    def __init__(self, height: int, width: int, dither: int, slack: int) -> None:
        self._shown = np.zeros((height, width), dtype=np.uint32)
        self._last: RgbPicture | None = None
        self._slack = slack
        self._dither = _dither_pattern(height, width, dither) if dither else None

    def show(self, picture: RgbPicture, table: CellTable) -> tuple[int, int, _Indices] | None:
        """Draw a picture over what is shown.

        Returns:
            Top and left of the changed rectangle and its indices, or None when nothing changed.
        """
        rows = self._changed_rows(picture)
        first, self._last = self._last is None, picture
        if rows is None:
            return None
        pixels = _packed(picture[rows])
        shown = self._shown[rows].reshape(-1)  # a view: rows are contiguous
        errors = _squares(_difference(shown, pixels))
        if first:
            errors.fill(_ENDLESS)
        at = _where(errors > self._slack)
        wanted = pixels[at]
        fresh = table.lookup(self._dithered(wanted, rows, at))
        redrawn = errors[at] > _squares(_difference(fresh, wanted)) + self._slack
        merged = shown[at]
        np.copyto(merged, fresh, where=redrawn)
        shown[at] = merged
        indices = np.zeros(len(pixels), dtype=np.uint8)
        indices[at] = (fresh >> _INDEX).astype(np.uint8) * redrawn
        return _cropped(indices.reshape(-1, picture.shape[1]), rows.start)

    def _changed_rows(self, picture: RgbPicture) -> slice | None:
        """Find the rows outside of which the picture is the one before it."""
        if self._last is None:
            return slice(0, len(picture))
        if picture is self._last:
            return None
        rows = np.flatnonzero((picture != self._last).reshape(len(picture), -1).any(axis=1))
        return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else None

    def _dithered(self, pixels: _Packed, rows: slice, at: _Where) -> _Packed:
        """Move the channels of some pixels of some rows by the pattern there, within 0 to 255."""
        if self._dither is None:
            return pixels
        up, down = (
            np.ascontiguousarray(p[rows].reshape(-1)[at]).view(np.uint8) for p in self._dither
        )
        moved = np.maximum(pixels.view(np.uint8), down)
        moved -= down
        np.minimum(moved, 255 - up, out=moved)
        moved += up
        return moved.view(np.uint32)


def _where(mask: npt.NDArray[np.bool_]) -> _Where:
    """Find what is set; everything when that is most, since whole arrays are worked on faster."""
    return np.flatnonzero(mask) if 2 * np.count_nonzero(mask) < len(mask) else slice(None)


def _dither_pattern(height: int, width: int, amplitude: int) -> tuple[_Packed, _Packed]:
    """Return what 8 x 8 Bayer dither adds and takes away at each pixel, the same for channels."""
    bayer = np.zeros((1, 1))
    while len(bayer) < 8:  # noqa: PLR2004
        bayer = np.block([[4 * bayer, 4 * bayer + 2], [4 * bayer + 3, 4 * bayer + 1]])
    steps = np.rint((2 * bayer - 63) * amplitude / 64).astype(np.int64)
    tiles = np.tile(steps, (height // 8 + 1, width // 8 + 1))[:height, :width]
    up, down = (side.clip(0, None).astype(np.uint32) * _GREY for side in (tiles, -tiles))
    return up, down


def _difference(one: _Packed, other: _Packed) -> _Packed:
    """Return 0 << 24 | the absolute difference of each channel."""
    a, b = one.view(np.uint8), other.view(np.uint8)
    return (np.maximum(a, b) - np.minimum(a, b)).view(np.uint32) & _COLOUR


def _squares(difference: _Packed) -> _Packed:
    """Return the sum of the squares of the three channels."""
    red, green, blue = difference & _RED, difference >> _GREEN & _RED, difference >> _BLUE
    return red * red + green * green + blue * blue


def _packed(picture: RgbPicture) -> _Packed:
    """Widen (height, width, 3) bytes to (pixels,) of 0 << 24 | blue << 16 | green << 8 | red."""
    wide = np.zeros((*picture.shape[:2], 4), dtype=np.uint8)
    for channel in range(3):  # channel by channel: 10 times faster than all at once
        wide[..., channel] = picture[..., channel]
    return wide.reshape(-1).view(np.uint32)


def _cropped(indices: _Indices, top: int) -> tuple[int, int, _Indices] | None:
    """Crop (height, width) indices to those that are not transparent; add where they start."""
    rows = np.flatnonzero(indices.any(axis=1))
    if not len(rows):
        return None
    first, last = int(rows[0]), int(rows[-1])
    columns = np.flatnonzero(indices[first : last + 1].any(axis=0))
    left, right = int(columns[0]), int(columns[-1])
    return top + first, left, indices[first : last + 1, left : right + 1]


class _Lzw:
    """FFmpeg's GIF encoder, used for its LZW coder alone.

    It is given 256 different opaque colours and no flags, so it neither crops, nor finds a
    transparent colour, nor reorders the indices.
    """

    def __init__(self) -> None:
        grey = np.zeros((256, 4), dtype=np.uint8)
        grey[:, 0] = np.arange(256)
        grey[:, 3] = 255
        self._colours = grey.tobytes()
        self._open(1, 1)

    def _open(self, width: int, height: int) -> None:
        """Make a coder for images of one size; frames of video often come in one size."""
        self._coder = av.CodecContext.create("gif", "w")
        self._coder.width, self._coder.height, self._coder.pix_fmt = width, height, "pal8"
        self._coder.time_base = Fraction(1, 100)
        self._coder.options = {"gifflags": "0", "gifimage": "1"}
        self._time = 0

    def encode(self, indices: _Indices) -> bytes:
        """Code (height, width) indices: the minimum code size and the blocks of data."""
        height, width = indices.shape
        if (self._coder.width, self._coder.height) != (width, height):
            self._open(width, height)
        frame = av.VideoFrame(width, height, "pal8")
        plane = frame.planes[0]
        padded = np.zeros((height, plane.line_size), dtype=np.uint8)
        padded[:, :width] = indices
        plane.update(padded.tobytes())
        frame.planes[1].update(self._colours)
        frame.pts, self._time = self._time, self._time + 1
        packet = self._coder.encode(frame)[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        data = bytes(packet)  # pyright: ignore[reportUnknownArgumentType]
        # "gifimage" makes each packet a file: header 13, palette 768, extensions, descriptor 10
        return data[data.index(b"\x2c", 781) + 10 :]

"""Pictures to an animated GIF, made for video.

Every pixel that may stay as it is shown is left transparent, which is what makes GIFs of video small.
A shown pixel is either the palette's answer for its picture, or it is held from before, and then
each of its channels is within ``hold`` levels of its picture: errors never add up.

FFmpeg's GIF encoder does the LZW coding and nothing else; the blocks, delays and palettes are
written here. Its own frame differencing only works with one palette, and its muxer rounds each
delay by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt

from scrubjay.encode.palette import (
    CellTable,
    Palette,
    RgbPicture,
    build_palette,
    sample_pixels,
)

__all__ = ["encode_gif"]

_TRANSPARENT = 0
_BAYER = np.array([[0, 2], [3, 1]])
for _ in range(2):
    _BAYER = np.block([[4 * _BAYER, 4 * _BAYER + 2], [4 * _BAYER + 3, 4 * _BAYER + 1]])


def encode_gif(
    pictures: Sequence[RgbPicture],
    starts: Sequence[Fraction],
    end: Fraction,
    *,
    colors: int = 255,
    dither: int = 1,
    hold: int = 8,
    slack: int = 30,
    max_bytes: int | None = None,
) -> bytes:
    """Write pictures as a GIF that loops for ever, one GIF frame for each picture.

    Args:
        pictures: equal-sized pictures; the same object in a row costs almost nothing.
        starts: when each is shown, in exact seconds, ascending.
        end: when the last one ends, in exact seconds.
        colors: colours in a palette at most, 1 to 255.
        dither: amplitude of the ordered dither in levels, 0 to 32.
        hold: how far each channel of a pixel that is not redrawn may be from its picture, in
            levels, 0 to 255.
        slack: how much more squared error (sum of three channels) a pixel that is not redrawn may
            have than one that is.
        max_bytes: not to be passed by the file.

    Returns:
        The file.

    Raises:
        ValueError: the arguments do not fit together, or `max_bytes` cannot be kept.
    """
    if not pictures or len(pictures) != len(starts):
        raise ValueError(f"{len(pictures)} pictures with {len(starts)} start times")
    if not 1 <= colors <= 255:
        raise ValueError(f"a GIF frame has 1 to 255 colours here, not {colors}")
    height, width = pictures[0].shape[:2]
    delays = _delays(starts, end)
    blocks = [_header(width, height)]
    for delay, frame in zip(delays, _frames(pictures, colors, dither, hold, slack), strict=True):
        blocks.append(frame.block(delay))
    blocks.append(b"\x3b")
    data = b"".join(blocks)
    if max_bytes is not None and len(data) > max_bytes:
        raise ValueError(f"the GIF takes {len(data)} bytes, more than {max_bytes}")
    return data


def _delays(starts: Sequence[Fraction], end: Fraction) -> list[int]:
    """Round delays to 1/100 s from absolute times, so that they never drift."""
    ticks = [round((time - starts[0]) * 100) for time in (*starts, end)]
    delays = [after - before for before, after in zip(ticks, ticks[1:], strict=False)]
    if min(delays) < 0 or max(delays) > 0xFFFF:
        raise ValueError(f"a frame would last {min(delays) / 100} or {max(delays) / 100} s")
    return delays


def _header(width: int, height: int) -> bytes:
    """Write signature, logical screen (no global palette) and the loop-for-ever extension."""
    screen = width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x70\x00\x00"
    return b"GIF89a" + screen + b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One GIF image: LZW data of a rectangle, and the palette that its indices mean."""

    left: int
    top: int
    width: int
    height: int
    palette: Palette
    data: bytes

    def block(self, delay: int) -> bytes:
        """Write the graphic control extension, the image descriptor, the palette and the data."""
        size = max(1, len(self.palette).bit_length())
        numbers = (self.left, self.top, self.width, self.height)
        return b"".join(
            [
                b"\x21\xf9\x04\x05" + delay.to_bytes(2, "little") + bytes([_TRANSPARENT, 0]),
                b"\x2c" + b"".join(n.to_bytes(2, "little") for n in numbers),
                bytes([0x80 | size - 1]),
                (b"\0\0\0" + self.palette.tobytes()).ljust(3 << size, b"\0"),
                self.data,
            ]
        )


def _frames(
    pictures: Sequence[RgbPicture], colors: int, dither: int, hold: int, slack: int
) -> Iterator[_Frame]:
    """Map every picture to a frame that changes what is shown by then."""
    height, width = pictures[0].shape[:2]
    canvas = _Canvas(height, width, dither, hold, slack)
    lzw = _Lzw()
    nothing = (0, 0, np.full((1, 1), _TRANSPARENT, dtype=np.uint8))
    tiny = np.zeros((2, 3), dtype=np.uint8)
    for scene in _scenes(pictures):
        palette = build_palette(sample_pixels(scene), colors)
        table = CellTable(palette)
        for picture in scene:
            top, left, indices = canvas.show(picture, table) or nothing
            yield _Frame(
                left=left,
                top=top,
                width=indices.shape[1],
                height=indices.shape[0],
                palette=tiny if indices is nothing[2] else palette,
                data=lzw.encode(indices),
            )


def _scenes(pictures: Sequence[RgbPicture]) -> list[Sequence[RgbPicture]]:
    """Cut the pictures into runs that share a palette."""
    return [pictures[start : start + 40] for start in range(0, len(pictures), 40)]


class _Canvas:
    """What a viewer of the GIF sees so far.

    Args:
        height: of the picture in pixels.
        width: of the picture in pixels.
        dither: amplitude in levels.
        hold: bound of a held pixel's error in levels.
    """

    def __init__(self, height: int, width: int, dither: int, hold: int, slack: int) -> None:
        self._shown = np.zeros((height, width), dtype=np.uint32)
        self._last: RgbPicture | None = None
        self._hold = hold
        self._slack = slack
        steps = (2 * _BAYER + 1 - 64) * dither / 64  # -dither < step < dither, mean 0
        levels = np.rint(steps).astype(np.int16)
        tiles = np.tile(levels, (height // 8 + 1, width // 8 + 1))[:height, :width, None]
        wide = np.broadcast_to(tiles, (height, width, 4))
        self._up = np.ascontiguousarray(wide.clip(0, None).astype(np.uint8))
        self._down = np.ascontiguousarray((-wide).clip(0, None).astype(np.uint8))

    def show(
        self, picture: RgbPicture, table: CellTable
    ) -> tuple[int, int, npt.NDArray[np.uint8]] | None:
        """Draw a picture over what is shown.

        Returns:
            Top and left of the changed rectangle and its indices, or None when nothing changed.
        """
        box = self._changed(picture)
        first = self._last is None
        self._last = picture
        if box is None:
            return None
        rows, columns = box
        pixels = _packed(picture[rows, columns])
        fresh = self._dithered(pixels, rows, columns, table)
        shown = self._shown[rows, columns]
        if not first:
            kept = self._held(pixels, shown, fresh)
            indices = (fresh >> 24).astype(np.uint8)
            indices[kept] = _TRANSPARENT
            np.copyto(shown, fresh, where=~kept)
            inner = _bounds(~kept)
            if inner is None:
                return None
            return rows.start + inner[0].start, columns.start + inner[1].start, indices[inner]
        shown[:] = fresh
        return 0, 0, (fresh >> 24).astype(np.uint8)

    def _changed(self, picture: RgbPicture) -> tuple[slice, slice] | None:
        """Find the rectangle outside of which the picture is the one before it."""
        if self._last is None:
            return slice(0, picture.shape[0]), slice(0, picture.shape[1])
        if picture is self._last:
            return None
        height = picture.shape[0]
        differs = (picture != self._last).reshape(height, -1)
        box = _bounds(differs)
        if box is None:
            return None
        return box[0], slice(box[1].start // 3, (box[1].stop + 2) // 3)

    def _dithered(
        self, pixels: npt.NDArray[np.uint32], rows: slice, columns: slice, table: CellTable
    ) -> npt.NDArray[np.uint32]:
        """Map pixels through the ordered dither to the table's colours."""
        up, down = self._up[rows, columns], self._down[rows, columns]
        channels = pixels.view(np.uint8).reshape(*pixels.shape, 4)
        moved = np.maximum(channels, down)
        moved -= down
        np.minimum(moved, 255 - up, out=moved)
        moved += up
        packed = moved.reshape(-1).view(np.uint32)
        return table.lookup(packed).reshape(pixels.shape)

    def _held(
        self,
        pixels: npt.NDArray[np.uint32],
        shown: npt.NDArray[np.uint32],
        fresh: npt.NDArray[np.uint32],
    ) -> npt.NDArray[np.bool_]:
        """Tell which pixels may stay as they are shown."""
        old, new = _difference(shown, pixels), _difference(fresh, pixels)
        within = (old.view(np.uint8) <= self._hold).view(np.uint32) == 0x01010101
        within &= _squares(old) <= _squares(new) + self._slack
        within |= old == new
        return within


def _difference(
    one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint32]:
    """Return 0 << 24 | the absolute difference of each channel."""
    a, b = np.ascontiguousarray(one).view(np.uint8), other.view(np.uint8)
    return (np.maximum(a, b) - np.minimum(a, b)).view(np.uint32) & 0xFFFFFF


def _squares(difference: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the sum of the squares of the three channels."""
    red, green, blue = difference & 255, difference >> 8 & 255, difference >> 16
    return red * red + green * green + blue * blue


def _packed(picture: RgbPicture) -> npt.NDArray[np.uint32]:
    """Widen (height, width, 3) bytes to (height, width) of 0 << 24 | blue | green | red."""
    wide = np.zeros((*picture.shape[:2], 4), dtype=np.uint8)
    for channel in range(3):
        wide[..., channel] = picture[..., channel]
    return wide.reshape(-1).view(np.uint32).reshape(picture.shape[:2])


def _bounds(mask: npt.NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Find the smallest rectangle with all that is set in a (height, width) mask."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


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

    def encode(self, indices: npt.NDArray[np.uint8]) -> bytes:
        """Code (height, width) indices: the minimum code size and the blocks of data."""
        height, width = indices.shape
        coder = av.CodecContext.create("gif", "w")
        coder.width, coder.height, coder.pix_fmt = width, height, "pal8"
        coder.time_base = Fraction(1, 100)
        coder.options = {"gifflags": "0"}
        frame = av.VideoFrame(width, height, "pal8")
        plane = frame.planes[0]
        padded = np.zeros((height, plane.line_size), dtype=np.uint8)
        padded[:, :width] = indices
        plane.update(padded)
        frame.planes[1].update(self._colours)
        frame.pts = 0
        packet = bytes(coder.encode(frame)[0])
        # header 13, global palette 768, then extensions and the 10-byte image descriptor
        start = packet.index(b"\x2c", 781) + 10
        return packet[start:]

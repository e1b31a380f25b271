"""The blocks of a GIF file: header, colour tables, frames."""

from dataclasses import dataclass

from scrubjay.encode.gif.cells import CellTable
from scrubjay.encode.gif.palette import Palette

__all__ = ["TRAILER", "GifFrame", "write_header"]

TRAILER = b"\x3b"
_TRANSPARENT = 0


def write_header(width: int, height: int, palette: Palette) -> bytes:
    """Write signature, logical screen, global palette and the loop-for-ever extension."""
    screen = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    flags, table = _colour_table(palette)
    loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    return b"GIF89a" + screen + bytes([0xF0 | flags, 0, 0]) + table + loop


def _colour_table(palette: Palette) -> tuple[int, bytes]:
    """Return a colour table, with entry 0 unused: its size as in the format's flags, its bytes."""
    size = max(1, len(palette).bit_length())
    return size - 1, (b"\0\0\0" + palette.tobytes()).ljust(3 << size, b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class GifFrame:
    """One GIF image: LZW data of a rectangle, and the colours of its indices (None: no colours)."""

    left: int
    top: int
    width: int
    height: int
    table: CellTable | None
    data: bytes

    def write(self, delay: int, local: CellTable | None) -> bytes:
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

"""Reads the structure of JPEG and PNG.

Sources: ITU-T T.81, annex B; W3C, "Portable Network Graphics (PNG) Specification".
"""

import struct
import zlib
from fractions import Fraction
from struct import unpack_from

from scrubjay.verifying.decoding import ffmpeg
from scrubjay.verifying.decoding.look import BrokenError, Look

__all__ = ["JPEG", "PNG", "look_at_jpeg", "look_at_png"]

JPEG = b"\xff\xd8\xff"
PNG = b"\x89PNG\r\n\x1a\n"

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END = 0xDA, b"\xff\xd9"


def look_at_jpeg(data: bytes) -> Look:
    """Read a JPEG.

    Raises:
        BrokenError: its segments do not fit together, or its end is missing.
    """
    if not data.endswith(_END):
        raise BrokenError("it is cut off: the end of the JPEG is missing")
    place = 2
    try:
        while data[place + 1] not in _FRAME_HEADERS:
            if data[place] != JPEG[0] or data[place + 1] == _SCAN:
                raise BrokenError("it is a JPEG without a frame header")
            place += 2 + unpack_from(">H", data, place + 2)[0]
        height, width = unpack_from(">HH", data, place + 5)
    except (IndexError, struct.error):
        raise BrokenError("it is a JPEG that ends in its headers") from None
    return _still(data, "image/jpeg", width, height)


def look_at_png(data: bytes) -> Look:
    """Read a PNG, and check the sum of each of its chunks.

    Raises:
        BrokenError: a chunk is damaged or missing.
    """
    place, name = len(PNG), b""
    try:
        while name != b"IEND":
            [size] = unpack_from(">I", data, place)
            name, body = data[place + 4 : place + 8], data[place + 4 : place + 8 + size]
            if unpack_from(">I", data, place + 8 + size)[0] != zlib.crc32(body):
                raise BrokenError(f"the chunk {name!a} of the PNG is damaged")
            place += 12 + size
        width, height = unpack_from(">II", data, len(PNG) + 8)
    except struct.error:
        raise BrokenError("it is cut off: the end of the PNG is missing") from None
    return _still(data, "image/png", width, height)


def _still(data: bytes, media_type: str, width: int, height: int) -> Look:
    return Look(
        media_type=media_type,
        width=width,
        height=height,
        starts=(0,),
        end=None,
        tick=Fraction(1),
        pictures=lambda: ffmpeg.pictures(data),
    )

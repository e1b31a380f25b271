"""Fragmented MP4 whose samples are JPEGs: what `mjpg` stills are packed in. Pure.

A fragment is a box `moof`, which says when its picture is shown, and a box `mdat` that holds the
JPEG and nothing else. Fragments follow each other without a header, so a file of them is made
without knowing how many there will be; players get the header apart, as HLS wants it.

Source: ISO/IEC 14496-12 (the boxes), ISO/IEC 23008-12, annex H (the sample entry `mjpg`).
"""

import struct
from fractions import Fraction

from scrubjay.timing import milliseconds

__all__ = ["HEAD_BYTES", "fragment", "header", "offsets"]

HEAD_BYTES = 108
"""What comes before the JPEG in a fragment."""

_TRACK = 1
_TICKS = 1000
"""Units of time in a second."""

_STANDS_ALONE = 0x02000000
"""Sample flags: it depends on no other sample."""

_BASE_IS_MOOF = 0x020000
_OFFSET_DURATION_SIZE_FLAGS = 0x000701
_SHOWN = 0x000003
"""Track flags: it is enabled, and part of the presentation."""

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LANGUAGE = 0x55C4
"""Of the track: undetermined."""


def fragment(jpeg: bytes, number: int, start: Fraction, end: Fraction) -> bytes:
    """Return the fragment of one picture; its JPEG begins at `HEAD_BYTES`.

    Args:
        jpeg: the picture's file.
        number: which picture of the video it is, 0-based.
        start: when it is shown, in seconds.
        end: until when.
    """
    begins, ends = milliseconds(start), milliseconds(end)
    sample = struct.pack(">III", ends - begins, len(jpeg), _STANDS_ALONE)
    track = _full(b"tfhd", 0, _BASE_IS_MOOF, struct.pack(">I", _TRACK))
    track += _full(b"tfdt", 1, 0, struct.pack(">Q", begins))
    track += _full(
        b"trun", 0, _OFFSET_DURATION_SIZE_FLAGS, struct.pack(">Ii", 1, HEAD_BYTES) + sample
    )
    head = _box(b"moof", _full(b"mfhd", 0, 0, struct.pack(">I", number + 1)), _box(b"traf", track))
    return head + _box(b"mdat", jpeg)


def offsets(sizes_bytes: tuple[int, ...]) -> list[int]:
    """Return where each JPEG begins in a file of fragments, from the sizes of the JPEGs."""
    found: list[int] = []
    end = 0
    for size in sizes_bytes:
        found.append(end + HEAD_BYTES)
        end += HEAD_BYTES + size
    return found


def header(width: int, height: int) -> bytes:
    """Return the header that fragments of pictures of that size in px need: `ftyp` and `moov`."""
    entry = struct.pack(">6xH16xHHIIIH32xHh", 1, width, height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    table = _box(
        b"stbl",
        _full(b"stsd", 0, 0, struct.pack(">I", 1), _box(b"mjpg", entry)),
        *(_full(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")),
        _full(b"stsz", 0, 0, bytes(8)),
    )
    here = _full(b"url ", 0, 1)  # the samples are in this file
    information = _box(
        b"minf",
        _full(b"vmhd", 0, 1, bytes(8)),
        _box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1), here)),
        table,
    )
    media = _box(
        b"mdia",
        _full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, _TICKS, 0, _LANGUAGE, 0)),
        _full(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide"), b"pictures\0"),
        information,
    )
    shown_px = struct.pack(">II", width << 16, height << 16)
    track = struct.pack(">IIIII8xhhhH", 0, 0, _TRACK, 0, 0, 0, 0, 0, 0) + _MATRIX + shown_px
    movie = struct.pack(">IIIIIH10x", 0, 0, _TICKS, 0, 0x10000, 0x100)
    movie += _MATRIX + struct.pack(">24xI", _TRACK + 1)
    defaults = struct.pack(">IIIII", _TRACK, 1, 0, 0, _STANDS_ALONE)
    return _box(b"ftyp", b"iso6", bytes(4), b"iso6mp41") + _box(
        b"moov",
        _full(b"mvhd", 0, 0, movie),
        _box(b"trak", _full(b"tkhd", 0, _SHOWN, track), media),
        _box(b"mvex", _full(b"trex", 0, 0, defaults)),
    )


def _box(kind: bytes, *contents: bytes) -> bytes:
    inside = b"".join(contents)
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


def _full(kind: bytes, version: int, flags: int, *contents: bytes) -> bytes:
    """Return a box with a version and 24 bits of flags."""
    return _box(kind, struct.pack(">I", version << 24 | flags), *contents)

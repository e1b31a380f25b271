"""Reads the blocks of a GIF.

Source: CompuServe, "GIF89a Specification"; the Netscape extension that repeats it.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate

from scrubjay.verifying.decoding import ffmpeg
from scrubjay.verifying.decoding.look import BrokenError, Look

__all__ = ["SIGNATURES", "look"]

SIGNATURES = (b"GIF87a", b"GIF89a")

_HEAD_BYTES = 13
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_NETSCAPE = b"NETSCAPE2.0"
_LZW_CODE_BYTES = 1
_IMAGE_BYTES = 9
_SHORTEST = 2
"""Hundredths of a second: browsers show a shorter picture for a tenth."""


def look(data: bytes) -> Look:
    """Read a GIF.

    Raises:
        BrokenError: its blocks do not fit together.
    """
    delays: list[int] = []
    pending = 0
    repeats: int | None = None
    try:
        for kind, payload in _blocks(data):
            if kind == _CONTROL:
                pending = int.from_bytes(payload[1:3], "little")
            elif kind == _APPLICATION and payload.startswith(_NETSCAPE):
                repeats = int.from_bytes(payload[len(_NETSCAPE) + 1 :][:2], "little")
            elif kind == _IMAGE:
                delays.append(pending)
                pending = 0
    except IndexError:
        raise BrokenError("it ends in the middle of a block") from None
    times = list(accumulate(delays, initial=0))
    return Look(
        media_type="image/gif",
        width=int.from_bytes(data[6:8], "little"),
        height=int.from_bytes(data[8:10], "little"),
        starts=tuple(times[:-1]),
        end=times[-1],
        tick=Fraction(1, 100),
        pictures=lambda: ffmpeg.pictures(data),
        shortest=_SHORTEST,
        is_endless=repeats == 0,
    )


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the label of each extension with its bytes, and `_IMAGE` for each picture."""
    place = _HEAD_BYTES + _table_bytes(data[10])
    while data[place] != _TRAILER:
        if data[place] == _EXTENSION:
            label = data[place + 1]
            payload, place = _joined(data, place + 2)
            yield label, payload
        elif data[place] == _IMAGE:
            place += 1 + _IMAGE_BYTES + _table_bytes(data[place + _IMAGE_BYTES]) + _LZW_CODE_BYTES
            _, place = _joined(data, place)
            yield _IMAGE, b""
        else:
            raise BrokenError(f"it has an unknown block at byte {place}")
    if place != len(data) - 1:
        raise BrokenError(f"{len(data) - 1 - place} bytes follow its end")


def _table_bytes(flags: int) -> int:
    """Return the size of a colour table from the flags before it."""
    return 3 << 1 + (flags & 7) if flags & 0x80 else 0


def _joined(data: bytes, place: int) -> tuple[bytes, int]:
    """Return what is in a row of sub-blocks, and where the next block begins.

    The sizes of an application's sub-blocks are left in it after the first, which names it.
    """
    pieces: list[bytes] = []
    while size := data[place]:
        pieces.append(data[place + 1 : place + 1 + size])
        place += 1 + size
    return b"".join(pieces), place + 1

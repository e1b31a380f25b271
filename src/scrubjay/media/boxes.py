"""How the boxes of an MP4 on a server lie: whether it can be read from the middle.

A fragmented MP4 has its index in pieces, one before each fragment. FFmpeg gathers them all before
it reads anything, with a request for each, unless the file has one index for all of them: a
`sidx` box at its start or an `mfra` box at its end (ISO/IEC 14496-12, 8.16.3 and 8.8.9).
"""

import struct
from enum import Enum, auto

from scrubjay.media.mp4 import Box, Bytes, box_at

__all__ = ["Fragments", "fragments_of"]

_MOST_BOXES = 32
"""Boxes to look at before the first fragment."""

_FEW = 20
"""Fragments that may be gathered one by one."""

_MFRO_BYTES = 16


class Fragments(Enum):
    """How a video is fragmented."""

    NONE = auto()
    """It is not, or it is no MP4."""
    INDEXED = auto()
    """There is an index of all of them at the start."""
    INDEXED_AT_END = auto()
    """There is an index of all of them at the end; FFmpeg then does not know how long it is."""
    FEW = auto()
    """There is no index, but there are few."""
    MANY = auto()
    """There is no index: each fragment has to be found by the one before."""

    @property
    def lacks_index(self) -> bool:
        """Whether FFmpeg finds its fragments only by going over the whole file."""
        return self in {Fragments.FEW, Fragments.MANY}


def fragments_of(file: Bytes) -> Fragments:
    """Say how a video is fragmented, from a few reads."""
    place, fragment, index_end = 0, None, 0
    for _ in range(_MOST_BOXES):
        box = box_at(file, place)
        if box is None or box.kind == b"mdat":
            return Fragments.NONE
        if box.kind == b"sidx":
            index_end = max(index_end, _reach(file, box))
        if box.kind == b"moof":
            fragment = box
            break
        place = box.end
    if fragment is None:
        return Fragments.NONE
    tail = file.read(file.size - _MFRO_BYTES, _MFRO_BYTES)
    has_index_at_end = tail[4:8] == b"mfro"
    if index_end and index_end + (_size_of_index(tail) if has_index_at_end else 0) >= file.size:
        return Fragments.INDEXED
    if has_index_at_end:
        return Fragments.INDEXED_AT_END
    media = box_at(file, fragment.end)
    span = (media.end if media else fragment.end) - fragment.start
    return Fragments.FEW if (file.size - fragment.start) / span <= _FEW else Fragments.MANY


def _reach(file: Bytes, box: Box) -> int:
    """Return up to where in the file a `sidx` box knows; 0 if it makes no sense."""
    data = file.read(box.start + box.header, min(box.size - box.header, 1 << 20))
    try:
        is_long = data[0] > 0
        first = struct.unpack_from(">Q" if is_long else ">I", data, 20 if is_long else 16)[0]
        start = 28 if is_long else 20
        count = struct.unpack_from(">H", data, start + 2)[0]
        sizes = [struct.unpack_from(">I", data, start + 4 + 12 * k)[0] for k in range(count)]
    except (struct.error, IndexError):
        return 0
    if any(size >> 31 for size in sizes):  # it refers to other indexes
        return 0
    return int(box.end + first + sum(sizes))


def _size_of_index(tail: bytes) -> int:
    """Return how long an `mfra` box is, by the `mfro` box that ends it."""
    return int.from_bytes(tail[12:16])

"""How an MP4 on a server is fragmented, and so whether it can be read from the middle.

A fragmented MP4 has its index in pieces, one before each fragment. FFmpeg collects them all before
it reads anything else, with one request each, unless the file has one index for all of them: a
`sidx` box at its start or an `mfra` box at its end (ISO/IEC 14496-12, 8.16.3 and 8.8.9).
"""

import struct
from enum import Enum, auto

from scrubjay.media.mp4 import Box, Bytes, box_at

__all__ = ["Fragments", "fragments_of"]

_MOST_BOXES = 32
"""Most boxes to read before the first fragment."""

_FEW = 20
"""So many fragments may be collected one by one."""

_MFRO_BYTES = 16


class Fragments(Enum):
    """How a video is fragmented."""

    NONE = auto()
    """It is not fragmented, or it is not an MP4."""
    INDEXED = auto()
    """There is an index of all fragments at the start."""
    INDEXED_AT_END = auto()
    """There is an index of all fragments at the end; FFmpeg then does not know the duration."""
    FEW = auto()
    """There is no index, but there are few fragments."""
    MANY = auto()
    """There is no index: each fragment is found only after the one before."""

    @property
    def lacks_index(self) -> bool:
        """Whether FFmpeg finds the fragments only by reading through the whole file."""
        return self in {Fragments.FEW, Fragments.MANY}


def fragments_of(file: Bytes) -> Fragments:
    """Return how a video is fragmented, from a few reads."""
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
    """Return up to where in the file a `sidx` box reaches; 0 if it is invalid."""
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
    """Return the length of an `mfra` box, from the `mfro` box that ends it."""
    return int.from_bytes(tail[12:16])

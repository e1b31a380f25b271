"""A reader of BIF files, from Roku's specification."""

import struct
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Bif", "read_bif"]


class Bif(NamedTuple):
    """What a file holds."""

    multiplier_ms: int
    pictures: list[tuple[int, bytes]]
    """Timestamp and JPEG of each."""


def read_bif(data: bytes) -> Bif:
    """Read a file of version 0 to the byte."""
    assert data[:8] == bytes([0x89, 0x42, 0x49, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])
    version, count, multiplier_ms = struct.unpack_from("<III", data, 8)
    assert version == 0
    assert data[20:64] == bytes(44)
    index = list(struct.iter_unpack("<II", data[64 : 64 + 8 * (count + 1)]))
    assert index[0][1] == 64 + 8 * (count + 1)
    assert index[-1] == (0xFFFFFFFF, len(data))
    pairs = pairwise(index)
    return Bif(multiplier_ms, [(time, data[begin:end]) for (time, begin), (_, end) in pairs])

"""Reads BIF files.

Source: Roku, "BIF file specification", version 0.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from struct import iter_unpack, unpack_from

from scrubjay.model import PlannedOutput
from scrubjay.verifying.differences import Row
from scrubjay.verifying.readers.base import Reading, digest, in_milliseconds, nearest_made
from scrubjay.verifying.report import Finding

__all__ = ["check", "check_file"]

_SIGNATURE = bytes([0x89, 0x42, 0x49, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])
_HEAD_BYTES, _ENTRY_BYTES = 64, 8
_END = 0xFFFFFFFF
_DEFAULT_MS = 1000
"""What a file that declares no interval counts in."""


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the pictures with the packed stills."""
    yield from reading.check_tracks(reading.due_files())
    for output, key in reading.each():
        yield from check_file(reading, output, key)


def check_file(reading: Reading, output: PlannedOutput, key: str) -> Iterator[Finding]:
    """Compare one file with the packed stills of an output."""
    try:
        found = list(_pictures(reading.data(key)))
    except (struct.error, ValueError) as error:
        yield reading.wrong(key, f"it is not a BIF file: {error}")
        return
    shown = nearest_made(list(reading.packed(output)))
    first = shown[0].time if shown else 0
    expected = [
        {
            "time": in_milliseconds(first + k * output.spacing),
            "picture": digest(reading.jpeg(each)),
        }
        for k, each in enumerate(shown)
    ]
    yield from reading.compare(key, expected, found, "picture")


def _pictures(data: bytes) -> Iterator[Row]:
    """Yield the time and the digest of each picture.

    Raises:
        ValueError: the head or the index is damaged.
    """
    if data[:8] != _SIGNATURE:
        raise ValueError("it begins otherwise")
    version, count, interval_ms = unpack_from("<III", data, 8)
    if version or any(data[20:_HEAD_BYTES]):
        raise ValueError(f"it is of version {version}, or its head is damaged")
    end = _HEAD_BYTES + _ENTRY_BYTES * (count + 1)
    entries = list(iter_unpack("<II", data[_HEAD_BYTES:end]))
    if len(entries) != count + 1 or entries[-1] != (_END, len(data)):
        raise ValueError("its index does not end where the file does")
    offsets = [offset for _, offset in entries]
    if offsets[0] != end or any(before > after for before, after in pairwise(offsets)):
        raise ValueError("the places in its index do not rise from the end of the index")
    for (number, begin), (_, after) in pairwise(entries):
        time_ms = number * (interval_ms or _DEFAULT_MS)
        yield {"time": f"{time_ms / 1000:.3f}", "picture": digest(data[begin:after])}

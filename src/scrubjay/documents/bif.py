"""Packed stills as a BIF file, which Roku, Plex and Emby read: an index and all the JPEGs.

Readers space the pictures evenly, so for a picture in a gap of the set, the one before
stands in its place (at the start, the one after).

Source: Roku, "BIF file specification", version 0.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence

from scrubjay.documents.base import File, FinishedSet, PackedStill, each_track
from scrubjay.errors import RecipeError
from scrubjay.model import Plan, PlannedOutput
from scrubjay.timing import milliseconds

__all__ = ["MEDIA_TYPE", "bif", "check_size", "tracks", "write"]

MEDIA_TYPE = "application/octet-stream"

_MAGIC = b"\x89BIF\r\n\x1a\n"
_HEAD_BYTES = 64
_ENTRY_BYTES = 8
_END = 0xFFFFFFFF

_MOST_BYTES = 1 << 30
"""A file is held in memory, and players load it whole. The format itself ends at 4 GiB."""


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the file of each output of packed stills."""
    return each_track(plan, "bif")


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a file for each output of packed stills; times begin at 0.

    Raises:
        RecipeError: one would be too large.
    """
    for key, output in finished.keyed("bif"):
        yield File(key, bif(finished, output), MEDIA_TYPE)


def bif(finished: FinishedSet, output: PlannedOutput) -> bytes:
    """Return the BIF file of an output of packed stills.

    Raises:
        RecipeError: it would be too large.
    """
    stills = _without_gaps(list(finished.packed(output)))
    check_size(output.name, [still.size_bytes for still in stills])
    offset = _HEAD_BYTES + _ENTRY_BYTES * (len(stills) + 1)
    index: list[bytes] = []
    for number, still in enumerate(stills):
        index.append(struct.pack("<II", number, offset))
        offset += still.size_bytes
    index.append(struct.pack("<II", _END, offset))
    interval_ms = milliseconds(output.spacing)
    head = struct.pack("<III", 0, len(stills), interval_ms).ljust(_HEAD_BYTES - len(_MAGIC), b"\0")
    return b"".join([_MAGIC, head, *index, *_pictures(finished, stills)])


def check_size(name: str, sizes_bytes: Sequence[int]) -> None:
    """Check that pictures of those sizes fit into a file.

    Args:
        name: of their output.
        sizes_bytes: of each picture.

    Raises:
        RecipeError: they do not.
    """
    size_bytes = _HEAD_BYTES + _ENTRY_BYTES * (len(sizes_bytes) + 1) + sum(sizes_bytes)
    if size_bytes > _MOST_BYTES:
        raise RecipeError(
            f"a BIF file of {name!r} would have {size_bytes >> 20} MiB, over the limit of "
            f"{_MOST_BYTES >> 20}; use a longer interval, a smaller width or a lower quality, or "
            "remove the documents 'bif' and 'emby'"
        )


def _without_gaps(stills: Sequence[PackedStill]) -> list[PackedStill]:
    """Put the picture before, or else the first there is, in the place of each that is missing."""
    shown = next((still for still in stills if still.size_bytes), None)
    found: list[PackedStill] = []
    for still in stills:
        shown = still if still.size_bytes else shown
        found += [shown] if shown else []
    return found


def _pictures(finished: FinishedSet, stills: Sequence[PackedStill]) -> Iterator[bytes]:
    """Yield the bytes of pictures; each file is read once."""
    key, data = "", b""
    for still in stills:
        if still.key != key:
            key, data = still.key, finished.read(still.key)
        yield data[still.byte_offset : still.byte_offset + still.size_bytes]

"""The boxes of an MP4 or QuickTime file, read from a few of its bytes (ISO/IEC 14496-12, 4.2)."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from scrubjay.places.place import Place
from scrubjay.places.remote import RemoteFile

__all__ = ["Box", "Bytes", "Outline", "box_at", "boxes_in", "bytes_of", "find_boxes"]

_MOST_BOXES = 4096
"""Most boxes to read in a file or in a box."""

_MOST_MOOV_BYTES = 16 << 20

_PARENTS = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"sinf", b"schi", b"moof", b"traf", b"mvex")
)
_SKIPPED = {b"stsd": 8, b"meta": 4}
"""Boxes that contain others, and how many bytes of their own come first."""

_ENTRY_BYTES = {b"encv": 78, b"drmi": 78}
"""Sample entries of protected video, and how many bytes of their own come before their boxes."""


class Bytes(Protocol):
    """Bytes that boxes are read from."""

    size: int

    def read(self, start: int, length: int) -> bytes:
        """Return some bytes, fewer at the end."""
        ...


class _Memory:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, start: int, length: int) -> bytes:
        return self._data[start : start + length]


class _LocalFile:
    """A file of which a few bytes are read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, start: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(length)


class Box(NamedTuple):
    """Where a box is."""

    kind: bytes
    start: int
    header: int
    size: int

    @property
    def end(self) -> int:
        """The position after its last byte, as declared: the file may end before."""
        return self.start + self.size


class Outline(NamedTuple):
    """The boxes at the top of a file."""

    kinds: tuple[bytes, ...]
    """Their kinds, in order."""
    moov: bytes
    """The content of its header, empty if there is none."""
    declared_bytes: int
    """The size of the file if its last box were complete."""
    media_bytes: int
    """Bytes that `mdat` boxes really have."""

    @classmethod
    def of(cls, file: Bytes) -> Self:
        """Read the boxes at the top of a file; none if it is not an MP4."""
        kinds: list[bytes] = []
        moov, media, end = b"", 0, 0
        for box in boxes_in(file):
            kinds.append(box.kind)
            end = box.end
            if box.kind == b"moov":
                length = min(box.size - box.header, _MOST_MOOV_BYTES)
                moov = file.read(box.start + box.header, length)
            if box.kind == b"mdat":
                media += max(0, min(box.end, file.size) - box.start - box.header)
        return cls(tuple(kinds), moov, end, media)


def bytes_of(place: Place) -> Bytes:
    """Return the bytes of the file at a place, to be read in parts.

    Raises:
        OSError: it cannot be read.
        SourceError: its server refuses access.
    """
    return _LocalFile(Path(place.address)) if place.is_local else RemoteFile(place)


def box_at(file: Bytes, start: int) -> Box | None:
    """Return the box at a position; None if there is no valid one."""
    head = file.read(start, 16)
    if len(head) < 8 or not _is_kind(head[4:8]):  # noqa: PLR2004  the size and the kind
        return None
    size, header = int.from_bytes(head[:4]), 8
    if size == 1:
        size, header = int.from_bytes(head[8:16]), 16
    if size == 0:
        size = file.size - start
    return Box(head[4:8], start, header, size) if size >= header else None


def boxes_in(file: Bytes) -> Iterator[Box]:
    """Yield the boxes of a file, one after the other, up to the first invalid one."""
    place = 0
    for _ in range(_MOST_BOXES):
        box = box_at(file, place) if place < file.size else None
        if box is None:
            return
        yield box
        place = box.end


def find_boxes(data: bytes, kind: bytes) -> Iterator[bytes]:
    """Yield the content of each box of a kind in the content of a header, at any depth."""
    for box in boxes_in(_Memory(data)):
        content = data[box.start + box.header : box.end]
        if box.kind == kind:
            yield content
        if box.kind in _PARENTS:
            yield from find_boxes(content, kind)
        elif box.kind in _SKIPPED or box.kind in _ENTRY_BYTES:
            skip = _SKIPPED.get(box.kind) or _ENTRY_BYTES[box.kind]
            yield from find_boxes(content[skip:], kind)


def _is_kind(name: bytes) -> bool:
    return all(byte == 0xA9 or 0x20 <= byte < 0x7F for byte in name)  # noqa: PLR2004  QuickTime's (c)

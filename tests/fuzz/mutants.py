"""Damaged copies of a video: what `fuzz.py` feeds to Scrubjay. The same seed, the same bytes."""

import random
import re
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2b
from itertools import groupby
from typing import Literal

__all__ = ["mutant"]

_MOST_STEPS = 6
_SPLICED_ONE_IN = 12
_LONGEST_RUN = 64
_NEAR = 64
"""Bytes behind a header's name in which its fields lie."""

_MARKS = re.compile(
    rb"ftyp|moov|mvhd|trak|tkhd|edts|elst|mdhd|hdlr|stsd|stts|ctts|stss|stsc|stsz|stco|co64|"
    rb"avcC|hvcC|colr|pasp|clap|moof|mfhd|tfhd|tfdt|trun|sidx|mfra|mdat|sdtp|sbgp|"  # MP4
    rb"\x1a\x45\xdf\xa3|\x18\x53\x80\x67|\x15\x49\xa9\x66|\x16\x54\xae\x6b|\x1f\x43\xb6\x75|"
    rb"\x1c\x53\xbb\x6b|\x44\x89|\x2a\xd7\xb1|\x55\xb0|\xa3\x41|"  # Matroska
    rb"RIFF|LIST|avih|strh|strf|idx1|00dc|01wb|"  # AVI
    rb"FLV\x01|OggS|\x06\x0e\x2b\x34|"  # Flash, Ogg, MXF
    rb"\x00\x00\x01[\xb0-\xef\x06-\x09\x26-\x28\x40-\x44\x65-\x68]"  # start codes
)
"""What headers begin with: boxes, elements, chunks, pages and start codes."""

_FIELDS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Values at which arithmetic breaks."""


class _Copy:
    """A copy of a file on its way to be damaged.

    Args:
        original: the file.
        rng: decides what is damaged, and how.
    """

    def __init__(self, original: bytes, rng: random.Random) -> None:
        self.data = bytearray(original)
        self.rng = rng
        self._headers = _headers(original)

    def place(self) -> int:
        """Choose where to damage the file: half of the time in a header."""
        if self._headers and self.rng.random() < 1 / 2:
            return min(self.header() + self.rng.randrange(-4, _NEAR), len(self.data)) % _size(self)
        return self.rng.randrange(_size(self))

    def header(self) -> int:
        """Choose a header: each kind as often as any other. The file has one, or this is 0."""
        return self.rng.choice(self.rng.choice(self._headers)) if self._headers else 0


def _size(copy: _Copy) -> int:
    return max(1, len(copy.data))


@cache
def _headers(data: bytes) -> list[list[int]]:
    """Return where a file has headers, by kind."""
    found = sorted((bytes(mark[0][:4]), mark.start()) for mark in _MARKS.finditer(data))
    return [[at for _, at in kind] for _, kind in groupby(found, key=lambda mark: mark[0])]


def mutant(name: str, seed: int, corpus: Mapping[str, bytes]) -> bytes:
    """Return a damaged copy of a file.

    Args:
        name: of the file.
        seed: which damage.
        corpus: all files by name; some damage takes a stretch of another one.
    """
    rng = random.Random(f"{name}:{seed}")  # noqa: S311  not for secrets
    copy = _Copy(corpus[name], rng)
    for _ in range(rng.randint(1, _MOST_STEPS)):
        rng.choice(_STEPS)(copy, rng)
    if rng.random() < 1 / _SPLICED_ONE_IN:
        _splice(copy, corpus[_other(seed, corpus)], rng)
    return bytes(copy.data)


def _other(seed: int, corpus: Mapping[str, bytes]) -> str:
    """Choose a file by a seed; a file that is added to the folder seldom changes the choice."""
    return min(corpus, key=lambda name: blake2b(f"{seed}:{name}".encode()).digest())


def _flip(copy: _Copy, rng: random.Random) -> None:
    """Flip a few bits, close to each other."""
    start = copy.place()
    for _ in range(rng.randint(1, 4)):
        at = start + rng.randrange(8)
        if at < len(copy.data):
            copy.data[at] ^= 1 << rng.randrange(8)


def _field(copy: _Copy, rng: random.Random) -> None:
    """Put a number at which arithmetic breaks, or one that is a little off."""
    width = rng.choice((1, 2, 4, 8))
    at = copy.place()
    order: Literal["big", "little"] = "little" if rng.random() < 1 / 3 else "big"
    now = int.from_bytes(copy.data[at : at + width], order)
    value = rng.choice((rng.choice(_FIELDS), now + rng.choice((-1, 1, -8, 8)), now << 1, now >> 1))
    copy.data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, order)


def _length(copy: _Copy, rng: random.Random) -> None:
    """Change the length before a box's name, or behind a chunk's name."""
    at = max(0, copy.header() + rng.choice((-4, 4)))
    now = int.from_bytes(copy.data[at : at + 4], "big")
    value = rng.choice((rng.choice(_FIELDS), now + rng.randint(-16, 16), rng.randrange(1 << 32)))
    copy.data[at : at + 4] = (value % (1 << 32)).to_bytes(4, "big")


def _run(copy: _Copy, rng: random.Random) -> None:
    """Overwrite a run of bytes with noise, or with one value."""
    at, length = copy.place(), rng.randint(1, _LONGEST_RUN)
    noise = rng.randbytes(length)
    copy.data[at : at + length] = rng.choice((noise, noise[:1] * length, bytes(length)))


def _remove(copy: _Copy, rng: random.Random) -> None:
    """Leave out a stretch."""
    at = copy.place()
    del copy.data[at : at + rng.choice((1, 4, 188, rng.randint(1, 1 + len(copy.data) // 4)))]


def _repeat(copy: _Copy, rng: random.Random) -> None:
    """Write a stretch twice."""
    at = copy.place()
    length = rng.choice((1, 4, 188, rng.randint(1, 4096)))
    copy.data[at:at] = copy.data[at : at + length]


def _move(copy: _Copy, rng: random.Random) -> None:
    """Move a stretch elsewhere."""
    at, length = copy.place(), rng.randint(1, 4096)
    moved = bytes(copy.data[at : at + length])
    del copy.data[at : at + length]
    to = copy.place()
    copy.data[to:to] = moved


def _cut(copy: _Copy, rng: random.Random) -> None:
    """Cut the file off, seldom at its start."""
    if rng.random() < 1 / 2:
        del copy.data[int(len(copy.data) * (1 - rng.random() ** 2)) :]


def _splice(copy: _Copy, other: bytes, rng: random.Random) -> None:
    """Put a stretch of another file over the file, or its end after the file's beginning."""
    at = copy.place()
    start = rng.randrange(max(1, len(other)))
    length = rng.choice((256, 4096, len(other)))
    copy.data[at : at + length] = other[start : start + length]


_STEPS: tuple[Callable[[_Copy, random.Random], None], ...] = (
    _flip, _flip, _field, _field, _field, _length, _run, _remove, _repeat, _move, _cut,
)  # fmt: skip

"""Reads the boxes of MP4, AVIF and packed stills.

Sources: ISO/IEC 14496-12; AV1 Image File Format, https://aomediacodec.github.io/av1-avif/.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from struct import unpack_from
from typing import NamedTuple

from scrubjay.verifying.decoding import ffmpeg
from scrubjay.verifying.decoding.look import BrokenError, Look, RgbPicture
from scrubjay.verifying.decoding.stills import look_at_jpeg

__all__ = ["Fragment", "boxes_of", "fragments_of", "is_boxed", "look"]

_FIRST_BOXES = (b"ftyp", b"moof", b"styp")
_STILL_BRANDS, _MOVING_BRANDS = (b"avif", b"mif1"), (b"avis",)
_MILLISECOND = Fraction(1, 1000)
_HAS_OFFSET, _HAS_FIRST_FLAGS = 0x1, 0x4
_HAS_DURATION, _HAS_SIZE = 0x100, 0x200
_BASE_IS_MOOF = 0x020000
_REPEATED = 1
"""The flag of an edit list that is repeated."""

_LONG_HEAD_BYTES, _HEAD_BYTES, _FULL_BYTES = 16, 8, 4


class Box(NamedTuple):
    """A box, by its place in the file."""

    name: bytes
    start: int
    """Where its contents begin."""
    end: int
    head: int
    """Where it begins itself."""


class Fragment(NamedTuple):
    """A picture in a file of packed stills."""

    start: int
    """When it is shown, in ticks of the track."""
    duration: int
    begin: int
    """Where its JPEG begins in the file."""
    end: int


def is_boxed(data: bytes) -> bool:
    """Whether an object begins as a file of boxes does."""
    return data[4:8] in _FIRST_BOXES


def boxes_of(data: bytes, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes between two places of a file.

    Raises:
        BrokenError: one reaches over the end.
    """
    while start < end:
        try:
            size, name = unpack_from(">I4s", data, start)
            inner = start + _HEAD_BYTES
            if size == 1:
                [size] = unpack_from(">Q", data, inner)
                inner = start + _LONG_HEAD_BYTES
        except struct.error:
            raise BrokenError("it ends in the middle of a box") from None
        if size < inner - start or start + size > end:
            raise BrokenError(f"its box {name!a} at byte {start} reaches over the end")
        yield Box(name, inner, start + size, start)
        start += size


def look(data: bytes) -> Look:
    """Read a file of boxes.

    Raises:
        BrokenError: it is damaged.
    """
    top = list(boxes_of(data, 0, len(data)))
    if top[0].name != b"ftyp":
        return _look_at_fragments(data)
    brand = data[top[0].start : top[0].start + 4]
    if brand in _MOVING_BRANDS:
        return ffmpeg.look(data, media_type="image/avif", is_endless=_is_endless(data, top))
    if brand in _STILL_BRANDS:
        return ffmpeg.look(data, media_type="image/avif")
    return ffmpeg.look(data, media_type="video/mp4")


def _is_endless(data: bytes, top: list[Box]) -> bool:
    """Whether an edit list repeats a track that has no end."""
    for track in _below(data, top, b"moov", b"trak"):
        inner = list(boxes_of(data, track.start, track.end))
        heads = [each for each in inner if each.name == b"tkhd"]
        lists = list(_below(data, inner, b"edts", b"elst"))
        if heads and lists:
            flags = unpack_from(">I", data, lists[0].start)[0] & 0xFFFFFF
            is_long = data[heads[0].start] == 1
            duration = data[heads[0].start + (28 if is_long else 20) :][: 8 if is_long else 4]
            # FFmpeg writes the largest signed number of 64 bits, others all ones
            has_no_end = duration[1:] == b"\xff" * (len(duration) - 1)
            if flags & _REPEATED and has_no_end:
                return True
    return False


def _below(data: bytes, boxes: list[Box], *names: bytes) -> Iterator[Box]:
    """Yield the boxes at a path of names."""
    first, *rest = names
    for box in boxes:
        if box.name == first and rest:
            yield from _below(data, list(boxes_of(data, box.start, box.end)), *rest)
        elif box.name == first:
            yield box


def _look_at_fragments(data: bytes) -> Look:
    fragments = list(fragments_of(data))
    if not fragments:
        raise BrokenError("it has no pictures")
    first = look_at_jpeg(data[fragments[0].begin : fragments[0].end])
    start, last = fragments[0].start, fragments[-1]
    return Look(
        media_type="video/mp4",
        width=first.width,
        height=first.height,
        starts=tuple(each.start - start for each in fragments),
        end=last.start + last.duration - start,
        tick=_MILLISECOND,
        pictures=partial(_pictures, data, fragments, (first.width, first.height)),
        picture_bytes=tuple(each.end - each.begin for each in fragments),
    )


def _pictures(
    data: bytes, fragments: list[Fragment], size: tuple[int, int]
) -> Iterator[RgbPicture]:
    for fragment in fragments:
        jpeg = data[fragment.begin : fragment.end]
        look = look_at_jpeg(jpeg)
        if (look.width, look.height) != size:
            raise BrokenError(
                f"its pictures have several sizes: {size[0]} x {size[1]} and "
                f"{look.width} x {look.height} px"
            )
        yield from ffmpeg.pictures(jpeg)


def fragments_of(data: bytes) -> Iterator[Fragment]:
    """Yield the pictures of packed stills: of each pair of `moof` and `mdat`.

    Raises:
        BrokenError: the boxes do not fit together.
    """
    boxes = list(boxes_of(data, 0, len(data)))
    if [box.name for box in boxes] != [b"moof", b"mdat"] * (len(boxes) // 2):
        raise BrokenError("its boxes are not pairs of moof and mdat")
    for moof, mdat in zip(boxes[::2], boxes[1::2], strict=True):
        try:
            fragment = _fragment(data, moof)
        except (struct.error, ValueError):
            raise BrokenError(f"its box moof at byte {moof.head} is damaged") from None
        if (fragment.begin, fragment.end) != (mdat.start, mdat.end):
            raise BrokenError(f"its box moof at byte {moof.head} names other bytes than mdat has")
        yield fragment


def _fragment(data: bytes, moof: Box) -> Fragment:
    inside = [Box(b"moof", moof.start, moof.end, moof.head)]
    [header] = _below(data, inside, b"moof", b"traf", b"tfhd")
    [time] = _below(data, inside, b"moof", b"traf", b"tfdt")
    [run] = _below(data, inside, b"moof", b"traf", b"trun")
    if not unpack_from(">I", data, header.start)[0] & _BASE_IS_MOOF:
        raise ValueError("offsets from elsewhere")
    is_long = data[time.start] == 1
    [start] = unpack_from(">Q" if is_long else ">I", data, time.start + _FULL_BYTES)
    flags, count = unpack_from(">II", data, run.start)
    needed = _HAS_OFFSET | _HAS_DURATION | _HAS_SIZE
    if count != 1 or flags & needed != needed or flags & _HAS_FIRST_FLAGS:
        raise ValueError("another kind of run")
    offset, duration, size = unpack_from(">iII", data, run.start + 2 * _FULL_BYTES)
    begin = moof.head + offset
    return Fragment(start, duration, begin, begin + size)

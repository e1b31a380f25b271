"""Reads WebP, still or animated; FFmpeg decodes each picture of an animation by itself.

Source: WebP Container Specification, https://developers.google.com/speed/webp/docs/riff_container.
"""

import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import accumulate
from struct import pack, unpack_from
from typing import NamedTuple

import numpy as np

from scrubjay.verifying.decoding import ffmpeg
from scrubjay.verifying.decoding.colours import to_rgba
from scrubjay.verifying.decoding.look import BrokenError, Look, RgbPicture

__all__ = ["is_webp", "look"]

_HEAD_BYTES, _CHUNK_HEAD_BYTES, _FRAME_HEAD_BYTES = 12, 8, 16
_ALPHA = 0x10
_LOSSLESS_SIGNATURE = 0x2F


class _Frame(NamedTuple):
    left: int
    top: int
    width: int
    height: int
    duration_ms: int
    is_blended: bool
    is_disposed: bool
    """Whether its area becomes transparent when it ends."""
    coded: Mapping[bytes, bytes]
    """The chunks of its picture."""


def is_webp(data: bytes) -> bool:
    """Whether an object begins as a WebP does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def look(data: bytes) -> Look:
    """Read a WebP.

    Raises:
        BrokenError: its chunks do not fit together.
    """
    try:
        if unpack_from("<I", data, 4)[0] + _CHUNK_HEAD_BYTES != len(data):
            raise BrokenError("its size is not that in its header")
        chunks = list(_chunks(data[_HEAD_BYTES:]))
        frames = [_frame(body) for name, body in chunks if name == b"ANMF"]
        named = dict(chunks)
        width, height = _size(named)
    except (struct.error, IndexError):
        raise BrokenError("it ends in the middle of a chunk") from None
    if not frames:
        return Look(
            media_type="image/webp",
            width=width,
            height=height,
            starts=(0,),
            end=None,
            tick=Fraction(1),
            pictures=lambda: ffmpeg.pictures(data),
            may_merge=True,  # an animation of equal pictures is a still
        )
    times = list(accumulate((each.duration_ms for each in frames), initial=0))
    return Look(
        media_type="image/webp",
        width=width,
        height=height,
        starts=tuple(times[:-1]),
        end=times[-1],
        tick=Fraction(1, 1000),
        pictures=lambda: _composed(frames, width, height),
        is_endless=named.get(b"ANIM", b"")[4:6] == b"\0\0",
        may_merge=True,
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(data):
        name, size = unpack_from("<4sI", data, place)
        body = data[place + _CHUNK_HEAD_BYTES : place + _CHUNK_HEAD_BYTES + size]
        if len(body) != size:
            raise BrokenError("it ends in the middle of a chunk")
        yield name, body
        place += _CHUNK_HEAD_BYTES + size + size % 2


def _size(chunks: Mapping[bytes, bytes]) -> tuple[int, int]:
    if extended := chunks.get(b"VP8X"):
        return _number(extended, 4) + 1, _number(extended, 7) + 1
    if lossless := chunks.get(b"VP8L"):
        if lossless[0] != _LOSSLESS_SIGNATURE:
            raise BrokenError("its picture does not begin as lossless WebP does")
        [bits] = unpack_from("<I", lossless, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = unpack_from("<HH", chunks.get(b"VP8 ", b""), 6)
    return width & 0x3FFF, height & 0x3FFF


def _number(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 3], "little")


def _frame(body: bytes) -> _Frame:
    flags = body[15]
    return _Frame(
        left=2 * _number(body, 0),
        top=2 * _number(body, 3),
        width=_number(body, 6) + 1,
        height=_number(body, 9) + 1,
        duration_ms=_number(body, 12),
        is_blended=not flags & 2,
        is_disposed=bool(flags & 1),
        coded=dict(_chunks(body[_FRAME_HEAD_BYTES:])),
    )


def _composed(frames: list[_Frame], width: int, height: int) -> Iterator[RgbPicture]:
    """Draw each picture over the ones before it, as a viewer does."""
    canvas = np.zeros((height, width, 4), np.uint8)
    for frame in frames:
        area = canvas[frame.top :, frame.left :][: frame.height, : frame.width]
        drawn = _decoded(frame)
        if drawn.shape != area.shape:
            raise BrokenError("a picture of it reaches over its edge")
        if frame.is_blended:
            alpha = drawn[..., 3:].astype(np.uint16)
            blended = (drawn[..., :3] * alpha + area[..., :3] * (255 - alpha) + 127) // 255
            area[..., :3] = blended.astype(np.uint8)
            area[..., 3] = np.maximum(area[..., 3], drawn[..., 3])
        else:
            area[:] = drawn
        yield np.ascontiguousarray(canvas[..., :3])
        if frame.is_disposed:
            area[:] = 0


def _decoded(frame: _Frame) -> RgbPicture:
    """Decode one picture of an animation as a WebP of its own: (height, width, 4) RGBA uint8."""
    sides = pack("<I", frame.width - 1)[:3] + pack("<I", frame.height - 1)[:3]
    flags = _ALPHA if b"ALPH" in frame.coded else 0
    chunks = [(b"VP8X", bytes([flags, 0, 0, 0]) + sides), *frame.coded.items()]
    body = b"".join(
        name + pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks
    )
    still = b"RIFF" + pack("<I", 4 + len(body)) + b"WEBP" + body
    with ffmpeg.opened(still) as (container, stream):
        for picture in container.decode(stream):
            return to_rgba(picture)
    raise BrokenError("a picture of it cannot be decoded")

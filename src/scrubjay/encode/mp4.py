"""MP4 of H.264, without sound: a fifteenth of a GIF's bytes on film; everything plays it.

It loops in a page by `<video loop muted playsinline autoplay>`. H.264 in 4:2:0 has even sides: the
last column and row are repeated where a picture's are odd, so that no picture is distorted.

FFmpeg writes the index, `moov`, behind the pictures. It is moved in front of them, so that players
can begin before they have the whole file.

Source: ISO/IEC 14496-12, 4.2 (boxes), 8.7.5 (chunk offsets).
"""

import struct
from collections.abc import Iterator, Mapping
from importlib import import_module

import numpy as np

from scrubjay.encode.base import RgbPicture
from scrubjay.encode.streaming import ONE_KEYFRAME, Coding, StreamingEncoder

__all__ = ["Encoder"]

_TICKS = 90_000
_HEAD_BYTES = 8
_ABOVE_OFFSETS = (b"trak", b"mdia", b"minf", b"stbl")
"""The boxes in `moov` in which, one in the other, the offsets of the pictures lie: `stco`."""


def _processor_options() -> Mapping[str, str]:
    """Return what keeps x264 from its code for AVX-512.

    That reads memory which nobody has written: of the same pictures it makes other bytes three
    times in a hundred (core 165, in PyAV 18.1). What it makes with AVX2 is always the same.
    """
    features = import_module("numpy._core._multiarray_umath").__cpu_features__
    return {"x264-params": "asm=AVX2"} if features.get("AVX512F") else {}


class Encoder(StreamingEncoder):
    """Makes one animation of an output."""

    coding = Coding(
        encoder="libx264",
        container="mp4",
        ticks=_TICKS,
        quality_option="crf",
        quality_range=(51, 1),
        quality=52,
        least_quality=22,
        options={"preset": "veryfast", "g": ONE_KEYFRAME, **_processor_options()},
        container_options={"movie_timescale": str(_TICKS)},
    )

    def prepared(self, picture: RgbPicture) -> RgbPicture:
        """Return a picture with even sides."""
        height, width, _ = picture.shape
        if height % 2 == width % 2 == 0:
            return picture
        return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), "edge")

    def completed(self, data: bytes, length: int) -> bytes:
        """Return a file with its index in front of the pictures."""
        del length
        boxes = {name: data[start:end] for name, start, end in _boxes(data, 0, len(data))}
        index = bytearray(boxes.pop(b"moov"))
        _shift(index, len(index))
        return b"".join((boxes.pop(b"ftyp"), index, *boxes.values()))


def _shift(index: bytearray, by: int) -> None:
    """Raise the offsets of all pictures in an index."""
    start, end = _HEAD_BYTES, len(index)
    for above in _ABOVE_OFFSETS:
        start, end = _place(index, above, start, end)
        start += _HEAD_BYTES
    start, _ = _place(index, b"stco", start, end)
    [count] = struct.unpack_from(">I", index, start + _HEAD_BYTES + 4)
    layout, first = f">{count}I", start + _HEAD_BYTES + 8
    offsets = struct.unpack_from(layout, index, first)
    struct.pack_into(layout, index, first, *(offset + by for offset in offsets))


def _place(data: bytes | bytearray, name: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the only box of a name begins and ends, among those between two places."""
    [place] = [(at, to) for found, at, to in _boxes(data, start, end) if found == name]
    return place


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each box between two places, and where it begins and ends."""
    while start < end:
        size, name = struct.unpack_from(">I4s", data, start)
        yield name, start, start + size
        start += size

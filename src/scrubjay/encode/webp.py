"""Animated WebP: a third of a GIF's bytes on film, at the same speed; every browser plays it.

libwebp codes each picture by itself, through FFmpeg's encoder, as the pictures come. It merges
equal pictures in a row, and gives the whole animation as one packet, in which the last picture has
the mean duration: that is put right in the file.

Source: WebP Container Specification, https://developers.google.com/speed/webp/docs/riff_container.
"""

import struct
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO

import av
from av.video.frame import VideoFrame

from scrubjay.encode.base import RgbPicture
from scrubjay.model import Animation

__all__ = ["Encoder"]

_QUALITY, _LEAST_QUALITY = 75, 10
_EFFORT = "2"
"""The encoder's `compression_level`: 4 takes 60 % more time for 5 % fewer bytes."""

_CHUNK_HEAD_BYTES = 8
_RIFF_HEAD_BYTES = 12
_DURATION_AT = 12
"""Where an `ANMF` chunk has its duration, in ms, 24 bits little-endian."""

_LONGEST_MS = (1 << 24) - 1


class Encoder:
    """Makes one animation of an output; pictures are coded as they come.

    Args:
        options: the output's. With `max_bytes`, the pictures are kept, and coded again with a lower
            quality if need be.
    """

    def __init__(self, options: Animation) -> None:
        self._most_bytes = options.max_bytes
        self._kept: list[tuple[RgbPicture, Fraction]] = []
        self._writer: _Writer | None = None

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        """Take the next picture, shown from `time` seconds on."""
        if self._most_bytes:
            self._kept.append((picture, time))
        self._writer = self._writer or _Writer(picture, time, _QUALITY)
        self._writer.add(picture, time)

    def finish(self, end: Fraction) -> bytes:
        """Return the file; its last picture ends at `end` seconds."""
        assert self._writer is not None  # noqa: S101  an animation has a picture
        data = self._writer.finish(end)
        if not self._most_bytes or len(data) <= self._most_bytes:
            return data
        return self._squeezed(end)

    def _squeezed(self, end: Fraction) -> bytes:
        """Find the best quality that keeps the budget, by bisection; the worst if none does."""
        best = self._coded(_LEAST_QUALITY, end)
        low, high = _LEAST_QUALITY, _QUALITY
        while high - low > 1 and len(best) <= self._most_bytes:
            middle = (low + high) // 2
            data = self._coded(middle, end)
            if len(data) > self._most_bytes:
                high = middle
            else:
                low, best = middle, data
        return best

    def _coded(self, quality: int, end: Fraction) -> bytes:
        writer = _Writer(*self._kept[0], quality)
        for picture, time in self._kept:
            writer.add(picture, time)
        return writer.finish(end)


class _Writer:
    """Codes one animation at one quality."""

    def __init__(self, picture: RgbPicture, start: Fraction, quality: int) -> None:
        self._start = start
        self._last_ms = 0
        self._file = BytesIO()
        self._output = av.open(self._file, "w", format="webp", options={"loop": "0"})
        options = {"quality": str(quality), "compression_level": _EFFORT}
        self._stream = self._output.add_stream("libwebp_anim", rate=1000, options=options)
        self._stream.height, self._stream.width = picture.shape[:2]
        self._stream.pix_fmt = "bgra"
        self._stream.codec_context.time_base = Fraction(1, 1000)

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        self._last_ms = round((time - self._start) * 1000)
        frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgra")
        frame.pts, frame.time_base = self._last_ms, Fraction(1, 1000)
        self._output.mux(self._stream.encode(frame))

    def finish(self, end: Fraction) -> bytes:
        self._output.mux(self._stream.encode(None))
        self._output.close()
        data = bytearray(self._file.getvalue())
        length_ms = round((end - self._start) * 1000)
        _set_length(data, length_ms)
        return bytes(data)


def _set_length(data: bytearray, length_ms: int) -> None:
    """Make an animation last so many milliseconds, by its last picture; a single one is a still."""
    places = [at + _CHUNK_HEAD_BYTES + _DURATION_AT for at in _pictures(data)]
    if not places:
        return
    durations = [int.from_bytes(data[at : at + 3], "little") for at in places]
    last_ms = min(max(1, length_ms - sum(durations[:-1])), _LONGEST_MS)
    data[places[-1] : places[-1] + 3] = last_ms.to_bytes(3, "little")


def _pictures(data: bytearray) -> Iterator[int]:
    """Yield where each picture's chunk begins."""
    at = _RIFF_HEAD_BYTES
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"ANMF":
            yield at
        at += _CHUNK_HEAD_BYTES + size + size % 2

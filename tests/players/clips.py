"""Videos whose pictures carry their number, on any clock."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream

__all__ = ["FPS", "number_of", "write_clip"]

_Packet: TypeAlias = "Packet[Any]"

FPS = 24
SECONDS = 12
_SQUARES = 16
_SQUARE_PX = 32
_HEIGHT = 288
_SOUND_RATE = 48_000
_H264 = ("libx264", {"g": "120", "bf": "2", "preset": "veryfast", "threads": "1"})
_VP8 = (  # its threads wait for one another in busy loops
    "libvpx",
    {"g": "48", "deadline": "realtime", "cpu-used": "16", "b": "1M", "threads": "1"},
)


def number_of(picture: npt.NDArray[np.uint8]) -> int:
    """Read a picture's number: (288, 512, 3) RGB uint8, or another size of that shape."""
    square_px = picture.shape[1] // _SQUARES
    middle = square_px // 2
    bits = [picture[middle, middle + square_px * k].mean() > 127 for k in range(_SQUARES)]
    return sum(bool(bit) << k for k, bit in enumerate(bits))


def write_clip(
    path: Path,
    *,
    pictures_at: int = 0,
    sound_at: int | None = None,
    options: dict[str, str] | None = None,
    kept: Callable[[int], bool] = lambda _: True,
) -> Path:
    """Write 12 s of numbered pictures in the container that the name's suffix says.

    Args:
        path: where it goes; a WebM holds VP8, all others H.264 with B-frames.
        pictures_at: what the clock shows at the first picture, whole seconds.
        sound_at: what it shows at the first sound; None is no sound.
        options: the muxer's.
        kept: which numbers there are: the picture before one that is not is shown for longer.
    """
    is_webm = path.suffix == ".webm"
    with av.open(path, "w", options=options or {}) as new:
        codec, options_of = _VP8 if is_webm else _H264
        stream = new.add_stream(codec, rate=FPS, options=options_of)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = _SQUARES * _SQUARE_PX, _HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, FPS)
        sound = None
        if sound_at is not None:
            sound = new.add_stream("libopus" if is_webm else "aac", rate=_SOUND_RATE)
            sound.layout = "stereo"
        new.start_encoding()
        packets: list[_Packet] = list(_pictures(stream, pictures_at, kept))
        if sound is not None and sound_at is not None:
            packets += _sound(sound, sound_at, pictures_at + SECONDS)
        for packet in sorted(packets, key=lambda each: (each.dts or 0) * (each.time_base or 0)):
            new.mux(packet)
    return path


def _pictures(stream: VideoStream, start: int, kept: Callable[[int], bool]) -> Iterator[_Packet]:
    for number in filter(kept, range(FPS * SECONDS)):
        frame = av.VideoFrame.from_ndarray(_numbered(number), format="rgb24")
        frame.pts, frame.time_base = number + FPS * start, Fraction(1, FPS)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _numbered(number: int) -> npt.NDArray[np.uint8]:
    """Draw a strip of squares, bit 0 on the left, above waves that move."""
    x, y = np.arange(_SQUARES * _SQUARE_PX), np.arange(_HEIGHT)
    waves = 128 + 60 * np.sin((x + 4 * number) / 40) + 40 * np.cos(y / 25)[:, None]
    picture = np.repeat(waves.astype(np.uint8)[:, :, None], 3, axis=2)
    bits = number >> np.arange(_SQUARES) & 1
    picture[:_SQUARE_PX] = np.where(bits, 235, 20).repeat(_SQUARE_PX)[None, :, None]
    return picture


def _sound(stream: AudioStream, start: int, end: int) -> Iterator[_Packet]:
    """Yield a tone from `start` to `end`, whole seconds."""
    size = stream.codec_context.frame_size or 960
    for first in range(start * _SOUND_RATE, end * _SOUND_RATE, size):
        tone = 0.1 * np.sin(2 * np.pi * 440 * (first + np.arange(size)) / _SOUND_RATE)
        both = np.repeat(tone.astype(np.float32)[:, None], 2, axis=1)
        frame = av.AudioFrame.from_ndarray(both.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = _SOUND_RATE, first, Fraction(1, _SOUND_RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)

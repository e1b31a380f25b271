"""Videos whose pictures carry their number, on any clock: `real/barcode_frames_60s.mp4` anew."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

__all__ = ["FPS", "number_of", "write_clip"]

_Packet: TypeAlias = "Packet[Any]"

FPS = 24
SECONDS = 12
_SQUARES = 16
_SQUARE_PX = 32
_SOUND_RATE = 48_000


def number_of(picture: npt.NDArray[np.uint8]) -> int:
    """Read a picture's number: (288, 512, 3) RGB uint8."""
    middle = _SQUARE_PX // 2
    bits = [picture[middle, middle + _SQUARE_PX * k].mean() > 127 for k in range(_SQUARES)]
    return sum(bool(bit) << k for k, bit in enumerate(bits))


def write_clip(
    media: Path,
    path: Path,
    *,
    pictures_at: int = 0,
    sound_at: int | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write 12 s of numbered pictures in the container that the name's suffix says.

    Args:
        media: the folder of test media.
        path: where it goes; a WebM is coded anew, all others keep the H.264.
        pictures_at: what the clock shows at the first picture, whole seconds.
        sound_at: what it shows at the first sound; None is no sound.
        options: the muxer's.
    """
    source = media / "real" / "barcode_frames_60s.mp4"
    is_webm = path.suffix == ".webm"
    with av.open(source) as old, av.open(path, "w", options=options or {}) as new:
        stream = (
            _new_stream(old, new) if is_webm else new.add_stream_from_template(old.streams.video[0])
        )
        sound = None
        if sound_at is not None:
            sound = new.add_stream("libopus" if is_webm else "aac", rate=_SOUND_RATE)
            sound.layout = "stereo"
        new.start_encoding()
        packets = list((_encoded if is_webm else _copied)(old, stream, pictures_at))
        if sound is not None and sound_at is not None:
            packets += _sound(sound, sound_at, pictures_at + SECONDS)
        for packet in sorted(packets, key=lambda each: (each.dts or 0) * (each.time_base or 0)):
            new.mux(packet)
    return path


def _new_stream(old: InputContainer, new: OutputContainer) -> VideoStream:
    model = old.streams.video[0]
    stream = new.add_stream(
        "libvpx", rate=FPS, options={"g": "48", "deadline": "realtime", "cpu-used": "8", "b": "1M"}
    )
    stream.width, stream.height, stream.pix_fmt = model.width, model.height, "yuv420p"
    stream.codec_context.time_base = Fraction(1, FPS)
    return stream


def _copied(old: InputContainer, stream: VideoStream, start: int) -> Iterator[_Packet]:
    for packet in old.demux(old.streams.video[0]):
        if packet.pts is None or packet.dts is None or packet.time_base is None:
            continue
        if packet.pts * packet.time_base >= SECONDS:
            continue
        shift = round(start / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        packet.stream = stream
        yield packet


def _encoded(old: InputContainer, stream: VideoStream, start: int) -> Iterator[_Packet]:
    for number, frame in enumerate(old.decode(old.streams.video[0])):
        if number == FPS * SECONDS:
            break
        frame.pts, frame.time_base = number + FPS * start, Fraction(1, FPS)
        frame.pict_type = 0
        yield from stream.encode(frame)
    yield from stream.encode(None)


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

"""Long films for tests: a synthesised clip, copied over and over without encoding it again."""

import io
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

CLIP_SECONDS = 20
_RATE = 25
_SOUND_RATE, _SAMPLES = 16_000, 1024  # few packets: a film of hours is copied one by one
_WIDTH, _HEIGHT = 1280, 720


class Copied(NamedTuple):
    """A packet of the clip."""

    kind: str
    pts: int
    dts: int
    duration: int
    is_keyframe: bool
    data: bytes


def write_clip(path: Path) -> None:
    """Write 20 s of 1280 x 720 px H.264 at about 3 Mb/s, a keyframe every 2 s, with AAC sound."""
    random = np.random.default_rng(1)
    options = {
        "preset": "ultrafast", "g": "50", "bf": "0", "maxrate": "4000000", "bufsize": "8000000",
        "threads": "1",
    }  # fmt: skip
    noise = random.integers(0, 40, (_HEIGHT + 64, _WIDTH + 64, 3), np.uint8)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=_RATE, options=options)
        video.width, video.height, video.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        video.bit_rate = 3_000_000
        audio = container.add_stream("aac", rate=_SOUND_RATE)
        audio.layout = "stereo"
        for k in range(_RATE * CLIP_SECONDS):
            x, y = k * 11 % 64, k * 7 % 64
            picture = noise[y : y + _HEIGHT, x : x + _WIDTH].copy()
            picture[:, k * 9 % 1200 : k * 9 % 1200 + 80] += 150
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, _RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for k in range(CLIP_SECONDS * _SOUND_RATE // _SAMPLES):
            waves = (random.standard_normal((2, _SAMPLES)) * 0.1).astype(np.float32)
            sound = av.AudioFrame.from_ndarray(waves, format="fltp", layout="stereo")
            sound.sample_rate, sound.pts = _SOUND_RATE, k * _SAMPLES
            sound.time_base = Fraction(1, _SOUND_RATE)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def write_film(clip: Path, path: Path, seconds: int, *, movflags: str = "") -> None:
    """Write a film of so many seconds, by the format that its name ends in.

    Only its two ends and two minutes around its middle, and around 10:00, are written in full:
    the rest are holes, so that a film of hours fits on a small disk.
    """
    with av.open(str(clip)) as source, path.open("w+b") as file:
        packets = [
            Copied(p.stream.type, p.pts or 0, p.dts or 0, p.duration or 0, p.is_keyframe, bytes(p))
            for p in source.demux()
            if p.size
        ]
        bases = {str(s.type): s.time_base or Fraction(1) for s in source.streams}
        packets.sort(key=lambda each: each.dts * bases[each.kind])
        sink = _WithHoles(file)
        options = {"movflags": movflags} if movflags else {}
        again = "faststart" in movflags or "sidx" in movflags  # such are opened a second time
        target = str(path) if again else sink
        with av.open(target, "w", format=_format(path), options=options) as out:
            streams = {str(s.type): out.add_stream_from_template(s) for s in source.streams}
            for start in range(0, seconds, CLIP_SECONDS):
                sink.is_hole = not movflags and _is_hole(start, seconds)
                for kind, pts, dts, duration, is_keyframe, data in packets:
                    packet = av.Packet(data)
                    offset = int(start / bases[kind])
                    packet.pts, packet.dts, packet.duration = pts + offset, dts + offset, duration
                    packet.time_base, packet.is_keyframe = bases[kind], is_keyframe
                    packet.stream = streams[kind]
                    out.mux(packet)
            sink.is_hole = False
        if target is sink:
            file.truncate(sink.size)


def _is_hole(start: int, seconds: int) -> bool:
    middles = (0, 600, seconds // 2, seconds)
    return all(abs(start - each) > 60 for each in middles)


def _format(path: Path) -> str:
    return {".mp4": "mp4", ".mkv": "matroska", ".ts": "mpegts"}[path.suffix]


class _WithHoles(io.RawIOBase):
    """A file that is told when what comes need not be kept."""

    def __init__(self, file: io.BufferedRandom) -> None:
        super().__init__()
        self._file = file
        self.is_hole = False
        self.size = 0

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.is_hole:
            self._file.seek(len(data), io.SEEK_CUR)
        else:
            self._file.write(data)
        self.size = max(self.size, self._file.tell())
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

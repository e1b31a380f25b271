"""Make animations of any format, and read videos with PyAV and with the ffmpeg program."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from typing import NamedTuple, cast

import av
import numpy as np
import pytest
from av.container import InputContainer

from scrubjay.encode.base import RgbPicture, animation_encoder
from scrubjay.model import Animation

__all__ = ["Times", "Video", "encoded", "moving", "read_by_program", "read_video", "seconds"]


class Times(NamedTuple):
    """When pictures are shown, in s, counted from the first; the last entry is the end."""

    starts: list[Fraction]
    end: Fraction


class Video(NamedTuple):
    """What a reader finds in a video."""

    pictures: list[RgbPicture]
    starts: list[float]
    last: float
    """Seconds for which the last picture is shown."""
    duration: float
    colours: tuple[int, int, int, int]
    """Matrix, primaries, curve and range (ITU-T H.273; the range is FFmpeg's)."""


def moving(count: int, height: int = 90, width: int = 160) -> list[RgbPicture]:
    """A block that moves over coarse grey noise: something to code in every picture."""
    rows, columns = -(-height // 6), -(-width // 8)
    noise = np.random.default_rng(8).integers(0, 256, (rows, columns, 1), dtype=np.uint8)
    still = np.kron(noise, np.ones((6, 8, 3), np.uint8))[:height, :width]
    pictures: list[RgbPicture] = []
    for k in range(count):
        picture = still.copy()
        left = 8 * k % max(1, width - 8)
        picture[height // 4 : height // 2, left : left + 40] = (200, 40 * k % 256, 100)
        pictures.append(picture)
    return pictures


def encoded(
    format_name: str,
    pictures: Sequence[RgbPicture],
    starts: Sequence[Fraction] = (),
    end: Fraction | None = None,
    fps: Fraction = Fraction(10),
    **fields: int,
) -> bytes:
    """Make an animation; without times, it begins at 7 s and has ten pictures a second."""
    starts = starts or [7 + k / fps for k in range(len(pictures))]
    encoder = animation_encoder(Animation(format=format_name, fps=fps, **fields))  # type: ignore[arg-type]
    for picture, start in zip(pictures, starts, strict=True):
        encoder.add(picture, start)
    return encoder.finish(starts[-1] + 1 / fps if end is None else end)


def read_video(data: bytes) -> Video:
    """Decode a video with PyAV."""
    with cast("InputContainer", av.open(BytesIO(data))) as container:
        [stream] = container.streams
        frames = list(container.decode(video=0))
        first = frames[0]
        return Video(
            pictures=[cast("RgbPicture", each.to_ndarray(format="rgb24")) for each in frames],
            starts=[each.time for each in frames],
            last=float((frames[-1].duration or 0) * (stream.time_base or 0)),
            duration=(container.duration or 0) / 1e6,
            colours=(
                first.colorspace,
                first.color_primaries,
                first.color_trc,
                first.color_range,
            ),
        )


def read_by_program(data: bytes) -> tuple[list[float], float]:
    """Return when the ffmpeg program shows each picture, and how long the video is, in s."""
    program = shutil.which("ffprobe")
    if not program:
        pytest.skip("no ffmpeg program here")
    what = "frame=best_effort_timestamp_time:format=duration"
    command = [program, "-v", "error", "-show_entries", what, "-of", "json", "-"]
    done = subprocess.run(command, input=data, check=True, capture_output=True, timeout=120)
    assert not done.stderr, done.stderr
    found = json.loads(done.stdout)
    starts = [float(each["best_effort_timestamp_time"]) for each in found["frames"]]
    return starts, float(found["format"]["duration"])


def seconds(times: Times, ticks: int) -> tuple[list[float], float]:
    """Return the starts and the end as a format of so many ticks a second writes them."""
    rounded = [round((each - times.starts[0]) * ticks) / ticks for each in times.starts]
    return rounded, round((times.end - times.starts[0]) * ticks) / ticks

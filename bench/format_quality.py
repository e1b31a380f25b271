"""Compare the formats of animations: quality, bytes and CPU of each, on the same pictures.

Each clip is sampled at 10 fps, 240 px wide, 30 s at most, like in `gif_quality.py`. Each encoder of
the registry gets these pictures; what it writes is decoded by another library (Pillow, or FFmpeg
for video) and compared. Beside them, the ffmpeg program writes the same MP4, from raw frames.
PSNR and SSIM are on RGB, means over the frames (SSIM of every fifth). CPU is the least of three.

    python -m bench.format_quality /path/to/media --json format_quality.json
"""

import argparse
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from time import process_time

import av
import numpy as np
from bench.gif_quality import CLIPS, FPS, WIDTH, Row, cpu_seconds, markdown, rated, sample
from bench.pictures import Frames, rgb
from PIL import Image, ImageSequence

from scrubjay.encode.base import animation_encoder
from scrubjay.model import Animation
from scrubjay.registry import ANIMATION_FORMATS

_ROUNDS = 3
_FFMPEG = "ffmpeg, MP4"


def encoded(frames: Frames, format_name: str) -> tuple[bytes, float]:
    """Encode pictures with Scrubjay: the file, and CPU seconds of all threads."""
    before = process_time()
    encoder = animation_encoder(Animation(format=format_name, fps=Fraction(FPS), width=WIDTH))
    for index, frame in enumerate(frames):
        encoder.add(frame, Fraction(index, FPS))
    data = encoder.finish(Fraction(len(frames), FPS))
    return data, process_time() - before


def by_ffmpeg(frames: Frames, target: Path, program: str) -> float:
    """Write MP4 with the ffmpeg program and the same settings: CPU seconds."""
    raw = target.with_suffix(".rgb")
    frames.tofile(raw)
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    command = [program, "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size]
    command += ["-r", str(FPS), "-i", str(raw), "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", "25", "-threads", "1"]
    return cpu_seconds([*command, "-pix_fmt", "yuv420p", str(target)])


def decoded(path: Path, shape: tuple[int, ...]) -> Iterator[Frames]:
    """Yield the picture at each tenth of a second, cut to the size of what went in."""
    height, width = shape[1:3]
    if path.suffix in {".mp4", ".webm"}:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield rgb(frame)[:height, :width]
        return
    with Image.open(path) as image:
        shown = tenths = 0
        for picture in ImageSequence.Iterator(image):
            pixels = np.asarray(picture.convert("RGB"), dtype=np.uint8)
            shown += int(picture.info["duration"])
            due = round(shown * FPS / 1000)
            yield from [pixels] * (due - tenths)
            tenths = due


def rows_of(clip: str, frames: Frames, folder: Path, program: str | None) -> Iterator[Row]:
    """Encode one clip with everything, and judge what comes out."""
    for name, format_ in ANIMATION_FORMATS.items():
        tries = [encoded(frames, name) for _ in range(_ROUNDS)]
        target = folder / f"{name}.{format_.suffix}"
        target.write_bytes(tries[0][0])
        spent = min(cpu for _, cpu in tries)
        yield rated(clip, name, frames, decoded(target, frames.shape), target, spent)
    if program:
        target = folder / "ffmpeg.mp4"
        spent = min(by_ffmpeg(frames, target, program) for _ in range(_ROUNDS))
        yield rated(clip, _FFMPEG, frames, decoded(target, frames.shape), target, spent)


def main() -> None:
    """Measure, print the table and write the numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("media", type=Path, help="folder with the test media")
    parser.add_argument("--ffmpeg", default=shutil.which("ffmpeg"), help="the ffmpeg program")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--clip", action="append", choices=CLIPS, help="only this one (repeatable)")
    options = parser.parse_args()
    rows: list[Row] = []
    for clip in options.clip or CLIPS:
        name, start, gain = CLIPS[clip]
        frames = sample(options.media / name, start, gain)
        with tempfile.TemporaryDirectory() as folder:
            rows += rows_of(clip, frames, Path(folder), options.ffmpeg)
    print(markdown(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Compare Scrubjay's GIFs with those of ffmpeg (palettegen, paletteuse) and gifski.

All get the same RGB frames: each clip sampled at 10 fps, 240 px wide, by libswscale's lanczos, 30 s
at most. Needs the two programs on PATH or by option. PSNR is the mean over frames, each against the
RGB frame shown at its time (a frame without error counts as 68 dB); SSIM is on RGB, of every fifth
frame. CPU seconds are user and system, of all threads; for the programs they include their start
and reading raw frames or PNGs.

CPU is the least of three runs, the encoders taking turns. Last comes a table of targets: at least
the PSNR and SSIM of both rivals in fewer bytes, 6 times less CPU than ffmpeg and 10 than gifski.

    python -m bench.gif_quality /path/to/media --gifski ./gifski --json gif_quality.json
"""

import argparse
import json
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from bench.pictures import Frames, psnr_db, rgb, seconds, ssim
from PIL import Image

from scrubjay.encode.gif.encoding import encode_gif

Encoder = Callable[[Frames, Path, str], float]
"""(frames, the file to write, the program) -> CPU seconds."""

TIMES_FASTER = {"ffmpeg": 6, "gifski": 10}
"""How many times less CPU than each rival ours is to take."""
FPS = 10
WIDTH = 240
CLIPS: dict[str, tuple[str, int, float]] = {
    # name: file, start in seconds, gain of the levels
    "film": ("real/film_720p24_120s.mp4", 0, 1.0),
    "film, 60 s in": ("real/film_720p24_120s.mp4", 60, 1.0),
    "live camera": ("real/camera_person_139s.mp4", 0, 1.0),
    "screencast": ("real/screencast_1080p30_41s.mp4", 0, 1.0),
    "flat graphics": ("real/globe_30s.mp4", 0, 1.0),
    "dark (film x 0.22)": ("real/film_720p24_120s.mp4", 90, 0.22),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One clip by one encoder."""

    clip: str
    encoder: str
    frames: int
    psnr_db: float
    worst_db: float
    ssim: float
    size_bytes: int
    cpu_seconds: float


def sample(path: Path, start: int, gain: float, duration: int = 30) -> Frames:
    """Sample a clip: the frame that a player shows at each tenth of a second."""
    pictures: list[Frames] = []
    with av.open(path) as container:
        frames = container.decode(container.streams.video[0])
        current = next(frames)
        origin, picture = seconds(current), None
        following = next(frames, None)
        for k in range(duration * FPS):
            due = origin + start + Fraction(k, FPS)
            while following is not None and seconds(following) <= due:
                current, following, picture = following, next(frames, None), None
            if following is None and seconds(current) + Fraction(1, FPS) < due:
                break
            if picture is None:
                height = round(current.height * WIDTH / current.width)
                scaled = current.reformat(WIDTH, height, "rgb24", interpolation="LANCZOS")
                picture = (scaled.to_ndarray() * gain).astype(np.uint8)
            pictures.append(picture)
    return np.stack(pictures)


def decode(path: Path, count: int) -> Iterator[Frames]:
    """Yield what a viewer sees at each tenth of a second."""
    with av.open(path) as container:
        shown: Frames | None = None
        at = 0
        for frame in container.decode(video=0):
            tick = round(seconds(frame) * FPS)
            while shown is not None and at < min(tick, count):
                yield shown
                at += 1
            shown = rgb(frame)
        while shown is not None and at < count:
            yield shown
            at += 1


def ours(frames: Frames, target: Path, _: str) -> float:
    """Encode with Scrubjay: CPU seconds."""
    pictures: list[Frames] = []
    for frame in frames:  # a slice hands on one object while the video shows one frame
        same = pictures and np.array_equal(pictures[-1], frame)
        pictures.append(pictures[-1] if same else frame)
    starts = [Fraction(i, FPS) for i in range(len(frames))]
    before = time.process_time()
    data = encode_gif(pictures, starts, Fraction(len(frames), FPS))
    spent = time.process_time() - before
    target.write_bytes(data)
    return spent


def ffmpeg(frames: Frames, target: Path, program: str) -> float:
    """Encode with ffmpeg's palettegen and paletteuse as they come: CPU seconds."""
    raw = target.with_suffix(".rgb")
    frames.tofile(raw)
    size = f"{frames.shape[2]}x{frames.shape[1]}"
    command = [program, "-v", "error", "-y", "-threads", "1", "-filter_threads", "1"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(FPS), "-i", str(raw)]
    command += ["-filter_complex", "split[a][b];[a]palettegen[p];[b][p]paletteuse", str(target)]
    return cpu_seconds(command)


def gifski(frames: Frames, target: Path, program: str) -> float:
    """Encode with gifski at quality 90, from uncompressed PNGs: CPU seconds."""
    names = [target.with_name(f"{i:04d}.png") for i in range(len(frames))]
    for name, frame in zip(names, frames, strict=True):
        Image.fromarray(frame).save(name, compress_level=0)
    command = [program, "--quality", "90", "--fps", str(FPS), "-q", "-o", str(target)]
    command += ["-W", str(frames.shape[2]), "-H", str(frames.shape[1]), *map(str, names)]
    return cpu_seconds(command)


def cpu_seconds(command: list[str]) -> float:
    """Run a program: its user and system seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(clip: str, frames: Frames, encoders: list[tuple[Encoder, str]]) -> list[Row]:
    """Encode one clip three times with each encoder, in turns, and judge what comes out."""
    with tempfile.TemporaryDirectory() as folder:
        targets = [Path(folder, run.__name__, "out.gif") for run, _ in encoders]
        for target in targets:
            target.parent.mkdir()
        turns = [
            [
                run(frames, target, program)
                for (run, program), target in zip(encoders, targets, strict=True)
            ]
            for _ in range(3)
        ]
        return [
            judge(clip, run.__name__, frames, target, min(spent))
            for (run, _), target, spent in zip(
                encoders, targets, zip(*turns, strict=True), strict=True
            )
        ]


def judge(clip: str, encoder: str, frames: Frames, target: Path, spent: float) -> Row:
    """Compare a finished GIF with the frames that went in."""
    return rated(clip, encoder, frames, decode(target, len(frames)), target, spent)


def rated(
    clip: str, encoder: str, frames: Frames, shown: Iterable[Frames], target: Path, spent: float
) -> Row:
    """Compare a file's pictures, one for each tenth of a second, with the frames that went in."""
    psnr, likeness = [], []
    for i, picture in enumerate(shown):
        psnr.append(psnr_db(frames[i], picture))
        if i % 5 == 0:
            likeness.append(ssim(frames[i], picture))
    return Row(
        clip=clip,
        encoder=encoder,
        frames=len(psnr),
        psnr_db=round(float(np.mean(psnr)), 2),
        worst_db=round(float(np.min(psnr)), 2),
        ssim=round(float(np.mean(likeness)), 4),
        size_bytes=target.stat().st_size,
        cpu_seconds=round(spent, 3),
    )


def markdown(rows: list[Row]) -> str:
    """Write rows as a Markdown table."""
    lines = [
        "| clip | encoder | PSNR dB | worst frame dB | SSIM | KB | CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.clip} | {r.encoder} | {r.psnr_db:.2f} | {r.worst_db:.2f} | {r.ssim:.4f} |"
        f" {r.size_bytes / 1000:.0f} | {r.cpu_seconds:.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def targets(rows: list[Row]) -> str:
    """Write how ours compares with each rival, clip by clip; a miss of a target is bold."""
    lines = [
        "| clip | rival | PSNR dB | SSIM | bytes | CPU | all met |",
        "|---|---|---|---|---|---|---|",
    ]
    own = {row.clip: row for row in rows if row.encoder == ours.__name__}
    for row in rows:
        if row.encoder not in TIMES_FASTER:
            continue
        mine, times = own[row.clip], TIMES_FASTER[row.encoder]
        faster = row.cpu_seconds / mine.cpu_seconds
        cells = [
            (f"{mine.psnr_db - row.psnr_db:+.2f}", mine.psnr_db >= row.psnr_db),
            (f"{mine.ssim - row.ssim:+.4f}", mine.ssim >= row.ssim),
            (f"{mine.size_bytes / row.size_bytes:.0%}", mine.size_bytes < row.size_bytes),
            (f"{faster:.1f} of {times} times less", faster >= times),
        ]
        said = " | ".join(text if met else f"**{text}**" for text, met in cells)
        every = "yes" if all(met for _, met in cells) else "**no**"
        lines.append(f"| {row.clip} | {row.encoder} | {said} | {every} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table and write the numbers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("media", type=Path, help="folder with the test media")
    parser.add_argument("--ffmpeg", default=shutil.which("ffmpeg"), help="the ffmpeg program")
    parser.add_argument("--gifski", default=shutil.which("gifski"), help="the gifski program")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--clip", action="append", choices=CLIPS, help="only this one (repeatable)")
    options = parser.parse_args()
    rivals: list[tuple[Encoder, str | None]] = [(ffmpeg, options.ffmpeg), (gifski, options.gifski)]
    encoders: list[tuple[Encoder, str]] = [(ours, "")]
    encoders += [(run, program) for run, program in rivals if program is not None]
    rows: list[Row] = []
    for clip in options.clip or CLIPS:
        name, start, gain = CLIPS[clip]
        frames = sample(options.media / name, start, gain)
        found = measure(clip, frames, encoders)
        print(markdown(found), flush=True)
        rows += found
    print(markdown(rows))
    print(targets(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()

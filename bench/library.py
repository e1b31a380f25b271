"""A library of 200 short clips and 3 films: one run, a command for each, and ffmpeg with xargs.

    python -m bench.library [--clips N] [--rounds N] [--all]

Takes about five minutes on two idle processors, and prints a table for docs/library.md. "Idle" is
the share of the cores' time that the run did not use; on a machine with other work, only the CPU
seconds mean something. With `--all`, our command also runs with xargs.
"""

import argparse
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Command, Cost, measure
from bench.tools import BENCH, MEDIA, Tools, cores, machine, run, tools

_FILMS = {"film_720p24_120s.mp4": 120, "film_1080p24_30s.mp4": 31, "camera_person_139s.mp4": 139}
"""Films of the media folder, and their seconds, rounded up."""

_GIF = "fps=10,scale=240:-1:flags=lanczos,split[a][b];[a]palettegen[p];[b][p]paletteuse"
_SLICE = 30
_ROW = "| {:<34} | {:>6} | {:>6} | {:>5} | {:>9} | {:>11} | {:>8} |"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    found = tools(has_gif_makers=False)
    library = _library(found, options.clips)
    best: dict[str, Cost] = {}
    for _ in range(options.rounds):
        for name, command in _contestants(found, library, has_all=options.all).items():
            with TemporaryDirectory(dir=BENCH) as out:
                cost = measure(Command(argv=command(Path(out))))
            best[name] = min(cost, best.get(name, cost), key=lambda each: each.cpu)
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    print(_ROW.format("", "CPU s", "wall s", "idle", "first set", "own process", "together"))
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, cost in best.items():
        print(_row(name, cost))


def _row(name: str, cost: Cost) -> str:
    first = next((f"{at:.1f} s" for at, line in cost.lines if _is_made(line)), "")
    idle = 1 - cost.cpu / (cost.wall * cores())
    memory = (f"{size >> 20} MiB" for size in (cost.largest_bytes, cost.together_bytes))
    return _ROW.format(name, f"{cost.cpu:.1f}", f"{cost.wall:.1f}", f"{idle:.0%}", first, *memory)


def _is_made(line: str) -> bool:
    """Whether a line of output says that a set is finished."""
    if not line.startswith("{"):
        return bool(line)
    return bool(json.loads(line)["event"] == "film_ended")


def _library(found: Tools, clips: int) -> Path:
    """Return a folder with clips of 1 to 5 s, which it draws, and the films."""
    folder = BENCH / f"library-{clips}"
    folder.mkdir(exist_ok=True)
    for number in range(clips):
        clip = folder / f"clip-{number:03}.mp4"
        if not clip.exists():
            drawn = f"testsrc2=size=480x270:rate=24:duration={1 + number % 5}"
            run(found.ffmpeg, "-v", "error", "-f", "lavfi", "-i", drawn, "-g", "48", clip)
    for name in _FILMS:
        film = folder / name
        if not film.exists():
            film.symlink_to(MEDIA / "real" / name)
    return folder


def _contestants(
    found: Tools, library: Path, *, has_all: bool
) -> dict[str, Callable[[Path], tuple[str, ...]]]:
    """Return the commands, by name, that make all previews in a folder."""
    videos = sorted(library.iterdir())
    make = shlex.quote(found.scrubjay) + " make"

    def each_by_itself(out: Path) -> Iterator[str]:
        for video in videos:
            yield f"{make} {shlex.quote(str(video))} -q -o {shlex.quote(str(out / video.name))}"

    def two_at_once(lines: Iterator[str], out: Path) -> tuple[str, ...]:
        commands = out / "commands"
        commands.write_text("\n".join(shlex.quote(line) for line in lines))
        return ("xargs", "-a", str(commands), "-P", "2", "-I", "{}", "sh", "-c", "{}")

    contestants: dict[str, Callable[[Path], tuple[str, ...]]] = {
        "one run": lambda out: (found.scrubjay, "make", str(library), "-o", str(out), "--json"),
        "a command for each": lambda out: ("sh", "-ec", "\n".join(each_by_itself(out))),
        "ffmpeg, xargs -P2": lambda out: two_at_once(_ffmpegs(found, videos, out), out),
    }
    if has_all:
        contestants["a command for each, xargs -P2"] = lambda out: two_at_once(
            each_by_itself(out), out
        )
    return contestants


def _ffmpegs(found: Tools, videos: list[Path], out: Path) -> Iterator[str]:
    """Yield the reference's two commands for each slice."""
    for video in videos:
        for start in range(0, _FILMS.get(video.name, 1), _SLICE):
            into = out / f"{video.name}-{start}"
            into.mkdir()
            read = [found.ffmpeg, "-v", "error", "-ss", str(start), "-t", str(_SLICE)]
            read += ["-i", str(video)]
            yield shlex.join([*read, "-vf", _GIF, str(into / "clip.gif")])
            yield shlex.join([*read, "-vf", "fps=1", str(into / "%d.jpg")])


if __name__ == "__main__":
    main()

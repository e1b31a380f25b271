"""How far off estimates are: the media folder's films with every preset, and a long film.

    python -m bench.estimates [--presets NAME ...] [--films NAME ...] [--long PRESET ...]

Prints tables for docs/estimate.md. CPU is that of all processes from start to end; bytes are those
of the whole folder. The long film takes minutes with any preset but `trickplay`.
"""

import argparse
import json
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.clips import LONG, clip
from bench.measure import Command, measure
from bench.tools import BENCH, MEDIA, Tools, machine, tools

_PRESETS = ("classic", "web", "web-avif", "trickplay", "everything")
_ROW = "| {:<27} | {:<10} | {:>9} | {:>7} | {:>10} | {:>7} | {:>8} | {:>5} | {:>7} |"


class _Result(NamedTuple):
    film: str
    preset: str
    cpu: float
    cpu_error: float
    size_bytes: int
    size_error: float
    rendered: float
    """Share of the film."""
    seconds: float
    is_within: bool
    """Whether both lie between p10 and p90."""


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--presets", nargs="+", default=_PRESETS)
    parser.add_argument("--films", nargs="*", default=None)
    parser.add_argument("--long", nargs="*", default=["trickplay"])
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    found = tools()
    films = sorted((MEDIA / "real").iterdir())
    if options.films is not None:
        films = [film for film in films if film.name in options.films]
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    print(
        _ROW.format(
            "film", "preset", "CPU s", "error", "MB", "error", "rendered", "took", "in range"
        )
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    results = [
        _show(_compared(found, film, preset, options.seconds))
        for film in films
        for preset in options.presets
    ]
    if options.long:
        path = clip(LONG, found).path
        results += [
            _show(_compared(found, path, preset, options.seconds)) for preset in options.long
        ]
    _sum_up(results)


def _show(result: _Result) -> _Result:
    print(
        _ROW.format(
            result.film,
            result.preset,
            f"{result.cpu:.2f}",
            f"{result.cpu_error:+.0%}",
            f"{result.size_bytes / 1e6:.2f}",
            f"{result.size_error:+.0%}",
            f"{result.rendered:.0%}",
            f"{result.seconds:.0f} s",
            "yes" if result.is_within else "no",
        ),
        flush=True,
    )
    return result


def _sum_up(results: list[_Result]) -> None:
    if not results:
        return
    cpu = [abs(each.cpu_error) for each in results]
    size = [abs(each.size_error) for each in results]
    print(
        f"\nCPU: median error {median(cpu):.0%}, largest {max(cpu):.0%}; bytes: median "
        f"{median(size):.0%}, largest {max(size):.0%}; both in their ranges in "
        f"{sum(each.is_within for each in results)} of {len(results)}"
    )


def _compared(found: Tools, film: Path, preset: str, seconds: float) -> _Result:
    command = (found.scrubjay, "estimate", str(film), "--recipe", preset)
    options = ("--no-choices", "--json", "--seconds", f"{seconds:g}")
    cost = measure(Command(argv=(*command, *options)))
    estimate = json.loads("\n".join(line for _, line in cost.lines))["estimate"]
    with TemporaryDirectory(dir=BENCH) as folder:
        out = Path(folder) / "set"
        make = (found.scrubjay, "make", str(film), "-o", str(out), "--recipe", preset, "--quiet")
        cpu = measure(Command(argv=make)).cpu
        size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return _Result(
        film=film.name,
        preset=preset,
        cpu=cpu,
        cpu_error=estimate["cpu"]["p50"] / cpu - 1,
        size_bytes=size,
        size_error=estimate["size_bytes"]["p50"] / size - 1,
        rendered=estimate["sampled"]["rendered"] / estimate["duration"],
        seconds=cost.wall,
        is_within=estimate["cpu"]["p10"] <= cpu <= estimate["cpu"]["p90"]
        and estimate["size_bytes"]["p10"] <= size <= estimate["size_bytes"]["p90"],
    )


if __name__ == "__main__":
    main()

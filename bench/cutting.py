"""Does cutting pay as predicted? Real runs with 1 and 2 workers and slices of 5 to 60 s.

    python -m bench.cutting [--film PATH] [--recipe NAME] [--rounds N]

Prints a table for docs/estimate.md: wall seconds, predicted from one estimate and measured. Only an
idle machine with two cores gives times that mean anything.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import Command, Cost, measure
from bench.tools import BENCH, MEDIA, Tools, machine, tools

from scrubjay.estimating.cutting import Costs, cut_time

_FILM = MEDIA / "real" / "film_720p24_120s.mp4"
_LENGTHS, _WORKERS = (5, 10, 30, 60), (1, 2)
_ROW = "| {:>8} | {:>7} | {:>9} | {:>8} | {:>6} | {:>6} |"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--film", type=Path, default=_FILM)
    parser.add_argument("--recipe", default="classic")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    found = tools()
    command = (found.scrubjay, "estimate", str(options.film), "--recipe", options.recipe)
    cost = measure(Command(argv=(*command, "--no-choices", "--json", "--workers", "2")))
    answer = json.loads("\n".join(line for _, line in cost.lines))
    costs = Costs(**answer["costs"])
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    print(answer["cutting"]["sentence"])
    print(_ROW.format("slices", "workers", "predicted", "measured", "error", "CPU"))
    print("|---:|---:|---:|---:|---:|---:|")
    for length in _LENGTHS:
        for workers in _WORKERS:
            predicted = cut_time(costs, float(length), workers).seconds
            runs = [_made(found, options, length, workers) for _ in range(options.rounds)]
            best = min(runs, key=lambda run: run.wall)
            print(
                _ROW.format(
                    f"{length} s",
                    workers,
                    f"{predicted:.1f} s",
                    f"{best.wall:.1f} s",
                    f"{predicted / best.wall - 1:+.0%}",
                    f"{best.cpu:.1f}",
                ),
                flush=True,
            )


def _made(found: Tools, options: argparse.Namespace, length: int, workers: int) -> Cost:
    with TemporaryDirectory(dir=BENCH) as folder:
        return measure(
            Command(
                argv=(
                    *(found.scrubjay, "make", str(options.film), "-o", f"{folder}/set"),
                    *("--recipe", options.recipe, "--slice-length", str(length)),
                    *("--workers", str(workers), "--quiet"),
                )
            )
        )


if __name__ == "__main__":
    main()

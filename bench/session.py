"""One session: make ready, run everybody in turn, write down what was found."""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

from bench.clips import BRIEF, CUT, LONG, SHORT, TINY, Clip, clip
from bench.contestants import OURS, Contestant, contestants
from bench.long_film import first_slice, reading_baseline, whole_run
from bench.measure import BenchError, measure, size_of
from bench.report import page, to_json
from bench.results import Results, Run
from bench.tools import BENCH, ROOT, Tools, machine, tools, versions
from bench.web_quality import RATED, qualities

__all__ = ["main"]

_SCRATCH = BENCH / "scratch"


def main() -> int:
    """Run the benchmark, and return an exit code."""
    options = _options()
    began = monotonic()
    try:
        found = tools()
        results = Results(machine=machine(), versions=versions(found))
        everyone = contestants(found, _SCRATCH)
        _run_all(options, found, everyone, results)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    results.minutes = (monotonic() - began) / 60
    is_whole = not options.only and not options.quick
    text = page(results, everyone, is_whole=is_whole)
    print(text)
    _write(results, text, is_whole=is_whole)
    return 1 if results.troubles else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--rounds", type=int, help="rounds; slow rivals and long clips get one (default: 2)"
    )
    parser.add_argument("--quick", action="store_true", help="one round of the short clips")
    parser.add_argument(
        "--full", action="store_true", help="the recipe `classic` on the whole 3-hour film as well"
    )
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="only this contestant or clip (repeatable)"
    )
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 2)
    return options


def _run_all(
    options: argparse.Namespace, found: Tools, everyone: list[Contestant], results: Results
) -> None:
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    _SCRATCH.mkdir(parents=True)
    every = (*SHORT, CUT, *BRIEF, LONG)
    names = list(SHORT if options.quick else every)
    only_clips = set(options.only or ()) & {*every}
    only_names = set(options.only or ()) & {each.name for each in everyone}
    if unknown := set(options.only or ()) - only_clips - only_names:
        known = ", ".join([*every, *(each.name for each in everyone)])
        raise BenchError(f"--only knows no {sorted(unknown)}; it knows {known}")
    names = [name for name in every if name in (only_clips or names)]
    chosen = [each for each in everyone if each.name in (only_names or {each.name})]
    ready = [clip(name, found) for name in names if any(name in each.clips for each in chosen)]
    for video in ready:
        for contestant in _turns(chosen, video, options.rounds):
            _run_one(contestant, video, results)
        if video.name == LONG and {each.name for each in chosen} & set(OURS.values()):
            _run_long(video, found, results, rounds=options.rounds, full=options.full)
        to_json(results, BENCH / "results.json")


def _turns(everyone: list[Contestant], video: Clip, rounds: int) -> Iterator[Contestant]:
    """Yield who runs next: all in turn, each round begun by another one."""
    here = [each for each in everyone if video.name in each.clips]
    for number in range(rounds):
        turn = number % len(here)
        for each in here[turn:] + here[:turn]:
            if each.runs_in(number, video.name):
                yield each


def _run_one(contestant: Contestant, video: Clip, results: Results) -> None:
    """Run one contestant on one clip, and enter what it took."""
    out = _SCRATCH / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    try:
        cost = measure(contestant.command(video, out))
    except (BenchError, OSError) as error:
        results.troubles.append(f"{contestant.name} on {video.name}: {error}")
        print(results.troubles[-1], file=sys.stderr, flush=True)
        return
    files, written_bytes = size_of(out)
    run = Run(
        clip=video.name,
        contestant=contestant.name,
        cpu=cost.cpu,
        wall=cost.wall,
        largest_bytes=cost.largest_bytes,
        together_bytes=cost.together_bytes,
        read_bytes=cost.read_bytes,
        written_bytes=written_bytes,
        files=files,
        slices=len(video.slices),
    )
    if contestant.job == "decoding":  # it says itself what decoding alone took
        said = json.loads(cost.lines[-1][1])
        pictures = said.get("animation_pictures")
        run = replace(run, cpu=said["cpu"], wall=said["wall"], animation_pictures=pictures)
    results.runs.append(run)
    print(
        f"{video.name:10} {contestant.name:36} {run.cpu:8.2f} s CPU {run.wall:8.2f} s", flush=True
    )
    judged = (each.contestant for each in results.qualities if each.clip == video.name)
    if contestant.job == "web" and video.name in RATED and contestant.name not in judged:
        results.qualities += qualities(video, contestant.name, out)
    shutil.rmtree(out)


def _run_long(video: Clip, found: Tools, results: Results, *, rounds: int, full: bool) -> None:
    """Measure what only the long film can show."""
    out = _SCRATCH / "out"
    results.long_bytes = video.path.stat().st_size
    try:
        results.reading_baseline = reading_baseline(clip(TINY, found), found, out)
        results.first_slices = [first_slice(video, found, out) for _ in range(rounds)]
        print(f"first slices of the long film: {results.first_slices} s", flush=True)
        if full:
            results.whole_run = whole_run(video, found, out)
            print(f"the whole film: {results.whole_run}", flush=True)
    except (BenchError, OSError) as error:
        results.troubles.append(f"scrubjay on the long film: {error}")


def _write(results: Results, text: str, *, is_whole: bool) -> None:
    """Write the page and the numbers; those of a part of the benchmark stay in .bench/."""
    documents = ROOT / "docs" / "benchmarks.md" if is_whole else BENCH / "benchmarks.md"
    numbers = (ROOT / "bench" if is_whole else BENCH) / "results.json"
    documents.write_text(text, encoding="utf-8")
    to_json(results, numbers)
    print(f"written: {_short(documents)} and {_short(numbers)}", file=sys.stderr)


def _short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()

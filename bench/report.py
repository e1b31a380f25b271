"""The page and the numbers of a session."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median

from bench.clips import BRIEF, CUT, CUT_SECONDS, FILM, LONG, SHORT, title
from bench.contestants import OURS, Contestant
from bench.results import Results, Row
from bench.targets import Target, targets

__all__ = ["page", "to_json"]

_HEAD = """# Benchmarks

<!-- Written by bench/run.py (`make bench`). Run it again, do not edit this page. -->

`make bench` runs Scrubjay and other programs in turn, round by round, on one machine and the same
files. It installs the others, and writes this page and [bench/results.json](../bench/results.json),
which has every single run.
"""
_PART = """
**A part of the benchmark** (`--quick` or `--only`): good for a look, not for a claim.
"""
_LEGEND = """
- CPU is user and system seconds of a contestant and all its child processes; wall is from its start
  to its end. All columns are medians over the rounds. The x columns say how many times as much it
  takes as our contestant for the same job, whose own are 1.00.
- Largest is the peak memory (RSS) of the largest process. Together is the peak of all of them,
  sampled ten times a second; shared pages count in each.
- Read is what its processes read with system calls, including libraries and pipes, but not mapped
  files.
- Decoding alone counts the time inside the process that decodes, without its start; its x
  compare it with everything that `scrubjay` does.
- gifski gets finished frames: it neither decodes nor scales, yet its x compare it with all our work
  for the GIFs. Bytes and quality of GIFs from equal frames: `bench/gif_quality.py`.
- Quality is on RGB, and the mean over the pictures of the first minute: one a second of the clips,
  all of the sheets. Each is held against the nearest picture that the film shows within half an
  interval, scaled with Lanczos (`bench/web_quality.py`). PSNR is in dB.
- The reference's one and two runs make GIFs and JPEGs. Scrubjay's classic recipe makes these, and
  sheets, WebVTT, manifest and page.
- PySceneDetect is not here: its `save-images` saves some frames of each scene, after decoding
  everything to find the scenes. That is another job.
"""
_KINDS = {"mp4": "MP4 clips", "webp": "WebP sheets"}


def page(results: Results, everyone: list[Contestant], *, is_whole: bool) -> str:
    """Return the page about a session, in Markdown."""
    facts = [*results.machine.items(), *results.versions.items()]
    lines = [
        _HEAD if is_whole else _HEAD + _PART,
        "## Targets\n",
        "What issues 3, 9 and 10 ask for, and what was measured, on each clip.\n",
        *_target_table(targets(results)),
        *_hour(results, everyone),
        "\n## Clips\n",
        *(
            line
            for clip in (FILM, CUT, *SHORT[1:], *BRIEF, LONG)
            for line in _clip(results, everyone, clip)
        ),
        *_long_film(results),
        "## Who runs\n",
        *_table(["contestant", "job", "what it does"], "lll"),
        *(f"| {each.name} | {each.job} | {each.what} |" for each in everyone),
        "\n## How it is measured",
        _LEGEND,
        "## Where\n",
        *_table(["what", "which"], "ll"),
        *(f"| {name} | {value} |" for name, value in facts),
        f"\nThe session took {results.minutes:.0f} minutes.",
    ]
    if results.troubles:
        lines += ["\n## Failed\n", *(f"- {each.splitlines()[0]}" for each in results.troubles)]
    return "\n".join(lines) + "\n"


def to_json(results: Results, path: Path) -> None:
    """Write all numbers, single runs included."""
    held = [asdict(each) | {"is_met": each.is_met} for each in targets(results)]
    path.write_text(json.dumps(asdict(results) | {"targets": held}, indent=1) + "\n")


def _table(heads: list[str], sides: str) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join('---:' if side == 'r' else '---' for side in sides)}|"


def _target_table(found: list[Target]) -> Iterator[str]:
    yield from _table(["target", "goal", "clip", "measured", ""], "lrlrl")
    for each in found:
        goal = f"{'at most' if each.at_most else 'at least'} {each.goal:g}{each.unit}"
        verdict = "met" if each.is_met else "**not met**"
        verdict += f" ({each.note})" if each.note else ""
        measured = f"{each.found:.4g}" if each.found < 100 else f"{each.found:.0f}"
        yield f"| {each.what} | {goal} | {each.clip} | {measured}{each.unit} | {verdict} |"


def _clip(results: Results, everyone: list[Contestant], clip: str) -> Iterator[str]:
    rows = [(each, row) for each in everyone if (row := results.row(clip, each.name))]
    if not rows:
        return
    yield f"### {clip}: {title(clip)}\n"
    heads = ["job", "contestant", "rounds", "CPU s", "x", "wall s", "x", "largest MB"]
    yield from _table([*heads, "together MB", "read MB", "written MB", "files"], "ll" + 10 * "r")
    for each, row in sorted(rows, key=lambda pair: list(OURS).index(pair[0].job)):
        yield _line(each, row, results.row(clip, OURS[each.job]))
    yield ""
    yield from _qualities(results, clip)


def _hour(results: Results, everyone: list[Contestant]) -> Iterator[str]:
    """Say what an hour of film takes, by what ten minutes of it do."""
    rows = [(each, row) for each in everyone if (row := results.row(CUT, each.name))]
    rows = [(each, row) for each, row in rows if each.job != "decoding"]
    if not rows:
        return
    times = 3600 / CUT_SECONDS
    yield "\n## An hour of film\n"
    yield f"What the clip `{CUT}` takes, times {times:.3g}; [below](#who-runs) is who makes what.\n"
    yield from _table(["job", "contestant", "MB", "files", "CPU s", "wall s"], "llrrrr")
    for each, row in sorted(rows, key=lambda pair: list(OURS).index(pair[0].job)):
        numbers = (row.written_bytes / 1e6, row.files, row.cpu, row.wall)
        cells = [each.job, each.name, *(f"{times * number:,.0f}" for number in numbers)]
        yield f"| {' | '.join(cells)} |"


def _qualities(results: Results, clip: str) -> Iterator[str]:
    """Say how near the pictures of the job `web` are to the film."""
    rows = [each for each in results.qualities if each.clip == clip]
    if not rows:
        return
    heads = ["web", "contestant", "pictures compared", "PSNR dB", "SSIM", "KB"]
    yield from _table(heads, "llrrrr")
    for each in sorted(rows, key=lambda each: each.kind):
        cells = [_KINDS[each.kind], each.contestant, str(each.pictures), f"{each.psnr_db:.2f}"]
        cells += [f"{each.ssim:.4f}", f"{each.size_bytes / 1000:.0f}"]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _line(each: Contestant, row: Row, ours: Row | None) -> str:
    def times(theirs: float, own: float | None) -> str:
        return f"{theirs / own:.2f}" if own else ""

    cells = [
        each.job,
        each.name,
        str(row.rounds),
        f"{row.cpu:.2f}",
        times(row.cpu, ours.cpu if ours else None),
        f"{row.wall:.2f}",
        times(row.wall, ours.wall if ours else None),
        f"{row.largest_bytes / 1e6:.0f}",
        f"{row.together_bytes / 1e6:.0f}",
        f"{row.read_bytes / 1e6:.1f}",
    ]
    if each.job == "decoding":
        cells += ["", ""]
    else:
        cells += [f"{row.written_bytes / 1e6:.1f}", str(row.files)]
    return f"| {' | '.join(cells)} |"


def _long_film(results: Results) -> Iterator[str]:
    """Say what only the long film shows."""
    firsts, whole = results.first_slices, results.whole_run
    if firsts:
        times = ", ".join(f"{each:.2f}" for each in firsts)
        yield f"From the command to the first finished slice: {median(firsts):.2f} s ({times}).\n"
    ours = results.row(LONG, "scrubjay, trickplay")
    if ours and results.reading_baseline is not None and results.long_bytes:
        beside = results.reading_baseline
        yield (
            f"Of the film's {_mb(results.long_bytes)}, the trickplay run reads "
            f"{_mb(ours.read_bytes - beside)}. {_mb(beside)} more are Python's modules: what is "
            "read for half a second of video.\n"
        )
    if whole:
        yield (
            f"The classic recipe on the whole film: {whole.wall:.0f} s wall, {whole.cpu:.0f} s "
            f"CPU. {whole.before:.2f} s go by before the first slice is handed out, and "
            f"{whole.after:.2f} s after the last one. The process that plans and publishes takes "
            f"{whole.parent_cpu:.1f} s CPU. The largest process has {_mb(whole.largest_bytes)}, "
            f"all together {_mb(whole.together_bytes)}.\n"
        )


def _mb(size: float) -> str:
    return f"{size / 1e6:.0f} MB" if size >= 100e6 else f"{size / 1e6:.1f} MB"

"""The targets of issues 3, 9 and 10, held against what was measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from bench.clips import BRIEF, CUT, CUT_SECONDS, FILM, HD, LONG, LONG_SECONDS, SHORT
from bench.results import Results, Row
from bench.tools import cores

__all__ = ["Target", "targets"]

_SERIAL = "ffmpeg, two runs a slice"
_SPREAD = "ffmpeg, two runs a slice, all cores"
_ONE_RUN = ("ffmpeg, one run a slice", "ffmpeg, one run a slice, all cores")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One demand, and how one clip answers it."""

    what: str
    clip: str
    goal: float
    found: float
    at_most: bool = False
    unit: str = "x"
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether what was found is on the right side of the goal."""
        return self.found <= self.goal if self.at_most else self.found >= self.goal


def targets(results: Results) -> list[Target]:
    """Return each target for each clip on which both sides were measured."""
    classic = [target for name in (FILM, CUT, *SHORT[1:]) for target in _classic(results, name)]
    order = {target.what: place for place, target in reversed(list(enumerate(classic)))}
    classic.sort(key=lambda target: order[target.what])
    brief = [target for name in BRIEF for target in _brief(results, name)]
    web = [target for name in (FILM, *HD) for target in _web(results, name)]
    rest = [*_sheets(results), *_whole(results), *_memory(results)]
    return [*classic, *brief, *web, *rest]


def _classic(results: Results, clip: str) -> Iterator[Target]:
    ours = results.row(clip, "scrubjay")
    tolerant = results.row(clip, "scrubjay, tolerance 0.04")
    serial, spread = results.row(clip, _SERIAL), results.row(clip, _SPREAD)
    one_run = [row for name in _ONE_RUN if (row := results.row(clip, name))]
    floor, bent = results.row(clip, "floor"), results.row(clip, "floor, tolerance 0.04")

    def at_least(what: str, goal: float, found: float, note: str = "") -> Target:
        return Target(what=what, clip=clip, goal=goal, found=found, note=note)

    alone = "one slice: only its decoding uses both cores" if ours and ours.slices < cores() else ""

    if ours and serial:
        what = "wall time of the reference, one command after the other, to ours"
        yield at_least(what, 5, serial.wall / ours.wall, alone)
    if ours and spread:
        what = "wall time of the reference on all cores to ours"
        yield at_least(what, 2.2, spread.wall / ours.wall, alone)
    two_runs = min((row.cpu for row in (serial, spread) if row), default=0.0)
    if ours and two_runs:
        yield at_least("CPU of the reference (two runs a slice) to ours", 2.2, two_runs / ours.cpu)
    if ours and one_run:
        cheapest = min(row.cpu for row in one_run)
        yield at_least("CPU of one ffmpeg run a slice to ours", 1.5, cheapest / ours.cpu)
    if ours and floor:
        what, share = "our CPU to the floor (decoding the needed frames)", ours.cpu / floor.cpu
        yield Target(what=what, clip=clip, goal=1.8, found=share, at_most=True)
    if tolerant and two_runs:
        what = "CPU of the reference to ours with `--tolerance 0.04`"
        yield at_least(what, 2.6, two_runs / tolerant.cpu)
    if floor and bent and floor.animation_pictures and bent.animation_pictures:
        share = bent.animation_pictures / floor.animation_pictures
        what = "different pictures in the animations with `--tolerance 0.04` to exact"
        yield at_least(what, 1, share)


def _brief(results: Results, clip: str) -> Iterator[Target]:
    """Of clips as short as most uploads: the least of all rounds, for starting is most of it."""
    ours, inline = results.least(clip, "scrubjay"), results.least(clip, "scrubjay, in one process")
    if not ours:
        return
    if inline:
        share = ours.cpu / inline.cpu
        what = "short clips: our CPU to that of one process without any worker"
        yield Target(what=what, clip=clip, goal=1.15, found=share, at_most=True)
    if serial := results.least(clip, _SERIAL):
        what = "short clips: CPU of the reference (two runs a slice) to ours"
        yield Target(what=what, clip=clip, goal=1.8, found=serial.cpu / ours.cpu)
        what = "short clips: wall time of the reference to ours"
        yield Target(what=what, clip=clip, goal=2, found=serial.wall / ours.wall)


def _web(results: Results, clip: str) -> Iterator[Target]:
    ours = results.row(clip, "scrubjay, web")
    if ours is None:
        return
    if floor := results.row(clip, "floor, web"):
        what, share = "web: our CPU to the floor (decoding the needed frames)", ours.cpu / floor.cpu
        yield Target(what=what, clip=clip, goal=1.6, found=share, at_most=True)
    if rival := results.row(clip, "ffmpeg, one run"):
        what = "web: CPU of one ffmpeg run by hand to ours"
        yield Target(what=what, clip=clip, goal=1.5, found=rival.cpu / ours.cpu)


def _sheets(results: Results) -> Iterator[Target]:
    ours = results.row(LONG, "scrubjay, trickplay")
    if ours is None:
        return
    if rival := results.row(CUT, "ffmpeg, every frame"):
        what, note = "sheets: CPU of ffmpeg, every frame to ours", f"ffmpeg on {CUT}, scaled"
        share = rival.cpu * LONG_SECONDS / CUT_SECONDS / ours.cpu
        yield Target(what=what, clip=LONG, goal=25, found=share, note=note)
    if rival := results.row(LONG, "ffmpeg, keyframes"):
        what = "sheets: CPU of ffmpeg, keyframes to ours"
        yield Target(what=what, clip=LONG, goal=2, found=rival.cpu / ours.cpu)
    if results.reading_baseline is not None and results.long_bytes:
        read = ours.read_bytes - results.reading_baseline
        what = "sheets: size of the film to the bytes that we read of it"
        yield Target(what=what, clip=LONG, goal=10, found=results.long_bytes / read)


def _whole(results: Results) -> Iterator[Target]:
    if results.first_slices:
        what, found = "from the command to the first finished slice", median(results.first_slices)
        yield Target(what=what, clip=LONG, goal=3, found=found, at_most=True, unit=" s")
    whole = results.whole_run
    if whole is None:
        return
    for what, share in (
        ("wall time without slices (start, plan, publish) to that with", whole.idle_share),
        ("CPU of the planning process to that of the workers", whole.parent_share),
    ):
        yield Target(what=what, clip=LONG, goal=3, found=100 * share, at_most=True, unit=" %")
    if cut := results.row(CUT, "scrubjay"):
        what = "peak memory on the 3-hour film to that on 10 minutes of it"
        share = whole.together_bytes / cut.together_bytes
        yield Target(what=what, clip=LONG, goal=1.1, found=share, at_most=True)


def _memory(results: Results) -> Iterator[Target]:
    rows = [
        row
        for clip in HD
        for name in ("scrubjay", "scrubjay, everything")
        if (row := results.row(clip, name))
    ]
    for row in rows:
        found = _per_worker(row) / 1e6
        what = f"{row.contestant}: peak memory of the whole run at 1080p, for each worker"
        yield Target(what=what, clip=row.clip, goal=250, found=found, at_most=True, unit=" MB")


def _per_worker(row: Row) -> float:
    """Return the peak of all our processes by the workers that had a slice, or the largest one."""
    workers = min(cores(), row.slices)
    return max(row.largest_bytes, row.together_bytes / workers)

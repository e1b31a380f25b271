"""What only the long film can show: the first slice, the whole run, and how much is read."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.clips import Clip
from bench.measure import Command, Cost, measure
from bench.tools import Tools

__all__ = ["WholeRun", "first_slice", "reading_baseline", "whole_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun:
    """The classic recipe on the whole film."""

    cpu: float
    wall: float
    parent_cpu: float
    """CPU seconds of the process that plans, hands out and publishes."""
    before: float
    """Wall seconds before the first slice is handed out: start-up, probing, planning."""
    after: float
    """Wall seconds from the last slice to the end: publishing."""
    largest_bytes: int
    together_bytes: int

    @property
    def idle_share(self) -> float:
        """Wall time in which no slice is made, to that in which slices are made."""
        return (self.before + self.after) / (self.wall - self.before - self.after)

    @property
    def parent_share(self) -> float:
        """CPU time of the planning process to that of the workers."""
        return self.parent_cpu / (self.cpu - self.parent_cpu)


def first_slice(clip: Clip, found: Tools, out: Path) -> float:
    """Return the seconds from the command to the first finished slice; then stop it."""
    cost = measure(_make(clip, found, out, "--json"), stop_at=lambda line: _is(line, "slice_done"))
    shutil.rmtree(out)
    return _times(cost, "slice_done")[0]


def whole_run(clip: Clip, found: Tools, out: Path) -> WholeRun:
    """Make everything of the whole film, once."""
    cost = measure(_make(clip, found, out, "--json"))
    shutil.rmtree(out)
    return WholeRun(
        cpu=cost.cpu,
        wall=cost.wall,
        parent_cpu=cost.own_cpu,
        before=_times(cost, "slice_started")[0],
        after=cost.wall - _times(cost, "slice_done")[-1],
        largest_bytes=cost.largest_bytes,
        together_bytes=cost.together_bytes,
    )


def reading_baseline(tiny: Clip, found: Tools, out: Path) -> int:
    """Return what a trickplay run of a tiny video reads: Python's modules and the pipes.

    It has one worker process; the further ones of a longer run count as reading the video.
    """
    cost = measure(_make(tiny, found, out, "--quiet", "--recipe", "trickplay"))
    shutil.rmtree(out)
    return max(0, cost.read_bytes - 2 * tiny.path.stat().st_size)


def _make(clip: Clip, found: Tools, out: Path, *options: str) -> Command:
    return Command(argv=(found.scrubjay, "make", str(clip.path), "-o", str(out), *options))


def _is(line: str, event: str) -> bool:
    return bool(json.loads(line)["event"] == event)


def _times(cost: Cost, event: str) -> list[float]:
    return [at for at, line in cost.lines if _is(line, event)]

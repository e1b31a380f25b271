"""What was measured: each run, and medians over the rounds."""

from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from bench.long_film import WholeRun
from bench.web_quality import Quality

__all__ = ["Least", "Results", "Row", "Run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of one contestant on one clip."""

    clip: str
    contestant: str
    cpu: float
    wall: float
    largest_bytes: int
    together_bytes: int
    read_bytes: int
    written_bytes: int
    files: int
    slices: int
    animation_pictures: int | None = None
    """Of the floor alone: different pictures in all animations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The medians of a contestant's rounds on a clip."""

    clip: str
    contestant: str
    rounds: int
    cpu: float
    wall: float
    largest_bytes: float
    together_bytes: float
    read_bytes: float
    written_bytes: float
    files: int
    slices: int
    animation_pictures: int | None


class Least(NamedTuple):
    """The least that a contestant took on a clip in any round."""

    cpu: float
    wall: float


@dataclass(kw_only=True)
class Results:
    """Everything that one session found."""

    machine: dict[str, str]
    versions: dict[str, str]
    runs: list[Run] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)
    first_slices: list[float] = field(default_factory=list)
    """Seconds to the first finished slice of the long film, each round."""
    whole_run: WholeRun | None = None
    reading_baseline: int | None = None
    """Bytes that a run reads beside the video."""
    long_bytes: int | None = None
    """Size of the long film."""
    troubles: list[str] = field(default_factory=list)
    """Contestants that failed, and how."""
    minutes: float = 0.0

    def least(self, clip: str, contestant: str) -> Least | None:
        """Return the least that a contestant took on a clip; None if it did not run there."""
        runs = [run for run in self.runs if (run.clip, run.contestant) == (clip, contestant)]
        if not runs:
            return None
        return Least(min(run.cpu for run in runs), min(run.wall for run in runs))

    def row(self, clip: str, contestant: str) -> Row | None:
        """Return the medians of a contestant on a clip; None if it did not run there."""
        runs = [run for run in self.runs if (run.clip, run.contestant) == (clip, contestant)]
        if not runs:
            return None
        return Row(
            clip=clip,
            contestant=contestant,
            rounds=len(runs),
            cpu=median(run.cpu for run in runs),
            wall=median(run.wall for run in runs),
            largest_bytes=median(run.largest_bytes for run in runs),
            together_bytes=median(run.together_bytes for run in runs),
            read_bytes=median(run.read_bytes for run in runs),
            written_bytes=median(run.written_bytes for run in runs),
            files=runs[-1].files,
            slices=runs[-1].slices,
            animation_pictures=runs[-1].animation_pictures,
        )

"""What was rendered of a video and measured: pieces of it, at several spots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scrubjay.engines.base import Probing
from scrubjay.model import Artifact, Plan, Used

__all__ = ["Cost", "Piece", "Sampling", "Spot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What something took."""

    cpu: float
    """CPU seconds."""
    seconds: float
    """Wall seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A slice that was rendered, or a part of one."""

    start: float
    """Where it begins in the video, in seconds."""
    length: float
    """Seconds of video."""
    is_cold: bool
    """Whether its worker did not go on from the piece before it, so that it had to seek."""
    used: Used
    artifacts: Mapping[str, Sequence[Artifact]]
    """By output."""
    record_bytes: int
    """Of the records of all outputs."""

    @property
    def size_bytes(self) -> int:
        """Size of its artifacts."""
        return sum(each.size_bytes for made in self.artifacts.values() for each in made)

    def bytes_of(self, output: str) -> int:
        """Return the size of an output's artifacts."""
        return sum(each.size_bytes for each in self.artifacts[output])

    def pictures_of(self, output: str) -> int:
        """Return how many pictures an output's artifacts have."""
        return sum(each.pictures for each in self.artifacts[output])


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Pieces that follow each other; some spots are rendered once more, cut into parts."""

    pieces: Sequence[Piece]
    """Rising in time."""
    parts: Sequence[Piece] = ()
    """The first piece once more, in parts of equal length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """A probed video, and what was measured of it."""

    plan: Plan
    probing: Probing
    start: Cost
    """Of a worker process, before it does anything."""
    probe: Cost
    """Of probing, a worker's start not included."""
    planning: Cost
    """Of planning, and of saving the plan."""
    own: float
    """CPU seconds of this process for each object that it took from workers and wrote."""
    spots: Sequence[Spot]
    whole: Piece | None
    """The job for the whole video's outputs, if it has any."""
    seconds: float
    """How long all this took."""
    is_stopped: bool
    """Whether Ctrl-C ended it early."""
    failed: int
    """Spots at which nothing could be decoded."""

    @property
    def pieces(self) -> list[Piece]:
        """The pieces of all spots, parts not included."""
        return [piece for spot in self.spots for piece in spot.pieces]

    @property
    def rendered(self) -> float:
        """Seconds of video that were rendered, each counted once."""
        return sum(piece.length for piece in self.pieces)

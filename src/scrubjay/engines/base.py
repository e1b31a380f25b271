"""What an engine is: something that probes a video and makes slices somewhere."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, Self

from scrubjay.errors import ScrubjayError
from scrubjay.events import OnEvent
from scrubjay.limits import Limits
from scrubjay.model import MediaInfo, Plan, Reading, SourceRef
from scrubjay.places.place import Place
from scrubjay.sets.state import Missing, Records
from scrubjay.sets.store import Store

__all__ = ["Engine", "Job", "Outcome", "Probing"]


class Probing(NamedTuple):
    """What looking into a video gave."""

    source: SourceRef
    media: MediaInfo
    versions: Mapping[str, str]
    """Of all that may change a picture's bytes, where the engine's slices are made."""


class Job(NamedTuple):
    """Work on one video."""

    plan: Plan
    source: Place
    """Where the video lies."""
    store: Store


class Outcome(NamedTuple):
    """What became of slices that were to be made."""

    records: Records
    """Of what was made, by slice index and output name."""
    lost: Mapping[int, ScrubjayError]
    """Why each of the others could not be made, by slice index."""


class Engine(Protocol):
    """Runs slices; keeps nothing. What it loses, the next run finds missing in the store.

    Whoever opens an engine closes it: `with` around it, and in it as many calls as one likes, one
    after another.
    """

    @property
    def limits(self) -> Limits:
        """How much one video may cost."""
        ...

    def __enter__(self) -> Self:
        """Get ready."""
        ...

    def __exit__(self, *_: object) -> None:
        """Stop at once and leave nothing running."""
        ...

    def probe(self, source: Place) -> Probing:
        """Look into the video at a place.

        Raises:
            SourceError: it cannot be opened, has no video, or gives no picture.
            EngineError: looking failed, not the video.
        """
        ...

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures will cost to read from the video at a place.

        Raises:
            SourceError: it cannot be opened, or is another one.
            EngineError: counting failed, not the video.
        """
        ...

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Make slices, and return what was made and what could not be.

        Args:
            job: the plan, its video and where artifacts go.
            missing: the outputs to make, by slice index, rising.
            on_event: told of every slice that starts, goes on, ends, is retried or given up.

        Raises:
            ScrubjayError: no slice can be made, so the run makes no sense: the destination is full
                or cannot be written, or the video is gone or another one.
        """
        ...

"""The interface of engines, which probe videos and make slices."""

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
    """The result of probing a video."""

    source: SourceRef
    media: MediaInfo
    versions: Mapping[str, str]
    """Versions of all that may change a picture's bytes, where the engine makes slices."""


class Job(NamedTuple):
    """Work on one video."""

    plan: Plan
    source: Place
    """The place of the video."""
    store: Store


class Outcome(NamedTuple):
    """The result of a run of slices."""

    records: Records
    """Records of what was made, by slice index and output name."""
    lost: Mapping[int, ScrubjayError]
    """Why each of the others could not be made, by slice index."""


class Engine(Protocol):
    """Makes slices and keeps no state: the next run finds what is missing in the store.

    The code that opens an engine closes it, with a `with` statement. It can make any number of
    calls, one after another.
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
        """Probe the video at a place.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
            EngineError: probing failed for a reason that is not in the video.
        """
        ...

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures will cost to read from the video at a place.

        Raises:
            SourceError: the video cannot be opened, or is not the planned one.
            EngineError: counting failed for a reason that is not in the video.
        """
        ...

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Make slices, and return what was made and what could not be.

        Args:
            job: the plan, its video and where artifacts go.
            missing: the outputs to make, by slice index, rising.
            on_event: called with each event: slices that start, progress, end, are retried or fail.

        Raises:
            ScrubjayError: no slice can be made, because the destination is full or cannot be
                written, or because the video was removed or replaced.
        """
        ...

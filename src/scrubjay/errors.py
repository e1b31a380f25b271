"""Every error that Scrubjay raises.

::

    ScrubjayError                     the base: catch this to catch them all
    ├── RecipeError                   a recipe or option asks for something impossible
    ├── ScenarioError                 a scenario to simulate is wrong
    ├── PriceError                    a file of prices is missing or wrong
    ├── LimitError                    a video would cost more than is allowed
    ├── PlaceError                    an address is not of a kind that Scrubjay supports
    ├── SourceError                   the video
    │   ├── SourceNotFoundError       nothing exists at its address
    │   ├── SourceUnreadableError     it exists, but cannot be opened as a video
    │   │   └── SourceForbiddenError  its server or its permissions refuse access
    │   ├── SourceUnavailableError    its server does not answer (retryable)
    │   ├── NoVideoError              it opens, but no video stream in it has a picture
    │   │   └── SoundOnlyError        it is whole, and has only sound, perhaps with a cover
    │   ├── UnsupportedVideoError     no decoder for its codec
    │   │   └── EncryptedVideoError   it is encrypted
    │   ├── SourceDamagedError        a stretch of it gives no picture
    │   └── SourceChangedError        it is not the video that was planned
    ├── StoreError                    the destination (retryable)
    │   ├── DestinationError          it cannot be written, or holds other files
    │   │   └── PlanReplacedError     another run has started another set in it
    │   ├── StoreFullError            no space is left
    │   └── ObjectNotFoundError       no object has that key
    ├── RenderError                   a slice could not be made
    │   └── VersionError              the plan is for other versions of the libraries
    ├── EngineError                   the engine failed, not its work (retryable)
    │   ├── WorkerCrashedError        the worker process died
    │   ├── WorkerStalledError        the worker process showed no progress and was killed
    │   ├── WorkerMemoryError         the worker process reached its memory limit
    │   ├── WorkerStartError          no worker process can be started: system limits
    │   ├── StoppedError              the engine was closed while it worked
    │   ├── SandboxError              this machine cannot confine workers as required
    │   ├── OutOfTimeError            a slice took longer than its time limit
    │   ├── TransportError            slices could not be sent to their workers
    │   ├── DatabaseError             the database of the queue does not answer
    │   ├── ClusterError              the queue is not set up, or refuses the request
    │   ├── RefusedError              a worker may not read or write where an order says
    │   ├── EventError                an event or order cannot be understood
    │   └── StackError                the deployed functions are missing or refuse
    ├── LostSlicesError               slices of a shard could not be made; carries the reasons
    ├── UnfinishedError               slices are missing, so the set was not published
    └── IncompleteError               the set is published but has gaps; carries its manifest

Errors of each library are converted to these in one place, with `raise ... from`. The doors have
the tables from these classes to exit codes and the like.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from scrubjay.shown import printable

__all__ = [
    "ClusterError",
    "DatabaseError",
    "DestinationError",
    "EncryptedVideoError",
    "EngineError",
    "EventError",
    "IncompleteError",
    "LimitError",
    "LostSlicesError",
    "NoVideoError",
    "ObjectNotFoundError",
    "OutOfTimeError",
    "PlaceError",
    "PlanReplacedError",
    "PriceError",
    "RecipeError",
    "RefusedError",
    "RenderError",
    "SandboxError",
    "ScenarioError",
    "ScrubjayError",
    "SoundOnlyError",
    "SourceChangedError",
    "SourceDamagedError",
    "SourceError",
    "SourceForbiddenError",
    "SourceNotFoundError",
    "SourceUnavailableError",
    "SourceUnreadableError",
    "StackError",
    "StoppedError",
    "StoreError",
    "StoreFullError",
    "TransportError",
    "UnfinishedError",
    "UnsupportedVideoError",
    "VersionError",
    "WorkerCrashedError",
    "WorkerMemoryError",
    "WorkerStalledError",
    "WorkerStartError",
    "error_class",
    "error_classes",
]


class ScrubjayError(Exception):
    """Base of every error that Scrubjay raises; its text is a sentence for people.

    Args:
        message: the sentence. Control characters are escaped, because file names can contain them.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without any change."""


class RecipeError(ScrubjayError):
    """A recipe or an option asks for something impossible; the text names the field."""


class ScenarioError(ScrubjayError):
    """A scenario to simulate is missing or wrong; the text names the file and the field."""


class PriceError(ScrubjayError):
    """A file of prices is missing or wrong; the text names the file and the field."""


class LimitError(ScrubjayError):
    """A video would cost more than is allowed; the text names the option that allows more."""


class PlaceError(ScrubjayError):
    """The address of a video or destination is not of a kind that Scrubjay supports."""


class SourceError(ScrubjayError):
    """The video cannot be used, or not in full."""


class SourceNotFoundError(SourceError):
    """Nothing exists at the source's address."""


class SourceUnreadableError(SourceError):
    """The source exists but cannot be opened as a video."""


class SourceForbiddenError(SourceUnreadableError):
    """The source's server refuses access with these credentials or URL, or its permissions do."""


class SourceUnavailableError(SourceError):
    """The source's server does not answer, or breaks the connection; it may recover."""

    retryable = True


class NoVideoError(SourceError):
    """The source opens, but no video stream in it has a picture."""


class SoundOnlyError(NoVideoError):
    """The source has only sound, perhaps with a cover, and nothing says that it had a video."""

    covers: int = 0
    """How many pictures it has beside its sound, for whoever looks closer."""


class UnsupportedVideoError(SourceError):
    """This FFmpeg has no decoder for the source's video codec."""


class EncryptedVideoError(UnsupportedVideoError):
    """The source's pictures are encrypted; the text says how."""


class SourceDamagedError(SourceError):
    """A stretch of the source gives no picture."""


class SourceChangedError(SourceError):
    """The source is not the video that the plan was made for."""


class StoreError(ScrubjayError):
    """A store operation failed; it may succeed later."""

    retryable = True


class DestinationError(StoreError):
    """The destination cannot be written, or holds something that is not a Scrubjay set."""

    retryable = False


class PlanReplacedError(DestinationError):
    """Another run has started a set of another video or recipe in the same destination."""


class StoreFullError(StoreError):
    """No space is left in the destination."""

    retryable = False


class ObjectNotFoundError(StoreError):
    """No object has that key."""

    retryable = False


class RenderError(ScrubjayError):
    """A slice could not be made."""


class VersionError(RenderError):
    """The plan was made for other versions of the libraries that make pictures."""

    retryable = False


class EngineError(ScrubjayError):
    """The engine failed, not the work that it runs."""

    retryable = True


class WorkerCrashedError(EngineError):
    """The worker process died."""


class WorkerStalledError(EngineError):
    """The worker process showed no progress for too long and was killed."""


class WorkerMemoryError(EngineError):
    """The worker process reached its memory limit."""


class WorkerStartError(EngineError):
    """No worker process can be started: the system's limits on files or processes are too low."""

    retryable = False


class StoppedError(EngineError):
    """The engine was closed while it worked; run it again to continue."""


class SandboxError(EngineError):
    """This machine cannot confine worker processes, and `sandbox` requires it."""

    retryable = False


class OutOfTimeError(EngineError):
    """A slice took longer than its time limit."""


class TransportError(EngineError):
    """Orders could not be sent to the workers after several attempts."""

    refused: frozenset[int] = frozenset()
    """Positions, 0-based, of the orders that were refused, among those to be sent."""


class DatabaseError(EngineError):
    """The database of the queue does not answer; it may recover."""


class ClusterError(EngineError):
    """The queue is not set up, or refuses the request; the text says what to do."""

    retryable = False


class RefusedError(EngineError):
    """A worker may not read or write where an order says; it is refused, not tried again."""

    retryable = False


class EventError(EngineError):
    """The functions or workers do not understand an event or order."""

    retryable = False


class StackError(EngineError):
    """The deployed functions are missing, misconfigured, or refuse the request."""

    retryable = False


class LostSlicesError(ScrubjayError):
    """Some slices of a shard could not be made; all others are.

    Args:
        message: the sentence.
        causes: the reasons, one error for each slice.
    """

    def __init__(self, message: str = "", *, causes: Iterable[ScrubjayError] = ()) -> None:
        super().__init__(message)
        self.causes = tuple(causes)

    @classmethod
    def of(cls, causes: Sequence[ScrubjayError]) -> "LostSlicesError":
        """Return the error for the reasons, at least one, why slices could not be made."""
        count = len(causes)
        return cls(
            f"{count} slices of the shard could not be made. The first: {causes[0]}"
            if count > 1
            else f"1 slice of the shard could not be made: {causes[0]}",
            causes=causes,
        )


class UnfinishedError(ScrubjayError):
    """Slices of a set are missing, so it was not published; the text names them."""


class IncompleteError(ScrubjayError):
    """The set is published but has gaps: slices that could not be made.

    Args:
        manifest: of the partial set (`scrubjay.Manifest`); its `gaps` list what is missing.
        causes: the reasons, one error for each slice, or one for several.
        slices: how many are missing; by default the number of causes.
    """

    def __init__(
        self, manifest: object, causes: Sequence[ScrubjayError], *, slices: int | None = None
    ) -> None:
        count = len(causes) if slices is None else slices
        super().__init__(
            f"{count} slices could not be made and are gaps in the set. The first: {causes[0]}"
            if len(causes) > 1
            else f"{count} {'slice' if count == 1 else 'slices'} could not be made, so the set has "
            f"gaps: {causes[0]}"
        )
        self.manifest = manifest
        self.causes = tuple(causes)


def error_classes(base: type[ScrubjayError] = ScrubjayError) -> Iterator[type[ScrubjayError]]:
    """Yield `base` and every class below it, parents first."""
    yield base
    for child in base.__subclasses__():
        yield from error_classes(child)


def error_class(name: str) -> type[ScrubjayError]:
    """Return the class of that name if it can be made from a text alone, else `EngineError`.

    Workers report errors as a name and a text, because their pickles cannot be trusted.
    """
    made_from_text = (each for each in error_classes() if each is not IncompleteError)
    return next((each for each in made_from_text if each.__name__ == name), EngineError)

"""Every error that Scrubjay raises.

::

    ScrubjayError                     the base: catch this to catch them all
    ├── RecipeError                   a recipe or option asks for something impossible
    ├── LimitError                    a video would cost more than is allowed
    ├── PlaceError                    an address is of no kind that Scrubjay knows
    ├── SourceError                   the video
    │   ├── SourceNotFoundError       nothing is there
    │   ├── SourceUnreadableError     it is there, but it is no video that can be opened
    │   │   └── SourceForbiddenError  its server does not let us read it
    │   ├── SourceUnavailableError    its server does not answer (may pass: retryable)
    │   ├── NoVideoError              it opens, but has no video stream with a picture in it
    │   ├── UnsupportedVideoError     its codec has no decoder here
    │   │   └── EncryptedVideoError   it is encrypted, and nobody gave a key
    │   ├── SourceDamagedError        a stretch of it gives no picture
    │   └── SourceChangedError        it is not the video that the plan was made for
    ├── StoreError                    the destination (may pass: retryable)
    │   ├── DestinationError          it cannot be written or is not what it should be
    │   │   └── PlanReplacedError     another run has begun another set in it
    │   ├── StoreFullError            no space is left
    │   └── ObjectNotFoundError       no object has that key
    ├── RenderError                   a slice could not be made
    │   └── VersionError              the plan is for other versions of the libraries
    ├── EngineError                   the runner failed, not the work (retryable)
    │   ├── WorkerCrashedError        the worker process died
    │   ├── WorkerStalledError        the worker process showed no progress and was killed
    │   ├── WorkerMemoryError         the worker process needed more memory than it may have
    │   ├── WorkerStartError          no worker process can be started: the system's limits
    │   ├── SandboxError              this machine cannot confine workers, and that is required
    │   ├── OutOfTimeError            a slice was not made in the time that it may take
    │   ├── TransportError            slices could not be handed to the functions that make them
    │   ├── EventError                an event is none that the functions understand
    │   └── StackError                the deployed functions are missing, or refuse
    └── IncompleteError               the set is published but has gaps; carries its manifest

Errors of other libraries enter this tree at one place for each (`media.ffmpeg`, `store`, `remote`),
with `raise ... from`. Doors own the tables from these classes to exit codes and the like.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from scrubjay.shown import printable

__all__ = [
    "DestinationError",
    "EncryptedVideoError",
    "EngineError",
    "EventError",
    "IncompleteError",
    "LimitError",
    "NoVideoError",
    "ObjectNotFoundError",
    "OutOfTimeError",
    "PlaceError",
    "PlanReplacedError",
    "RecipeError",
    "RenderError",
    "SandboxError",
    "ScrubjayError",
    "SourceChangedError",
    "SourceDamagedError",
    "SourceError",
    "SourceForbiddenError",
    "SourceNotFoundError",
    "SourceUnavailableError",
    "SourceUnreadableError",
    "StackError",
    "StoreError",
    "StoreFullError",
    "TransportError",
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
    """Base of every error that Scrubjay raises; its text is one sentence for a person.

    Args:
        message: the sentence. What a terminal would obey in it is escaped: names come from files.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))

    retryable: ClassVar[bool] = False
    """Whether the same call may succeed later without anybody changing anything."""


class RecipeError(ScrubjayError):
    """A recipe or an option asks for something impossible; the text names the field."""


class LimitError(ScrubjayError):
    """A video would cost more than is allowed; the text names the option that allows more."""


class PlaceError(ScrubjayError):
    """An address of a video or destination is of no kind that Scrubjay knows."""


class SourceError(ScrubjayError):
    """The video cannot give what was asked of it."""


class SourceNotFoundError(SourceError):
    """Nothing exists at the source's address."""


class SourceUnreadableError(SourceError):
    """The source exists but is no video that can be opened."""


class SourceForbiddenError(SourceUnreadableError):
    """The source's server does not let these credentials, or this URL, read it."""


class SourceUnavailableError(SourceError):
    """The source's server does not answer, or breaks off; it may do better later."""

    retryable = True


class NoVideoError(SourceError):
    """The source opens, but no stream in it has a moving or still picture."""


class UnsupportedVideoError(SourceError):
    """The source's video codec has no decoder in this FFmpeg."""


class EncryptedVideoError(UnsupportedVideoError):
    """The source's pictures are encrypted; the text says how."""


class SourceDamagedError(SourceError):
    """A stretch of the source gives no picture."""


class SourceChangedError(SourceError):
    """The source is not the video that the plan was made for."""


class StoreError(ScrubjayError):
    """A store did not do what it was asked; it may do so later."""

    retryable = True


class DestinationError(StoreError):
    """The destination cannot be written, or holds something that is not a Scrubjay set."""

    retryable = False


class PlanReplacedError(DestinationError):
    """Another run has begun a set of another video or recipe in the same destination."""


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
    """The runner failed, not the work."""

    retryable = True


class WorkerCrashedError(EngineError):
    """The worker process died."""


class WorkerStalledError(EngineError):
    """The worker process showed no progress for too long and was killed."""


class WorkerMemoryError(EngineError):
    """The worker process needed more memory than it may have."""


class WorkerStartError(EngineError):
    """No worker process can be started: the system's limits on files or processes are too low."""

    retryable = False


class SandboxError(EngineError):
    """This machine cannot confine worker processes, and `sandbox` requires it."""

    retryable = False


class OutOfTimeError(EngineError):
    """A slice was not made in the time that it may take."""


class TransportError(EngineError):
    """Orders could not be handed to the workers, however often it was tried."""

    refused: frozenset[int] = frozenset()
    """Positions, 0-based, of those that nobody took, in what was to be sent."""


class EventError(EngineError):
    """An event is none that the functions understand."""

    retryable = False


class StackError(EngineError):
    """The deployed functions are missing, are not what they should be, or refuse."""

    retryable = False


class IncompleteError(ScrubjayError):
    """The set is published but has gaps: slices that could not be made.

    Args:
        manifest: of the partial set (`scrubjay.Manifest`); its `gaps` say what is missing.
        causes: why, an error for each slice, or one for several.
        slices: how many are missing; as many as there are causes if that is not given.
    """

    def __init__(
        self, manifest: object, causes: Sequence[ScrubjayError], *, slices: int | None = None
    ) -> None:
        count = len(causes) if slices is None else slices
        super().__init__(
            f"{count} slices could not be made and are gaps in the set; the first: {causes[0]}"
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
    """Return the class of that name that is made from a text; other names are `EngineError`.

    Errors cross process borders as a name and a text: a worker is not trusted with pickles.
    """
    made_from_text = (each for each in error_classes() if each is not IncompleteError)
    return next((each for each in made_from_text if each.__name__ == name), EngineError)

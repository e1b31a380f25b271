"""The note beside a set of which video it is, so that the next run need not open that video."""

from functools import cache
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec

from scrubjay.errors import (
    EngineError,
    IncompleteError,
    LimitError,
    ObjectNotFoundError,
    RecipeError,
    RenderError,
    SandboxError,
    ScrubjayError,
    SourceChangedError,
    SourceError,
    SourceForbiddenError,
    SourceNotFoundError,
    StoppedError,
    TransportError,
    VersionError,
    WorkerStartError,
)
from scrubjay.identity import VERSIONS
from scrubjay.keys import MANIFEST, VIDEO
from scrubjay.library.film import Film, Stamp
from scrubjay.limits import Limits
from scrubjay.model import Recipe, TrackClock, decode, encode
from scrubjay.registry import EVERY_FORMAT
from scrubjay.sets.store import Store

__all__ = ["Note", "Request", "Status", "is_lasting", "load_note", "save_note"]

_PASSING = (
    SandboxError,
    SourceChangedError,
    SourceForbiddenError,
    SourceNotFoundError,
    StoppedError,
    TransportError,
    VersionError,
    WorkerStartError,
)
"""Errors that may not come again although the video has not changed."""

_LASTING = (SourceError, LimitError, RecipeError, RenderError, EngineError)

Status: TypeAlias = Literal["complete", "partial", "failed", "sound"]
"""`sound`: the file has only sound, so there is nothing to make."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is made of each video of a library; most fields are those of `pipeline.make`."""

    recipe: Recipe = Recipe()
    stream: int | None = None
    strict: bool = False
    clock: TrackClock | None = None
    remove_stale: bool = False
    layouts: tuple[str, ...] = ()
    """Where else its files go, for other programs (`layouts.LAYOUTS`)."""
    replace_layout: bool = False
    """Whether to replace files that are there and differ."""

    @property
    def id(self) -> str:
        """Names what decides whether a set has to be made again: the request and all versions."""
        asked = [self.recipe, self.stream, self.strict, self.clock, _versions()]
        return blake2b(encode(asked), digest_size=16).hexdigest()


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """How a run over a library ended for one version of a video."""

    format: Literal["scrubjay-video/1"] = "scrubjay-video/1"
    stamp: Stamp
    request: str
    """The request's id."""
    limits: Limits
    """The limits of the run: with others, a video that failed may not fail again."""
    status: Status
    error: str = ""
    """Class of the error; empty if the set is complete."""
    message: str = ""


def load_note(store: Store, film: Film, request: str, limits: Limits) -> Note | None:
    """Return the note that holds for a film as it is now, if there is one.

    Args:
        store: the destination of the film's set.
        film: the film.
        request: the id of what is asked for.
        limits: how much a video may cost.

    Raises:
        StoreError: the destination cannot be read.
    """
    try:
        note = decode(store.get(VIDEO), Note)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None
    if not film.stamp.identifies or (note.stamp, note.request) != (film.stamp, request):
        return None
    if note.status in {"partial", "failed"} and note.limits != limits:
        return None
    return note if note.status in {"failed", "sound"} or store.has(MANIFEST) else None


def save_note(store: Store, note: Note) -> None:
    """Write a note; the next plan that begins in the destination removes it.

    Raises:
        StoreError: it could not be written.
    """
    store.put(VIDEO, encode(note), "application/json")


def is_lasting(error: ScrubjayError) -> bool:
    """Whether an error will come again until the video or the request changes."""
    if isinstance(error, IncompleteError):
        return all(map(is_lasting, error.causes))
    is_passing = isinstance(error, _PASSING) or (isinstance(error, SourceError) and error.retryable)
    return isinstance(error, _LASTING) and not is_passing


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    """Return the versions of all that may change a set."""
    from importlib.metadata import version  # noqa: PLC0415  slow to load

    libraries = {name for each in EVERY_FORMAT for name in each.libraries}
    return tuple(
        sorted(
            [
                *VERSIONS.items(),
                *((each.module, str(each.version)) for each in EVERY_FORMAT),
                *((name, version(name)) for name in {"av", "numpy", "scrubjay", *libraries}),
            ]
        )
    )

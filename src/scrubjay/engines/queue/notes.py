"""Notes beside a set's plan and records, because nothing waits for the workers' results.

They say which video the set is made from, which slices can never be made, and why there are no
previews at all.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from scrubjay.errors import (
    DestinationError,
    LimitError,
    ObjectNotFoundError,
    RecipeError,
    RenderError,
    ScrubjayError,
    SourceError,
    SourceForbiddenError,
)
from scrubjay.identity import plan_id
from scrubjay.keys import ORIGIN, PROBLEM, failure_key
from scrubjay.model import Plan, Slice, decode, encode
from scrubjay.places.place import Place
from scrubjay.sets.store import Store

__all__ = [
    "Failure",
    "failure_of",
    "is_hopeless",
    "load_origin",
    "note_failure",
    "note_given_up",
    "note_problem",
    "problem_of",
    "save_origin",
    "tries_of",
]

_JSON = "application/json"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a slice can never be made: a worker writes this note in place of the records."""

    format: Literal["scrubjay-failure/1"] = "scrubjay-failure/1"
    plan: str
    index: int
    error: str
    message: str
    is_final: bool = True
    """Whether the slice is given up; otherwise its worker died, and it is tried again."""
    tries: int = 1
    """How often its worker has died."""


class _Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The video from which a set is made."""

    address: str
    etag: str = ""


def save_origin(store: Store, video: Place) -> None:
    """Note the address of a set's video, which is in neither the plan nor the records."""
    origin = _Origin(address=video.shown, etag=video.etag)
    store.put(ORIGIN, encode(origin), _JSON)


def load_origin(store: Store) -> Place:
    """Return the place of a set's video.

    Raises:
        DestinationError: there is no note of it, because the set was not begun for a queue.
    """
    try:
        origin = decode(store.get(ORIGIN), _Origin)
    except (ObjectNotFoundError, msgspec.DecodeError):
        where = store.place.shown if store.place else "this store"
        raise DestinationError(
            f"{where} has no {ORIGIN}, so its video is unknown: no planner has begun a set there"
        ) from None
    return Place(address=origin.address, etag=origin.etag)


def note_failure(
    store: Store,
    plan: Plan,
    slice_: Slice,
    error: ScrubjayError,
    *,
    is_final: bool = True,
    tries: int = 1,
) -> None:
    """Note that a slice can never be made, and why; or, if not final, that it is tried again."""
    note = Failure(
        plan=plan_id(plan),
        index=slice_.index,
        error=type(error).__name__,
        message=str(error),
        is_final=is_final,
        tries=tries,
    )
    store.put(failure_key(slice_.start, is_whole=slice_.is_whole), encode(note), _JSON)


def note_given_up(store: Store, plan: Plan, indexes: Iterable[int]) -> None:
    """Note that a person has given up slices, which then are gaps."""
    for index in indexes:
        note_failure(store, plan, plan.slices[index], RenderError("given up by hand"))


def failure_of(store: Store, plan: Plan, slice_: Slice) -> Failure | None:
    """Return the note that a slice can never be made, if there is one."""
    note = _note_of(store, plan, slice_)
    return note if note and note.is_final else None


def tries_of(store: Store, plan: Plan, slice_: Slice) -> int:
    """Return how often the worker of a slice has died or run out of time or memory."""
    note = _note_of(store, plan, slice_)
    return note.tries if note else 0


def _note_of(store: Store, plan: Plan, slice_: Slice) -> Failure | None:
    try:
        key = failure_key(slice_.start, is_whole=slice_.is_whole)
        note = decode(store.get(key), Failure)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None
    return note if (note.plan, note.index) == (plan_id(plan), slice_.index) else None


def note_problem(store: Store, video: Place, *, error: str, message: str) -> None:
    """Write why there are no previews, in the place where people look for them.

    Args:
        store: where the set would be.
        video: the video.
        error: class of the error.
        message: its text.
    """
    note = {
        "error": error,
        "message": message,
        "source": video.shown,
        "time": datetime.now(UTC).isoformat(),
    }
    store.put(PROBLEM, json.dumps(note, indent=2).encode() + b"\n", _JSON)


def problem_of(store: Store) -> str:
    """Return why there are no previews at all; empty if there is no such note."""
    try:
        return str(msgspec.json.decode(store.get(PROBLEM), type=dict[str, str])["message"])
    except ObjectNotFoundError:
        return ""
    except (msgspec.DecodeError, KeyError):
        return f"{PROBLEM} cannot be read"


def is_hopeless(error: ScrubjayError) -> bool:
    """Whether a video can never have previews, however often it is tried.

    A video that we may not read can have some: permission may be given later.
    """
    is_about_the_video = isinstance(error, SourceError | RecipeError | LimitError)
    may_pass = error.retryable or isinstance(error, SourceForbiddenError)
    return is_about_the_video and not may_pass

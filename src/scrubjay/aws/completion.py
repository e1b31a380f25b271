"""How far a set is, and the step that ends it: published by whoever makes its last slice.

Nobody counts: what is done is what the store holds. A slice that can never be made leaves a note
beside the records, so that the set still ends, as a partial one.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from scrubjay.aws.events import Upload
from scrubjay.aws.log import log
from scrubjay.errors import (
    DestinationError,
    LimitError,
    ObjectNotFoundError,
    PlanReplacedError,
    RecipeError,
    ScrubjayError,
    SourceError,
    SourceForbiddenError,
)
from scrubjay.keys import (
    ANNOUNCED,
    FAILURES,
    ORIGIN,
    PROBLEM,
    SLICES,
    failure_key,
    record_key,
)
from scrubjay.model import Plan, Slice, SliceRecord, TrackClock, decode, encode
from scrubjay.planning import plan_id
from scrubjay.publishing import publish
from scrubjay.sets.state import done_slices, load_plan, read_record, withdraw
from scrubjay.sets.store import Store

__all__ = [
    "Ending",
    "Failure",
    "Standing",
    "failure_of",
    "finish",
    "is_announced",
    "is_hopeless",
    "is_whole",
    "load_origin",
    "note_failure",
    "note_problem",
    "record_of",
    "reopen",
    "save_origin",
    "standing",
    "was_tried",
]

_JSON = "application/json"
_STATE = ".scrubjay/"

_LOOKS = 32
"""Slices that are looked at, one by one, before all are listed. A look costs a twelfth of a page of
a list, and the first slice that is missing ends them."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a slice can never be made: the note that a worker leaves in its record's place."""

    format: Literal["scrubjay-failure/1"] = "scrubjay-failure/1"
    plan: str
    index: int
    error: str
    message: str
    is_final: bool = True
    """Whether the slice is given up; else it ran out of time or memory, and has one more try."""


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    """That a set was told of, and how far it was then."""

    plan: str
    done: int
    time: str


class Ending(NamedTuple):
    """How a set has ended."""

    status: Literal["complete", "partial", "failed"]
    """`failed`: no slice could be made, so that there is no manifest."""
    error: str = ""
    """Why, if it failed."""


Tell: TypeAlias = Callable[[Ending], None]


class Standing(NamedTuple):
    """How far a set is, by slice index."""

    done: dict[int, SliceRecord]
    failed: dict[int, Failure]
    """Noted as impossible."""
    missing: list[int]


def standing(store: Store, plan: Plan) -> Standing:
    """Look how far a set is: every record is read, and every artifact's size compared."""
    done = done_slices(store, plan)
    listed = store.sizes(FAILURES)
    rest = [part for part in plan.slices if part.index not in done]
    noted = [part for part in rest if failure_key(part.start) in listed]
    with ThreadPoolExecutor(store.lanes) as pool:
        notes = list(pool.map(partial(failure_of, store, plan), noted))
    failed = {note.index: note for note in notes if note}
    return Standing(done, failed, [part.index for part in rest if part.index not in failed])


def record_of(store: Store, plan: Plan, part: Slice) -> SliceRecord | None:
    """Return a slice's record if it is there: one small request, which looks at nothing else."""
    return read_record(store, plan, part)


def is_whole(store: Store, record: SliceRecord) -> bool:
    """Whether every picture that a record names is there in its full size."""
    sizes = store.sizes()
    return all(sizes.get(key) == size for key, size in record.sizes().items())


def note_failure(
    store: Store, plan: Plan, part: Slice, error: ScrubjayError, *, is_final: bool = True
) -> None:
    """Write down that a slice can never be made, and why; or that it has one more try."""
    note = Failure(
        plan=plan_id(plan),
        index=part.index,
        error=type(error).__name__,
        message=str(error),
        is_final=is_final,
    )
    store.put(failure_key(part.start), encode(note), _JSON)


def note_problem(store: Store, upload: Upload, error: ScrubjayError) -> None:
    """Write down, where people look for the previews, why there are none."""
    _note_problem(store, upload, type(error).__name__, str(error))


def _note_problem(store: Store, upload: Upload, error: str, message: str) -> None:
    note = {
        "error": error,
        "message": message,
        "source": f"s3://{upload.bucket}/{upload.key}",
        "time": datetime.now(UTC).isoformat(),
    }
    store.put(PROBLEM, json.dumps(note, indent=2).encode() + b"\n", _JSON)
    log("ERROR", f"no previews: {message}", key=upload.key, error=error)


def is_hopeless(error: ScrubjayError) -> bool:
    """Whether a video can have no previews, however often it is tried.

    That it may not be read is no such case: rights are given later, and then it can be.
    """
    is_ours = isinstance(error, SourceError | RecipeError | LimitError)
    return is_ours and not error.retryable and not isinstance(error, SourceForbiddenError)


def failure_of(store: Store, plan: Plan, part: Slice) -> Failure | None:
    """Return the note that a slice can never be made, if there is one."""
    note = _note_of(store, plan, part)
    return note if note and note.is_final else None


def was_tried(store: Store, plan: Plan, part: Slice) -> bool:
    """Whether a slice has run out of time or memory before."""
    return _note_of(store, plan, part) is not None


def _note_of(store: Store, plan: Plan, part: Slice) -> Failure | None:
    try:
        note = decode(store.get(failure_key(part.start)), Failure)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None
    return note if (note.plan, note.index) == (plan_id(plan), part.index) else None


def reopen(store: Store, plan: Plan, indexes: Iterable[int]) -> None:
    """Make ready for slices to be made again: take back documents, notes and broken records.

    A worker leaves a slice alone whose record is there; so that of a slice whose pictures are
    gone must go too.
    """
    parts = [plan.slices[index] for index in indexes]
    keys = {key for part in parts for key in (record_key(part.start), failure_key(part.start))}
    store.delete(keys & store.sizes(_STATE).keys())  # first: nobody may find the set whole now
    withdraw(store)


def finish(
    store: Store, plan: Plan, upload: Upload, tell: Tell, *, clock: TrackClock | None = None
) -> Ending | None:
    """Publish a set and tell of it, if every slice of it is done or noted as impossible.

    Whoever makes a slice calls this afterwards. Killed anywhere, it does the rest when it is called
    again; two at once make one manifest. It may tell twice, and never tells nothing. A set with
    nothing in it is not published, but told of all the same, so that nobody waits for it.

    Args:
        store: where the set lies.
        plan: its plan.
        upload: its video.
        tell: says that it is finished.
        clock: the clock of its tracks; None is the one that most players need.

    Returns:
        How it ended, if this call has told of it.
    """
    if _lacks_a_slice(store, plan):
        return None
    listed = store.sizes(_STATE)
    if not _all_there(plan, listed):
        return None
    records = sum(record_key(part.start) in listed for part in plan.slices)
    if ANNOUNCED in listed and is_announced(store, plan, done=records):
        return None
    done, failed, missing = standing(store, plan)
    if missing or _is_replaced(store, plan):
        return None
    ending = _published(store, plan, failed, clock) if done else _given_up(store, upload, failed)
    if ending is None or _is_replaced(store, plan):  # what we wrote is withdrawn, or written over
        return None
    tell(ending)
    mark = _Mark(plan=plan_id(plan), done=len(done), time=datetime.now(UTC).isoformat())
    store.put(ANNOUNCED, encode(mark), _JSON)
    return ending


def _published(
    store: Store, plan: Plan, failed: Mapping[int, Failure], clock: TrackClock | None
) -> Ending | None:
    """Publish a set; return how it ended, or None if it has another plan by now."""
    reasons = {index: note.message for index, note in failed.items()}
    try:
        return Ending(publish(plan, store, reasons=reasons, clock=clock).status)
    except PlanReplacedError:
        return None


def _given_up(store: Store, upload: Upload, failed: Mapping[int, Failure]) -> Ending:
    """Write down why a set has nothing in it, as a run on one machine raises it."""
    first = failed[min(failed)]
    _note_problem(store, upload, first.error, first.message)
    return Ending("failed", first.message)


def is_announced(store: Store, plan: Plan, *, done: int) -> bool:
    """Whether somebody has told of a set as it is: of this plan, with so many slices done."""
    try:
        mark = decode(store.get(ANNOUNCED), _Mark)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return False
    return (mark.plan, mark.done) == (plan_id(plan), done)


def _all_there(plan: Plan, listed: Collection[str]) -> bool:
    """Whether every slice seems to have ended: a look at names."""
    ended = sum(key.startswith((SLICES, FAILURES)) for key in listed)
    return ended >= len(plan.slices) and all(
        record_key(part.start) in listed or failure_key(part.start) in listed
        for part in plan.slices
    )


def _lacks_a_slice(store: Store, plan: Plan) -> bool:
    """Whether a slice has surely not ended: a few cheap looks, for they happen after each slice.

    The last slices are looked at first, for they are sent last. A record is written before its
    worker looks, and what was written is seen by all who look after that; so whoever ends the last
    slice finds none missing here, in whichever order they end, and then lists the set.
    """
    return any(
        not store.has(record_key(part.start)) and not store.has(failure_key(part.start))
        for part in plan.slices[: -_LOOKS - 1 : -1]
    )


def _is_replaced(store: Store, plan: Plan) -> bool:
    now = load_plan(store)
    return now is None or plan_id(now) != plan_id(plan)


def save_origin(store: Store, upload: Upload) -> None:
    """Write down which object a set is made of: neither its plan nor its records say."""
    store.put(ORIGIN, encode(upload), _JSON)


def load_origin(store: Store) -> Upload:
    """Return which object a set is made of.

    Raises:
        DestinationError: that is not written there: no function has begun this set.
    """
    try:
        return decode(store.get(ORIGIN), Upload)
    except (ObjectNotFoundError, msgspec.DecodeError):
        where = store.place.shown if store.place else "this store"
        raise DestinationError(f"{where} holds no set that the functions have begun") from None

"""Finishing a set: the worker that ends the last slice publishes and announces it.

There is no counter; the store says what is done. A slice that can never be made leaves a note
beside the records, so that the set still ends, as a partial one.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from scrubjay.engines.base import Job
from scrubjay.engines.queue.notes import Failure, note_problem
from scrubjay.engines.queue.progress import STATE, Progress, progress_of, record_keys
from scrubjay.errors import ObjectNotFoundError, PlanReplacedError
from scrubjay.identity import plan_id
from scrubjay.keys import ANNOUNCED, failure_key
from scrubjay.model import Plan, Slice, TrackClock, decode, encode
from scrubjay.publishing import publish
from scrubjay.sets.state import is_current
from scrubjay.sets.store import Store

__all__ = ["Announce", "Ending", "finish", "is_announced"]

_LOOKS = 32
"""Slices that are checked one by one before all are listed. A check costs a twelfth of a page of a
list, and the first missing slice ends the checks."""


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Note that a set was announced, and how many of its slices were done then."""

    plan: str
    done: int
    time: str


class Ending(NamedTuple):
    """How a set has ended."""

    status: Literal["complete", "partial", "failed"]
    """`failed`: no slice could be made, so there is no manifest."""
    error: str = ""
    """The reason, if it failed."""


Announce: TypeAlias = Callable[[Ending], None]
"""Announces that a set has ended."""


def finish(job: Job, announce: Announce, *, track_clock: TrackClock | None = None) -> Ending | None:
    """Publish and announce a set, if every slice is done or noted as impossible.

    Workers call this after each slice. If it is killed, the next call does the rest; two calls at
    once make one manifest. A set is announced at least once, perhaps twice. A set in which nothing
    could be made is not published, but announced as failed, so that nobody waits for it.

    Args:
        job: the set.
        announce: called after the set is published.
        track_clock: the clock of its tracks; None means the one that most players need.

    Returns:
        How the set ended, if this call announced it.
    """
    plan, _, store = job
    if _lacks_a_slice(store, plan):
        return None
    listed = store.sizes(STATE)
    if not _all_there(plan, listed):
        return None
    recorded = sum(_has_records(plan, each, listed) for each in plan.slices)
    if ANNOUNCED in listed and is_announced(store, plan, done=recorded):
        return None
    progress = progress_of(store, plan)
    if progress.missing or not is_current(store, plan):
        return None
    if progress.done:
        ending = _published(job, progress, track_clock)
    else:
        ending = _given_up(job, progress.failed)
    if ending is None:
        return None
    announce(ending)
    mark = _Mark(plan=plan_id(plan), done=len(progress.done), time=datetime.now(UTC).isoformat())
    store.put(ANNOUNCED, encode(mark), "application/json")
    return ending


def _published(job: Job, progress: Progress, track_clock: TrackClock | None) -> Ending | None:
    """Publish a set and return how it ended, or None if another plan has replaced it."""
    reasons = {index: note.message for index, note in progress.failed.items()}
    try:
        manifest = publish(
            job.plan, job.store, state=progress.state, reasons=reasons, clock=track_clock
        )
    except PlanReplacedError:
        return None
    return Ending(manifest.status)


def _given_up(job: Job, failed: Mapping[int, Failure]) -> Ending:
    """Write a note that says why nothing could be made: the error that a local run would raise."""
    first = failed[min(failed)]
    note_problem(job.store, job.source, error=first.error, message=first.message)
    return Ending("failed", first.message)


def is_announced(store: Store, plan: Plan, *, done: int) -> bool:
    """Whether a set was announced in its present state: for this plan, with `done` slices."""
    try:
        mark = decode(store.get(ANNOUNCED), _Mark)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return False
    return (mark.plan, mark.done) == (plan_id(plan), done)


def _all_there(plan: Plan, listed: Collection[str]) -> bool:
    """Whether every slice seems to have ended, judged by the names of objects."""
    return all(
        failure_key(each.start, is_whole=each.is_whole) in listed
        or _has_records(plan, each, listed)
        for each in plan.slices
    )


def _has_records(plan: Plan, slice_: Slice, listed: Collection[str]) -> bool:
    return all(key in listed for key in record_keys(plan, slice_))


def _lacks_a_slice(store: Store, plan: Plan) -> bool:
    """Whether a slice has certainly not ended: a few cheap checks, because each slice makes them.

    The last slices are checked first, because they are sent last. A worker writes its record before
    it checks, and all later checks see that record. So the worker that ends the last slice finds
    none missing, in whichever order slices end, and then lists the set.
    """
    return any(
        not store.has(record_keys(plan, each)[-1])
        and not store.has(failure_key(each.start, is_whole=each.is_whole))
        for each in plan.slices[: -_LOOKS - 1 : -1]
    )

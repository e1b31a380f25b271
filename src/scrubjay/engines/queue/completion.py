"""The step that ends a set: published and announced by whoever ends its last slice.

Nobody counts: what is done is what the store holds. A slice that can never be made leaves a note
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
"""Slices that are looked at, one by one, before all are listed. A look costs a twelfth of a page of
a list, and the first slice that is missing ends them."""


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    """That a set was announced, and how many of its slices were done then."""

    plan: str
    done: int
    time: str


class Ending(NamedTuple):
    """How a set has ended."""

    status: Literal["complete", "partial", "failed"]
    """`failed`: no slice could be made, so that there is no manifest."""
    error: str = ""
    """Why, if it failed."""


Announce: TypeAlias = Callable[[Ending], None]
"""Says to whoever listens that a set has ended."""


def finish(job: Job, announce: Announce, *, track_clock: TrackClock | None = None) -> Ending | None:
    """Publish a set and announce it, if every slice of it is done or noted as impossible.

    Whoever ends a slice calls this afterwards. Killed anywhere, it does the rest when it is called
    again; two at once make one manifest. It may announce twice, and never not at all. A set with
    nothing in it is not published, but announced all the same, so that nobody waits for it.

    Args:
        job: the set.
        announce: called after the set is published.
        track_clock: the clock of its tracks; None is the one that most players need.

    Returns:
        How it ended, if this call has announced it.
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
    """Publish a set; return how it ended, or None if it has another plan by now."""
    reasons = {index: note.message for index, note in progress.failed.items()}
    try:
        manifest = publish(
            job.plan, job.store, state=progress.state, reasons=reasons, clock=track_clock
        )
    except PlanReplacedError:
        return None
    return Ending(manifest.status)


def _given_up(job: Job, failed: Mapping[int, Failure]) -> Ending:
    """Write down why a set has nothing in it, as a run on one machine raises it."""
    first = failed[min(failed)]
    note_problem(job.store, job.source, error=first.error, message=first.message)
    return Ending("failed", first.message)


def is_announced(store: Store, plan: Plan, *, done: int) -> bool:
    """Whether a set was announced as it is: of this plan, with so many slices done."""
    try:
        mark = decode(store.get(ANNOUNCED), _Mark)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return False
    return (mark.plan, mark.done) == (plan_id(plan), done)


def _all_there(plan: Plan, listed: Collection[str]) -> bool:
    """Whether every slice seems to have ended: a look at names."""
    return all(
        failure_key(each.start) in listed or _has_records(plan, each, listed)
        for each in plan.slices
    )


def _has_records(plan: Plan, slice_: Slice, listed: Collection[str]) -> bool:
    return all(key in listed for key in record_keys(plan, slice_))


def _lacks_a_slice(store: Store, plan: Plan) -> bool:
    """Whether a slice has surely not ended: a few cheap looks, for they happen after each slice.

    The last slices are looked at first, for they are sent last. A record is written before its
    worker looks, and what was written is seen by all who look after that; so whoever ends the last
    slice finds none missing here, in whichever order they end, and then lists the set.
    """
    return any(
        not store.has(record_keys(plan, each)[-1]) and not store.has(failure_key(each.start))
        for each in plan.slices[: -_LOOKS - 1 : -1]
    )

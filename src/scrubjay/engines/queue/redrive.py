"""Sending what a set lacks once more, or publishing it as it is."""

from collections.abc import Sequence

from scrubjay.engines.base import Job
from scrubjay.engines.queue.beginning import send_missing
from scrubjay.engines.queue.notes import load_origin, note_failure
from scrubjay.engines.queue.orders import Transport, finish_order
from scrubjay.engines.queue.progress import progress_of
from scrubjay.errors import DestinationError, RenderError
from scrubjay.keys import PLAN
from scrubjay.model import Plan
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["redrive_set"]


def redrive_set(
    store: Store, transport: Transport, *, dry_run: bool = False, give_up: bool = False
) -> tuple[Plan, Sequence[int]]:
    """Send what a set lacks: slices without a record, and those that failed.

    Args:
        store: where the set lies.
        transport: takes orders to the workers.
        dry_run: only look.
        give_up: make gaps of the slices that are missing, so that the set is published as it is.

    Returns:
        The plan, and the indexes of the slices that were sent, or given up, or would be.

    Raises:
        DestinationError: there is no set that was begun for a queue.
        EngineError: they could not be sent.
    """
    plan, video = load_plan(store), load_origin(store)
    if plan is None:
        where = store.place.shown if store.place else "this store"
        raise DestinationError(f"{where} has no {PLAN}, so nothing says what a set there lacks")
    job = Job(plan, video, store)
    progress = progress_of(store, plan)
    indexes = progress.missing if give_up else progress.unfinished
    if dry_run:
        return plan, indexes
    if not give_up:
        send_missing(job, transport)
        return plan, indexes
    for index in indexes:
        note_failure(store, plan, plan.slices[index], RenderError("given up by hand"))
    transport.send([finish_order(job)])
    return plan, indexes

"""Sending the missing slices of a set again, or publishing it without them."""

from collections.abc import Sequence

from scrubjay.engines.base import Job
from scrubjay.engines.queue.beginning import send_missing
from scrubjay.engines.queue.notes import load_origin, note_given_up
from scrubjay.engines.queue.orders import Transport, finish_order
from scrubjay.engines.queue.progress import progress_of
from scrubjay.errors import DestinationError
from scrubjay.keys import PLAN
from scrubjay.model import Plan
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["redrive_set"]


def redrive_set(
    store: Store, transport: Transport, *, dry_run: bool = False, give_up: bool = False
) -> tuple[Plan, Sequence[int]]:
    """Send a set's missing slices: those without records, and those that failed.

    Args:
        store: where the set is.
        transport: sends orders to the workers.
        dry_run: send nothing.
        give_up: turn the missing slices into gaps, so that the set is published without them.

    Returns:
        The plan, and the indexes of the slices that were (or would be) sent or given up.

    Raises:
        DestinationError: the store has no set that was begun for a queue.
        EngineError: the orders could not be sent.
    """
    plan, video = load_plan(store), load_origin(store)
    if plan is None:
        where = store.place.shown if store.place else "this store"
        raise DestinationError(f"{where} has no {PLAN}, so the set's missing slices are unknown")
    job = Job(plan, video, store)
    progress = progress_of(store, plan)
    indexes = progress.missing if give_up else progress.unfinished
    if dry_run:
        return plan, indexes
    if not give_up:
        send_missing(job, transport)
        return plan, indexes
    note_given_up(store, plan, indexes)
    transport.send([finish_order(job)])
    return plan, indexes

"""Beginning or continuing a set: its plan is saved and its orders are sent."""

from collections.abc import Collection, Sequence

import msgspec

from scrubjay.documents.base import tracks_of
from scrubjay.engines.base import Job
from scrubjay.engines.queue.completion import is_announced
from scrubjay.engines.queue.notes import save_origin
from scrubjay.engines.queue.orders import Order, SliceOrder, Transport, finish_order, slice_order
from scrubjay.engines.queue.progress import progress_of, reopen
from scrubjay.errors import ObjectNotFoundError, StoreError, TransportError
from scrubjay.identity import plan_id
from scrubjay.keys import ANNOUNCED, FAILURES, MANIFEST, PLAN, PROBLEM, SENT, is_failure
from scrubjay.model import decode, encode
from scrubjay.sets.state import is_current, published_seconds_ago, save_plan
from scrubjay.sets.store import Store

__all__ = ["begin", "send_missing", "send_once", "take_back"]


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Note that the planner has sent a set's slices for an upload."""

    plan: str
    upload: str
    left: tuple[int, ...]
    """Indexes of the slices that the queue refused."""


def begin(job: Job) -> bool:
    """Save a plan, unless it is already saved; of several planners at once, one saves it.

    Returns:
        Whether this call saved it.

    Raises:
        StoreError: another planner saved a plan of another video or recipe at the same moment.
    """
    plan, video, store = job
    save_origin(store, video)  # the same video may have been uploaded as another version
    version = store.version(PLAN)
    if version and is_current(store, plan):
        return False
    notes = filter(is_failure, store.sizes(FAILURES))  # other files there are not ours
    store.delete([SENT, *notes])  # of an earlier upload, even with the same plan
    if save_plan(store, plan, documents=tracks_of(plan).values(), version=version):
        return True
    if is_current(store, plan):
        return False
    raise StoreError("another plan was saved at the same moment; try again")


def take_back(store: Store) -> None:
    """Withdraw a set whose video was replaced by a file that can have no previews.

    Without a plan, workers skip the set's remaining orders and publish nothing.
    """
    store.delete([PLAN, SENT, MANIFEST, ANNOUNCED])


def send_once(job: Job, transport: Transport, *, upload_id: str, is_new: bool) -> int:
    """Send the orders for an upload of a video.

    Another upload of the same video sends orders for all that is missing. A duplicate or a retry of
    the same upload sends only the orders that the queue refused before; the others are on their
    way.

    Args:
        job: the set.
        transport: sends the orders to the workers.
        upload_id: id of the upload; empty if it has none.
        is_new: whether the plan is new, so that nothing was sent for it yet.

    Returns:
        How many orders were sent.

    Raises:
        TransportError: some were refused; a retry of the upload sends those.
    """
    orders = _missing(job, among=None if is_new else _left(job, upload_id))
    if not orders:
        return 0
    try:
        transport.send(orders)
    except TransportError as error:
        left = [_index_of(orders[position]) for position in sorted(error.refused)]
        if left:
            _note_sent(job, upload_id, [index for index in left if index is not None])
        raise
    _note_sent(job, upload_id, [])
    return len(orders)


def send_missing(
    job: Job, transport: Transport, *, among: Collection[int] | None = None
) -> Sequence[Order]:
    """Send orders for missing slices, failed ones included, even if they were sent before.

    Args:
        job: the set.
        transport: sends the orders to the workers.
        among: indexes of the slices to consider; None means all.

    Returns:
        The orders that were sent.

    Raises:
        EngineError: not all orders could be sent.
    """
    orders = _missing(job, among=among)
    if orders:
        transport.send(orders)
    return orders


def _missing(job: Job, *, among: Collection[int] | None = None) -> list[Order]:
    """Return the orders for a set's missing slices, or for finishing it, after reopening the set.

    Args:
        job: the set.
        among: indexes of the slices to consider; None means all.
    """
    plan, _, store = job
    progress = progress_of(store, plan)
    indexes = [i for i in progress.unfinished if among is None or i in among]
    if indexes:
        reopen(store, plan, progress, indexes)
        return [slice_order(job, index) for index in indexes]
    done = len(progress.done)
    has_ended = published_seconds_ago(store, plan) is not None if done else store.has(PROBLEM)
    if progress.missing or (has_ended and is_announced(store, plan, done=done)):
        return []
    store.delete([ANNOUNCED])
    return [finish_order(job)]


def _index_of(order: Order) -> int | None:
    return order.index if isinstance(order, SliceOrder) else None


def _left(job: Job, upload_id: str) -> Collection[int] | None:
    """Return the slices that the same upload has yet to send; None for another upload."""
    try:
        sent = decode(job.store.get(SENT), _Sent)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None
    is_same = upload_id and (sent.plan, sent.upload) == (plan_id(job.plan), upload_id)
    return sent.left if is_same else None


def _note_sent(job: Job, upload_id: str, left: Sequence[int]) -> None:
    note = _Sent(plan=plan_id(job.plan), upload=upload_id, left=tuple(left))
    job.store.put(SENT, encode(note), "application/json")

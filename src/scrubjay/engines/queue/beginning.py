"""The step that begins a set, or goes on with it: its plan saved, its orders sent."""

from collections.abc import Collection, Sequence

import msgspec

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
    """That the planner has sent a set's slices, and for which upload."""

    plan: str
    upload: str
    left: tuple[int, ...]
    """Indexes of the slices that the queue refused."""


def begin(job: Job) -> bool:
    """Save a plan, unless it is there already; of several planners at once, one does.

    Returns:
        Whether it is new.

    Raises:
        StoreError: somebody else is planning another video or recipe at this moment.
    """
    plan, video, store = job
    save_origin(store, video)  # the same video may have come again as another version
    version = store.version(PLAN)
    if version and is_current(store, plan):
        return False
    notes = filter(is_failure, store.sizes(FAILURES))  # what else lies there is not ours
    store.delete([SENT, *notes])  # an earlier upload's, even of this very plan
    if save_plan(store, plan, version=version):
        return True
    if is_current(store, plan):
        return False
    raise StoreError("another plan was saved at the same moment; try again")


def take_back(store: Store) -> None:
    """Take back a set whose video has been replaced by something that can have none.

    Without a plan, workers that are still at it pass their slices over and publish nothing.
    """
    store.delete([PLAN, SENT, MANIFEST, ANNOUNCED])


def send_once(job: Job, transport: Transport, *, upload_id: str, is_new: bool) -> int:
    """Send the orders that an upload of a video asks for.

    Another upload of the same video sends all that is missing. The same upload once more, be it a
    duplicate or a retry, sends only what the queue refused the first time: the rest is on its way.

    Args:
        job: the set.
        transport: takes the orders to the workers.
        upload_id: names the upload; empty if it has no name.
        is_new: whether the plan is, so that nothing was sent for it yet.

    Returns:
        How many were sent.

    Raises:
        TransportError: some were refused; the same upload sends those.
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
    """Send orders for the slices that are missing, failed ones too, whoever has sent them before.

    Args:
        job: the set.
        transport: takes the orders to the workers.
        among: of which slices; None is all.

    Returns:
        What was sent.

    Raises:
        EngineError: not all could be sent.
    """
    orders = _missing(job, among=among)
    if orders:
        transport.send(orders)
    return orders


def _missing(job: Job, *, among: Collection[int] | None = None) -> list[Order]:
    """Return the orders for what a set lacks, made ready for it: slices, or else its end.

    Args:
        job: the set.
        among: of which slices; None is all.
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
    """Return which slices the same upload has left to send; None if it is another one."""
    try:
        sent = decode(job.store.get(SENT), _Sent)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None
    is_same = upload_id and (sent.plan, sent.upload) == (plan_id(job.plan), upload_id)
    return sent.left if is_same else None


def _note_sent(job: Job, upload_id: str, left: Sequence[int]) -> None:
    note = _Sent(plan=plan_id(job.plan), upload=upload_id, left=tuple(left))
    job.store.put(SENT, encode(note), "application/json")

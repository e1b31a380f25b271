"""The step that begins a set, or goes on with it: its plan saved, its slices on their way."""

from collections.abc import Collection, Sequence

import msgspec

from scrubjay.aws.completion import is_announced, reopen, save_origin, standing
from scrubjay.aws.events import Upload, slice_entries
from scrubjay.aws.transports import Transport
from scrubjay.errors import ObjectNotFoundError, StoreError, TransportError
from scrubjay.keys import ANNOUNCED, FAILURES, MANIFEST, PLAN, PROBLEM, SENT, is_failure
from scrubjay.model import Plan, decode, encode, encode_pretty
from scrubjay.planning import plan_id
from scrubjay.sets.state import load_plan, save_plan, withdraw
from scrubjay.sets.store import Store

__all__ = ["answer", "begin", "give_back", "hand_out"]


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    """That the planner has sent a set's slices, and for which news of the video."""

    plan: str
    news: str
    left: tuple[int, ...]
    """Indexes of the slices that nobody took."""


def begin(store: Store, plan: Plan, upload: Upload) -> bool:
    """Save a plan, unless it is there already; of several planners at once, one does.

    Returns:
        Whether it is new.

    Raises:
        StoreError: somebody else is planning another video or recipe at this moment.
    """
    save_origin(store, upload)  # the same video may have come again as another version
    before = load_plan(store)
    if before is not None and plan_id(before) == plan_id(plan):
        return False
    notes = filter(is_failure, store.sizes(FAILURES))  # what else lies there is not ours
    store.delete([PROBLEM, *notes])  # an earlier upload's, even of this very plan
    is_new = True
    if before is None:
        is_new = store.put_new(PLAN, encode_pretty(plan), "application/json")
    else:
        store.delete([SENT])
        save_plan(store, plan)
    found = load_plan(store)
    if found is None or plan_id(found) != plan_id(plan):
        raise StoreError("another plan was saved at the same moment; try again")
    if before is not None:
        withdraw(store)  # a worker may just have published the old plan's set
    return is_new


def give_back(store: Store) -> None:
    """Take back a set whose video has been replaced by something that can have none.

    Without a plan, workers that are still at it pass their slices over and publish nothing.
    """
    store.delete([PLAN, SENT])
    withdraw(store)


def answer(
    store: Store, plan: Plan, upload: Upload, transport: Transport, *, news: str, is_new: bool
) -> int:
    """Send the slices that news of a video ask for.

    Other news of the same video send all that is missing. The same news once more, be it a
    duplicate or a retry, send only what nobody took the first time: the rest is on its way.

    Args:
        store: where the set lies.
        plan: its plan.
        upload: the video.
        transport: takes the slices to the workers.
        news: names the news; empty if they have no name.
        is_new: whether the plan is, so that there is nothing yet.

    Returns:
        How many were sent.

    Raises:
        TransportError: some were refused; the same news send those.
    """
    wanted: Sequence[int] = range(len(plan.slices))
    if not is_new:
        wanted = _wanted(store, plan, among=_left(store, plan, news))
    if not wanted:
        return 0
    entries = slice_entries(plan, (plan.slices[index] for index in wanted), upload)
    try:
        transport.send(entries)
    except TransportError as error:
        sent = zip(wanted, entries, strict=True)
        left = [index for index, entry in sent if entry.detail in error.refused]
        if left:
            _note_sent(store, plan, news, left)
        raise
    _note_sent(store, plan, news, [])
    return len(wanted)


def hand_out(
    store: Store, plan: Plan, upload: Upload, transport: Transport, *, output: str = ""
) -> int:
    """Send the slices of a set that are missing, failed ones too, whoever has sent them before.

    Args:
        store: where the set lies.
        plan: its plan.
        upload: the video.
        transport: takes the slices to the workers.
        output: where the set lies, if not in the usual place.

    Returns:
        How many were sent.
    """
    wanted = _wanted(store, plan)
    parts = (plan.slices[index] for index in wanted)
    transport.send(slice_entries(plan, parts, upload, output=output))
    return len(wanted)


def _wanted(store: Store, plan: Plan, *, among: Collection[int] | None = None) -> list[int]:
    """Return which slices to send, made ready for it: those that are missing, and failed ones.

    If none is, but the set is not published and told of, one is sent all the same: its worker
    finds that it has ended, and finishes the set.

    Args:
        store: where the set lies.
        plan: its plan.
        among: of which slices; None is all.
    """
    done, failed, missing = standing(store, plan)
    wanted = [i for i in sorted({*missing, *failed}) if among is None or i in among]
    if wanted:
        reopen(store, plan, wanted)
        return wanted
    has_ended = (MANIFEST if done else PROBLEM) in store.sizes()
    if missing or (has_ended and is_announced(store, plan, done=len(done))):
        return []
    store.delete([ANNOUNCED])
    return [0]


def _left(store: Store, plan: Plan, news: str) -> Collection[int] | None:
    """Return which slices the same news have left to send; None if they are not the same."""
    try:
        sent = decode(store.get(SENT), _Sent)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None
    return sent.left if news and (sent.plan, sent.news) == (plan_id(plan), news) else None


def _note_sent(store: Store, plan: Plan, news: str, left: Sequence[int]) -> None:
    note = _Sent(plan=plan_id(plan), news=news, left=tuple(left))
    store.put(SENT, encode(note), "application/json")

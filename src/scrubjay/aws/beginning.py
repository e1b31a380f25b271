"""The step that begins a set, or goes on with it: its plan saved, its slices on their way."""

from collections.abc import Sequence

from scrubjay.aws.completion import is_announced, reopen, save_origin, standing
from scrubjay.aws.events import Upload, slice_entries
from scrubjay.aws.transports import Transport
from scrubjay.errors import StoreError
from scrubjay.model import Plan, encode_pretty
from scrubjay.naming import ANNOUNCED, MANIFEST, PLAN, PROBLEM
from scrubjay.planning import plan_id
from scrubjay.state import load_plan, save_plan
from scrubjay.store import Store

__all__ = ["begin", "hand_out"]


def begin(store: Store, plan: Plan, upload: Upload) -> bool:
    """Save a plan, unless it is there already; of several planners at once, one does.

    Returns:
        Whether it is new.

    Raises:
        StoreError: somebody else is planning another video or recipe at this moment.
    """
    store.delete([PROBLEM])  # an earlier upload's
    before = load_plan(store)
    if before is not None and plan_id(before) == plan_id(plan):
        return False
    save_origin(store, upload)
    if before is not None:
        save_plan(store, plan)
    else:
        store.put_new(PLAN, encode_pretty(plan), "application/json")
    found = load_plan(store)
    if found is None or plan_id(found) != plan_id(plan):
        raise StoreError("another plan was saved at the same moment; try again")
    return True


def hand_out(
    store: Store, plan: Plan, upload: Upload, transport: Transport, *, output: str = ""
) -> int:
    """Send the slices of a set that are missing, failed ones too.

    If none is, but the set is not published and told of, one is sent all the same: its worker
    finds it done, and finishes the set.

    Args:
        store: where the set lies.
        plan: its plan.
        upload: the video.
        transport: takes the slices to the workers.
        output: where the set lies, if not in the usual place.

    Returns:
        How many were sent.
    """
    done = standing(store, plan).done
    wanted: Sequence[int] = [part.index for part in plan.slices if part.index not in done]
    if wanted:
        reopen(store, plan, wanted)
    elif MANIFEST not in store.sizes() or not is_announced(store, plan, done=len(done)):
        store.delete([ANNOUNCED])
        wanted = [0]
    parts = (plan.slices[index] for index in wanted)
    transport.send(slice_entries(plan, parts, upload, output=output))
    return len(wanted)

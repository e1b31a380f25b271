"""What a destination remembers: the plan first, then a record for each finished slice.

There is no other state. A slice is done when its record is there, says what the plan demands, and
every artifact that it names is there in its full size.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from weakref import WeakKeyDictionary

import msgspec

from scrubjay.errors import (
    DestinationError,
    ObjectNotFoundError,
    PlanReplacedError,
    StoreError,
)
from scrubjay.keys import (
    ANNOUNCED,
    MANIFEST,
    PAGE,
    PLAN,
    PROBLEM,
    TOP_FOLDERS,
    WEBVTT,
    animation_key,
    frame_key,
    is_artifact,
    record_key,
    sheet_key,
)
from scrubjay.model import Plan, Slice, SliceRecord, decode, encode, encode_pretty
from scrubjay.planning import plan_id, targets_of
from scrubjay.sets.records import check_record
from scrubjay.sets.store import Sink, Store
from scrubjay.waiting import mapped

__all__ = [
    "check_is_free",
    "check_plan",
    "done_slices",
    "load_plan",
    "read_record",
    "save_plan",
    "save_record",
    "stale_keys",
    "withdraw",
]

_JSON = "application/json"


def load_plan(store: Store) -> Plan | None:
    """Return the plan that a destination was last used for, or None if it is new.

    Raises:
        DestinationError: there is a plan, but of another format.
    """
    try:
        return decode(store.get(PLAN), Plan)
    except ObjectNotFoundError:
        return None
    except msgspec.DecodeError as exc:
        raise DestinationError(
            f"{PLAN} in the destination is not a plan of this version: {exc}; "
            "use another destination, or empty this one to start over"
        ) from exc


def check_is_free(store: Store) -> None:
    """Check that a destination without a plan holds nothing that a set would be written over.

    Raises:
        DestinationError: it does.
    """
    documents = (key for key in (MANIFEST, PAGE, WEBVTT) if store.has(key))
    found = next(documents, None) or next(filter(is_artifact, _sizes(store)), None)
    if found and load_plan(store) is None:  # another run may have begun a set at this moment
        raise DestinationError(
            f"the destination holds {found}, and no plan that says Scrubjay made it; "
            "use another folder, or empty this one"
        )


def save_plan(store: Store, plan: Plan) -> None:
    """Begin a set, in place of any other."""
    withdraw(store)
    store.put(PLAN, encode_pretty(plan), _JSON)


def withdraw(store: Store) -> None:
    """Remove the documents, so that nothing unfinished looks finished."""
    store.delete([MANIFEST, PAGE, WEBVTT, ANNOUNCED, PROBLEM])


_CURRENT: "WeakKeyDictionary[Store, tuple[str, str]]" = WeakKeyDictionary()
"""Of each store, the plan's file as it was read last: its version, and the plan's id."""


def check_plan(store: Store, name: str) -> None:
    """Check that a destination still has the plan that is being carried out: one small look.

    A destination without any plan passes: slices can be rendered by themselves.

    Args:
        store: the destination.
        name: the plan's id.

    Raises:
        PlanReplacedError: another run has begun a set of another recipe or video.
    """
    version = store.version(PLAN)
    if not version:
        return
    seen = _CURRENT.get(store)
    if seen is None or seen[0] != version:
        plan = load_plan(store)
        seen = version, plan_id(plan) if plan else name
        _CURRENT[store] = seen
    if seen[1] != name:
        raise PlanReplacedError(
            "another run has begun a set of another recipe or video in this destination, so this "
            "one ends; give each a destination of its own"
        )


def save_record(store: Sink, record: SliceRecord) -> None:
    """Mark a slice as done; call it after its last artifact is stored.

    Raises:
        PlanReplacedError: the destination has another plan by now. If that one's slice was done,
            it is not any more: our pictures may lie over its own, so our record lies over its own.
    """
    key, data = record_key(record.start), encode(record)
    if isinstance(store, Store):
        try:
            check_plan(store, record.plan)
        except PlanReplacedError:
            with suppress(StoreError):  # where nothing may be deleted, the first error says more
                if store.has(key):
                    store.put(key, data, _JSON)
                    store.delete([MANIFEST])
            raise
    store.put(key, data, _JSON)


def read_record(store: Store, plan: Plan, part: Slice, *, name: str = "") -> SliceRecord | None:
    """Return a slice's record, if there is one and it says what the plan demands.

    Args:
        store: where it lies.
        plan: whose slice it is.
        part: the slice.
        name: the plan's id, if it is known already.
    """
    try:
        record = decode(store.get(record_key(part.start)), SliceRecord)
        check_record(plan, record, name=name)
    except (ObjectNotFoundError, ValueError):  # gone, or not ours: the slice is made again
        return None
    return record if record.index == part.index else None


def done_slices(store: Store, plan: Plan) -> dict[int, SliceRecord]:
    """Return the records of the plan's finished slices, by index."""
    sizes = _sizes(store)
    read = partial(read_record, store, plan, name=plan_id(plan))
    listed = [part for part in plan.slices if record_key(part.start) in sizes]
    records = mapped(read, listed, lanes=store.lanes)
    return {record.index: record for record in records if record and _is_whole(record, sizes)}


def stale_keys(store: Store, plan: Plan, records: Mapping[int, SliceRecord]) -> list[str]:
    """Return the keys of artifacts and records that no slice of the plan has written, or will.

    Args:
        store: where they lie.
        plan: what was to be made.
        records: of its finished slices, by index. What others left will be written over.
    """
    wanted = {key for record in records.values() for key in record.sizes()}
    wanted |= {record_key(part.start) for part in plan.slices}
    for part in plan.slices:
        if part.index not in records:
            wanted |= {animation_key(part.start), sheet_key(part.start)}
            wanted |= {frame_key(time) for time in targets_of(plan, part).frames}
    return sorted(key for key in _sizes(store) if is_artifact(key) and key not in wanted)


def _sizes(store: Store) -> dict[str, int]:
    """Return the sizes of what lies in our folders; what else is there need not be readable."""
    found = mapped(store.sizes, TOP_FOLDERS, lanes=store.lanes)
    return {key: size for sizes in found for key, size in sizes.items()}


def _is_whole(record: SliceRecord, sizes: Mapping[str, int]) -> bool:
    return all(sizes.get(key) == size for key, size in record.sizes().items())

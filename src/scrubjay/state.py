"""What a destination remembers: the plan first, then a record for each finished slice.

There is no other state. A slice is done when its record is there, belongs to the plan, and every
artifact that it names is there in its full size.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec

from scrubjay.errors import DestinationError, ObjectNotFoundError
from scrubjay.model import Plan, Slice, SliceRecord, decode, encode, encode_pretty
from scrubjay.naming import (
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
from scrubjay.planning import plan_id, targets_of
from scrubjay.store import Store

__all__ = [
    "check_is_free",
    "done_slices",
    "load_plan",
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


def save_record(store: Store, record: SliceRecord) -> None:
    """Mark a slice as done; call it after its last artifact is stored."""
    store.put(record_key(record.start), encode(record), _JSON)


def done_slices(store: Store, plan: Plan) -> dict[int, SliceRecord]:
    """Return the records of the plan's finished slices, by index."""
    sizes = _sizes(store)
    name = plan_id(plan)
    with ThreadPoolExecutor(store.lanes) as pool:
        records = list(pool.map(partial(_record, store, sizes), plan.slices))
    return {
        record.index: record
        for record in records
        if record and record.plan == name and _is_whole(record, sizes)
    }


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
    with ThreadPoolExecutor(store.lanes) as pool:
        found = pool.map(store.sizes, TOP_FOLDERS)
        return {key: size for sizes in found for key, size in sizes.items()}


def _record(store: Store, sizes: Mapping[str, int], part: Slice) -> SliceRecord | None:
    key = record_key(part.start)
    if key not in sizes:
        return None
    try:
        return decode(store.get(key), SliceRecord)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return None  # gone since, or not ours: the slice is made again


def _is_whole(record: SliceRecord, sizes: Mapping[str, int]) -> bool:
    return all(sizes.get(key) == size for key, size in record.sizes().items())

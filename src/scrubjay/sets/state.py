"""What a destination remembers: the current plan, and a record for each output of a slice.

There is no other state. An output of a slice is made when its record is there, says what the plan
requires, and every artifact that it names is there in its full size.
"""

from collections.abc import Iterable, Mapping
from itertools import product
from typing import NamedTuple

import msgspec

from scrubjay.errors import DestinationError, ObjectNotFoundError, PlanReplacedError
from scrubjay.identity import plan_id
from scrubjay.keys import (
    ANNOUNCED,
    MANIFEST,
    PAGE,
    PLAN,
    PROBLEM,
    artifact_folder,
    generation_key,
    record_folder,
    record_key,
)
from scrubjay.model import (
    Manifest,
    OutputId,
    OutputName,
    Plan,
    PlannedOutput,
    Slice,
    SliceRecord,
    decode,
    encode,
    encode_pretty,
)
from scrubjay.sets.records import check_record
from scrubjay.sets.store import Sink, Store
from scrubjay.waiting import mapped

__all__ = [
    "Generation",
    "Missing",
    "Records",
    "SetState",
    "all_folders",
    "check_is_current",
    "check_is_free",
    "folders_of",
    "is_current",
    "load_plan",
    "load_state",
    "published_seconds_ago",
    "read_record",
    "save_plan",
    "save_record",
    "withdraw",
]

_JSON = "application/json"

Missing = Mapping[int, tuple[str, ...]]
"""What is still to be made: the names of outputs, by the index of their slice, rising."""

Records = Mapping[int, Mapping[str, SliceRecord]]
"""What was made: records by slice index and output name."""


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """That a destination was used for a plan: where its artifacts lie."""

    format: str = "scrubjay-generation/1"
    outputs: Mapping[OutputName, OutputId]
    """The id of each output, by name."""


class SetState(NamedTuple):
    """How far a plan is carried out in a destination."""

    plan: Plan
    records: Records

    @property
    def missing(self) -> dict[int, tuple[str, ...]]:
        """The outputs still to be made, by slice index."""
        names = [output.name for output in self.plan.outputs]
        found = {
            slice_.index: tuple(
                name for name in names if name not in self.records.get(slice_.index, {})
            )
            for slice_ in self.plan.slices
        }
        return {index: missing for index, missing in found.items() if missing}

    @property
    def made(self) -> dict[int, Mapping[str, SliceRecord]]:
        """The records of the slices of which nothing is missing, by index."""
        count = len(self.plan.outputs)
        return {
            index: self.records[index]
            for index in sorted(self.records)
            if len(self.records[index]) == count
        }


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
    found = next((key for key in (MANIFEST, PAGE) if store.has(key)), None)
    if found and load_plan(store) is None:  # another run may have begun a set at this moment
        raise DestinationError(
            f"the destination contains {found}, but no plan of Scrubjay's; "
            "use another folder, or empty this one"
        )


def save_plan(store: Store, plan: Plan, *, version: str | None = None) -> bool:
    """Make a plan the current one. What an earlier one published stays until this one has.

    Args:
        store: the destination.
        plan: what is to be made.
        version: of the plan that may be replaced, empty if there must be none; None replaces any.

    Returns:
        Whether it was saved; if not, somebody else has just saved one.
    """
    generation = Generation(outputs={output.name: output.id for output in plan.outputs})
    store.put(generation_key(plan_id(plan)), encode(generation), _JSON)
    data = encode_pretty(plan)
    if version is None:
        store.put(PLAN, data, _JSON)
    elif not store.put_if(PLAN, data, _JSON, version):
        return False
    store.delete([ANNOUNCED, PROBLEM])
    return True


def published_seconds_ago(store: Store, plan: Plan) -> float | None:
    """Return for how long the manifest has been that of a plan; None if it is not."""
    try:
        if decode(store.get(MANIFEST), Manifest).plan == plan_id(plan):
            return store.age(MANIFEST)
    except (ObjectNotFoundError, msgspec.DecodeError):
        pass
    return None


def withdraw(store: Store, plan: Plan) -> None:
    """Remove a plan's manifest, so that an incomplete set does not look complete.

    An earlier plan's stays, and so does one that is published at this moment.
    """
    version = store.version(MANIFEST)
    if version and published_seconds_ago(store, plan) is not None:
        store.delete_if(MANIFEST, version)
    store.delete([ANNOUNCED, PROBLEM])


def is_current(store: Store, plan: Plan) -> bool:
    """Whether a plan is the one that a destination has now."""
    current = load_plan(store)
    return current is not None and plan_id(current) == plan_id(plan)


def check_is_current(store: Store, plan: Plan) -> None:
    """Check that a destination still has the plan that is being carried out.

    A destination without any plan passes: slices can be rendered by themselves.

    Raises:
        PlanReplacedError: another run has begun a set of another recipe or video.
    """
    current = load_plan(store)
    if current is not None and plan_id(current) != plan_id(plan):
        raise PlanReplacedError(
            "another run has begun a set of another recipe or video in this destination, so this "
            "one publishes nothing; give each its own destination"
        )


def save_record(store: Sink, output: PlannedOutput, record: SliceRecord) -> None:
    """Mark an output of a slice as made; call it after its last artifact is stored."""
    store.put(record_key(output.id, record.start, record.end), encode(record), _JSON)


def read_record(
    store: Store, plan: Plan, output: PlannedOutput, slice_: Slice
) -> SliceRecord | None:
    """Return the record of a slice's output, if there is one that says what the plan requires."""
    try:
        key = record_key(output.id, slice_.start, slice_.end)
        record = decode(store.get(key), SliceRecord)
        check_record(plan, output, slice_, record)
    except (ObjectNotFoundError, ValueError):  # gone, or not ours: the slice is made again
        return None
    return record


def load_state(store: Store, plan: Plan, known: Records | None = None) -> SetState:
    """Return how far a plan is carried out.

    Args:
        store: the destination.
        plan: what is to be made.
        known: records that were read or written before, and are not read again; whether their
            artifacts are there is.
    """
    known = known or {}
    sizes = sizes_of(store, plan.outputs)

    def found(place: tuple[Slice, PlannedOutput]) -> SliceRecord | None:
        slice_, output = place
        if record_key(output.id, slice_.start, slice_.end) not in sizes:
            return None
        earlier = known.get(slice_.index, {}).get(output.name)
        record = earlier or read_record(store, plan, output, slice_)
        return record if record and _is_whole(record, sizes) else None

    places = list(product(plan.slices, plan.outputs))
    records: dict[int, dict[str, SliceRecord]] = {}
    for (slice_, output), record in zip(
        places, mapped(found, places, lanes=store.lanes), strict=True
    ):
        if record:
            records.setdefault(slice_.index, {})[output.name] = record
    return SetState(plan, records)


def folders_of(name: str, id_: str) -> tuple[str, str]:
    """Return the folders of one output: its artifacts', and its records'."""
    return artifact_folder(name, id_), record_folder(id_)


def all_folders(outputs: Iterable[PlannedOutput]) -> list[str]:
    """Return every folder that the slices of outputs write into."""
    return [folder for each in outputs for folder in folders_of(each.name, each.id)]


def sizes_of(store: Store, outputs: Iterable[PlannedOutput]) -> dict[str, int]:
    """Return the sizes of what is in outputs' folders; the rest need not be readable."""
    found = mapped(store.sizes, all_folders(outputs), lanes=store.lanes)
    return {key: size for sizes in found for key, size in sizes.items()}


def _is_whole(record: SliceRecord, sizes: Mapping[str, int]) -> bool:
    return all(sizes.get(key) == size for key, size in record.sizes().items())

"""The state of a destination: the current plan, and a record for each output of a slice.

There is no other state. An output of a slice is made if its record exists and agrees with the plan,
and every artifact that it names exists in full size.
"""

from collections.abc import Container, Iterable, Mapping
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
    VIDEO,
    artifact_folder,
    generation_key,
    record_folder,
    record_key,
)
from scrubjay.model import (
    Manifest,
    Plan,
    PlannedOutput,
    Slice,
    SliceRecord,
    decode,
    encode,
    encode_pretty,
)
from scrubjay.sets.generations import Generation
from scrubjay.sets.records import check_record
from scrubjay.sets.store import Sink, Store
from scrubjay.waiting import mapped

__all__ = [
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
"""Outputs that are not made yet: their names by slice index, rising."""

Records = Mapping[int, Mapping[str, SliceRecord]]
"""Records of what was made, by slice index and output name."""


class SetState(NamedTuple):
    """What a destination has of a plan."""

    plan: Plan
    records: Records

    @property
    def missing(self) -> dict[int, tuple[str, ...]]:
        """The outputs that are not made yet, by slice index."""
        names: dict[bool, list[str]] = {}
        for output in self.plan.outputs:
            names.setdefault(output.is_whole, []).append(output.name)
        found = {
            slice_.index: tuple(
                name
                for name in names[slice_.is_whole]
                if name not in self.records.get(slice_.index, {})
            )
            for slice_ in self.plan.slices
        }
        return {index: missing for index, missing in found.items() if missing}

    @property
    def made(self) -> dict[int, Mapping[str, SliceRecord]]:
        """The records of complete slices, by index."""
        missing = self.missing
        return {
            index: self.records[index] for index in sorted(self.records) if index not in missing
        }


def load_plan(store: Store) -> Plan | None:
    """Return the current plan of a destination, or None if it has none.

    Raises:
        DestinationError: the plan has another format.
    """
    try:
        return decode(store.get(PLAN), Plan)
    except ObjectNotFoundError:
        return None
    except msgspec.DecodeError as exc:
        raise DestinationError(
            f"{PLAN} in the destination is not a plan of this version of Scrubjay: {exc}; "
            "use another destination, or empty this one to start over"
        ) from exc


def check_is_free(store: Store) -> None:
    """Check that a destination without a plan contains no files that a set would overwrite.

    Raises:
        DestinationError: it contains one.
    """
    found = next((key for key in (MANIFEST, PAGE) if store.has(key)), None)
    if found and load_plan(store) is None:  # another run may have begun a set at this moment
        raise DestinationError(
            f"the destination contains {found}, which is not Scrubjay's (there is no plan); "
            "use another folder, or empty this one"
        )


def save_plan(
    store: Store, plan: Plan, *, documents: Iterable[str] = (), version: str | None = None
) -> bool:
    """Make a plan the current one. The published set of an earlier plan stays until it is replaced.

    Args:
        store: the destination.
        plan: the plan to save.
        documents: the keys of its documents.
        version: version of the plan to replace, empty if there must be none; None replaces any.

    Returns:
        Whether the plan was saved; if not, another run has just saved one.
    """
    generation = Generation(
        outputs={output.name: output.id for output in plan.outputs}, documents=tuple(documents)
    )
    store.put(generation_key(plan_id(plan)), encode(generation), _JSON)
    store.delete([VIDEO])  # before: it speaks of the current plan
    data = encode_pretty(plan)
    if version is None:
        store.put(PLAN, data, _JSON)
    elif not store.put_if(PLAN, data, _JSON, version):
        return False
    store.delete([ANNOUNCED, PROBLEM])
    return True


def published_seconds_ago(store: Store, plan: Plan) -> float | None:
    """Return how long ago a plan's set was published; None if the manifest is not the plan's."""
    try:
        if decode(store.get(MANIFEST), Manifest).plan == plan_id(plan):
            return store.age(MANIFEST)
    except (ObjectNotFoundError, msgspec.DecodeError):
        pass
    return None


def withdraw(store: Store, plan: Plan) -> None:
    """Remove a plan's manifest, so that an incomplete set does not look complete.

    The manifest of an earlier plan stays, and so does one that is published at this moment.
    """
    version = store.version(MANIFEST)
    if version and published_seconds_ago(store, plan) is not None:
        store.delete_if(MANIFEST, version)
    store.delete([ANNOUNCED, PROBLEM, VIDEO])


def is_current(store: Store, plan: Plan) -> bool:
    """Whether a plan is the current one of a destination."""
    current = load_plan(store)
    return current is not None and plan_id(current) == plan_id(plan)


def check_is_current(store: Store, plan: Plan) -> None:
    """Check that a plan is still the current one of a destination.

    A destination without a plan passes, because slices can be rendered by themselves.

    Raises:
        PlanReplacedError: another run has begun a set of another recipe or video.
    """
    current = load_plan(store)
    if current is not None and plan_id(current) != plan_id(plan):
        raise PlanReplacedError(
            "another run has begun a set of another recipe or video in this destination, so this "
            "run published nothing; use a destination for each"
        )


def save_record(store: Sink, output: PlannedOutput, record: SliceRecord) -> None:
    """Mark an output of a slice as made; call it after its last artifact is stored."""
    store.put(record_key(output.id, record.start, record.end), encode(record), _JSON)


def read_record(
    store: Store, plan: Plan, output: PlannedOutput, slice_: Slice
) -> SliceRecord | None:
    """Return the record of a slice's output, if there is one that agrees with the plan."""
    try:
        key = record_key(output.id, slice_.start, slice_.end)
        record = decode(store.get(key), SliceRecord)
        check_record(plan, output, slice_, record)
    except (ObjectNotFoundError, ValueError):  # missing or invalid: the output is made again
        return None
    return record


def load_state(
    store: Store,
    plan: Plan,
    known: Records | None = None,
    *,
    among: Container[int] | None = None,
) -> SetState:
    """Return what a destination has of a plan.

    Args:
        store: the destination.
        plan: the plan.
        known: records that were read or written before. They are not read again, but their
            artifacts are checked.
        among: indexes of the slices whose records are read; None means all. The others count as
            missing.
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

    outputs = {slice_.is_whole: plan.outputs_of(slice_) for slice_ in plan.slices}
    slices = [each for each in plan.slices if among is None or each.index in among]
    places = [(slice_, output) for slice_ in slices for output in outputs[slice_.is_whole]]
    records: dict[int, dict[str, SliceRecord]] = {}
    for (slice_, output), record in zip(
        places, mapped(found, places, lanes=store.lanes), strict=True
    ):
        if record:
            records.setdefault(slice_.index, {})[output.name] = record
    return SetState(plan, records)


def folders_of(name: str, id_: str) -> tuple[str, str]:
    """Return the folders of one output: of its artifacts and of its records."""
    return artifact_folder(name, id_), record_folder(id_)


def all_folders(outputs: Iterable[PlannedOutput]) -> list[str]:
    """Return every folder of some outputs."""
    return [folder for each in outputs for folder in folders_of(each.name, each.id)]


def sizes_of(store: Store, outputs: Iterable[PlannedOutput]) -> dict[str, int]:
    """Return the sizes of all objects in the folders of outputs; no other folder is read."""
    found = mapped(store.sizes, all_folders(outputs), lanes=store.lanes)
    return {key: size for sizes in found for key, size in sizes.items()}


def _is_whole(record: SliceRecord, sizes: Mapping[str, int]) -> bool:
    return all(sizes.get(key) == size for key, size in record.sizes().items())

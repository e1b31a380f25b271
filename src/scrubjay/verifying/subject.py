"""What is verified: one set as it lies in its destination, read once."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import ceil
from typing import NamedTuple

import msgspec

from scrubjay.errors import ObjectNotFoundError
from scrubjay.identity import plan_id
from scrubjay.keys import GENERATIONS, MANIFEST, PLAN, generation_key, record_key
from scrubjay.model import Artifact, Manifest, Plan, PlannedOutput, SliceRecord, decode
from scrubjay.sets.generations import Generation
from scrubjay.sets.store import Store
from scrubjay.verifying.expected import Due, due_in
from scrubjay.verifying.report import Finding
from scrubjay.waiting import mapped

__all__ = ["MOST_BYTES", "Subject", "load"]

MOST_BYTES = 1 << 30
"""Most bytes of an object that is read: no set has a larger one."""

_SMALL_BYTES = 1 << 27
"""Most bytes of a plan, a manifest or a record."""


_MOST_PICTURES = 10_000_000
"""Most pictures of a set that is looked at: two days of video in every format have fewer."""


class Placed(NamedTuple):
    """An object that the plan has, and its description in a record."""

    due: Due
    artifact: Artifact | None
    """None if there is no record of it, as in a gap."""


class Subject:
    """One set as it lies in its destination.

    Args:
        store: the destination.
        sizes: the size of every object of the set, by key.
        plan: the current plan.
        records: those that could be read, by slice index and output name.
        manifest: the published manifest; None if there is none that can be read.
        generations: what the destination was used for, by the key of each note.
    """

    def __init__(
        self,
        store: Store,
        sizes: Mapping[str, int],
        plan: Plan,
        records: Mapping[tuple[int, str], SliceRecord],
        manifest: Manifest | None,
        generations: Mapping[str, Generation],
    ) -> None:
        self.store = store
        self.sizes = sizes
        self.plan = plan
        self.records = records
        self.manifest = manifest
        self.generations = generations
        self._last: tuple[str, bytes] = ("", b"")

    @cached_property
    def gaps(self) -> frozenset[int]:
        """The indexes of slices that the manifest calls failed; of the whole as well."""
        if self.manifest is None:
            return frozenset()
        failed = {each.index for each in self.manifest.slices if each.status == "failed"}
        whole = self.plan.whole
        if whole and self.manifest.whole and self.manifest.whole.status == "failed":
            failed.add(whole.index)
        return frozenset(failed)

    @property
    def origin(self) -> Fraction:
        """The time, in seconds, on the clock of the tracks at which previews begin."""
        is_media = self.manifest is not None and self.manifest.track_clock == "media"
        return self.plan.media.origin if is_media else Fraction(0)

    def placed(self, output: PlannedOutput) -> Iterator[Placed]:
        """Yield what an output has by its plan, rising in time, with what is recorded of it."""
        for slice_ in self.plan.slices:
            record = self.records.get((slice_.index, output.name))
            known = {each.key: each for each in record.artifacts} if record else {}
            for due in due_in(self.plan, output, slice_):
                is_gap = slice_.index in self.gaps
                yield Placed(due, None if is_gap else known.get(due.key))

    def read(self, key: str) -> bytes:
        """Return an object's bytes; the last one is kept.

        Raises:
            ObjectNotFoundError: it does not exist, or is larger than any object of a set.
        """
        if self._last[0] != key:
            if not 0 <= self.sizes.get(key, -1) <= MOST_BYTES:
                raise ObjectNotFoundError(f"{key} does not exist, or is too large")
            self._last = key, self.store.get(key)
        return self._last[1]


def load(store: Store, sizes: Mapping[str, int]) -> tuple[Subject | None, Sequence[Finding]]:
    """Read a set; return it, and what is wrong with its own notes.

    Args:
        store: the destination.
        sizes: the size of every object of the set, by key.
    """
    findings: list[Finding] = []

    def read(key: str, kind: type[msgspec.Struct], check: str) -> object:
        """Read one of the set's own notes."""
        if key not in sizes:
            findings.append(_wrong(check, key, "it is missing"))
            return None
        try:
            return decode(_small(store, key, sizes), kind)
        except (msgspec.DecodeError, ObjectNotFoundError) as error:
            findings.append(_wrong(check, key, f"it cannot be read: {error}"))
            return None

    plan = read(PLAN, Plan, "plan")
    if not isinstance(plan, Plan):
        return None, findings
    if (pictures := _pictures_of(plan)) > _MOST_PICTURES:
        message = f"it has {pictures} pictures, more than any set, so it is not looked at"
        return None, [*findings, _wrong("plan", PLAN, message)]
    manifest = read(MANIFEST, Manifest, "manifest")
    generations = {
        key: note
        for key in sorted(sizes)
        if key.startswith(GENERATIONS)
        and isinstance(note := read(key, Generation, "plan"), Generation)
    }
    own = generation_key(plan_id(plan))
    if own not in sizes:
        findings.append(_wrong("plan", own, "the note that this plan was begun is missing"))
    subject = Subject(
        store,
        sizes,
        plan,
        _records(store, sizes, plan, findings),
        manifest if isinstance(manifest, Manifest) else None,
        generations,
    )
    return subject, findings


def _pictures_of(plan: Plan) -> int:
    """Return about how many pictures a plan has: the numbers in a stranger's plan may be any."""
    per_output = (ceil(plan.media.duration / output.spacing) for output in plan.outputs)
    return len(plan.slices) * len(plan.outputs) + sum(per_output)


def _records(
    store: Store, sizes: Mapping[str, int], plan: Plan, findings: list[Finding]
) -> dict[tuple[int, str], SliceRecord]:
    """Read the records that are there."""
    places = [
        ((slice_.index, output.name), key)
        for slice_ in plan.slices
        for output in plan.outputs_of(slice_)
        if (key := record_key(output.id, slice_.start, slice_.end)) in sizes
    ]

    def read(place: tuple[tuple[int, str], str]) -> SliceRecord | Finding:
        _, key = place
        try:
            return decode(_small(store, key, sizes), SliceRecord)
        except (msgspec.DecodeError, ObjectNotFoundError) as error:
            return _wrong("record", key, f"it cannot be read: {error}")

    found: dict[tuple[int, str], SliceRecord] = {}
    for (at, _), record in zip(places, mapped(read, places, lanes=store.lanes), strict=True):
        if isinstance(record, Finding):
            findings.append(record)
        else:
            found[at] = record
    return found


def _small(store: Store, key: str, sizes: Mapping[str, int]) -> bytes:
    if sizes[key] > _SMALL_BYTES:
        raise ObjectNotFoundError(f"it has {sizes[key]} bytes, more than any")
    return store.get(key)


def _wrong(check: str, key: str, message: str) -> Finding:
    return Finding(check=check, key=key, message=message, expected="", found="")

"""The progress of a set, as its store says; there is no counter."""

from collections.abc import Collection, Iterable
from functools import partial
from typing import NamedTuple

from scrubjay.engines.queue.notes import Failure, failure_of
from scrubjay.keys import FAILURES, failure_key, record_key
from scrubjay.model import Plan, Slice
from scrubjay.planning import chosen_outputs
from scrubjay.sets.state import SetState, load_state, withdraw
from scrubjay.sets.store import Store
from scrubjay.waiting import mapped

__all__ = ["STATE", "Progress", "progress_of", "record_keys", "reopen"]

STATE = ".scrubjay/"
"""The folder of a set's records and notes."""


class Progress(NamedTuple):
    """The progress of a set."""

    state: SetState
    failed: dict[int, Failure]
    """Slices that can never be made, by index."""

    @property
    def done(self) -> Collection[int]:
        """Slices of which nothing is missing."""
        return self.state.made.keys()

    @property
    def missing(self) -> list[int]:
        """Slices of which something is missing, and may still be made."""
        return [index for index in self.state.missing if index not in self.failed]

    @property
    def unfinished(self) -> list[int]:
        """Slices that are not done: missing and failed ones."""
        return list(self.state.missing)


def progress_of(store: Store, plan: Plan) -> Progress:
    """Return the progress of a set: this reads every record and compares every artifact's size."""
    state = load_state(store, plan)
    listed = store.sizes(FAILURES)
    rest = [plan.slices[index] for index in state.missing]
    noted = [each for each in rest if failure_key(each.start, is_whole=each.is_whole) in listed]
    notes = mapped(partial(failure_of, store, plan), noted, lanes=store.lanes)
    return Progress(state, {note.index: note for note in notes if note})


def record_keys(plan: Plan, slice_: Slice) -> list[str]:
    """Return the keys of a slice's records."""
    return [record_key(output.id, slice_.start, slice_.end) for output in plan.outputs_of(slice_)]


def reopen(store: Store, plan: Plan, progress: Progress, indexes: Iterable[int]) -> None:
    """Prepare for slices to be made again: remove the manifest, notes and broken records.

    A worker skips an output that has a record, so the record of an output whose artifacts are gone
    is removed too.
    """
    missing = progress.state.missing
    keys: set[str] = set()
    for slice_ in (plan.slices[index] for index in indexes):
        keys.add(failure_key(slice_.start, is_whole=slice_.is_whole))
        for output in chosen_outputs(plan, missing.get(slice_.index, ())):
            keys.add(record_key(output.id, slice_.start, slice_.end))
    store.delete(
        keys & store.sizes(STATE).keys()
    )  # first, so that no worker finds the set complete
    withdraw(store, plan)

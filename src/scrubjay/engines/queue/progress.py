"""How far a set is, as its store says: nobody counts."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from scrubjay.engines.queue.notes import Failure, failure_of
from scrubjay.keys import FAILURES, failure_key, record_key
from scrubjay.model import Plan, SliceRecord
from scrubjay.sets.state import done_slices, withdraw
from scrubjay.sets.store import Store

__all__ = ["STATE", "Progress", "progress_of", "reopen"]

STATE = ".scrubjay/"
"""The folder of a set's records and notes."""


class Progress(NamedTuple):
    """How far a set is, by slice index."""

    done: dict[int, SliceRecord]
    failed: dict[int, Failure]
    """Slices that can never be made."""
    missing: list[int]

    @property
    def unfinished(self) -> list[int]:
        """Slices that are not done: missing and failed ones."""
        return sorted({*self.missing, *self.failed})


def progress_of(store: Store, plan: Plan) -> Progress:
    """Look how far a set is: every record is read, and every artifact's size compared."""
    done = done_slices(store, plan)
    listed = store.sizes(FAILURES)
    rest = [each for each in plan.slices if each.index not in done]
    noted = [each for each in rest if failure_key(each.start) in listed]
    with ThreadPoolExecutor(store.lanes) as pool:
        notes = list(pool.map(partial(failure_of, store, plan), noted))
    failed = {note.index: note for note in notes if note}
    return Progress(done, failed, [each.index for each in rest if each.index not in failed])


def reopen(store: Store, plan: Plan, indexes: Iterable[int]) -> None:
    """Make ready for slices to be made again: take back documents, notes and broken records.

    A worker leaves a slice alone whose record is there; so that of a slice whose pictures are
    gone must go too.
    """
    starts = [plan.slices[index].start for index in indexes]
    keys = {key for start in starts for key in (record_key(start), failure_key(start))}
    store.delete(keys & store.sizes(STATE).keys())  # first: nobody may find the set whole now
    withdraw(store)

"""The status of a set, for people and programs."""

import msgspec

from scrubjay.engines.queue.notes import problem_of
from scrubjay.engines.queue.progress import Progress, progress_of
from scrubjay.errors import DestinationError
from scrubjay.keys import ANNOUNCED, PLAN, PROBLEM
from scrubjay.sets.state import load_plan, published_seconds_ago
from scrubjay.sets.store import Store

__all__ = ["SetStatus", "set_status"]


class SetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a set."""

    set: str
    slices: int
    done: int
    failed: dict[int, str]
    """The reasons, by slice index."""
    missing: list[int]
    published: bool
    announced: bool
    problem: str = ""
    """Why there are no previews at all."""


def set_status(store: Store) -> SetStatus:
    """Return the status of a set.

    Raises:
        DestinationError: the store has no set.
        StoreError: the set could not be read.
    """
    where = store.place.shown if store.place else "this store"
    present = store.sizes().keys()
    plan = load_plan(store)
    if plan is None and PROBLEM not in present:
        raise DestinationError(f"{where} has neither {PLAN} nor {PROBLEM}: no set was begun there")
    progress = progress_of(store, plan) if plan else None
    return SetStatus(
        set=where,
        slices=len(plan.slices) if plan else 0,
        done=len(progress.done) if progress else 0,
        failed=_reasons(progress) if progress else {},
        missing=progress.missing if progress else [],
        published=plan is not None and published_seconds_ago(store, plan) is not None,
        announced=ANNOUNCED in present,
        problem=problem_of(store),
    )


def _reasons(progress: Progress) -> dict[int, str]:
    return {index: note.message for index, note in progress.failed.items()}

"""The note of what making a set used."""

from collections.abc import Iterable

import msgspec

from scrubjay.errors import ObjectNotFoundError
from scrubjay.identity import plan_id
from scrubjay.keys import USAGE
from scrubjay.model import Plan, SliceUsage, Usage, decode, encode
from scrubjay.sets.store import Store

__all__ = ["add_usage", "load_usage"]

_MOST_TRIES = 5
"""How often the note is written again because another run wrote at the same moment."""


def load_usage(store: Store, plan: Plan) -> Usage:
    """Return what making the set of a plan used, as far as that is noted.

    Raises:
        StoreError: the note could not be read.
    """
    own = plan_id(plan)
    try:
        found = decode(store.get(USAGE), Usage)
    except (ObjectNotFoundError, msgspec.DecodeError):
        return Usage(plan=own)
    return found if found.plan == own else Usage(plan=own)


def add_usage(store: Store, plan: Plan, slices: Iterable[SliceUsage]) -> None:
    """Note what slices used, instead of what earlier attempts at them did.

    It is a note for people: if other runs keep writing it at the same moments, theirs stays.

    Raises:
        StoreError: the note could not be written.
    """
    new = {each.index: each for each in slices}
    for _ in range(_MOST_TRIES):
        version = store.version(USAGE)
        known = {each.index: each for each in load_usage(store, plan).slices}
        merged = known | new
        usage = Usage(plan=plan_id(plan), slices=tuple(merged[index] for index in sorted(merged)))
        if store.put_if(USAGE, encode(usage), "application/json", version):
            return

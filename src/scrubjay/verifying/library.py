"""The sets below a destination: every folder that has a manifest or a plan."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.errors import DestinationError
from scrubjay.keys import MANIFEST, PLAN
from scrubjay.sets.store import Store

__all__ = ["Found", "sets_below"]

_STATE = PLAN.partition("/")[0]


class Found(NamedTuple):
    """A set of a library."""

    shown: str
    """Its address, for people; empty for one in memory."""
    store: Store
    """The set's own destination."""
    inner: frozenset[str]
    """Folders in it, relative, that are or contain sets of their own."""


def sets_below(store: Store) -> Iterator[Found]:
    """Yield every set at and below a destination, one folder after another.

    Raises:
        DestinationError: it has none.
        StoreError: it cannot be listed.
    """
    count = 0
    for found in _below(store, ""):
        count += 1
        yield found
    if not count:
        where = store.place.shown if store.place else "the destination"
        raise DestinationError(
            f"{where} contains no previews: no folder in it has {MANIFEST} or {PLAN}"
        )


def _below(store: Store, folder: str) -> Iterator[Found]:
    files, folders = store.children(folder)
    own = _is_set(files, folders)
    inner: list[str] = []
    for name in sorted(folders):
        if name != _STATE:
            found = list(_below(store, f"{folder}{name}/"))
            yield from found
            inner += [f"{name}/"] if found else []
    if own:
        place = store.place
        if place is not None and folder:
            place = replace(place, address=f"{place.address.rstrip('/')}/{folder.rstrip('/')}")
        shown = place.shown if place else ""
        set_store = store if place is None or not folder else Store.open(place)
        yield Found(shown, set_store, frozenset(inner))


def _is_set(files: Collection[str], folders: Collection[str]) -> bool:
    return MANIFEST in files or _STATE in folders

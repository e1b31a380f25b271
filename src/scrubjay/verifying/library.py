"""The sets below a destination: every folder that has a manifest, or notes of an unfinished set."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.errors import DestinationError
from scrubjay.keys import MANIFEST, PLAN, VIDEO
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

    def sizes(self) -> dict[str, int]:
        """Return the size of every object of the set, by key; not of the sets in it."""
        inner = tuple(self.inner)
        return {key: size for key, size in self.store.sizes().items() if not key.startswith(inner)}


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
    own = MANIFEST in files or (_STATE in folders and _is_begun(store, folder))
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


def _is_begun(store: Store, folder: str) -> bool:
    """Whether a folder has notes of a set, and more than why its video has none."""
    files, folders = store.children(f"{folder}{_STATE}/")
    return bool(folders) or any(f"{_STATE}/{name}" != VIDEO for name in files)

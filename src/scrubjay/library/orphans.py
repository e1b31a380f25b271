"""Sets whose video has moved or is gone."""

from contextlib import suppress
from pathlib import Path

from scrubjay.keys import MANIFEST, PLAN, is_ours
from scrubjay.places.place import Place
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["move_set", "remove_set"]


def move_set(old: Place, new: Place) -> bool:
    """Rename the folder of a set; return whether it was done.

    Only a folder on one file system can be renamed, and nothing is replaced. Elsewhere the set is
    made again. Where upper and lower case are the same, both names may be those of one folder.
    """
    if not (old.is_local and new.is_local):
        return False
    source, target = Path(old.address), Path(new.address)
    try:
        if target.exists() and not target.samefile(source):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    except OSError:
        return False
    return True


def remove_set(place: Place) -> int:
    """Remove a set, and no other file; return how many objects were removed.

    The manifest goes first, so that no reader takes the rest for a set, and the plan last, so that
    a removal that was interrupted can be continued.

    Raises:
        StoreError: an object could not be removed.
    """
    store = Store.open(place)
    if load_plan(store) is None:
        return 0
    keys = [key for key in store.sizes() if is_ours(key)]
    store.delete([MANIFEST])
    store.delete(key for key in keys if key not in {MANIFEST, PLAN})
    store.delete([PLAN])
    store.remove_empty({key.rpartition("/")[0] for key in keys} - {""})
    if place.is_local:
        with suppress(OSError):  # it has other files
            Path(place.address).rmdir()
    return len(keys)

"""Removing the artifacts and records of earlier plans."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from scrubjay.errors import ObjectNotFoundError
from scrubjay.identity import plan_id
from scrubjay.keys import GENERATIONS, generation_key, is_document, is_ours
from scrubjay.model import Plan, decode
from scrubjay.sets.generations import Generation
from scrubjay.sets.state import folders_of, is_current
from scrubjay.sets.store import Store
from scrubjay.waiting import mapped

__all__ = ["prune_earlier", "stale_keys"]


def stale_keys(store: Store, plan: Plan) -> list[str]:
    """Return the keys of the artifacts and records of earlier plans.

    Only folders that Scrubjay's own notes name are considered, and none of the current plan.
    """
    return _keys_of(store, _leftovers(store, plan))


def prune_earlier(store: Store, plan: Plan) -> int:
    """Remove the artifacts and records of earlier plans, and return how many there were.

    Call it only when the plan's set is published. If a newer plan has begun since, nothing is
    removed, because that plan may use what an earlier one made.

    Raises:
        StoreError: an object could not be removed; call it again.
    """
    leftovers = _leftovers(store, plan)
    keys = _keys_of(store, leftovers)
    if not is_current(store, plan):
        return 0
    store.delete(keys)
    store.sweep([folder.rstrip("/") for folder in leftovers.folders], is_ours)
    store.remove_empty(leftovers.folders)
    store.delete(leftovers.notes)  # last, because they name the folders
    return len(keys)


class _Leftovers(NamedTuple):
    folders: Sequence[str]
    documents: Sequence[str]
    notes: Sequence[str]


def _keys_of(store: Store, leftovers: _Leftovers) -> list[str]:
    found = mapped(store.sizes, leftovers.folders, lanes=store.lanes)
    documents = filter(store.has, leftovers.documents)
    return sorted([*documents, *(key for sizes in found for key in sizes if is_ours(key))])


def _leftovers(store: Store, plan: Plan) -> _Leftovers:
    """Find the folders of earlier plans' outputs, their documents, and the notes that name them.

    Publishing a set removes the documents that it has no more, unless it is killed before.
    """
    current = {output.id for output in plan.outputs}
    generations = dict(_generations(store))
    own = generations.pop(generation_key(plan_id(plan)), None)
    folders: set[str] = set()
    documents: set[str] = set()
    for generation in generations.values():
        documents.update(filter(is_document, generation.documents if own else ()))
        for name, id_ in generation.outputs.items():
            if id_ not in current:
                folders.update(folders_of(name, id_))
    documents.difference_update(own.documents if own else ())
    return _Leftovers(sorted(folders), sorted(documents), list(generations))


def _generations(store: Store) -> Iterator[tuple[str, Generation]]:
    for key in sorted(store.sizes(GENERATIONS)):
        try:
            yield key, decode(store.get(key), Generation)
        except (ObjectNotFoundError, msgspec.DecodeError):
            continue

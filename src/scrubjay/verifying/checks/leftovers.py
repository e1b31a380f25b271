"""What lies in the set's folders: nothing that no plan names, and no half-written file."""

from collections.abc import Iterator

from scrubjay.identity import plan_id
from scrubjay.keys import (
    FAILURES,
    GENERATIONS,
    MANIFEST,
    PLAN,
    RECORDS,
    artifact_folder,
    generation_key,
    is_ours,
    record_folder,
    record_key,
)
from scrubjay.verifying.expected import due_in
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Subject

__all__ = ["check_leftovers"]

_STATE = ".scrubjay/"


def check_leftovers(subject: Subject) -> Iterator[Finding]:
    """Find objects that neither the current plan nor an earlier one names.

    What other programs keep beside a set is none of its business.
    """
    named, stale = _named(subject), _stale(subject)
    folders = _folders(subject)
    for key in sorted(subject.sizes):
        if key in named:
            continue
        if key in stale.keys or key.startswith(stale.folders):
            yield _finding("stale", key, "an earlier plan left it")
        elif is_ours(key) or key.startswith(folders):
            yield _finding("stray", key, "nothing names it")
    for key in subject.store.unfinished():
        if is_ours(key.rpartition("#")[0]):
            yield _finding("unfinished", key, "it is half written; its writer was killed")
        elif key.startswith(folders):
            yield _finding("stray", key, "nothing names it")


def _finding(check: str, key: str, message: str) -> Finding:
    return Finding(check=check, key=key, message=message, expected="", found="")


def _named(subject: Subject) -> set[str]:
    """Return the keys that the current plan and the manifest name."""
    plan = subject.plan
    keys = {PLAN, MANIFEST, generation_key(plan_id(plan))}
    keys.update(key for key in subject.sizes if _is_note(key))
    if subject.manifest:
        keys.update(subject.manifest.tracks.values())
    for slice_ in plan.slices:
        for output in plan.outputs_of(slice_):
            keys.add(record_key(output.id, slice_.start, slice_.end))
            keys.update(due.key for due in due_in(plan, output, slice_))
    return keys


def _is_note(key: str) -> bool:
    """Whether a key is one of the notes that functions in a cloud keep."""
    is_kept = not key.startswith((RECORDS, GENERATIONS)) and key != PLAN
    return key.startswith((_STATE, FAILURES)) and is_ours(key) and is_kept


class _Stale:
    """What earlier plans may have left."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.folders: tuple[str, ...] = ()


def _stale(subject: Subject) -> _Stale:
    own = generation_key(plan_id(subject.plan))
    current = {output.id for output in subject.plan.outputs}
    found = _Stale()
    for key, generation in subject.generations.items():
        if key != own:
            found.keys |= {key, *generation.documents}
            for name, id_ in generation.outputs.items():
                if id_ not in current:
                    found.folders += (artifact_folder(name, id_), record_folder(id_))
    return found


def _folders(subject: Subject) -> tuple[str, ...]:
    """Return the folders that belong to the set alone."""
    return (_STATE, *(f"{output.name}/" for output in subject.plan.outputs))

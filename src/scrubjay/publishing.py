"""The last step: from a set's slice records to the documents, the manifest last of all."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from mimetypes import guess_type
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.documents.base import File, FinishedSet, document, tracks_of
from scrubjay.documents.manifest import build_manifest
from scrubjay.errors import ObjectNotFoundError, PlanReplacedError, StoreError
from scrubjay.keys import MANIFEST, is_document
from scrubjay.model import Manifest, Plan, TrackClock, decode, encode
from scrubjay.needs import outputs_for
from scrubjay.sets.state import SetState, check_is_current, load_state
from scrubjay.sets.store import Store

__all__ = ["publish"]

_MOST_TRIES = 20
"""How often publishing is repeated because another run wrote at the same moment."""


class _Change(NamedTuple):
    """A document that was written or removed."""

    file: File
    """The new document; without bytes if it was removed."""
    before: bytes
    """The bytes before; empty if there was no document."""


def publish(
    plan: Plan,
    store: Store,
    *,
    state: SetState | None = None,
    reasons: Mapping[int, str] | None = None,
    video_url: str | None = None,
    clock: TrackClock | None = None,
) -> Manifest:
    """Write the documents of a set, the manifest last.

    Documents that already have the right bytes are not written: a finished set may be read-only.

    A document is only written if nobody else has written it since the check that the plan is still
    the current one. If the plan turns out to have been replaced meanwhile, the documents are put
    back. So of several runs that publish, those with the current plan win.

    Args:
        plan: the plan of the set.
        store: where the artifacts and records are.
        state: what was made, if the caller knows.
        reasons: why slices are missing, by index; they become the reasons of the manifest's gaps.
        video_url: URL of the video for the page, relative to the page or absolute; None if the page
            cannot reach the video.
        clock: the clock of the tracks that players read; None means the one that most players need
            for this kind of video.

    Raises:
        PlanReplacedError: another run has begun another set in the destination.
        StoreError: a document could not be written.
    """
    state = state or load_state(store, plan)
    tracks = tracks_of(plan, _documents_of(state))
    ours = build_manifest(plan, state.made, reasons or {}, tracks, clock)
    keys = [*tracks.values(), MANIFEST]
    for _ in range(_MOST_TRIES):
        versions = {key: store.version(key) for key in keys}
        check_is_current(store, plan)
        earlier = _found(store, MANIFEST) if versions[MANIFEST] else b""
        manifest = _kept(earlier, ours) or ours
        files = _files(state, store, manifest, video_url)
        changes: list[_Change] = []
        is_written = all(_put(store, file, versions[file.key], changes) for file in files)
        if is_written:
            _remove_others(store, earlier, keys, changes)
        if changes:
            _check_is_still_current(store, plan, changes)
        if is_written:
            return manifest
    raise StoreError("other runs keep writing the same documents; run it again")


def _documents_of(state: SetState) -> list[str]:
    """Return the documents that a set has: none whose outputs all failed."""
    made = {name for records in state.made.values() for name in records}
    outputs = {name: outputs_for(state.plan, name) for name in state.plan.recipe.documents}
    return [
        name
        for name, each in outputs.items()
        if not each or not made.isdisjoint(output.name for output in each)
    ]


def _files(
    state: SetState, store: Store, manifest: Manifest, video_url: str | None
) -> Iterable[File]:
    """Yield the documents of a set, the manifest last."""
    data = encode(manifest)
    finished = FinishedSet(state.plan, state.made, manifest, data, video_url, store.get)
    for name in _documents_of(state):
        yield from document(name).write(finished)
    yield File(MANIFEST, data, "application/json")


def _put(store: Store, file: File, version: str, changes: list[_Change]) -> bool:
    """Write a document unless it is there; return False if another run has just written it."""
    before = _found(store, file.key) if version else b""
    if version and before == file.data:
        return True
    is_written = store.put_if(file.key, file.data, file.media_type, version)
    if is_written:
        changes.append(_Change(file, before))
    return is_written


def _check_is_still_current(store: Store, plan: Plan, changes: Iterable[_Change]) -> None:
    """Check that no other set was begun since the last check; undo changes otherwise.

    The run with the newest plan may have skipped documents that were right at first, just before
    they were overwritten here.

    Raises:
        PlanReplacedError: another set was begun.
    """
    try:
        check_is_current(store, plan)
    except PlanReplacedError:
        for file, before in changes:
            version = store.version(file.key)
            now = _found(store, file.key) if version else b""
            if before and now == file.data:
                store.put_if(file.key, before, file.media_type, version)
        raise


def _kept(data: bytes, ours: Manifest) -> Manifest | None:
    """Return the published manifest, if it differs from ours only in reasons.

    Two runs of a partial set may meet different errors; those published first stay.
    """
    try:
        theirs = decode(data, Manifest)
    except ValueError:
        return None
    return theirs if _without_reasons(theirs) == _without_reasons(ours) else None


def _without_reasons(manifest: Manifest) -> bytes:
    gaps = tuple(replace(gap, reason="") for gap in manifest.gaps)
    whole = manifest.whole and replace(manifest.whole, reason="")
    return encode(replace(manifest, gaps=gaps, whole=whole))


def _remove_others(
    store: Store, earlier: bytes, keys: Iterable[str], changes: list[_Change]
) -> None:
    """Remove the documents that an earlier manifest names and this one does not."""
    with suppress(ValueError):
        named = decode(earlier, Manifest).tracks.values()
        for key in filter(is_document, set(named) - set(keys)):
            media_type = guess_type(key)[0] or "application/octet-stream"
            changes.append(_Change(File(key, b"", media_type), _found(store, key)))
            store.delete([key])
            if "/" in key:
                store.remove_empty([key.rpartition("/")[0]])


def _found(store: Store, key: str) -> bytes:
    try:
        return store.get(key)
    except ObjectNotFoundError:
        return b""

"""The last step: from the store's slice records to the documents, the manifest last of all."""

from collections.abc import Mapping
from contextlib import suppress

from msgspec.structs import replace

from scrubjay.documents.manifest import build_manifest
from scrubjay.documents.page import page
from scrubjay.documents.webvtt import clock_for, webvtt
from scrubjay.errors import ObjectNotFoundError, PlanReplacedError, StoreError
from scrubjay.keys import MANIFEST, PAGE, WEBVTT
from scrubjay.model import Manifest, Plan, SliceRecord, TrackClock, decode, encode
from scrubjay.planning import plan_id
from scrubjay.sets.state import check_plan, done_slices
from scrubjay.sets.store import Store

__all__ = ["publish"]


def publish(
    plan: Plan,
    store: Store,
    *,
    reasons: Mapping[int, str] | None = None,
    video_url: str | None = None,
    clock: TrackClock | None = None,
) -> Manifest:
    """Write the documents of a set from the slices that the store holds, and last its manifest.

    What is there already, to the byte, is left alone: a finished set may be read-only.

    Several finishers may do so at once: they make one and the same manifest, for what they see is
    the same. One that sees gaps, and a manifest that another wrote meanwhile, looks once more.

    Args:
        plan: what was to be made.
        store: where the artifacts and records are.
        reasons: why slices are missing, by index; they become the manifest's gaps.
        video_url: where the page finds the video, relative to the page or absolute; None if
            nowhere.
        clock: on which clock the tracks that players read are; None is the one that most players
            need for this kind of video.

    Raises:
        PlanReplacedError: another run has begun another set in the destination.
        StoreError: a document could not be written.
    """
    name = plan_id(plan)
    clock = clock or clock_for(plan.media)
    for is_last in (False, True):
        check_plan(store, name)
        records = done_slices(store, plan)
        tracks = {"page": PAGE} | ({"webvtt": WEBVTT} if plan.sheet else {})
        manifest = build_manifest(plan, records, reasons or {}, tracks, clock)
        data = encode(manifest)
        documents = _documents(plan, records, data, video_url, clock)
        _put_all(store, documents)
        check_plan(store, name)
        if (
            _is_there(store, MANIFEST, data)
            or store.put_new(MANIFEST, data, "application/json")
            or _is_there(store, MANIFEST, data)  # another one wrote the same meanwhile
        ):
            break
        if is_last and (theirs := _same_but_reasons(store, manifest)):
            manifest, data = theirs
            _put_all(store, _documents(plan, records, data, video_url, clock))
            break
        if is_last or manifest.status == "complete":  # whatever is there says less
            _put_all(store, documents)  # whose manifest that is wrote the others after us, perhaps
            store.put(MANIFEST, data, "application/json")
            break
    _check_still_current(store, name, data)
    return manifest


def _documents(
    plan: Plan,
    records: Mapping[int, SliceRecord],
    data: bytes,
    video_url: str | None,
    clock: TrackClock,
) -> dict[str, tuple[bytes, str]]:
    """Return the documents beside a manifest, by key: their bytes and media types."""
    track = {WEBVTT: (webvtt(plan, records, clock), "text/vtt")} if plan.sheet else {}
    return track | {PAGE: (page(data, title=plan.source.name, video_url=video_url), "text/html")}


def _same_but_reasons(store: Store, manifest: Manifest) -> tuple[Manifest, bytes] | None:
    """Return the manifest that is there, if it differs from ours in the reasons of gaps alone.

    Two that finish a partial set may have met other errors; the first one's stand.
    """
    try:
        data = store.get(MANIFEST)
        theirs = decode(data, Manifest)
    except (ObjectNotFoundError, ValueError):
        return None
    is_same = encode(_without_reasons(theirs)) == encode(_without_reasons(manifest))
    return (theirs, data) if is_same else None


def _without_reasons(manifest: Manifest) -> Manifest:
    return replace(manifest, gaps=tuple(replace(gap, reason="") for gap in manifest.gaps))


def _check_still_current(store: Store, name: str, data: bytes) -> None:
    """Check that the plan was not replaced while its manifest was written; take that back if so.

    Raises:
        PlanReplacedError: it was.
    """
    try:
        check_plan(store, name)
    except PlanReplacedError:
        with suppress(StoreError):  # the first error says more
            if _is_there(store, MANIFEST, data):
                store.delete([MANIFEST])
        raise


def _put_all(store: Store, documents: Mapping[str, tuple[bytes, str]]) -> None:
    for key, (data, media_type) in documents.items():
        if not _is_there(store, key, data):
            store.put(key, data, media_type)


def _is_there(store: Store, key: str, data: bytes) -> bool:
    try:
        return store.get(key) == data
    except ObjectNotFoundError:
        return False

"""The last step: from the store's slice records to the documents, the manifest last of all."""

from collections.abc import Mapping

from scrubjay.errors import ObjectNotFoundError
from scrubjay.model import Manifest, Plan, encode
from scrubjay.naming import MANIFEST, PAGE, WEBVTT
from scrubjay.publishing.manifest import build_manifest
from scrubjay.publishing.page import page
from scrubjay.publishing.webvtt import webvtt
from scrubjay.state import done_slices
from scrubjay.store import Store

__all__ = ["publish"]


def publish(
    plan: Plan,
    store: Store,
    *,
    reasons: Mapping[int, str] | None = None,
    video_url: str | None = None,
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

    Raises:
        StoreError: a document could not be written.
    """
    for is_last in (False, True):
        records = done_slices(store, plan)
        tracks = {"page": PAGE} | ({"webvtt": WEBVTT} if plan.sheet else {})
        manifest = build_manifest(plan, records, reasons or {}, tracks)
        data = encode(manifest)
        track = {WEBVTT: (webvtt(plan, records), "text/vtt")} if plan.sheet else {}
        text = page(data, title=plan.source.name, video_url=video_url)
        documents = track | {PAGE: (text, "text/html")}
        _put_all(store, documents)
        if (
            _is_there(store, MANIFEST, data)
            or store.put_new(MANIFEST, data, "application/json")
            or _is_there(store, MANIFEST, data)  # another one wrote the same meanwhile
        ):
            break
        if is_last or manifest.status == "complete":  # whatever is there says less
            _put_all(store, documents)  # whose manifest that is wrote the others after us, perhaps
            store.put(MANIFEST, data, "application/json")
            break
    return manifest


def _put_all(store: Store, documents: Mapping[str, tuple[bytes, str]]) -> None:
    for key, (data, media_type) in documents.items():
        if not _is_there(store, key, data):
            store.put(key, data, media_type)


def _is_there(store: Store, key: str, data: bytes) -> bool:
    try:
        return store.get(key) == data
    except ObjectNotFoundError:
        return False

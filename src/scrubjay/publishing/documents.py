"""The last step: from the store's slice records to the documents, the manifest last of all."""

from collections.abc import Mapping

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

    Args:
        plan: what was to be made.
        store: where the artifacts and records are.
        reasons: why slices are missing, by index; they become the manifest's gaps.
        video_url: where the page finds the video, relative to the page or absolute; None if
            nowhere.

    Raises:
        StoreError: a document could not be written.
    """
    records = done_slices(store, plan)
    tracks = {"page": PAGE} | ({"webvtt": WEBVTT} if plan.sheet else {})
    manifest = build_manifest(plan, records, reasons or {}, tracks)
    data = encode(manifest)
    if plan.sheet:
        store.put(WEBVTT, webvtt(plan, records), "text/vtt")
    store.put(PAGE, page(data, title=plan.source.name, video_url=video_url), "text/html")
    store.put(MANIFEST, data, "application/json")
    return manifest

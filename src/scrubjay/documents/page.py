"""The page of a finished set: one HTML file that opens from disk, with no server and no network.

It includes the web component, the manifest and its styles, because browsers do not let a local
page fetch other files.
"""

from collections.abc import Iterator, Mapping

from scrubjay.documents.base import File, FinishedSet
from scrubjay.documents.html import in_html, in_script, own_file, written
from scrubjay.keys import PAGE
from scrubjay.model import Plan

__all__ = ["page", "tracks", "write"]


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the page's key; every set can have one."""
    del plan
    return {"page": PAGE}


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield the page of a set."""
    title, url = finished.plan.source.name, finished.video_url
    yield File(PAGE, page(finished.manifest_json, title=title, video_url=url), "text/html")


def page(manifest_json: bytes, *, title: str, video_url: str | None) -> bytes:
    """Write the page that plays a video beside its previews.

    Args:
        manifest_json: The set's manifest, UTF-8 JSON. The page contains these bytes.
        title: The heading, plain text; usually the video's file name.
        video_url: Where a browser finds the video: absolute, or relative to the page. With None,
            or when it does not load, the page shows the stills in its place.

    Returns:
        The HTML document, UTF-8.

    Raises:
        UnicodeDecodeError: `manifest_json` is not UTF-8.
    """
    values = {
        "title": in_html(title),
        "video": "" if video_url is None else f' src="{in_html(video_url)}"',
        "manifest": in_script(manifest_json),
        "element": own_file("scrubjay-preview.js"),
    }
    return written(own_file("page.html"), values)

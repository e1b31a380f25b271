"""The page of a finished set: one HTML file that opens from disk, with no server and no network.

It includes the web component, the manifest and its styles, because browsers do not let a local
page fetch other files. Names in it come from strangers' files, so text is escaped for its context,
and a content security policy allows only the page's own two scripts.
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from scrubjay.documents.base import File, FinishedSet
from scrubjay.keys import PAGE
from scrubjay.model import Plan

__all__ = ["page", "tracks", "write"]

_WEB = Path(__file__).parents[1] / "web"
"""Folder of the page's own files. `importlib.resources` would find it too, but takes 7 ms to
load."""

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_SCRIPT = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)

_HTML_ESCAPES = {ord(char): f"&#{ord(char)};" for char in "&<>\"'"}

# Characters that could end a script tag, open a comment, or end a line of JavaScript. In JSON
# they can only stand inside strings, where an escape means the same.
_JSON_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


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
    template = _read("page.html")
    element = _read("scrubjay-preview.js")
    scripts = [_fill(text, {"element": element}) for text in _SCRIPT.findall(template)]
    document = _fill(
        template,
        {
            "policy": _policy(scripts).translate(_HTML_ESCAPES),
            "title": title.translate(_HTML_ESCAPES),
            "video": "" if video_url is None else f' src="{video_url.translate(_HTML_ESCAPES)}"',
            "manifest": manifest_json.decode().translate(_JSON_ESCAPES),
            "element": element,
        },
    )
    return document.encode(errors="replace")  # a file name may hold lone surrogates


def _read(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")


def _fill(text: str, values: dict[str, str]) -> str:
    """Fill each `{{slot}}` in one pass, so that no value is ever searched for slots."""
    return _SLOT.sub(lambda slot: values[slot[1]], text)


def _policy(scripts: list[str]) -> str:
    """The content security policy: these scripts by their hash, pictures and video from anywhere.

    Source: https://www.w3.org/TR/CSP3/#grammardef-hash-source.
    """
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    sources = " ".join(f"'sha256-{value}'" for value in hashes)
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {sources}",
            "style-src 'unsafe-inline'",
            "img-src file: http: https: data: blob:",
            "media-src file: http: https: data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )

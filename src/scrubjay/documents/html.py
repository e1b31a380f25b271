"""Pages that open from disk: what goes into them, escaped for where it stands.

Names in a page come from strangers' files, so text is escaped for its context, and a content
security policy allows only the page's own scripts.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["in_html", "in_script", "own_file", "written"]

_WEB = Path(__file__).parents[1] / "web"
"""Folder of the pages' own files. `importlib.resources` would find it too, but takes 7 ms to
load."""

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_SCRIPT = re.compile(r'<script type="module">(.*?)</script>', re.DOTALL)

_HTML_ESCAPES = {ord(char): f"&#{ord(char)};" for char in "&<>\"'"}

# Characters that could end a script tag, open a comment, or end a line of JavaScript. In JSON
# they can only stand inside strings, where an escape means the same.
_JSON_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def in_html(text: str) -> str:
    """Escape text for an element or an attribute."""
    return text.translate(_HTML_ESCAPES)


def in_script(json: bytes) -> str:
    """Escape JSON, UTF-8, for a script element.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    return json.decode().translate(_JSON_ESCAPES)


def own_file(name: str) -> str:
    """Return the text of one of the pages' own files."""
    return (_WEB / name).read_text(encoding="utf-8")


def written(template: str, values: Mapping[str, str]) -> bytes:
    """Fill a page's slots, and its slot `policy` with what allows its scripts.

    Args:
        template: the page, with slots such as `{{title}}`.
        values: what goes into each, already escaped. No value is searched for slots.

    Returns:
        The page, UTF-8.
    """
    scripts = [_fill(text, values) for text in _SCRIPT.findall(template)]
    page = _fill(template, {**values, "policy": in_html(_policy(scripts))})
    return page.encode(errors="replace")  # a file name may hold lone surrogates


def _fill(text: str, values: Mapping[str, str]) -> str:
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

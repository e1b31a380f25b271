"""Reads the page: it has the manifest in it, and its policy allows its own scripts alone."""

import base64
import re
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser

import msgspec

from scrubjay.keys import MANIFEST, PAGE
from scrubjay.model import parse_json
from scrubjay.verifying.readers.base import Reading
from scrubjay.verifying.report import Finding

__all__ = ["check"]

_HASH = re.compile(r"'sha256-([^']+)'")


class _Page(HTMLParser):
    """The scripts and the policy of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.scripts: list[tuple[str, str]] = []
        """The type of each script, and its text."""
        self.policy = ""
        self._type: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "script":
            self._type = named.get("type") or ""
            self.scripts.append((self._type, ""))
        if tag == "meta" and named.get("http-equiv") == "Content-Security-Policy":
            self.policy = named.get("content") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._type = None

    def handle_data(self, data: str) -> None:
        if self._type is not None:
            kind, text = self.scripts[-1]
            self.scripts[-1] = kind, text + data


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the page's manifest with the set's, and its scripts with its policy."""
    yield from reading.check_tracks({"page": PAGE})
    page = _Page()
    page.feed(reading.text(PAGE))
    page.close()
    manifests = [text for kind, text in page.scripts if kind == "application/json"]
    try:
        found = [{"manifest": parse_json(text)} for text in manifests]
    except msgspec.DecodeError as error:
        yield reading.wrong(PAGE, f"the manifest in it cannot be read: {error}")
        return
    due = [{"manifest": parse_json(reading.data(MANIFEST))}]
    yield from reading.compare(PAGE, due, found, "page")
    own = [
        base64.b64encode(sha256(text.encode()).digest()).decode()
        for kind, text in page.scripts
        if kind != "application/json"
    ]
    allowed = _HASH.findall(page.policy)
    yield from reading.compare(
        PAGE, [{"sha256": each} for each in own], [{"sha256": each} for each in allowed], "script"
    )

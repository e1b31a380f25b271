"""A hostile manifest runs nothing and loads nothing from elsewhere, in the page and the element."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from site_of import Site
from tabs import Tab

from scrubjay.documents.page import page as write_page

_MARKUP = (
    "</script><script>window.broken = 1</script><!--<script>\u2028\"'>"
    '<img src=x onerror="window.broken = 1"><svg onload="window.broken = 1">{{manifest}}'
)
_URLS = (
    "javascript:window.broken=1",
    "data:text/html,<script>window.broken=1</script>",
    "ELSEWHEREpicture.jpg",
    "//HOSTpicture.jpg",
    "\\\\HOSTpicture.jpg",
    "../secret.jpg",
    "frames/../../secret.jpg",
    "./../secret.jpg",
    "/secret.jpg",
    "..\\secret.jpg",
    "%2e%2e/secret.jpg",
    "a?b=../../secret.jpg",
    "\t//HOSTpicture.jpg",
)

_WATCH = """<script>
  window.broken = undefined; window.policy = []; window.errors = [];
  addEventListener('error', (event) => errors.push(String(event.message)));
  addEventListener('unhandledrejection', (event) => errors.push(String(event.reason)));
</script>"""

_LOOK = """async () => {
  const bar = document.querySelector('scrubjay-preview');
  const pause = () => new Promise((done) => setTimeout(done, 20));
  while (bar.state === 'loading') await pause();
  const slider = bar.shadowRoot.querySelector('[part=slider]');
  const { left, top, width, height } = slider.getBoundingClientRect();
  for (let n = 0; n <= 20; n++) {
    const clientX = left + (n / 20) * width, clientY = top + height / 2;
    slider.dispatchEvent(new PointerEvent('pointermove', { clientX, clientY }));
    await pause();
  }
  for (let n = 0; n < 30; n++) await pause();
  const everywhere = [document, bar.shadowRoot];
  const all = (selector) => everywhere.flatMap((root) => [...root.querySelectorAll(selector)]);
  return {
    state: bar.state, broken: window.broken ?? null, errors: window.errors ?? [],
    urls: all('[src], [href]').map((item) => item.src || item.href),
    made: all('img[src=x], svg[onload], [onerror]').length,
  };
}"""


def _manifest() -> dict[str, Any]:
    """A manifest of 12 s with every text of it hostile, and usable numbers."""
    return {
        "format": "scrubjay/1",
        "status": "partial",
        "source": {"name": _MARKUP, "size_bytes": 1, "fingerprint": _MARKUP},
        "media": {
            "duration": 12,
            "origin": 0,
            "first_picture": 0,
            "width": 16,
            "height": 9,
            "codec": _MARKUP,
            "container": _MARKUP,
            "warnings": [_MARKUP],
        },
        "slices": [{"index": 0, "start": 0, "end": 12, "status": _MARKUP, "damaged_packets": 1}],
        "animations": [],
        "frames": [],
        "sheets": [],
        "gaps": [{"start": 11, "end": 12, "reason": _MARKUP}],
        "tracks": {_MARKUP: _MARKUP, "page": "index.html"},
    }


def _entries(key: str) -> dict[str, Any]:
    """One of each kind of picture, all under a key."""
    return {
        "animations": [{"key": key, "media_type": "image/gif", "start": 0, "end": 12}],
        "frames": [{"key": key, "time": 0}],
        "sheets": [
            {
                "key": key,
                "start": 0,
                "end": 12,
                "columns": 1,
                "rows": 1,
                "thumbnail_width": 16,
                "thumbnail_height": 9,
                "interval": 12,
                "count": 1,
            }
        ],
    }


@pytest.fixture
def elsewhere(tmp_path: Path, serving: Callable[[Path], Site]) -> Site:
    """Another server, which nobody may ask for anything."""
    (tmp_path / "elsewhere").mkdir()
    return serving(tmp_path / "elsewhere")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site with a folder for a set, the element's module, and a picture that is not the set's."""
    (tmp_path / "site" / "set").mkdir(parents=True)
    module = files("scrubjay") / "web" / "scrubjay-preview.js"
    (tmp_path / "site" / "scrubjay-preview.js").write_text(module.read_text("utf-8"), "utf-8")
    (tmp_path / "site" / "secret.jpg").write_bytes(b"secret")
    return tmp_path / "site"


def _write(folder: Path, kind: str, manifest: dict[str, Any]) -> str:
    """Write the set's own page, or a page of a site with the element in it; return its path."""
    document = json.dumps(manifest).encode()
    if kind == "page":
        (folder / "set" / "index.html").write_bytes(
            write_page(document, title=_MARKUP, video_url='"><img src=x onerror=broken=1>')
        )
        return "set/index.html"
    (folder / "set" / "manifest.json").write_bytes(document)
    (folder / "site.html").write_text(
        f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{_WATCH}'
        '<script type="module" src="scrubjay-preview.js"></script><div style="height: 300px"></div>'
        '<scrubjay-preview manifest="set/manifest.json"></scrubjay-preview>'
    )
    return "site.html"


def _check(found: dict[str, Any], site: Site, elsewhere: Site) -> None:
    assert found["broken"] is None
    assert found["made"] == 0
    assert found["errors"] == []
    assert [url for url in found["urls"] if not url.startswith((site.url, "data:"))] == []
    assert elsewhere.asked == []
    allowed = ("/set/", "/site.html", "/scrubjay-preview.js")
    assert [path for path in site.asked if not path.startswith(allowed)] == []


@pytest.mark.parametrize("kind", ["page", "element"])
def test_hostile_words(
    kind: str, tab: Tab, folder: Path, serving: Callable[[Path], Site], elsewhere: Site
) -> None:
    """Markup in every text of a manifest stays text."""
    site = serving(folder)
    path = _write(folder, kind, _manifest() | _entries(f"frames/{_MARKUP}"))
    tab.open(site.url + path)
    found = tab.run(_LOOK)
    _check(found, site, elsewhere)


@pytest.mark.parametrize("kind", ["page", "element"])
def test_keys_that_lead_elsewhere(
    kind: str, tab: Tab, folder: Path, serving: Callable[[Path], Site], elsewhere: Site
) -> None:
    """Keys that look like URLs, or climb out of the set, are never asked for outside the set."""
    site = serving(folder)
    host = elsewhere.url.removeprefix("http://")
    for url in _URLS:
        key = url.replace("ELSEWHERE", elsewhere.url).replace("HOST", host)
        tracks = {"tracks": {"page": "index.html", "other": key}}
        path = _write(folder, kind, _manifest() | _entries(key) | tracks)
        tab.open(site.url + path)
        found = tab.run(_LOOK)
        _check(found, site, elsewhere)
        climbs = any(part in {"", ".", ".."} for part in key.split("/"))
        assert found["state"] == ("error" if climbs else "ready"), key


@pytest.mark.parametrize("kind", ["page", "element"])
def test_a_page_that_claims_to_lie_deeper(
    kind: str, tab: Tab, folder: Path, serving: Callable[[Path], Site], elsewhere: Site
) -> None:
    """The manifest cannot move the set by claiming that its page lies deeper than it does."""
    site = serving(folder)
    tracks = {"tracks": {"page": "a/b/index.html", "other": "secret.jpg"}}
    path = _write(folder, kind, _manifest() | _entries("secret.jpg") | tracks)
    tab.open(site.url + path)
    found = tab.run(_LOOK)
    _check(found, site, elsewhere)
    assert found["state"] == "ready"


@pytest.mark.parametrize(
    "change",
    [
        {"media": {"duration": "12; x"}},
        {"animations": [{"key": "a.gif", "media_type": 5, "start": 0, "end": 12}]},
        {"animations": [{"key": {"toString": "x"}, "media_type": "", "start": 0, "end": 12}]},
        {"frames": [{"key": "a.jpg", "time": "0); background: url(//x)"}]},
        {"frames": {"length": 3}},
        {"slices": [None]},
        {"__proto__": {"polluted": 1}, "format": "scrubjay/1", "media": None},
        {"gaps": [{"start": -1e308, "end": 1e308}], "media": {"duration": 1e308}},
    ],
    ids=str,
)
def test_values_of_the_wrong_kind(
    change: dict[str, Any],
    tab: Tab,
    folder: Path,
    serving: Callable[[Path], Site],
    elsewhere: Site,
) -> None:
    """Values that are none of their kind are refused, or borne, without an exception."""
    site = serving(folder)
    tab.open(site.url + _write(folder, "element", _manifest() | change))
    _check(tab.run(_LOOK), site, elsewhere)
    assert tab.run("() => [({}).polluted ?? null]") == [None]

"""A real browser, and finished sets to open in it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from find_browsers import CHROMIUM, FIREFOX, path_of
from playwright.sync_api import Browser, Page, expect, sync_playwright
from site_of import Site, served
from tabs import ChromiumTab, FirefoxTab, Tab

from scrubjay.documents.page import page as write_page

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no page leaves this machine
]

_PATIENCE_MS = 120_000
"""How long to wait for the browser, which is there at once unless the machine is busy."""

expect.set_options(timeout=_PATIENCE_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An open page, what it complained about (console, exceptions), and what it asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCopy:
    """A finished set whose manifest and page a test may rewrite; its pictures are links."""

    folder: Path
    manifest: dict[str, Any]
    video_url: str

    def write(self, *, title: str = "film", video_url: str | None = None) -> Path:
        """Write the manifest and its page, and return the page."""
        document = json.dumps(self.manifest).encode()
        (self.folder / "manifest.json").write_bytes(document)
        path = self.folder / "index.html"
        path.write_bytes(write_page(document, title=title, video_url=video_url))
        return path


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium that this machine has."""
    found = path_of(CHROMIUM)
    if found is None:
        pytest.skip("no Chromium: install one, or name it in SCRUBJAY_CHROMIUM")
    return found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser a module: Playwright's event loop must not outlive the tests that need it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=_ARGUMENTS, timeout=_PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture(params=["chromium", "firefox"])
def tab(request: pytest.FixtureRequest) -> Tab:
    """A tab of each browser."""
    made: Tab = request.getfixturevalue(f"{request.param}_tab")
    return made


@pytest.fixture
def chromium_tab(browser: Browser) -> Iterator[Tab]:
    """A tab of Chromium, 1280 x 800 px."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(120_000)
    yield ChromiumTab(page)
    page.close()


@pytest.fixture(scope="session")
def firefox_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The tab of a Firefox, 1280 x 800 px."""
    program = path_of(FIREFOX)
    if program is None:
        pytest.skip("no Firefox: install one, or name it in SCRUBJAY_FIREFOX")
    with FirefoxTab(program, tmp_path_factory.mktemp("firefox")) as firefox:
        firefox.size(1280, 800)
        yield firefox


@pytest.fixture
def serving() -> Iterator[Callable[[Path], Site]]:
    """Serve folders as long as the test runs."""
    running = []

    def serving(folder: Path) -> Site:
        server = served(folder)
        running.append(server)
        return server.__enter__()

    yield serving
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a file or a URL in a context of its own; keyword arguments are the context's."""
    contexts = []

    def visit(where: Path | str, **options: Any) -> Visit:  # noqa: ANN401 - Playwright's options
        context = browser.new_context(**options)
        context.set_default_timeout(_PATIENCE_MS)
        contexts.append(context)
        made = Visit(page=context.new_page())
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on(
            "console",
            lambda line: (
                made.complaints.append(line.text) if line.type in {"error", "warning"} else None
            ),
        )
        made.page.on("request", lambda request: made.requests.append(request.url))
        made.page.goto(where.as_uri() if isinstance(where, Path) else where)
        return made

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def set_copy(finished_set: Path, tmp_path: Path, visit: Callable[..., Visit]) -> SetCopy:
    """A copy of the finished set, to be changed before it is opened."""
    folder = tmp_path / "set"
    folder.mkdir()
    for entry in finished_set.iterdir():
        if entry.name not in {"manifest.json", "index.html"}:
            (folder / entry.name).symlink_to(entry.resolve())
    page = visit(finished_set / "index.html").page
    return SetCopy(
        folder=folder,
        manifest=json.loads((finished_set / "manifest.json").read_bytes()),
        video_url=page.locator("#video").evaluate("video => video.src"),
    )


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder on 127.0.0.1 and return its URL."""
    running: list[tuple[ThreadingHTTPServer, Thread]] = []

    def serve(folder: Path) -> str:
        server = ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder))
        )
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()

"""A real browser, and finished sets to open in it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from needed import lacking
from playwright.sync_api import Browser, Page, expect, sync_playwright

from scrubjay.publishing.page import page as write_page

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
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
    names = [os.environ.get("SCRUBJAY_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        lacking("no Chromium: install one, or name it in SCRUBJAY_CHROMIUM")
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

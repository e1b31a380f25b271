"""One browser's tab, with the few things that tests in several browsers need."""

from typing import Any, Protocol

from firefox import Firefox
from playwright.sync_api import Page

__all__ = ["ChromiumTab", "FirefoxTab", "Tab"]


class Tab(Protocol):
    """A page in a browser."""

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""

    def run(self, function: str, *arguments: object) -> Any:  # noqa: ANN401
        """Call a function of JavaScript in the page and return what it, or its promise, gives."""

    def point(self, x: float, y: float, *, press: bool = False) -> None:
        """Move the mouse to a place in the page, and press its button there or not."""

    def picture(self) -> bytes:
        """Return what the page looks like, as PNG."""


class ChromiumTab:
    """Chromium's, through Playwright."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""
        self._page.goto(url)

    def run(self, function: str, *arguments: object) -> Any:  # noqa: ANN401
        """Call a function of JavaScript in the page and return what it, or its promise, gives."""
        return self._page.evaluate(f"(all) => ({function})(...all)", list(arguments))

    def point(self, x: float, y: float, *, press: bool = False) -> None:
        """Move the mouse to a place in the page, and press its button there or not."""
        self._page.mouse.move(round(x), round(y))
        if press:
            self._page.mouse.down()
            self._page.mouse.up()

    def picture(self) -> bytes:
        """Return what the page looks like, as PNG."""
        return self._page.screenshot()


class FirefoxTab(Firefox):
    """Firefox's, which has just one."""

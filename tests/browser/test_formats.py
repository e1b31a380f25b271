"""The page of a set for the web: videos and images of several formats, and a poster."""

import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Page, expect

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import PRESETS, Manifest

_ANY = re.compile(".")


@pytest.fixture(scope="module")
def web_set(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """What the preset `web-avif` makes of 12 s, in slices of 1 s."""
    folder = tmp_path_factory.mktemp("web") / "set"
    recipe = replace(PRESETS["web-avif"], slice_length=Fraction(1))
    return folder, scrubjay.make(clip, folder, recipe=recipe, engine=InlineEngine())


def test_a_page_for_the_web(web_set: tuple[Path, Manifest], visit: Callable[..., Any]) -> None:
    """It shows the poster, the smallest animation of each slice, and no place for stills."""
    folder, manifest = web_set
    page: Page = visit(folder / "index.html").page
    assert manifest.whole is not None
    [poster] = manifest.whole.frames
    expect(page.locator("#video")).to_have_attribute("poster", (folder / poster.key).as_uri())
    expect(page.locator("#poster")).to_be_visible()
    expect(page.locator("#view-frame")).to_be_hidden()
    expect(page.locator("#view-sheet")).to_be_visible()
    firsts = [each for each in manifest.animations if not each.start]
    first = min(firsts, key=lambda each: each.size_bytes)
    url = page.locator("scrubjay-preview").evaluate("bar => bar.animationAt(0).url")
    assert url == (folder / first.key).as_uri()
    page.locator("#grid .go").nth(5).click()
    expect(page.locator("#poster")).to_have_count(0)  # the video stands elsewhere now


def test_cards_out_of_sight_are_freed(
    web_set: tuple[Path, Manifest], visit: Callable[..., Any]
) -> None:
    """Only cards in sight or near it have a file; those that were seen give it back."""
    page: Page = visit(web_set[0] / "index.html").page
    page.set_viewport_size({"width": 320, "height": 400})
    cards = page.locator("#grid .box > *")
    expect(cards).to_have_count(12)
    cards.first.scroll_into_view_if_needed()
    expect(cards.first).to_have_attribute("src", _ANY)
    expect(cards.last).not_to_have_attribute("src", _ANY)
    cards.last.scroll_into_view_if_needed()
    expect(cards.last).to_have_attribute("src", _ANY)
    expect(cards.first).not_to_have_attribute("src", _ANY)


def test_another_format_stands_in(
    web_set: tuple[Path, Manifest], tmp_path: Path, visit: Callable[..., Any]
) -> None:
    """Where the smallest files cannot be shown, the page and the bar show the others."""
    folder = tmp_path / "set"
    shutil.copytree(web_set[0], folder)
    smallest = min(web_set[1].animations, key=lambda each: each.size_bytes)
    for entry in web_set[1].animations:
        if entry.media_type == smallest.media_type:
            (folder / entry.key).write_bytes(b"no picture")
    page: Page = visit(folder / "index.html").page
    page.locator("#grid").scroll_into_view_if_needed()
    other = "mp4" if smallest.key.endswith("avif") else "avif"
    expect(page.locator(f"#grid [src$='.{other}']").first).to_be_visible()
    url = page.locator("scrubjay-preview").evaluate("bar => bar.animationAt(6).url")
    assert url.endswith(f".{other}")

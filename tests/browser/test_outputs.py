"""Sets with several outputs of a kind: the element shows one of each, and a site may choose."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import Animation, Recipe, Sheet, Still

RECIPE = Recipe(
    slice_length=Fraction(4),
    animations=(Animation(fps=Fraction(2), width=160), Animation(name="tiny", width=40)),
    frames=(
        Still(name="packed", format="mjpg", width=64),  # which it leaves out
        Still(),
        Still(name="small", interval=Fraction(1, 2), width=64),
    ),
    sheets=(Sheet(), Sheet(name="coarse", interval=Fraction(2), width=120)),
)


@pytest.fixture(scope="module")
def outputs_set(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of 12 s with two animations, two widths of stills, and two sheets."""
    folder = tmp_path_factory.mktemp("outputs") / "set"
    scrubjay.make(clip, folder, recipe=RECIPE, engine=InlineEngine())
    return folder


@pytest.fixture
def page(outputs_set: Path, visit: Callable[..., Any]) -> Page:
    """The set's own page."""
    page: Page = visit(outputs_set / "index.html").page
    return page


def _answers(page: Page, time: float) -> list[Any]:
    """What the element says of a time: each picture's key, and its width or interval."""
    found: list[Any] = page.locator("scrubjay-preview").evaluate(
        """(bar, time) => [bar.frameAt(time), bar.animationAt(time), bar.thumbnailAt(time)]
          .map(({ key, width, time }) => [key.split('/')[0], width, time])""",
        time,
    )
    return found


def test_the_first_of_each_kind_is_shown(page: Page) -> None:
    """Whatever else a set has, the pictures are those of the first output of their kind."""
    frame, animation, thumbnail = _answers(page, 5.6)
    assert frame == ["frames", 320, 5]
    assert animation[:2] == ["animations", 160]
    assert thumbnail == ["sheets", 240, 5]
    keys = page.locator("scrubjay-preview").evaluate(
        "bar => Array.from({ length: 48 }, (_, k) => bar.frameAt(k / 4).key)"
    )
    assert len(set(keys)) == 12
    assert all(key.startswith("frames/") for key in keys)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("small", ["small", "animations", "sheets"]),
        ("coarse tiny", ["frames", "tiny", "coarse"]),
        ("  coarse\n small\ttiny ", ["small", "tiny", "coarse"]),
        ("frames animations sheets", ["frames", "animations", "sheets"]),
        ("no-such-output", ["frames", "animations", "sheets"]),
        ("", ["frames", "animations", "sheets"]),
    ],
)
def test_outputs_are_chosen_by_name(page: Page, output: str, expected: list[str]) -> None:
    """`output` names what to show instead; where a kind has none of the names, its first stays."""
    bar = page.locator("scrubjay-preview")
    bar.evaluate("(bar, output) => { bar.output = output; }", output)
    assert bar.get_attribute("output") == output
    assert [answer[0] for answer in _answers(page, 5.6)] == expected


def test_a_choice_is_seen_at_once(page: Page, outputs_set: Path) -> None:
    """An open pop-over shows the other output's picture, of its own time and shape."""
    manifest = json.loads((outputs_set / "manifest.json").read_bytes())
    bar = page.locator("scrubjay-preview")
    bar.evaluate("bar => { bar.show = 'frame'; }")
    slider = page.get_by_role("slider")
    box = slider.bounding_box()
    assert box
    slider.hover(position={"x": box["width"] * 6.75 / 12, "y": box["height"] / 2})
    still = page.locator("[part=frame]")
    for output, time in (("frames", 6), ("small", 6.5)):
        bar.evaluate("(bar, output) => bar.setAttribute('output', output)", output)
        (key,) = [
            frame["key"]
            for frame in manifest["frames"]
            if (frame["output"], frame["time"]) == (output, time)
        ]
        expect(still).to_have_attribute("src", (outputs_set / key).as_uri())
    bar.evaluate("bar => bar.removeAttribute('output')")
    assert _answers(page, 6)[0] == ["frames", 320, 6]


def test_an_output_of_a_manifest_to_come(page: Page, outputs_set: Path) -> None:
    """The choice is the element's own: it holds for a manifest that is given later."""
    manifest = json.loads((outputs_set / "manifest.json").read_bytes())
    page.locator("scrubjay-preview").evaluate(
        """(bar, manifest) => {
          const other = document.createElement('scrubjay-preview');
          other.output = 'small coarse';
          bar.replaceWith(other);
          other.manifest = manifest;
        }""",
        manifest,
    )
    assert [answer[0] for answer in _answers(page, 5.6)] == ["small", "animations", "coarse"]


def test_the_page_shows_each_slice_once(outputs_set: Path, visit: Callable[..., Any]) -> None:
    """Its grid has one card a slice, its poster is a full still, and nothing is broken."""
    opened = visit(outputs_set / "index.html")
    cards = opened.page.locator("#grid li img")
    expect(cards).to_have_count(3)
    for card in cards.all():
        card.scroll_into_view_if_needed()
        expect(card).to_have_attribute("src", re.compile("/animations/"))
    assert "/frames/" in opened.page.locator("#video").evaluate("video => video.poster")
    opened.page.wait_for_function(
        "() => [...document.images].every((image) => image.complete && image.naturalWidth)"
    )
    assert opened.complaints == []

"""The page of a set with outputs of the whole video, and with its sheets in several formats."""

import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import Animation, Manifest, Recipe, Sheet, SheetEntry, Still
from scrubjay.publishing import publish
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

_SECOND = Fraction(1)

RECIPE = Recipe(
    slice_length=Fraction(6),
    animations=(
        Animation(name="hover", format="mp4", per="video", moments=2, seconds=_SECOND),
        Animation(name="hover-webp", format="webp", per="video", moments=2, seconds=_SECOND),
    ),
    frames=(Still(name="poster", per="video"),),
    sheets=(
        *(Sheet(name=name, format=name, width=96) for name in ("jpeg", "webp", "avif")),
        Sheet(name="coarse", format="webp", interval=Fraction(3), width=32),
        Sheet(name="overview", per="video", columns=3, width=96),
    ),
)


@pytest.fixture(scope="module")
def made(small_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A set of two slices, its sheets in three formats and its clip in two."""
    folder = tmp_path_factory.mktemp("whole") / "set"
    return folder, scrubjay.make(small_clip, folder, recipe=RECIPE, engine=InlineEngine())


@pytest.fixture
def copied(made: tuple[Path, Manifest], tmp_path: Path) -> Path:
    """A copy of the set, to be damaged."""
    return Path(shutil.copytree(made[0], tmp_path / "set"))


def _sheets(manifest: Manifest) -> list[SheetEntry]:
    """The sheets of the first slice that are cut as its first one is, smallest first."""
    found = [each for each in manifest.sheets if not each.start and each.output != "coarse"]
    return sorted(found, key=lambda each: each.size_bytes)


def test_the_smallest_sheet_that_is_shown(
    made: tuple[Path, Manifest], copied: Path, visit: Callable[..., Any]
) -> None:
    """Of sheets that differ in their format alone, the smallest; if it does not load, the next."""
    smallest, second, _ = _sheets(made[1])
    for entry in made[1].sheets:
        if entry.media_type == smallest.media_type:
            (copied / entry.key).write_bytes(b"no picture")
    page: Page = visit(copied / "index.html").page
    # The page itself has met the broken ones already.
    inspected = page.locator("#view-sheet img")
    expect(inspected).to_have_attribute("src", (copied / second.key).as_uri())
    bar = page.locator("scrubjay-preview")
    bar.evaluate("bar => { bar.manifest = bar.manifest; }")  # as a site without this page
    assert bar.evaluate("bar => bar.thumbnailAt(1).url") == (copied / smallest.key).as_uri()
    page.get_by_role("slider").hover(position={"x": 2, "y": 2})
    expect(page.locator("[part=sheet-image]")).to_have_attribute(
        "src", (copied / second.key).as_uri()
    )
    assert bar.evaluate("bar => bar.thumbnailAt(7).media_type") == second.media_type
    bar.evaluate("bar => { bar.output = 'coarse'; }")
    assert bar.evaluate("bar => bar.thumbnailAt(1).key").startswith("coarse/")


def test_the_clip_over_the_poster(made: tuple[Path, Manifest], visit: Callable[..., Any]) -> None:
    """It plays in silence while the mouse or the focus is there, and is freed when it leaves."""
    folder, manifest = made
    assert manifest.whole
    smallest = min(manifest.whole.animations, key=lambda each: each.size_bytes)
    assert smallest.media_type == "video/mp4"
    opened = visit(folder / "index.html", reduced_motion="reduce")
    page: Page = opened.page
    url = (folder / smallest.key).as_uri()
    clip, button = page.locator("#clip .fill > *"), page.locator("#clip button")

    page.locator("#poster").wait_for()
    page.mouse.move(*_middle_of(page, "#stage"))
    button.focus()
    expect(clip).to_have_count(0)
    assert url not in opened.requests
    button.click()  # with reduced motion, only then
    expect(clip).to_have_attribute("src", url)
    expect(button).to_have_accessible_name("Stop the preview of the whole video")

    button.blur()
    page.emulate_media(reduced_motion="no-preference")
    page.locator("h1").hover()
    expect(clip).to_have_count(0)
    page.mouse.move(*_middle_of(page, "#stage"))
    expect(clip).to_have_attribute("src", url)
    page.wait_for_function(
        """() => {
          const { muted, paused, readyState } = document.querySelector('#clip video');
          return muted && !paused && readyState > 2;
        }"""
    )
    moving = clip.element_handle()
    page.locator("h1").hover()
    expect(clip).to_have_count(0)
    page.wait_for_function("element => !element.hasAttribute('src')", arg=moving)

    page.locator("#play").focus()
    page.keyboard.press("Shift+Tab")
    expect(button).to_be_focused()
    expect(clip).to_have_attribute("src", url)
    page.keyboard.press("Enter")
    expect(clip).to_have_count(0)

    page.mouse.click(*_middle_of(page, "#stage"))  # plays the film
    expect(page.locator("#poster, #clip")).to_have_count(0)


def test_the_clip_on_a_phone(
    made: tuple[Path, Manifest], copied: Path, visit: Callable[..., Any]
) -> None:
    """A tap on its button plays it; where the smallest cannot be shown, another format."""
    assert made[1].whole
    smallest, other = sorted(made[1].whole.animations, key=lambda each: each.size_bytes)
    (copied / smallest.key).write_bytes(b"no picture")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page: Page = visit(copied / "index.html", **phone).page
    page.locator("#clip button").tap()
    expect(page.locator("#clip .fill > *")).to_have_attribute("src", (copied / other.key).as_uri())
    page.locator("#clip button").tap()
    expect(page.locator("#clip .fill > *")).to_have_count(0)


def test_what_is_missing_of_the_whole_video(
    made: tuple[Path, Manifest], copied: Path, visit: Callable[..., Any]
) -> None:
    """The page names what a failed job leaves out, and its reason, beside the gaps."""
    manifest = made[1]
    assert manifest.whole
    store = Store.open(copied)
    plan = load_plan(store)
    assert plan
    assert plan.whole
    reasons = {1: "the <i>second</i> slice", plan.whole.index: "the <i>whole</i>"}
    store.delete([manifest.whole.frames[0].key])
    publish(plan, store, reasons=reasons)
    page: Page = visit(copied / "index.html").page
    notice = page.locator("#notice")
    lost = "no poster, no overview and no preview of the whole video."
    expect(notice.locator("p")).to_have_text(f"This set is partial: it has {lost}")
    expect(notice.locator("li")).to_have_text("The whole video  the <i>whole</i>")
    expect(page.locator("#clip")).to_have_count(0)

    store.delete([each.key for each in manifest.sheets if each.start == 6])
    publish(plan, store, reasons=reasons)
    page.reload()
    expect(notice.locator("summary")).to_have_text(
        f"This set is partial: it has no previews of 0:06 \N{EN DASH} 0:12, {lost}"
    )
    notice.locator("summary").click()
    expect(notice.locator("li")).to_have_text(
        [re.compile("the <i>second</i> slice"), re.compile("the <i>whole</i>")]
    )


def _middle_of(page: Page, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

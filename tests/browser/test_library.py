"""The index of a library in a real browser, from disk."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from scrubjay.documents.library import library_page

Visiting: TypeAlias = Callable[..., Any]
Writing: TypeAlias = Callable[[list[dict[str, Any]]], str]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = '</script><img src=x onerror="window.broken = 1">/<b>\'"&\u2028{{title}}.mkv'


def _picture(path: Path, *colours: str) -> None:
    """Write a row of cells of 32 x 18 px."""
    picture = Image.new("RGB", (32 * len(colours), 18))
    for place, colour in enumerate(colours):
        picture.paste(colour, (32 * place, 0, 32 * place + 32, 18))
    picture.save(path)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Writing:
    """Write the index of some films, and return its address."""
    folder = tmp_path_factory.mktemp("index")
    _picture(folder / "still.png", "red")
    _picture(folder / "moving.png", "lime")
    _picture(folder / "sheet.png", "red", "lime", "blue")

    def index(films: list[dict[str, Any]]) -> str:
        page = library_page(json.dumps({"films": films}).encode(), title="Films & <more>")
        (folder / "index.html").write_bytes(page)
        return (folder / "index.html").as_uri()

    return index


def _film(name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    still = {"href": "still.png", "media_type": "image/png", "width": 32, "height": 18}
    return {"name": name, "status": "complete", "page": "x/index.html", "poster": still, **fields}


SHEET = {
    "href": "sheet.png", "media_type": "image/png", "width": 32, "height": 18, "columns": 3,
    "rows": 1, "count": 3,
}  # fmt: skip
FILMS = [
    _film("Show/Season 1/e10.mkv", duration=3700, hover=SHEET),
    _film("Show/Season 1/e2.mkv", duration=60, poster={**SHEET, "cell": 1}),
    _film("gaps.mkv", status="partial", gaps=2, message="<b>worker</b> died"),
    _film(HOSTILE, status="failed", poster=None, page="", message="it is text"),
    _film("moving.mkv", hover={
        "href": "moving.png", "media_type": "image/png", "width": 32, "height": 18,
    }),
    _film("whole.mkv", status="partial", missing=["overview", "poster"], message="it crashed"),
]  # fmt: skip


def _colour(page: Page, card: int) -> tuple[int, ...]:
    """The colour in the middle of a card's picture."""
    shot = Image.open(io.BytesIO(page.locator(".box").nth(card).screenshot())).convert("RGB")
    colour = shot.getpixel((shot.width // 2, shot.height // 2))
    assert isinstance(colour, tuple)
    return tuple(each > 100 for each in colour)


RED, LIME = (True, False, False), (False, True, False)


def test_films_are_shown_as_text(visit: Visiting, index: Writing) -> None:
    """Every film has its name, clock, state and reason; a hostile name does nothing."""
    opened = visit(index(FILMS))
    page = opened.page
    expect(page.get_by_role("heading", level=1)).to_have_text("Films & <more>")
    expect(page.locator("#facts")).to_have_text(
        "6 films \u00b7 1 hour \u00b7 2 incomplete \u00b7 1 failed"
    )
    names = ["gaps.mkv", "moving.mkv", "e2.mkv", "e10.mkv", "whole.mkv"]
    names.insert(0, HOSTILE.rpartition("/")[2])
    assert page.locator(".name").all_text_contents() == names
    expect(page.locator("li.failed .why")).to_have_text("it is text")
    marks = page.locator("li.partial .mark")
    expect(marks).to_have_text(["2 gaps", "overview and poster missing"])
    expect(page.locator("li.partial .why").first).to_have_text("<b>worker</b> died")
    expect(page.locator("li.failed a")).to_have_count(0)
    expect(page.locator(".clock").last).to_have_text("1:01:40")
    assert page.evaluate("() => window.broken") is None
    assert opened.complaints == []
    assert {each.partition(":")[0] for each in opened.requests} <= {"file", "data"}


def test_search_and_order(visit: Visiting, index: Writing) -> None:
    """Words find films by name and folder; the list can be narrowed to what failed, and sorted."""
    page = visit(index(FILMS)).page
    page.keyboard.press("/")
    page.keyboard.type("show E2")
    expect(page.locator("li")).to_have_count(1)
    expect(page.get_by_role("status")).to_have_text("1 of 6 films")
    page.get_by_role("searchbox").fill("nothing such")
    expect(page.get_by_text("No film matches.")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Which films").select_option("Incomplete")
    expect(page.locator(".name")).to_have_text(["gaps.mkv", "whole.mkv"])
    page.get_by_label("Which films").select_option("All films")
    page.get_by_label("Order").select_option("Longest first")
    expect(page.locator(".name").first).to_have_text("e10.mkv")


def test_hover(visit: Visiting, index: Writing) -> None:
    """Under the mouse, a card shows its animation, or the thumbnails of a sheet one by one."""
    page = visit(index(FILMS)).page
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    assert _colour(page, 2) == RED
    assert _colour(page, 3) == LIME  # a cell of a sheet
    page.locator(".card").nth(2).hover()
    expect(page.locator(".box").nth(2).locator("img")).to_have_count(2)
    page.locator("h1").hover()
    expect(page.locator(".box").nth(2).locator("img")).to_have_count(1)
    page.locator(".card").nth(4).hover()
    for left in ("-100%", "-200%", "0%"):
        page.wait_for_function(
            "left => document.querySelectorAll('.box')[4].querySelector('.cell img').style.left"
            " === left",
            arg=left,
        )


def test_reduced_motion(visit: Visiting, index: Writing) -> None:
    """Whoever wants less motion sees only stills."""
    page = visit(index(FILMS), reduced_motion="reduce").page
    page.locator(".card").nth(2).hover()
    expect(page.locator(".box").nth(2).locator("img")).to_have_count(1)


def test_thousands_of_films(visit: Visiting, index: Writing) -> None:
    """Only what is near the window is built and loaded, and the end can be reached."""
    opened = visit(index([_film(f"film {number}.mkv") for number in range(3000)]))
    page = opened.page
    expect(page.locator("#facts")).to_have_text("3,000 films")
    assert page.locator("li").count() <= 180
    before = page.locator("li").count()
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("count => document.querySelectorAll('li').length > count", arg=before)
    page.get_by_role("searchbox").fill("film 2999.")
    expect(page.locator(".name")).to_have_text(["film 2999.mkv"])


def test_on_a_phone(visit: Visiting, index: Writing) -> None:
    """Nothing is wider than the screen, and there are two columns."""
    page = visit(index(FILMS), **PHONE).page
    assert page.evaluate("() => document.documentElement.scrollWidth") == 390
    boxes = [card.bounding_box() for card in page.locator(".card").all()]
    tops = [box["y"] for box in boxes if box]
    assert tops[0] == tops[1] < tops[2]

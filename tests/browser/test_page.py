"""The page of a finished set and its element, in a real browser."""

import io
import json
import re
from bisect import bisect_right
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import av
import numpy as np
import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import FloatRect, Page, expect

import scrubjay
from scrubjay.documents.page import page as write_page

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = '</script><!--<script>\u2028"\'><img src=x onerror="window.broken = 1">{{manifest}}'


def bar_box(page: Page) -> tuple[float, float, float]:
    """Left edge, width and middle height of the bar, in CSS pixels."""
    box = page.get_by_role("slider").bounding_box()
    assert box
    return box["x"], box["width"], box["y"] + box["height"] / 2


def place(page: Page, fraction: float) -> tuple[int, float, float]:
    """A whole pixel on the bar: x, y, and the time it stands for."""
    left, width, middle = bar_box(page)
    x = round(left + fraction * width)
    duration = page.locator("scrubjay-preview").evaluate("bar => bar.duration")
    return x, middle, (x - left) / width * duration


def hover(page: Page, fraction: float) -> float:
    """Move the mouse over the bar and return the time under it."""
    x, y, time = place(page, fraction)
    page.mouse.move(x, y)
    return time


def ready(page: Page) -> Page:
    """Wait for the video's own duration: the bar is as long as the video."""
    # A function, for the page's policy forbids to evaluate an expression while waiting.
    page.wait_for_function("() => document.querySelector('video').readyState >= 1")
    return page


def last_start(items: list[dict[str, Any]], time: float, name: str = "start") -> dict[str, Any]:
    """The last item that starts at or before a time."""
    return items[max(bisect_right([item[name] for item in items], time + 1e-5) - 1, 0)]


def cell(manifest: dict[str, Any], time: float) -> tuple[dict[str, Any], int]:
    """The sheet of a time, and the index of the time's thumbnail in it."""
    sheet = last_start(manifest["sheets"], time)
    index = int((time + 1e-5 - sheet["start"]) / sheet["interval"])
    return sheet, min(index, sheet["count"] - 1)


def corner(sheet: dict[str, Any], index: int) -> tuple[int, int]:
    """Where a thumbnail lies in its sheet, in pixels."""
    row, column = divmod(index, sheet["columns"])
    return column * sheet["thumbnail_width"], row * sheet["thumbnail_height"]


def wait_for_time(page: Page, time: float) -> None:
    """Wait until the video stands at a time."""
    page.wait_for_function(
        "time => Math.abs(document.querySelector('video').currentTime - time) < 0.02", arg=time
    )


def drag_by_touch(page: Page, *fractions: float) -> Callable[[], None]:
    """Put a finger on the bar and move it; call what is returned to lift it."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, *points: dict[str, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [*points]})

    for index, fraction in enumerate(fractions):
        x, y, _ = place(page, fraction)
        send("touchMove" if index else "touchStart", {"x": x, "y": y})
    return lambda: send("touchEnd")


@pytest.fixture
def late_webm(media: Path, tmp_path: Path) -> Path:
    """A WebM of 30 s of pictures whose clock shows 5 s at the first."""
    path = tmp_path / "late.webm"
    with av.open(media / "real" / "film_vp8_720p_30s.webm") as source, av.open(path, "w") as late:
        old = source.streams.video[0]
        new = late.add_stream_from_template(old)
        for packet in source.demux(old):
            if packet.pts is None or packet.dts is None or packet.time_base is None:
                continue  # the empty packet at the end
            shift = round(5 / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            packet.stream = new
            late.mux(packet)
    return path


@pytest.fixture
def manifest(finished_set: Path) -> dict[str, Any]:
    """The manifest that a finished set wrote."""
    document: dict[str, Any] = json.loads((finished_set / "manifest.json").read_bytes())
    return document


def test_opens_from_disk(finished_set: Path, visit: Callable[..., Any]) -> None:
    """The page opens with no server, no network and no complaint, and every picture is there."""
    opened = visit(finished_set / "index.html")
    page = ready(opened.page)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    expect(page.locator("#calm")).to_be_hidden()
    page.wait_for_function(  # cards out of sight have no file
        """() => [...document.images].filter((image) => image.hasAttribute('src'))
          .every((image) => image.complete && image.naturalWidth)"""
    )
    assert opened.complaints == []
    assert {url.split(":")[0] for url in opened.requests} <= {"file", "data"}


@pytest.mark.parametrize("fraction", [0.004, 0.31, 0.5, 0.77, 0.995])
def test_hover_shows_the_thumbnail(
    finished_set: Path, manifest: dict[str, Any], visit: Callable[..., Any], fraction: float
) -> None:
    """The pop-over shows the thumbnail that the manifest names for the hovered time."""
    page = ready(visit(finished_set / "index.html").page)
    page.locator("scrubjay-preview").evaluate("bar => { bar.show = 'sheet'; }")
    sheet, index = cell(manifest, hover(page, fraction))
    image = page.locator("[part=sheet-image]")
    expect(image).to_have_attribute("src", (finished_set / sheet["key"]).as_uri())
    image.evaluate("image => image.decode()")
    offset = image.evaluate(
        """image => {
          const [own, box] = [image, image.parentNode].map((item) => item.getBoundingClientRect());
          return [box.x - own.x, box.y - own.y, own.width, own.height];
        }"""
    )
    size = (sheet["thumbnail_width"], sheet["thumbnail_height"])
    whole = (size[0] * sheet["columns"], size[1] * sheet["rows"])
    assert offset == pytest.approx([*corner(sheet, index), *whole], abs=0.1)
    box = page.locator("[part=picture]").bounding_box()
    assert box
    assert (box["width"], box["height"]) == size
    x, y = round(box["x"]), round(box["y"])
    screen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shown = screen.crop((x, y, x + size[0], y + size[1]))
    differences = thumbnail_differences(shown, finished_set / sheet["key"], sheet)
    assert differences[index] < 3
    assert differences[index] <= min(differences) + 0.5


def thumbnail_differences(shown: Image.Image, path: Path, sheet: dict[str, Any]) -> list[float]:
    """Mean difference, 0..255, of a picture from each thumbnail of a sheet; corners left out."""
    width, height = sheet["thumbnail_width"], sheet["thumbnail_height"]
    inner = (10, 10, width - 10, height - 10)  # the pop-over's corners are round
    differences = []
    with Image.open(path) as whole:
        for index in range(sheet["count"]):
            x, y = corner(sheet, index)
            one = whole.crop((x, y, x + width, y + height)).convert("RGB").crop(inner)
            mean = ImageStat.Stat(ImageChops.difference(one, shown.crop(inner))).mean
            differences.append(sum(mean) / 3)
    return differences


def mean_difference(shown: Image.Image, path: Path) -> float:
    """Mean difference, 0..255, of a picture from a still, whatever their sizes."""
    with Image.open(path) as still:
        small = [image.convert("RGB").resize((160, 90)) for image in (shown, still)]
    return sum(ImageStat.Stat(ImageChops.difference(*small)).mean) / 3


def test_hover_shows_still_and_animation(
    finished_set: Path, manifest: dict[str, Any], visit: Callable[..., Any]
) -> None:
    """Hovering shows the second's still, and the slice's animation once the pointer rests."""
    page = ready(visit(finished_set / "index.html").page)
    time = hover(page, 0.63)
    frame = last_start(manifest["frames"], time, "time")
    animation = last_start(manifest["animations"], time)
    sheet, _ = cell(manifest, time)
    still_url, animation_url = ((finished_set / x["key"]).as_uri() for x in (frame, animation))
    expect(page.locator("#view-frame img")).to_have_attribute("src", still_url)
    expect(page.locator("[part=animation]")).to_have_attribute("src", animation_url)
    expect(page.locator("#view-animation img")).to_have_attribute("src", animation_url)
    links = page.locator("#inspector a").all_text_contents()
    assert links == [frame["key"], sheet["key"], animation["key"]]
    assert page.locator("#view-frame a").get_attribute("href") == still_url


def stretch(item: dict[str, Any]) -> str:
    """What the pop-over writes under an animation of whole seconds."""
    ends = (divmod(int(item[name]), 60) for name in ("start", "end"))
    return " \N{EN DASH} ".join(f"{minutes}:{seconds:02}" for minutes, seconds in ends)


def boxes(page: Page, *parts: str) -> list[FloatRect]:
    """Where parts of the element are, CSS pixels."""
    found = [page.locator(f"[part={name}]").bounding_box() for name in parts]
    return [box for box in found if box]


def apart(one: FloatRect, other: FloatRect) -> bool:
    """Whether two boxes have no point in common."""
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
    return beside or above


@pytest.mark.parametrize("options", [{}, PHONE], ids=["mouse", "finger"])
@pytest.mark.parametrize("fraction", [0.02, 0.4, 0.98])
def test_the_animation_never_hides_the_moment(
    finished_set: Path,
    manifest: dict[str, Any],
    visit: Callable[..., Any],
    options: dict[str, Any],
    fraction: float,
) -> None:
    """At rest the exact picture stays over its time; beside it plays the slice, over its own."""
    page = ready(visit(finished_set / "index.html", **options).page)
    if options:
        drag_by_touch(page, fraction)
        time = place(page, fraction)[2]
    else:
        time = hover(page, fraction)
    animation = last_start(manifest["animations"], time)
    before = boxes(page, "picture", "time")
    text = page.locator("[part=time]").inner_text()
    expect(page.locator("[part=moving]")).to_be_visible()
    expect(page.locator("[part=time]")).to_have_text(text)
    assert text == stretch({"start": time, "end": 0}).partition(" ")[0]
    expect(page.locator("[part=picture] [part=sheet-image]")).to_be_visible()
    expect(page.locator("[part=picture] [part=animation]")).to_have_count(0)
    if animation["end"] == int(animation["end"]):
        expect(page.locator("[part=span]")).to_have_text(stretch(animation))
    assert boxes(page, "picture", "time") == before
    (card,) = boxes(page, "moving")
    assert all(apart(card, box) for box in before)
    assert card["x"] >= 0
    assert card["y"] >= 0
    assert card["x"] + card["width"] <= page.evaluate("document.documentElement.clientWidth")


def test_the_animation_goes_on_within_its_slice(
    finished_set: Path, visit: Callable[..., Any]
) -> None:
    """Moving within a slice goes on playing it; moving into another waits for rest again."""
    page = ready(visit(finished_set / "index.html").page)
    hover(page, 0.3)
    card = page.locator("[part=moving]")
    expect(card).to_be_visible()
    page.evaluate(
        "document.querySelector('scrubjay-preview').shadowRoot"
        ".querySelector('[part=animation]').dataset.same = 'yes'"
    )
    hover(page, 0.4)
    expect(card.locator("[data-same=yes]")).to_be_visible()
    hover(page, 0.6)
    expect(card).to_be_hidden()
    expect(card).to_be_visible()


def test_only_animations(
    set_copy: Any,  # noqa: ANN401
    visit: Callable[..., Any],
) -> None:
    """A set of animations alone shows them at once, over their stretch, above the time."""
    set_copy.manifest.update(frames=[], sheets=[])
    page = ready(visit(set_copy.write(video_url=set_copy.video_url)).page)
    time = hover(page, 0.4)
    animation = last_start(set_copy.manifest["animations"], time)
    expect(page.locator("[part=span]")).to_have_text(stretch(animation))
    expect(page.locator("[part=time]")).to_have_text("0:48")
    card, popover = boxes(page, "moving", "popover")
    assert card["width"] == popover["width"]
    assert card["y"] + card["height"] <= popover["y"]


def test_a_highlight_stands_over_what_it_shows(
    set_copy: Any,  # noqa: ANN401
    visit: Callable[..., Any],
) -> None:
    """It is that of the slice under the pointer; the times are those of its pictures."""
    for item in set_copy.manifest["animations"]:
        item.update(shown_start=item["start"] + 7, shown_end=item["start"] + 10)
    set_copy.manifest.update(frames=[], sheets=[])
    page = ready(visit(set_copy.write(video_url=set_copy.video_url)).page)
    time = hover(page, 0.4)
    start = last_start(set_copy.manifest["animations"], time)["start"]
    shown = stretch({"start": start + 7, "end": start + 10})
    expect(page.locator("[part=span]")).to_have_text(shown)


def test_leaving_closes_the_pop_over(finished_set: Path, visit: Callable[..., Any]) -> None:
    """When the pointer leaves, the pop-over closes and nothing was sought."""
    page = ready(visit(finished_set / "index.html").page)
    hover(page, 0.4)
    expect(page.locator("[part=popover]")).to_be_visible()
    page.mouse.move(5, 5)
    expect(page.locator("[part=popover]")).to_be_hidden()
    assert page.locator("video").evaluate("video => video.currentTime") == 0


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_pop_over_stays_inside(
    finished_set: Path, visit: Callable[..., Any], fraction: float
) -> None:
    """At the ends of the bar the pop-over does not stick out."""
    page = ready(visit(finished_set / "index.html").page)
    left, width, _ = bar_box(page)
    hover(page, min(max(fraction, 1 / width), 1 - 1 / width))
    box = page.locator("[part=popover]").bounding_box()
    assert box
    assert box["x"] >= left - 0.5
    assert box["x"] + box["width"] <= left + width + 0.5


def test_mouse_drag_seeks(finished_set: Path, visit: Callable[..., Any]) -> None:
    """Dragging previews, and seeks the video where the button is released, not before."""
    page = ready(visit(finished_set / "index.html").page)
    hover(page, 0.2)
    page.mouse.down()
    hover(page, 0.5)
    assert page.locator("video").evaluate("video => video.currentTime") == 0
    time = hover(page, 0.7)
    page.mouse.up()
    wait_for_time(page, time)
    expect(page.locator("[part=popover]")).to_be_visible()


def test_escape_gives_up_a_drag(finished_set: Path, visit: Callable[..., Any]) -> None:
    """Escape during a drag closes the pop-over, and the release then seeks nothing."""
    page = ready(visit(finished_set / "index.html").page)
    hover(page, 0.2)
    page.mouse.down()
    hover(page, 0.5)
    page.keyboard.press("Escape")
    expect(page.locator("[part=popover]")).to_be_hidden()
    page.mouse.up()
    assert page.locator("video").evaluate("video => video.currentTime") == 0


def test_touch_drag_seeks(finished_set: Path, visit: Callable[..., Any]) -> None:
    """A finger previews while it drags and seeks when it lifts; the page does not scroll."""
    page = ready(visit(finished_set / "index.html", **PHONE).page)
    lift = drag_by_touch(page, 0.2, 0.4, 0.6)
    expect(page.locator("[part=popover]")).to_be_visible()
    lift()
    wait_for_time(page, place(page, 0.6)[2])
    expect(page.locator("[part=popover]")).to_be_hidden()
    assert page.evaluate("window.scrollY") == 0


def test_keyboard(finished_set: Path, manifest: dict[str, Any], visit: Callable[..., Any]) -> None:
    """Arrows go a second, pages a slice, Home and End to the ends; the slider says where it is."""
    page = ready(visit(finished_set / "index.html").page)
    slider = page.get_by_role("slider")
    duration = page.locator("video").evaluate("video => video.duration")
    starts = [item["start"] for item in manifest["slices"]]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(slider).to_be_focused()
    expect(page.locator("[part=popover]")).to_be_visible()
    assert slider.evaluate("slider => getComputedStyle(slider).outlineStyle") == "solid"
    steps = [
        ("ArrowRight", 1.0),
        ("ArrowUp", 2.0),
        ("ArrowLeft", 1.0),
        ("PageUp", starts[1]),
        ("PageUp", starts[2]),
        ("PageDown", starts[1]),
        ("End", duration),
        ("Home", 0.0),
    ]
    for key, time in steps:
        page.keyboard.press(key)
        wait_for_time(page, time)
        expect(slider).to_have_attribute("aria-valuenow", f"{round(time, 3):g}")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^0 seconds of "))
    page.keyboard.press("Escape")
    expect(page.locator("[part=popover]")).to_be_hidden()


def test_reduced_motion(finished_set: Path, visit: Callable[..., Any]) -> None:
    """Who wants no motion gets no animation, until they press its button."""
    opened = visit(finished_set / "index.html", reduced_motion="reduce")
    page = ready(opened.page)
    hover(page, 0.3)
    expect(page.locator("#view-animation .on-demand")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert not [url for url in opened.requests if "/animations/" in url]
    page.locator("#grid .on-demand").first.click()
    expect(page.locator("#grid li").first.locator("img")).to_have_attribute(
        "src", page.locator("scrubjay-preview").evaluate("bar => bar.animationAt(0).url")
    )


@pytest.mark.parametrize("kind", ["image/gif", "video/mp4"])
def test_motion_stops_when_it_is_unwanted(
    set_copy: Any,  # noqa: ANN401
    visit: Callable[..., Any],
    kind: str,
) -> None:
    """Whoever turns motion off while the page is open has it stop, in pop-over and page."""
    if kind == "video/mp4":  # any video does
        (set_copy.folder / "film.mp4").symlink_to(unquote(urlsplit(set_copy.video_url).path))
        for item in set_copy.manifest["animations"]:
            item |= {"key": "film.mp4", "media_type": kind}
    page = ready(visit(set_copy.write(video_url=set_copy.video_url)).page)
    plays = page.locator("#inspector, #grid, scrubjay-preview").locator(
        "[part=animation], img[src*='/animations/'], video[src$='/film.mp4']"
    )
    hover(page, 0.4)
    expect(page.locator("[part=moving]")).to_be_visible()
    assert plays.count() > 1  # in the pop-over and below the video; cards are out of sight
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("[part=moving]")).to_be_hidden()
    hover(page, 0.45)
    page.wait_for_timeout(600)
    expect(plays).to_have_count(0)
    expect(page.locator("[part=moving]")).to_be_hidden()
    page.emulate_media(reduced_motion="no-preference")
    expect(page.locator("[part=moving]")).to_be_visible()


@pytest.mark.parametrize("video_url", [None, "no such video.mp4"])
def test_without_the_video(
    set_copy: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    visit: Callable[..., Any],
    video_url: str | None,
) -> None:
    """With no video the stage shows the still of the time, says so, and seeking goes on."""
    page = visit(set_copy.write(video_url=video_url)).page
    expect(page.locator("#calm")).to_contain_text("The video cannot be played here")
    time = hover(page, 0.6)
    page.mouse.down()
    page.mouse.up()
    frame = last_start(set_copy.manifest["frames"], time, "time")
    expect(page.locator("#still > img")).to_have_attribute(
        "src", (set_copy.folder / frame["key"]).as_uri()
    )
    expect(page.locator("#play")).to_be_hidden()


def test_partial_set(
    set_copy: Any,  # noqa: ANN401
    visit: Callable[..., Any],
) -> None:
    """A partial set lists its gaps, marks them on the bar, and says so when they are hovered."""
    manifest = set_copy.manifest
    gap = manifest["slices"][1]
    start, end = gap["start"], gap["end"]
    gap["status"] = "failed"
    manifest["status"] = "partial"
    manifest["gaps"] = [{"start": start, "end": end, "reason": "the decoder <b>gave up</b>"}]
    for name, time in (("animations", "start"), ("sheets", "start"), ("frames", "time")):
        manifest[name] = [item for item in manifest[name] if not start <= item[time] < end]
    opened = visit(set_copy.write(video_url=set_copy.video_url))
    page = ready(opened.page)
    expect(page.locator("#notice")).to_contain_text("the decoder <b>gave up</b>")
    mark, (left, width, _) = page.locator("[part=gap]").bounding_box(), bar_box(page)
    duration = page.locator("video").evaluate("video => video.duration")
    assert mark
    assert mark["x"] == pytest.approx(left + start / duration * width, abs=1)
    assert mark["width"] == pytest.approx((end - start) / duration * width, abs=1)
    hover(page, (start + end) / 2 / duration)
    expect(page.locator("[part=note]")).to_have_text("No preview for this part")
    expect(page.locator("[part=sheet-image]")).to_have_count(0)
    hover(page, (end + 1) / duration)
    expect(page.locator("[part=note]")).to_be_empty()
    expect(page.locator("[part=sheet-image]")).to_have_count(1)
    assert opened.complaints == []


def test_many_gaps(
    set_copy: Any,  # noqa: ANN401
    visit: Callable[..., Any],
) -> None:
    """Gaps that touch are named as one stretch; their reasons fold away, so the bar is in sight."""
    gaps: list[dict[str, Any]] = [
        {"start": 40 + n, "end": 41 + n, "reason": f"reason {n}"} for n in range(40)
    ]
    gaps.append({"start": 90, "end": 95})
    set_copy.manifest.update(status="partial", gaps=gaps)
    opened = visit(set_copy.write(video_url=set_copy.video_url))
    notice = ready(opened.page).locator("#notice")
    expect(notice.locator("summary")).to_have_text(
        "This set is partial: it has no previews of 0:40 \N{EN DASH} 1:20, 1:30 \N{EN DASH} 1:35."
    )
    expect(notice.get_by_text("reason 39")).to_be_hidden()
    assert bar_box(opened.page)[2] < 720
    notice.locator("summary").press("Enter")
    expect(notice.get_by_text("reason 39")).to_be_visible()


def test_damaged_slices(
    set_copy: Any,  # noqa: ANN401
    visit: Callable[..., Any],
) -> None:
    """Damaged slices are hatched on the bar and named by the pop-over, the slider and the page."""
    slices = set_copy.manifest["slices"]
    for index, count in enumerate([0, 7, 1]):
        slices[index]["damaged_packets"] = count
    opened = visit(set_copy.write(video_url=set_copy.video_url))
    page = ready(opened.page)
    expect(page.locator("#damage")).to_have_text(
        "The video is damaged in 0:30 \N{EN DASH} 1:30: previews there may look wrong."
    )
    marks = page.locator("[part=damaged]")
    expect(marks).to_have_count(2)
    mark, (left, width, _) = marks.first.bounding_box(), bar_box(page)
    duration = page.locator("video").evaluate("video => video.duration")
    assert mark
    assert mark["x"] == pytest.approx(left + 30 / duration * width, abs=1)
    expect(page.locator("#grid .name").nth(1)).to_have_text("0:30 \N{EN DASH} 1:00, damaged")
    hover(page, 0.1)
    expect(page.locator("[part=hint]")).to_be_empty()
    hover(page, 0.4)
    expect(page.locator("[part=hint]")).to_have_text("damaged here")
    expect(page.locator("#where")).to_have_text(
        "in the slice 0:30 \N{EN DASH} 1:00, which is damaged"
    )
    page.get_by_role("slider").press("PageUp")
    expect(page.get_by_role("slider")).to_have_attribute(
        "aria-valuetext", re.compile(r"^30 seconds of .*, damaged here$")
    )
    assert opened.complaints == []


def test_without_damage(finished_set: Path, visit: Callable[..., Any]) -> None:
    """A set that counts no damage, or says nothing of it, shows none."""
    page = ready(visit(finished_set / "index.html").page)
    expect(page.locator("#damage")).to_be_hidden()
    expect(page.locator("[part=damaged]")).to_have_count(0)


def test_hostile_text(
    set_copy: Any,  # noqa: ANN401
    visit: Callable[..., Any],
) -> None:
    """Markup in a title, a name, a key, a reason or a URL stays text."""
    manifest = set_copy.manifest
    manifest["source"]["name"] = f"name {HOSTILE}"
    manifest["gaps"] = [{"start": 0, "end": 1, "reason": HOSTILE}]
    manifest["status"] = "partial"
    manifest["frames"][-1]["key"] = "javascript:window.broken=1"
    manifest["tracks"]["hostile"] = "javascript:window.broken=1"
    page = visit(set_copy.write(title=HOSTILE, video_url='"><img src=x onerror=broken=1>')).page
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.locator("#facts")).to_contain_text("name </script><!--<script>")
    hover(page, 0.999)
    links = page.locator("#files a").evaluate_all("links => links.map(link => link.protocol)")
    assert set(links) == {"file:"}
    expect(page.locator("#calm")).to_be_visible()
    assert page.evaluate("window.broken") is None
    assert page.locator("img[src=x]").count() == 0


def test_unreadable_manifest(set_copy: Any, visit: Callable[..., Any]) -> None:  # noqa: ANN401
    """A page whose manifest is no manifest says so, and still plays its video."""
    path = set_copy.folder / "index.html"
    path.write_bytes(write_page(b"{", title="film", video_url=set_copy.video_url))
    opened = visit(path)
    page = ready(opened.page)
    expect(page.locator("#notice")).to_contain_text("cannot be read")
    time = hover(page, 0.5)
    expect(page.locator("[part=note]")).to_have_text("The previews did not load")
    page.mouse.down()
    page.mouse.up()
    wait_for_time(page, time)
    assert opened.complaints == []


def test_after_the_last_picture(media: Path, tmp_path: Path, visit: Callable[..., Any]) -> None:
    """Where sound outlasts the pictures, the last still stands alone, and words say why."""
    manifest = scrubjay.make(media / "odd" / "s_audio_outlasts_video.mp4", tmp_path / "set")
    opened = visit(tmp_path / "set" / "index.html")
    page = ready(opened.page)
    expect(page.locator("#facts .length")).to_have_text("2:00, pictures until 0:13")
    hover(page, 0.6)
    expect(page.locator("[part=hint]")).to_have_text("after the last picture")
    expect(page.locator("#where")).to_have_text("after the last picture, at 0:13")
    page.wait_for_timeout(600)
    expect(page.locator("[part=moving]")).to_be_hidden()
    expect(page.locator("#view-animation .box")).to_have_text("No animation here")
    expect(page.locator("#view-frame a")).to_have_text(manifest.frames[-1].key)
    page.get_by_role("slider").press("End")
    expect(page.get_by_role("slider")).to_have_attribute(
        "aria-valuetext", "2 minutes of 2 minutes, after the last picture"
    )
    hover(page, 13.7 / 120)  # a moment later than the pictures is still theirs
    expect(page.locator("[part=hint]")).to_be_empty()
    expect(page.locator("[part=moving]")).to_be_visible()
    assert opened.complaints == []


def test_a_clock_that_starts_late(
    late_webm: Path, tmp_path: Path, visit: Callable[..., Any]
) -> None:
    """A WebM whose clock begins at 5 s is as long as its pictures, and is sought in its clock."""
    scrubjay.make(late_webm, tmp_path / "set")
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_bytes())
    opened = visit(tmp_path / "set" / "index.html")
    page = ready(opened.page)
    bar = page.locator("scrubjay-preview")
    assert page.locator("#video").evaluate("video => video.duration") == pytest.approx(35, abs=0.1)
    page.wait_for_function("() => document.querySelector('scrubjay-preview').measured")
    assert bar.evaluate("bar => bar.offset") == pytest.approx(5, abs=0.01)
    assert bar.evaluate("bar => Math.round(bar.duration)") == 30
    expect(page.locator("#whole")).to_have_text(re.compile("^0:(29|30)$"))
    time = hover(page, 0.51)
    expect(page.locator("[part=time]")).to_have_text("0:15")
    page.mouse.down()
    page.mouse.up()
    wait_for_time(page, time + 5)
    expect(page.locator("#now")).to_have_text("0:15")
    assert bar.evaluate("bar => bar.currentTime") == pytest.approx(time, abs=0.01)
    page.mouse.move(5, 5)
    page.wait_for_function("() => !document.querySelector('#video').seeking")
    screen = Image.open(io.BytesIO(page.locator("#stage").screenshot())).convert("RGB")
    far = {
        item["time"]: mean_difference(screen, tmp_path / "set" / item["key"])
        for item in manifest["frames"]
    }
    assert min(far, key=lambda time: far[time]) == 15  # the same moment's picture
    page.locator("#grid .go").first.click()
    wait_for_time(page, 5)
    page.get_by_role("slider").press("End")
    wait_for_time(page, 5 + bar.evaluate("bar => bar.duration"))
    expect(page.get_by_role("slider")).to_have_attribute(
        "aria-valuetext", re.compile("^(29|30) sec")
    )
    assert opened.complaints == []


def test_a_clock_of_an_mp4(media: Path, tmp_path: Path, visit: Callable[..., Any]) -> None:
    """The page finds out that Chromium keeps the clock of an MP4, and reaches its last picture."""
    video = media / "reports" / "03_empty_edit_5s.mp4"
    scrubjay.make(video, tmp_path / "set")
    opened = visit(tmp_path / "set" / "index.html")
    page = ready(opened.page)
    page.wait_for_function("() => document.querySelector('scrubjay-preview').offset === 5")
    expect(page.locator("#whole")).to_have_text("0:12")
    expect(page.locator("#now")).to_have_text("0:00")
    page.get_by_role("slider").press("End")
    page.wait_for_function("() => document.querySelector('video').currentTime > 16.9")
    expect(page.locator("#now")).to_have_text(re.compile("^0:1[12]$"))
    assert opened.complaints == []


@pytest.mark.parametrize("size", [(1440, 900), (1280, 800), (390, 844)])
def test_the_video_fills_its_stage(
    finished_set: Path, visit: Callable[..., Any], size: tuple[int, int]
) -> None:
    """The stage has the video's proportions, and the bar is on the first screen with it."""
    width, height = size
    viewport = {"width": width, "height": height}
    page = ready(visit(finished_set / "index.html", viewport=viewport).page)
    stage = page.locator("#stage").bounding_box()
    assert stage
    assert stage["width"] / stage["height"] == pytest.approx(16 / 9, rel=0.01)
    assert stage["width"] > min(width * 0.7, 1000)
    assert bar_box(page)[2] < height - 40


def test_poster_is_not_black(tmp_path: Path, visit: Callable[..., Any]) -> None:
    """A film that opens black has a later still for its poster."""
    with av.open(tmp_path / "film.mp4", "w") as film:
        stream = film.add_stream("libx264", rate=1)
        stream.width, stream.height, stream.pix_fmt = 256, 144, "yuv420p"
        for number in range(4):
            ramp = np.arange(256 * 144, dtype=np.uint16).reshape(144, 256) % 251
            picture = (ramp * (number > 1)).astype(np.uint8).repeat(3).reshape(144, 256, 3)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode(None))
    scrubjay.make(tmp_path / "film.mp4", tmp_path / "set")
    page = ready(visit(tmp_path / "set" / "index.html").page)
    poster = page.locator("video").first.evaluate("video => video.poster").rpartition("/")[2]
    assert poster in {"000002.jpg", "000003.jpg"}
    (frames,) = (tmp_path / "set/frames").iterdir()
    for name, is_black in (("000000.jpg", True), (poster, False)):
        with Image.open(frames / name) as still:
            assert (ImageStat.Stat(still.convert("L")).mean[0] < 20) == is_black


def test_phone_width(finished_set: Path, visit: Callable[..., Any]) -> None:
    """On a phone nothing scrolls sideways, before and while dragging."""
    page = ready(visit(finished_set / "index.html", **PHONE).page)
    drag_by_touch(page, 0.9)
    expect(page.locator("[part=popover]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_grid_seeks(
    finished_set: Path, manifest: dict[str, Any], visit: Callable[..., Any]
) -> None:
    """Every animation is in the grid, loads lazily, and a click on it seeks to its start."""
    page = ready(visit(finished_set / "index.html").page)
    cards = page.locator("#grid .go")
    expect(cards).to_have_count(len(manifest["animations"]))
    assert cards.locator("img:not([loading=lazy])").count() == 0
    cards.nth(2).click()
    wait_for_time(page, manifest["animations"][2]["start"])


# ------------------------------------------------------------------- the element elsewhere

SITE = """<!doctype html><title>A site</title><link rel="icon" href="data:,">
<script type="module" src="scrubjay-preview.js"></script><div style="height: 300px"></div>"""
BAR = '<scrubjay-preview manifest="videos/one/manifest.json"></scrubjay-preview>'


@pytest.fixture
def site(
    finished_set: Path, tmp_path: Path, serve: Callable[[Path], str], visit: Callable[..., Any]
) -> Callable[[str], Any]:
    """Open a page of another site that has the element's module beside it."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "one").symlink_to(finished_set)
    module = files("scrubjay") / "web" / "scrubjay-preview.js"
    (tmp_path / "scrubjay-preview.js").write_text(module.read_text("utf-8"), "utf-8")

    def site(body: str) -> Any:  # noqa: ANN401
        (tmp_path / "site.html").write_text(body, "utf-8")
        return visit(serve(tmp_path) + "/site.html")

    return site


def wait_for_state(page: Page, state: str) -> None:
    """Wait until the element knows what became of its manifest."""
    page.wait_for_function(
        "state => document.querySelector('scrubjay-preview').state === state", arg=state
    )


def test_on_another_site(site: Callable[[str], Any], manifest: dict[str, Any]) -> None:
    """With only a manifest's URL the element previews, seeks by event, and loads few pictures."""
    opened = site(SITE + BAR)
    page = opened.page
    wait_for_state(page, "ready")
    page.evaluate("addEventListener('scrubjay-seek', (event) => { window.sought = event.detail; })")
    time = 0.0
    for step in range(20, 61):
        time = hover(page, step / 100)
    animation = last_start(manifest["animations"], time)
    expect(page.locator("[part=animation]")).to_have_attribute(
        "src", opened.requests[0].replace("site.html", f"videos/one/{animation['key']}")
    )
    page.mouse.down()
    page.mouse.up()
    assert page.evaluate("window.sought.time") == pytest.approx(time)
    assert not [url for url in opened.requests if "/frames/" in url]
    animations = [url for url in opened.requests if "/animations/" in url]
    assert 1 <= len(animations) == len(set(animations)) <= 3  # at most those it passed over
    assert opened.complaints == []


def test_looks_up_as_the_manifest_says(
    site: Callable[[str], Any], manifest: dict[str, Any]
) -> None:
    """The methods agree with a plain reading of the manifest, past its end too."""
    page = site(SITE + BAR).page
    wait_for_state(page, "ready")
    duration = manifest["media"]["duration"]
    times = [0, 0.999999, 1, 29.999, 30, 30.5, 59.25, 60, duration - 0.01, duration, duration + 99]
    found = page.locator("scrubjay-preview").evaluate(
        """(bar, times) => times.map((time) => {
          const { key, x, y, width, height } = bar.thumbnailAt(time);
          const animation = bar.animationAt(time)?.key ?? null;
          return [bar.frameAt(time).key, animation, key, x, y, width, height];
        })""",
        times,
    )
    for time, answer in zip(times, found, strict=True):
        sheet, index = cell(manifest, time)
        assert answer == [
            last_start(manifest["frames"], time, "time")["key"],
            last_start(manifest["animations"], time)["key"] if time <= duration else None,
            sheet["key"],
            *corner(sheet, index),
            sheet["thumbnail_width"],
            sheet["thumbnail_height"],
        ]


@pytest.mark.parametrize(
    "attribute", ["manifest=videos/none.json", "manifest=site.html", "manifest=//[", ""]
)
def test_bad_manifest(site: Callable[[str], Any], attribute: str) -> None:
    """A manifest that is missing or is none leaves a bar, an event and no exception."""
    script = "<script>addEventListener('scrubjay-error', (e) => { window.failed = e.detail; });"
    bar = f'<video id="film"></video><scrubjay-preview for="film" {attribute}></scrubjay-preview>'
    opened = site(f"{script}</script>{SITE}{bar}")
    page = opened.page
    wait_for_state(page, "error" if attribute else "empty")
    assert bool(page.evaluate("window.failed?.message")) == bool(attribute)
    expect(page.get_by_role("slider")).to_have_attribute("aria-disabled", "true")
    hover(page, 0.5)
    expect(page.locator("[part=popover]")).to_be_hidden()
    assert not [line for line in opened.complaints if "404" not in line]


def test_broken_pictures(site: Callable[[str], Any], manifest: dict[str, Any]) -> None:
    """Pictures that do not load are reported once each, and the pop-over says so."""
    for name in ("sheets", "frames", "animations"):
        for item in manifest[name]:
            item["key"] = f"gone/{item['key']}"
    page = site(SITE + BAR).page
    wait_for_state(page, "ready")
    page.evaluate(
        """manifest => {
          window.failed = [];
          addEventListener('scrubjay-error', (event) => window.failed.push(event.detail.url));
          Object.assign(document.querySelector('scrubjay-preview'), { manifest, base: 'videos/' });
        }""",
        manifest,
    )
    hover(page, 0.5)
    expect(page.locator("[part=note]")).to_have_text("This preview did not load")
    failed = page.evaluate("window.failed")
    assert len(failed) == len(set(failed))
    assert all("/videos/gone/" in url for url in failed)


def test_falls_back_to_another_media_type(
    site: Callable[[str], Any], manifest: dict[str, Any]
) -> None:
    """Of several animations the smallest file is shown; if it fails, the next."""
    smaller = [
        item | {"key": f"gone/{i}.avif", "media_type": "image/avif", "size_bytes": 1}
        for i, item in enumerate(manifest["animations"])
    ]
    good = manifest["animations"]
    manifest["animations"] = [*smaller, *good]
    page = site(SITE + BAR).page
    page.locator("scrubjay-preview").evaluate(
        "(bar, manifest) => Object.assign(bar, { base: 'videos/one/', manifest })", manifest
    )
    assert page.evaluate("document.querySelector('scrubjay-preview').animationAt(0).key") == (
        "gone/0.avif"
    )
    animation = last_start(good, hover(page, 0.4))
    image = page.locator("[part=animation]")
    url = page.url.replace("site.html", f"videos/one/{animation['key']}")
    expect(image).to_have_attribute("src", url)


def test_comes_and_goes(site: Callable[[str], Any]) -> None:
    """Bars each drive their own media, find media that comes late, and survive being moved."""
    two = "".join(BAR.replace("manifest=", f'id="bar{n}" for="film{n}" manifest=') for n in (1, 2))
    opened = site(SITE + two)
    page = opened.page
    wait_for_state(page, "ready")
    page.evaluate(
        """() => {
          for (const id of ['film1', 'film2']) {
            document.body.append(Object.assign(document.createElement('video'), { id }));
          }
        }"""
    )
    page.wait_for_function("bar2.media === film2")
    page.evaluate("document.body.append(bar2)")
    page.evaluate("(window.gone = bar1).remove()")
    page.locator("#bar2").focus()
    page.keyboard.press("PageUp")
    assert page.evaluate("[film1.currentTime, film2.currentTime, gone.media]") == [
        0,
        page.evaluate("bar2.manifest.slices[1].start"),
        None,
    ]
    assert opened.complaints == []


# ----------------------------------------------------------------------- the page as bytes


def test_page_is_one_safe_document(finished_set: Path) -> None:
    """The document repeats the manifest exactly, and no value can close its script."""
    document = {"format": "scrubjay/1", "text": HOSTILE}
    manifest_json = json.dumps(document, ensure_ascii=False).encode()
    text = write_page(manifest_json, title="\udcff", video_url=None).decode()
    inline = text.split('<script type="application/json">')[1].split("</script>")[0]
    assert json.loads(inline) == document
    assert not set(inline) & set("<>&\u2028\u2029")
    assert "src=" not in text.split("<video")[1].split(">")[0]
    module = (files("scrubjay") / "web" / "scrubjay-preview.js").read_text("utf-8")
    assert not [word for word in ("</script", "<script", "<!--") if word in module.lower()]
    assert (finished_set / "index.html").read_bytes().startswith(b"<!doctype html>")

"""Players of other projects show, at any time, the picture of that time.

Each player has a page, `docs/snippets`, with what a site would put into its own. The mouse
moves along the bar (or the page's function is called), and the number in the picture that comes up
is read off it. docs/players.md has the same pages, and how many pictures were right.
"""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from clips import number_of, write_clip
from find_players import INSTALLED
from numbered import Made, is_kept, kept_before, make_set, plainly, recipe_of
from PIL import Image
from playerpages import page_of, version_of
from playersite import add_players, add_streams
from playwright.sync_api import Browser, BrowserContext, Page
from site_of import Site, served

from players import PLAYERS, SNIPPETS, Player, results, write_result

_TRIES = 15
"""Times at which a picture is read, for each video."""

_APPROACHES = 20
_PATIENCE_MS = 60_000
"""How long to wait for a picture, which is there at once unless the machine is busy."""

_NO_TEXT = "* { color: transparent !important; text-shadow: none !important }"
"""Video.js writes the time into the picture, over the squares of its number."""


class Clip(NamedTuple):
    """A video of the site, and its set."""

    name: str
    made: Made

    @property
    def duration(self) -> float:
        """How long the video is, in seconds."""
        return float(self.made.plan.media.duration)

    def expected(self, time: float) -> int | None:
        """Return the number of the picture that stands for a time; None in a gap."""
        return self.made.expected(Fraction(time))

    def before(self, time: float) -> int | None:
        """Return the number of the last picture at or before a time that is not in a gap."""
        interval = self.made.interval
        places = range(int(Fraction(time) / interval), -1, -1)
        found = (self.made.expected(place * interval) for place in places)
        return next((number for number in found if number is not None), None)

    @property
    def last_s(self) -> float:
        """When the last picture of the set begins, in seconds."""
        ends = [each.end for each in self.made.manifest.sheets]
        return max(ends) - float(self.made.interval)


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, media: Path
) -> Iterator[tuple[Site, Path, list[Clip]]]:
    """A running server, its folder, and the clips in it: each in a folder of its name.

    Four videos: a film; one whose last sheet is not full; one of a variable rate, with an interval
    of half a second ("half") and of one ("whole"); and one whose set has gaps.
    """
    if not INSTALLED.is_dir():
        pytest.skip("no players: run tests/players/find_players.py where npm has its registry")
    folder = tmp_path_factory.mktemp("players")
    add_players(folder)
    for name in ("barcode", "odd", "half", "whole", "gap"):
        (folder / name).mkdir()
    film = media / "real" / "barcode_frames_60s.mp4"
    (folder / "barcode" / "film.mp4").symlink_to(film)
    plain = write_clip(folder / "odd" / "film.mp4")
    (folder / "gap" / "film.mp4").symlink_to(plain)
    variable = write_clip(folder / "half" / "film.mp4", kept=is_kept)
    (folder / "whole" / "film.mp4").symlink_to(variable)

    def clip(name: str, *of_set: Any) -> Clip:  # noqa: ANN401 - what make_set takes
        video = folder / name / "film.mp4"
        made = make_set(video, *of_set, folder=folder / name / "set")
        add_streams(folder / name)
        return Clip(name, made)

    clips = [
        clip("barcode", recipe_of(20, Fraction(2), 5), plainly),
        clip("odd", recipe_of(5, Fraction(1), 5), plainly),
        clip("half", recipe_of(4, Fraction(1, 2), 4), kept_before),
        clip("whole", recipe_of(4, Fraction(1), 4), kept_before),
        clip("gap", recipe_of(2, Fraction(1), 2), plainly, (2, 5)),
    ]
    with served(folder) as server:
        yield server, folder, clips


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One context for all pages, so that a player's scripts are fetched once."""
    context = browser.new_context(viewport={"width": 900, "height": 800})
    context.set_default_timeout(2 * _PATIENCE_MS)
    yield context
    context.close()


@pytest.mark.parametrize("player", PLAYERS, ids=lambda player: player.id)
def test_shows_the_picture_of_the_time(
    player: Player, site: tuple[Site, Path, list[Clip]], context: BrowserContext
) -> None:
    """At fifteen times of each video; where it does not, docs/players.md says why."""
    server, folder, clips = site
    page = context.new_page()
    right: dict[bool, list[bool]] = {False: [], True: []}
    left_out = "half" if player.cuts_times else "whole"
    for clip in clips:
        if clip.name == left_out:
            continue
        (folder / clip.name / f"{player.id}.html").write_text(page_of(player))
        page.goto(f"{server.url}{clip.name}/{player.id}.html")
        right[bool(clip.made.gaps)] += [
            shown == clip.expected(time) for time, shown in _tried(page, player, clip)
        ]
    page.close()
    found = {"version": version_of(player)} | {
        name: {"right": sum(right[has_gaps]), "tried": len(right[has_gaps])}
        for name, has_gaps in (("whole", False), ("gaps", True))
    }
    if os.environ.get("SCRUBJAY_RESULTS") == "write":
        write_result(player, found)
    assert all(right[False] + right[True]) or player.note
    assert results()[player.id] == found


def test_dash_by_number(site: tuple[Site, Path, list[Clip]], context: BrowserContext) -> None:
    """Sheets that are numbered from 0, as Jellyfin's are, dash.js finds by `$Number$` as well."""
    server, folder, clips = site
    [player] = (each for each in PLAYERS if each.id == "dashjs-dash")
    [clip] = (each for each in clips if each.name == "odd")
    text = page_of(player).replace("film.mpd", "film-numbered.mpd")
    (folder / clip.name / "numbered.html").write_text(text)
    page = context.new_page()
    page.goto(f"{server.url}{clip.name}/numbered.html")
    for time, shown in _tried(page, player, clip):
        assert shown == clip.expected(time), time
    page.close()


def test_every_snippet_is_tried() -> None:
    """Each page and each result of the documentation is a player's that the tests drive."""
    tried = {player.id for player in PLAYERS}
    assert {path.stem for path in SNIPPETS.glob("*.html")} == tried
    assert results().keys() == tried


def _tried(page: Page, player: Player, clip: Clip) -> Iterator[tuple[float, int | None]]:
    """Yield times, and the number of the picture that is shown for each; None is no picture."""
    point = _bar(page, player, clip) if player.bar else _function(page, clip)
    shown: int | None = None
    for step in range(_TRIES):
        place, before = (step * 7 % _TRIES + 0.5) / _TRIES, shown  # bars may ignore small moves
        for _ in range(_APPROACHES):  # a player that was still loading heeds the next move
            time = point(place)
            expected = _expected(player, clip, time, before)
            shown = page.evaluate(
                "([way, number, ms]) => shown.numberAt(way, number, ms)",
                [player.picture, expected, _PATIENCE_MS // _APPROACHES],
            )
            if shown == expected and (step or _is_seen(page, player, expected)):
                break
        else:
            raise AssertionError(f"{clip.name} at {time} s: {shown} instead of {expected}")
        yield time, shown


def _expected(player: Player, clip: Clip, time: float, before: int | None) -> int | None:
    """Return the number of the picture that a player should show at a time, or is known to."""
    if player.blind_s:
        time = min(time, clip.duration - player.blind_s - 0.001)
    number, is_over = clip.expected(time), time >= clip.last_s + float(clip.made.interval)
    if number is not None:
        return number
    match player.gap:
        case "nothing" | "hides":
            return None
        case "last":
            return clip.before(time) if is_over else None
        case "before":
            return before if is_over else clip.before(time)
        case "filled":
            return clip.before(time)


def _is_seen(page: Page, player: Player, expected: int | None) -> bool:
    """Read the number from the screen itself: what the page's own pictures say is what is seen."""
    for _ in range(20):  # a pop-over may come up slowly
        place = page.evaluate("(way) => shown.placeOf(way)", player.picture)
        seen = page.screenshot(clip=place, style=_NO_TEXT)
        with Image.open(BytesIO(seen)) as screen:
            number = number_of(np.asarray(screen.convert("RGB").resize((512, 288))))
        if number == expected:
            return True
    return False


def _function(page: Page, clip: Clip) -> Callable[[float], float]:
    """Return what shows a place of a video, from 0 to 1, by the page's function."""
    page.wait_for_function("() => 'showAt' in window")
    page.evaluate("async () => { window.shown = await import('/shown.js') }")

    def point(place: float) -> float:
        time = round(place * clip.duration, 3)
        page.evaluate("async (time) => { await window.showAt(time) }", time)
        return time

    return point


def _bar(page: Page, player: Player, clip: Clip) -> Callable[[float], float]:
    """Return what moves the mouse to a place of the bar, and tells which time that is."""
    box = page.evaluate(
        """async ([way, ms]) => {
          window.shown = await import('/shown.js');
          await shown.begin(way, ms);
          return shown.barAt(way, ms);
        }""",
        [player.bar, _PATIENCE_MS],
    )
    assert box, "the player shows no bar"
    left, width = box["left"] + player.inset_px, box["width"] - 2 * player.inset_px
    middle, second = box["top"] + box["height"] / 2, width / clip.duration
    cell, edge = float(clip.made.interval) * second, 0.0
    if player.has_whole_seconds:
        cell, edge = second, second / 2
    is_out, last = True, -1.0

    def point(place: float) -> float:
        nonlocal is_out, last
        x = round(left + place * width)
        if min((x - left - edge) % cell, (edge + left - x) % cell) < 3:
            x += 6  # a pixel is no exact time
        if player.has_whole_seconds:
            x = min(x, int(left + width - 0.6 * second))  # the end itself is no picture's time
        if is_out or place == last:
            page.mouse.move(1, 1)
            page.mouse.move(left + 1, middle)  # the first move only opens the pop-over
        page.mouse.move(x, middle)
        last = place
        time: float = (x - left) / width * clip.duration
        time = round(time) if player.has_whole_seconds else time
        is_out = player.gap == "hides" and clip.expected(time) is None
        return time

    return point

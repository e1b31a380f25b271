"""Jellyfin's trickplay folder: sheets by number, found as the server finds them."""

from fractions import Fraction
from pathlib import Path

from msgspec.structs import replace
from numbered import Made

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.keys import is_document
from scrubjay.model import Recipe, Sheet


def test_each_time_has_its_picture(made: Made) -> None:
    """With the folder's name and the interval, the cell of a time is that time's picture."""
    stem = made.plan.source.name.removesuffix(".mp4")
    layout = made.plan.layouts[-1]
    folder = f"jellyfin/{stem}.trickplay/256 - {layout.columns}x{layout.rows}"
    keys = [key for key in made.store.sizes() if key.startswith("jellyfin/")]
    assert sorted(keys) == sorted(f"{folder}/{number}.jpg" for number in range(len(keys)))
    assert sorted(keys) == sorted(key for key in made.manifest.tracks.values() if "/" in key)
    assert all(map(is_document, keys))
    for time in made.times():
        sheet, cell = divmod(int(time / made.interval), layout.columns * layout.rows)
        assert sheet < len(keys)
        row, column = divmod(cell, layout.columns)
        expected = made.expected(time)
        if expected is not None:
            place = (column * 256, row * 144, 256, 144)
            assert made.cell(f"{folder}/{sheet}.jpg", *place) == expected, float(time)


def test_a_gap_shows_the_sheet_before(made: Made) -> None:
    """So that the server counts as many sheets as there are, and finds those after the gap."""
    sheets = [made.store.get(key) for name, key in _sheets(made)]
    length = made.interval * made.plan.layouts[-1].columns * made.plan.layouts[-1].rows
    for place in range(1, len(sheets)):
        is_gap = made.expected(Fraction(place) * length) is None
        assert (sheets[place] == sheets[place - 1]) == is_gap


def test_a_folder_that_is_asked_for_no_more_goes(clips: dict[str, Path], tmp_path: Path) -> None:
    """With all that is in it, but never with what somebody else put there."""
    sheets = Recipe(animations=(), frames=(), sheets=(Sheet(width=64),), documents=("jellyfin",))
    for mine in (None, tmp_path / "jellyfin" / "mine.txt"):
        scrubjay.make(clips["plain"], tmp_path, recipe=sheets, engine=InlineEngine())
        assert len(list(tmp_path.glob("jellyfin/*.trickplay/*/*.jpg"))) == 1
        if mine:
            mine.write_text("mine")
        without = replace(sheets, documents=("webvtt",))
        scrubjay.make(clips["plain"], tmp_path, recipe=without, engine=InlineEngine())
        assert list(tmp_path.glob("jellyfin/**/*")) == ([mine] if mine else [])
        assert (tmp_path / "jellyfin").exists() == (mine is not None)


def _sheets(made: Made) -> list[tuple[int, str]]:
    tracks = made.manifest.tracks.items()
    found = {int(name.partition(".")[2] or 0): key for name, key in tracks if "jellyfin" in name}
    return sorted(found.items())

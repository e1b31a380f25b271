"""storyboard.json: every tile is the picture of its time, and a set of several sheets says so."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import FPS, SECONDS, number_of, write_clip
from PIL import Image

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import RecipeError
from scrubjay.model import Recipe, Sheet, TrackClock


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MP4 of 12 s of numbered pictures, whose clock shows 5 s at the first."""
    return write_clip(tmp_path_factory.mktemp("clip") / "late.mp4", pictures_at=5)


def _storyboard(
    clip: Path,
    folder: Path,
    clock: TrackClock,
    length: int,
    name: str = "storyboard.json",
    rows: int = 0,
) -> dict[str, Any]:
    recipe = Recipe(
        slice_length=Fraction(length),
        animations=(),
        frames=(),
        sheets=(
            Sheet(interval=Fraction(1, 2), width=256, columns=4, rows=rows, quality=95),
            Sheet(name="coarse", interval=Fraction(4), width=256, quality=95),
        ),
        documents=("storyboard",),
    )
    made = scrubjay.make(clip, folder, recipe=recipe, engine=InlineEngine(), clock=clock)
    assert made.tracks == {
        "storyboard": "storyboard.json",
        "storyboard-coarse": "storyboard-coarse.json",
    }
    found: dict[str, Any] = json.loads((folder / name).read_bytes())
    return found


@pytest.mark.parametrize(("clock", "begins"), [("zero", 0), ("media", 5)])
@pytest.mark.parametrize(("length", "rows"), [(12, 0), (4, 0), (12, 2)])
def test_each_tile_is_the_picture_of_its_time(
    clip: Path, tmp_path: Path, clock: TrackClock, begins: int, length: int, rows: int
) -> None:
    """Read by machine, on either clock, in one sheet or three; the first begins at 0."""
    board = _storyboard(clip, tmp_path, clock, length, rows=rows)
    assert (board["tile_width"], board["tile_height"]) == (256, 144)
    assert board["duration"] == SECONDS + begins
    tiles = board["tiles"]
    assert [tile["start"] for tile in tiles] == [0, *(begins + k / 2 for k in range(1, 24))]
    assert ("url" in board) == (length == 12 and not rows)
    for place, tile in enumerate(tiles):
        url = board.get("url") or tile["url"]
        with Image.open(tmp_path / url) as sheet:
            x, y = tile["x"], tile["y"]
            picture = sheet.convert("RGB").crop((x, y, x + 256, y + 144))
        assert number_of(np.asarray(picture)) == place * FPS // 2


def test_each_output_of_sheets_has_its_own(clip: Path, tmp_path: Path) -> None:
    """The second one's tiles are its own thumbnails, on its own grid."""
    board = _storyboard(clip, tmp_path, "zero", 12, "storyboard-coarse.json")
    assert [tile["start"] for tile in board["tiles"]] == [0, 4, 8]
    assert [tile["x"] for tile in board["tiles"]] == [0, 256, 512]
    assert board["url"].startswith("coarse/")


def test_it_needs_sheets(clip: Path, tmp_path: Path) -> None:
    """Without any, a recipe that asks for it is refused before anything is made."""
    recipe = Recipe(animations=(), sheets=(), documents=("storyboard",))
    with pytest.raises(RecipeError, match=r"documents has 'storyboard', which needs sheets"):
        scrubjay.make(clip, tmp_path / "out", recipe=recipe, engine=InlineEngine())
    assert not (tmp_path / "out").exists()

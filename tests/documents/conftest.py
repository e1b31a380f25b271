"""Four sets, of which each document is tried."""

from fractions import Fraction
from pathlib import Path

import pytest
from clips import SECONDS, write_clip
from numbered import Made, is_kept, kept_before, make_set, plainly, recipe_of


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """12 s of numbered pictures, at a constant and at a variable rate."""
    folder = tmp_path_factory.mktemp("numbered")
    return {
        "plain": write_clip(folder / 'my "film" #1 & ünï.mp4'),
        "variable": write_clip(folder / "variable.mp4", kept=is_kept),
    }


@pytest.fixture(scope="session", params=["barcode", "odd", "variable", "gap"])
def made(request: pytest.FixtureRequest, clips: dict[str, Path]) -> Made:
    """A set each of a film, and of clips: an odd last sheet, a variable rate, gaps.

    The gaps are a slice in the middle and the last one.
    """
    assert SECONDS == 12
    match request.param:
        case "barcode":
            media: Path = request.getfixturevalue("media")
            film = media / "real" / "barcode_frames_60s.mp4"
            return make_set(film, recipe_of(20, Fraction(2), 5), plainly)
        case "odd":
            return make_set(clips["plain"], recipe_of(5, Fraction(1), 5), plainly)
        case "variable":
            return make_set(clips["variable"], recipe_of(4, Fraction(1, 2), 4), kept_before)
        case _:
            return make_set(clips["plain"], recipe_of(2, Fraction(1), 2), plainly, gaps=(2, 5))

"""Verifying and repairing the sets of a library, after a run over it."""

import shutil
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.errors import DestinationError
from scrubjay.events import Event, FilmEnded
from scrubjay.keys import PLAN, VIDEO
from scrubjay.library.notes import Request
from scrubjay.library.running import make_library
from scrubjay.model import Recipe, Still

SMALL = Request(
    recipe=Recipe(slice_length=Fraction(4), animations=(), frames=(Still(width=32),), sheets=())
)


def _made(videos: Path, sets: Path) -> dict[object, str]:
    """Make what is missing in a library, and return what became of each film."""
    events: list[Event] = []
    make_library(videos, str(sets), request=SMALL, on_progress=events.append)
    return {each.film: each.outcome for each in events if isinstance(each, FilmEnded)}


@pytest.fixture
def sets(small_clip: Path, tmp_path: Path) -> Path:
    """The sets of three films, and what a run notes of one that fails."""
    (tmp_path / "videos").mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(small_clip, tmp_path / "videos" / name)
    (tmp_path / "videos" / "text.mp4").write_text("not a video")
    _made(tmp_path / "videos", tmp_path / "sets")
    return tmp_path / "sets"


def test_a_library_is_repaired(sets: Path) -> None:
    """What is wrong becomes a gap that the next run fills; what is beyond repair costs no other."""
    report = scrubjay.verify(sets)
    assert [Path(each.destination).name for each in report.sets] == ["a.mp4", "b.mp4", "c.mp4"]
    assert report.holds
    whole = (sets / "c.mp4" / "manifest.json").read_bytes()
    for name in ("b.mp4", "c.mp4"):
        [still] = (sets / name).glob("frames/*/000005.jpg")
        still.unlink()
    (sets / "b.mp4" / PLAN).write_text("{")
    with pytest.raises(DestinationError, match=r"b\.mp4 has no plan that can be read"):
        scrubjay.repair(sets, scrubjay.verify(sets))
    [a, b, c] = scrubjay.verify(sets).sets
    assert (a.holds, b.holds, c.holds) == (True, False, True)
    assert (a.gaps, c.gaps) == (0, 1)
    assert not (sets / "c.mp4" / VIDEO).exists()

    (sets / "b.mp4").rename(sets.parent / "away")
    assert _made(sets.parent / "videos", sets) == {
        "a.mp4": "already", "b.mp4": "made", "c.mp4": "made", "text.mp4": "failed",
    }  # fmt: skip
    assert (sets / "c.mp4" / "manifest.json").read_bytes() == whole
    assert scrubjay.verify(sets).holds

"""The WebVTT track says which clock it is on, and is on the one that a site asks for."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from clips import write_clip

import scrubjay
from scrubjay.documents.manifest import clock_for
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import MediaInfo, Plan, TrackClock

_RECIPE = scrubjay.Recipe(animations=(), frames=())


def _cues(folder: Path) -> list[tuple[str, str]]:
    text = (folder / "storyboard.vtt").read_text()
    return re.findall(r"^(\S+) --> (\S+)$", text, re.MULTILINE)


def _make(video: Path, folder: Path, clock: TrackClock | None = None) -> dict[str, object]:
    scrubjay.make(video, folder, recipe=_RECIPE, engine=InlineEngine(), clock=clock)
    made: dict[str, object] = json.loads((folder / "manifest.json").read_bytes())
    return made


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MP4 of 12 s whose clock shows 5 s at the first picture."""
    return write_clip(tmp_path_factory.mktemp("late") / "late.mp4", pictures_at=5)


def test_the_clock_of_an_mp4(late: Path, tmp_path: Path) -> None:
    """By itself an MP4's track is on the video's own clock, and reaches back to 0."""
    assert _make(late, tmp_path)["track_clock"] == "media"
    cues = _cues(tmp_path)
    assert cues[:2] == [("00:00:00.000", "00:00:06.000"), ("00:00:06.000", "00:00:07.000")]
    assert cues[-1][1] == "00:00:17.000"


def test_a_clock_by_choice(late: Path, tmp_path: Path) -> None:
    """A finished set is published anew on another clock, and nothing else of it changes."""
    before = _make(late, tmp_path)
    after = _make(late, tmp_path, "zero")
    assert {name for name in after if after[name] != before[name]} == {"track_clock"}
    cues = _cues(tmp_path)
    assert cues[0] == ("00:00:00.000", "00:00:01.000")
    assert cues[-1][1] == "00:00:12.000"


@pytest.mark.parametrize(
    ("container", "clock"),
    [
        ("mov,mp4,m4a,3gp,3g2,mj2", "media"),
        ("matroska,webm", "media"),
        ("mpegts", "zero"),
        ("avi", "zero"),
    ],
)
def test_the_clock_that_players_need(
    planned: Callable[..., Plan], container: str, clock: TrackClock
) -> None:
    """Files that browsers play keep their clock; what scripts play begins at 0."""
    media: MediaInfo = planned(Fraction(10)).media
    assert clock_for(msgspec.structs.replace(media, container=container)) == clock


def test_each_output_of_sheets_has_a_track(clip: Path) -> None:
    """The first sheets' track has the plain name, another's its own; each shows its own sheets."""
    few = scrubjay.Sheet(name="few", interval=Fraction(5), width=64, columns=2)
    recipe = msgspec.structs.replace(_RECIPE, sheets=(scrubjay.Sheet(), few))
    store = scrubjay.Store.in_memory()
    manifest = scrubjay.make(clip, store, recipe=recipe, engine=InlineEngine())
    keys = {"webvtt": "storyboard.vtt", "webvtt-few": "storyboard-few.vtt"}
    assert manifest.tracks == {"page": "index.html"} | keys
    for key, name, count in (("webvtt", "sheets", 12), ("webvtt-few", "few", 3)):
        [sheet] = [each for each in manifest.sheets if each.output == name]
        shown = re.findall(r"^(.+)#xywh=(.+)$", store.get(keys[key]).decode(), re.MULTILINE)
        assert {each for each, _ in shown} == {sheet.key}
        assert len({place for _, place in shown}) == len(shown) == sheet.count == count


def test_a_clock_before_0(media: Path, tmp_path: Path) -> None:
    """WebVTT has no time before 0: what a clock shows earlier is left out, and cues still touch."""
    video = media / "odd" / "s_ts_pts_wrap.ts"
    _make(video, tmp_path, "media")
    cues = _cues(tmp_path)
    assert cues[0][0] == "00:00:00.000"
    assert all(one[1] == other[0] for one, other in pairwise(cues))

"""With its video, a set's pictures are compared with those of a plain reader."""

import json
import shutil
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from damages import picture, rewrite
from msgspec.structs import replace

import scrubjay
from scrubjay.encode.jpeg import encode
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import IncompleteError, RecipeError
from scrubjay.model import Animation, Recipe, Sheet, Still

RECIPE = Recipe(
    slice_length=Fraction(6),
    animations=(Animation(fps=Fraction(5), width=120),),
    frames=(Still(), Still(name="packed", format="mjpg", width=160)),
    sheets=(Sheet(width=80),),
)
LATE, BLACK, MISNAMED = 3, 5, 8
"""The seconds of the stills that are damaged."""


def _made(video: Path, folder: Path, recipe: Recipe = RECIPE) -> Path:
    with InlineEngine() as engine:
        scrubjay.make(video, folder, recipe=recipe, engine=engine)
    return folder


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of a clip in which every picture differs from the next."""
    return _made(clip, tmp_path_factory.mktemp("whole") / "set")


def test_a_whole_set_is_like_its_video(whole: Path, clip: Path) -> None:
    """Every picture of every output is that of its time."""
    [report] = scrubjay.verify(whole, source=clip, samples=200).sets
    assert report.findings == ()
    assert report.compared == 12 + 12 + 12 + 60
    assert report.not_compared == "there are only 96 pictures to choose from"


def test_samples_are_spread_and_repeatable(whole: Path, clip: Path) -> None:
    """As many as were asked for; another seed takes others, and finds no more."""
    for seed in (0, 7):
        [report] = scrubjay.verify(whole, source=clip, samples=9, seed=seed).sets
        assert (report.compared, report.not_compared, report.holds) == (9, "", True)


@pytest.fixture(scope="module")
def broken(whole: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with a still that is one frame late, a black one, and one with another time."""
    copy = tmp_path_factory.mktemp("broken") / "set"
    shutil.copytree(whole, copy)
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    late = encode(np.ascontiguousarray(frames[24 * LATE + 1]).astype(np.uint8), 80)
    rewrite(copy, f"frames/*/{LATE:06}.jpg", lambda _: late)
    rewrite(copy, f"frames/*/{BLACK:06}.jpg", picture)
    for path in (copy / ".scrubjay/slices").rglob("*.json"):
        tree = json.loads(path.read_bytes())
        for artifact in tree["artifacts"]:
            if artifact["key"].endswith(f"{MISNAMED:06}.jpg"):
                artifact["source_times"] = [str(MISNAMED - Fraction(1, 24))]
        path.write_text(json.dumps(tree))
    return copy


def test_a_wrong_picture_is_found(broken: Path, clip: Path) -> None:
    """One frame late, black, or of another time than its record says: each is named."""
    [report] = scrubjay.verify(broken, source=clip, samples=200).sets
    found = {Path(each.key).stem: each for each in report.findings if each.check != "manifest"}
    assert found.keys() == {f"{each:06}" for each in (LATE, BLACK, MISNAMED)}
    late, black, misnamed = (found[f"{each:06}"] for each in (LATE, BLACK, MISNAMED))
    assert (late.check, late.expected, late.found) == ("picture", "3.000 s", "3.042 s")
    assert (black.check, black.start) == ("picture", BLACK)
    assert (misnamed.check, misnamed.expected, misnamed.found) == ("time", "7.958 s", "7.958 s")


def test_another_video_is_named(whole: Path, other_clip: Path) -> None:
    """The video is not the one that the set was made from; nothing else is compared."""
    [report] = scrubjay.verify(whole, source=other_clip).sets
    assert [each.check for each in report.findings] == ["source"]
    assert report.compared == 0


def test_a_source_belongs_to_one_set(whole: Path, clip: Path) -> None:
    """A library cannot be compared with one video."""
    copy = shutil.copytree(whole, whole / "inner")
    try:
        with pytest.raises(RecipeError, match="2 sets lie below"):
            scrubjay.verify(whole, source=clip)
    finally:
        shutil.rmtree(copy)


_ODD = (
    "odd/alpha_vp9.webm",
    "odd/camera_518x488_vfr.mp4",
    "odd/rot_and_reflect.mp4",
    "odd/s_hevc_main10_pq.mkv",
    "bad/packet_loss_2pct.ts",
    "reports/clock_back.ts",
)


@pytest.mark.parametrize("name", _ODD)
def test_sets_of_odd_videos_are_like_them(media: Path, name: str, tmp_path: Path) -> None:
    """Transparency, a variable rate, turned and squeezed pictures, HDR, damage: all hold."""
    recipe = Recipe(
        slice_length=Fraction(4),
        animations=(Animation(fps=Fraction(2), width=120),),
        frames=(Still(width=240),),
        sheets=(Sheet(width=80),),
    )
    folder = tmp_path / "set"
    with suppress(IncompleteError):
        _made(media / name, folder, recipe)
    [report] = scrubjay.verify(folder, source=media / name, samples=8).sets
    assert report.findings == ()
    assert report.compared == 8 or report.not_compared


def test_what_cannot_be_judged_is_counted(media: Path, tmp_path: Path) -> None:
    """Before a jump of the clock a wrong picture is a finding; after it, a note counts it."""
    video = media / "reports/clock_back.ts"
    recipe = Recipe(slice_length=Fraction(1), animations=(), frames=(Still(),), sheets=())
    folder = _made(video, tmp_path / "set", recipe)
    for second in (1, 3):
        rewrite(folder, f"frames/*/{second:06}.jpg", picture)
    [report] = scrubjay.verify(folder, source=video).sets
    named = [(each.check, each.start) for each in report.findings if each.check != "manifest"]
    assert named == [("picture", 1)]
    assert report.compared == 3  # the wrong one is among them
    assert report.not_compared == (
        "there are only 4 pictures to choose from; 1 of the pictures could not be compared: the "
        "video's clock jumps before them, and readers join its stretches differently"
    )
    for path in (folder / ".scrubjay/slices").rglob("*.json"):
        record = json.loads(path.read_bytes())
        path.write_text(json.dumps(record | {"damaged_packets": 1}))
    [report] = scrubjay.verify(folder, source=video).sets
    assert not [each for each in report.findings if each.check == "picture"]
    assert "2 of the pictures could not be compared: the video is damaged" in report.not_compared


def test_what_no_record_describes_is_named(clip: Path, tmp_path: Path) -> None:
    """Animations with a tolerance are left out, however many other pictures there are."""
    recipe = replace(RECIPE, tolerance=Fraction(1, 5))
    [report] = scrubjay.verify(_made(clip, tmp_path / "set", recipe), source=clip).sets
    assert (report.compared, report.holds) == (8, True)
    assert report.not_compared.startswith("animations made with a tolerance are not compared")

"""Timelapses and highlights: what of a slice they show, and what the manifest says of it."""

from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moving import read_video
from PIL import Image

import scrubjay
from scrubjay.encode.base import RgbPicture
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import Animation, Manifest, Recipe
from scrubjay.slices.liveliest import Liveliness, liveliest

_NumberIn = Callable[[npt.NDArray[np.uint8]], int]


def _made(clip: Path, folder: Path, slice_length: int, *animations: Animation) -> Manifest:
    recipe = Recipe(
        slice_length=Fraction(slice_length), animations=animations, frames=(), sheets=()
    )
    return scrubjay.make(clip, folder, recipe=recipe, engine=InlineEngine())


def test_a_timelapse_shows_a_picture_of_each_second(
    clip: Path, tmp_path: Path, number_in: _NumberIn
) -> None:
    """Pictures of whole seconds follow at the frame rate, and nothing else is decoded for them."""
    options = Animation(format="mp4", of="timelapse", fps=Fraction(5))
    manifest = _made(clip, tmp_path, 7, options)
    first, last = manifest.animations
    assert (first.frames, last.frames) == (7, 5)
    assert (first.shown_start, first.shown_end) == (first.start, first.end) == (0, 7)
    video = read_video((tmp_path / last.key).read_bytes())
    assert video.starts == pytest.approx([k / 5 for k in range(5)])
    assert video.duration == pytest.approx(1)
    assert [number_in(each) for each in video.pictures] == [24 * (7 + k) for k in range(5)]
    recipe = Recipe(animations=(options,), frames=(), sheets=())
    reading = scrubjay.explain(clip, scrubjay.plan(clip, recipe=recipe))
    assert reading.pictures == 12
    assert "pictures are 1 s apart" in " ".join(reading.reasons)


def _levels(times_of_motion: set[int]) -> list[RgbPicture]:
    """Six seconds at 10 pictures a second: a block that moves in some of them, on grey."""
    pictures: list[RgbPicture] = []
    left = 0
    for k in range(60):
        picture = np.full((36, 64, 3), 90, np.uint8)
        picture[::4] = 140
        left += 3 if k // 10 in times_of_motion else 0
        picture[8:20, left % 50 : left % 50 + 12] = 240
        pictures.append(picture)
    return pictures


def _liveliest(pictures: list[RgbPicture], count: int) -> int:
    measured: list[Liveliness] = []
    for picture in pictures:
        measured.append(Liveliness.of(picture, measured[-1] if measured else None))
    return liveliest(
        [each.change for each in measured], [each.is_black for each in measured], count
    )


def test_the_liveliest_second_is_found() -> None:
    """It is where most moves."""
    assert _liveliest(_levels({3}), 10) in range(29, 32)
    assert _liveliest(_levels(set()), 10) == 0


def test_it_is_never_black_and_crosses_no_cut() -> None:
    """A cut changes more than any motion, and what is black is no picture."""
    pictures = _levels({2})
    pictures[40:] = [255 - each for each in pictures[40:]]
    assert _liveliest(pictures, 10) in range(19, 22)
    pictures[15:25] = [np.zeros_like(each) for each in pictures[15:25]]
    first = _liveliest(pictures, 10)
    assert not set(range(first, first + 10)) & set(range(15, 25))
    assert not first < 40 < first + 10


@given(
    changes=st.lists(st.floats(0, 60), min_size=1, max_size=40),
    count=st.integers(1, 40),
    data=st.data(),
)
def test_a_run_lies_within_its_slice(changes: list[float], count: int, data: st.DataObject) -> None:
    """Whatever the pictures are like, as many as were asked for are shown; black ones last."""
    count = min(count, len(changes))
    flags = st.lists(st.booleans(), min_size=len(changes), max_size=len(changes))
    blacks = data.draw(flags)
    first = liveliest(changes, blacks, count)
    assert 0 <= first <= len(changes) - count
    fewest = min(sum(blacks[at : at + count]) for at in range(len(changes) - count + 1))
    assert sum(blacks[first : first + count]) == fewest


def test_a_highlight_says_which_part_it_shows(
    clip: Path, tmp_path: Path, number_in: _NumberIn
) -> None:
    """The manifest has where it starts and ends in its slice; the pictures are those of there."""
    options = Animation(of="highlight", seconds=Fraction(2), fps=Fraction(12), width=320)
    manifest = _made(clip, tmp_path, 7, options)
    for entry, start, end in zip(manifest.animations, (0, 7), (7, 12), strict=True):
        assert (entry.start, entry.end, entry.frames) == (start, end, 24)
        assert start <= entry.shown_start < entry.shown_end <= end
        assert entry.shown_end - entry.shown_start == pytest.approx(2, abs=1e-5)
        with Image.open(BytesIO((tmp_path / entry.key).read_bytes())) as image:
            picture = np.asarray(image.convert("RGB"))
        assert number_in(picture) == pytest.approx(24 * entry.shown_start, abs=0.01)


def test_a_slice_shorter_than_a_highlight_is_shown_whole(clip: Path, tmp_path: Path) -> None:
    """Three seconds of two are two."""
    manifest = _made(clip, tmp_path, 10, Animation(of="highlight", format="mp4"))
    first, last = manifest.animations
    assert (first.frames, last.frames) == (30, 20)
    assert (last.shown_start, last.shown_end) == (10, 12)
    assert read_video((tmp_path / last.key).read_bytes()).duration == pytest.approx(2)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"seconds": 2}, "seconds applies only if of = "),
        ({"of": "highlight", "seconds": 61}, "seconds is 61; it must be from 0 to 60"),
        ({"of": "timelapse", "per": "video"}, 'of does not apply if per = "video"'),
    ],
)
def test_fields_that_mean_nothing_are_errors(fields: dict[str, str], words: str) -> None:
    """What would change nothing is refused, by name."""
    with pytest.raises(ValueError, match=words):
        Animation(**fields)  # type: ignore[arg-type]

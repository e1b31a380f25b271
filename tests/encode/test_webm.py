"""WebM of VP9 and of AV1: exact times, odd sizes; read by PyAV and by the ffmpeg program."""

from fractions import Fraction

import numpy as np
import pytest
from moving import Times, encoded, moving, read_by_program, read_video, seconds

_FORMATS = ["webm", "webm-av1"]


@pytest.mark.parametrize("name", _FORMATS)
@pytest.mark.parametrize("fps", [Fraction(10), Fraction(30000, 1001), Fraction(1, 3)])
@pytest.mark.parametrize("last", [Fraction(1), Fraction(1, 7), Fraction(8, 3)])
def test_each_picture_is_shown_from_its_time_on(name: str, fps: Fraction, last: Fraction) -> None:
    """Times are rounded to 1 ms from the absolute time; the last picture ends with the slice."""
    starts = [30 + k / fps for k in range(9)]
    times = Times(starts, starts[-1] + last / fps)
    data = encoded(name, moving(9), starts, times.end, fps)
    video = read_video(data)
    rounded, end = seconds(times, 1000)
    assert video.starts == pytest.approx(rounded)
    assert video.last == pytest.approx(end - rounded[-1])
    assert video.duration == pytest.approx(end)
    starts_there, end_there = read_by_program(data)
    assert starts_there == pytest.approx(rounded)
    assert end_there == pytest.approx(end)


@pytest.mark.parametrize("name", _FORMATS)
@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize(("height", "width"), [(135, 240), (91, 161), (33, 31)])
def test_pictures_of_odd_sizes_are_near(name: str, count: int, height: int, width: int) -> None:
    """No row or column is added or lost, and every picture is near to what went in."""
    pictures = moving(count, height, width)
    shown = read_video(encoded(name, pictures, quality=95)).pictures
    assert len(shown) == count
    for picture, like in zip(shown, pictures, strict=True):
        assert picture.shape == (height, width, 3)
        assert np.abs(picture.astype(int) - like).mean() < 6


@pytest.mark.parametrize("name", _FORMATS)
def test_colours_are_named(name: str) -> None:
    """The file says BT.709 in the limited range, so that small video is not taken for BT.601."""
    assert read_video(encoded(name, moving(3))).colours == (1, 1, 1, 1)
    white = [np.full((32, 32, 3), 255, np.uint8)]
    assert read_video(encoded(name, white)).pictures[0].min() >= 253

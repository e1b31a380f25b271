"""MP4: exact times, the index in front, odd sizes; read by PyAV and by the ffmpeg program."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from moving import Times, encoded, moving, read_by_program, read_video, seconds


def _boxes(data: bytes) -> list[bytes]:
    """Return the names of a file's top-level boxes, in order."""
    names: list[bytes] = []
    at = 0
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        names.append(name)
        at += size
    return names


@pytest.mark.parametrize("fps", [Fraction(10), Fraction(7), Fraction(30000, 1001), Fraction(1, 3)])
@pytest.mark.parametrize("last", [Fraction(1), Fraction(1, 7), Fraction(8, 3)])
def test_each_picture_is_shown_from_its_time_on(fps: Fraction, last: Fraction) -> None:
    """Times are within half a tick of 1/90000 s; the last picture ends at the slice's end."""
    starts = [30 + k / fps for k in range(9)]
    times = Times(starts, starts[-1] + last / fps)
    data = encoded("mp4", moving(9), starts, times.end, fps)
    video = read_video(data)
    rounded, end = seconds(times, 90_000)
    assert video.starts == pytest.approx(rounded, abs=1e-6)
    assert video.last == pytest.approx(end - rounded[-1], abs=1e-6)
    assert video.duration == pytest.approx(end, abs=1e-6)
    starts_there, end_there = read_by_program(data)
    assert starts_there == pytest.approx(rounded, abs=1e-6)
    assert end_there == pytest.approx(end, abs=1e-6)


def test_players_can_begin_at_once() -> None:
    """The index lies in front of the pictures, and there is no sound."""
    names = _boxes(encoded("mp4", moving(5)))
    assert names[:2] == [b"ftyp", b"moov"]
    assert names.index(b"moov") < names.index(b"mdat")


@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize(("height", "width"), [(135, 240), (90, 161), (1, 1), (31, 33)])
def test_odd_sizes_are_not_distorted(count: int, height: int, width: int) -> None:
    """The last row and column are repeated; every other pixel stays where it is."""
    pictures = moving(count, height, width)
    shown = read_video(encoded("mp4", pictures, quality=100)).pictures
    assert len(shown) == count
    assert shown[0].shape == (height + height % 2, width + width % 2, 3)
    for picture, like in zip(shown, pictures, strict=True):
        assert np.abs(picture[:height, :width].astype(int) - like).mean() < 8
        edge = picture[-1:, :width].astype(int) - picture[-2:-1, :width]
        assert height % 2 == 0 or np.abs(edge).mean() < 8


def test_colours_are_named() -> None:
    """The file says BT.709 in the limited range, so that small video is not taken for BT.601."""
    assert read_video(encoded("mp4", moving(3))).colours == (1, 1, 1, 1)
    white = [np.full((32, 32, 3), 255, np.uint8)]
    assert read_video(encoded("mp4", white)).pictures[0].min() >= 254

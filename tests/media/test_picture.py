"""From a frame to a picture: upright, in its shape, in its colours."""

from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from scrubjay.media.frames import FrameReader
from scrubjay.media.picture import Painter, RgbPicture
from scrubjay.media.probe import probe_media
from scrubjay.media.source import open_container, video_streams
from scrubjay.model import MediaInfo, Size
from scrubjay.place import Place
from scrubjay.timing import Target, Timeline


def _painted(path: Path, time: Fraction, width: int) -> tuple[RgbPicture, MediaInfo]:
    media = probe_media(Place.of(path))[1]
    size = Size(width=width, height=max(1, round(width * media.height / media.width)))
    with open_container(Place.of(path)) as container:
        stream = next(each for each in video_streams(container) if each.index == media.stream_index)
        timeline = Timeline(time_base=media.time_base, origin=media.origin)
        reader = FrameReader(container, stream, timeline)
        reader.start([Target(None, time, None)])
        (shown,) = reader.until(time + 1)
        return Painter(media, size).paint(shown.frame), media


def _psnr(one: RgbPicture, other: RgbPicture) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def test_a_turned_video_is_painted_upright(media: Path) -> None:
    """The film with a display matrix is the film turned by 90 degrees counter-clockwise."""
    turned, _ = _painted(media / "odd/s_rot90_sar.mp4", Fraction(1), 135)
    plain, _ = _painted(media / "odd/s_anamorphic_4_3_1440x1080.mp4", Fraction(1), 240)
    assert turned.shape == (240, 135, 3)
    assert _psnr(turned, np.rot90(plain, 1)) > 35


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirrored", [False, True])
def test_all_eight_orientations(planned_media: MediaInfo, turns: int, *, mirrored: bool) -> None:
    """A picture is mirrored first and turned clockwise then."""
    coded = np.zeros((32, 64, 3), np.uint8)
    coded[:16, :32, 0] = 255
    coded[:16, 32:, 1] = 255
    coded[16:, :32, 2] = 255
    frame = av.VideoFrame.from_ndarray(coded, format="rgb24")
    media = msgspec.structs.replace(
        planned_media, rotation_deg=90 * turns, mirrored=mirrored, color_range="full"
    )
    size = Size(width=32, height=64) if turns % 2 else Size(width=64, height=32)
    expected = np.rot90(coded[:, ::-1] if mirrored else coded, -turns)
    assert _psnr(Painter(media, size).paint(frame), np.ascontiguousarray(expected)) > 40


@pytest.fixture
def planned_media(media: Path) -> MediaInfo:
    """What some video is, to be altered."""
    return probe_media(Place.of(media / "real/globe_30s.mp4"))[1]


@pytest.mark.parametrize(("matrix", "name"), [(1, "bt709"), (5, "bt470bg")])
@pytest.mark.parametrize("full", [False, True])
def test_colours_follow_matrix_and_range(
    planned_media: MediaInfo, matrix: int, name: str, *, full: bool
) -> None:
    """Pure colours come out as themselves, whatever matrix and range they were coded with."""
    kr, kb = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
    for colour in [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (128, 64, 200)]:
        red, green, blue = (value / 255 for value in colour)
        luma = kr * red + (1 - kr - kb) * green + kb * blue
        chroma = ((blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr))
        y = luma * 255 if full else 16 + 219 * luma
        u, v = (128 + value * (255 if full else 224) for value in chroma)
        frame = av.VideoFrame(64, 64, "yuv420p")
        for plane, level in zip(frame.planes, (y, u, v), strict=True):
            plane.update(bytes([min(255, round(level))]) * plane.buffer_size)
        media = msgspec.structs.replace(
            planned_media, color_space=name, color_range="full" if full else "limited"
        )
        picture = Painter(media, Size(width=64, height=64)).paint(frame)
        assert np.abs(picture.mean(axis=(0, 1)) - colour).max() < 3.5


def test_a_tiny_and_an_odd_video_are_painted(media: Path) -> None:
    """One pixel is a picture, and odd sizes keep their last column."""
    assert _painted(media / "odd/size_1x1.mp4", Fraction(2), 1)[0].shape == (1, 1, 3)
    assert _painted(media / "odd/s_odd_427x241_444.mp4", Fraction(1), 428)[0].shape[1] == 428


def test_a_wide_palette_video_is_painted(planned_media: MediaInfo) -> None:
    """A format that libswscale reads but cannot write, at many times the size, is painted."""
    frame = av.VideoFrame(1280, 720, "pal8")
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.planes[1].update(b"\x20\x40\x80\xff" * 256)  # blue, green, red
    picture = Painter(planned_media, Size(width=240, height=135)).paint(frame)
    assert picture.shape == (135, 240, 3)
    assert np.abs(picture.mean(axis=(0, 1)) - (0x80, 0x40, 0x20)).max() < 4

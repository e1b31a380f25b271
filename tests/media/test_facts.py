"""What a container says beside its pictures: crop, stereo, Dolby Vision; and changes of shape."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest

from scrubjay.errors import UnsupportedVideoError
from scrubjay.media.picture import Painter, RgbPicture
from scrubjay.media.probe import probe_media
from scrubjay.model import MediaInfo, Recipe, Size, SourceRef
from scrubjay.places.place import Place
from scrubjay.planning import make_plan

_WIDTH, _HEIGHT = 320, 240


def _mp4(path: Path, box: bytes = b"", *, shown: tuple[int, int] | None = None) -> Path:
    """Write an MP4 with a picture in four colours, and a box more in its sample entry.

    Args:
        path: where to.
        box: what to add.
        shown: the size that the track's header gives, as Apple's cameras do; the coded one if None.
    """
    quarters = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8)
    quarters[: _HEIGHT // 2, : _WIDTH // 2] = (255, 0, 0)
    quarters[: _HEIGHT // 2, _WIDTH // 2 :] = (0, 255, 0)
    quarters[_HEIGHT // 2 :, : _WIDTH // 2] = (0, 0, 255)
    quarters[_HEIGHT // 2 :, _WIDTH // 2 :] = (255, 255, 255)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(quarters, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    if shown:
        at = data.index(b"tkhd") + 4 + 76
        struct.pack_into(">2I", data, at, shown[0] << 16, shown[1] << 16)
    _grow(data, box)
    path.write_bytes(data)
    return path


def _grow(data: bytearray, box: bytes) -> None:
    """Add a box at the end of the first sample entry: `moov` is last, so no offset moves."""
    holders, at = [], 0
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = data.index(kind, at) - 4
        holders.append(at)
        at += 8
    (size,) = struct.unpack_from(">I", data, holders[-1])
    end = holders[-1] + size
    data[end:end] = box
    for place in holders:
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(box))


def _dolby_vision(profile: int, compatibility: int) -> bytes:
    """Return a Dolby Vision configuration box."""
    bits = profile << 9 | 6 << 3 | 0b101
    body = struct.pack(">2BHB19x", 1, 0, bits, compatibility << 4)
    return struct.pack(">I4s", 8 + len(body), b"dvcC" if profile < 8 else b"dvvC") + body


def _clap(width: int, height: int, right: int, down: int) -> bytes:
    """Return a clean aperture: its size, and its middle's way from the picture's."""
    return struct.pack(">I4s8i", 40, b"clap", width, 1, height, 1, right, 1, down, 1)


def _shown(path: Path, stereo: Literal["both", "left"] = "both") -> tuple[MediaInfo, RgbPicture]:
    """Return what a video is, and its first picture as a recipe's still."""
    recipe = Recipe(stereo=stereo, animations=(), sheets=())
    found = probe_media(Place.of(path))[1]
    source = SourceRef(name=path.name, size_bytes=1, fingerprint="0" * 32)
    (layout,) = make_plan(source, found, recipe).layouts
    with av.open(f"file:{path}") as container:
        frame = next(container.decode(video=0))
    painter = Painter(found, layout.size, background=recipe.background, stereo=recipe.stereo)
    return found, painter.paint(frame)


@pytest.mark.parametrize(("profile", "compatibility"), [(5, 0), (8, 0), (10, 0)])
def test_bare_dolby_vision_is_refused_by_name(
    tmp_path: Path, profile: int, compatibility: int
) -> None:
    """Without a base layer, its colours are green and purple: better none than those."""
    path = _mp4(tmp_path / "film.mp4", _dolby_vision(profile, compatibility))
    with pytest.raises(UnsupportedVideoError, match=f"Dolby Vision profile {profile}"):
        probe_media(Place.of(path))


@pytest.mark.parametrize(("profile", "compatibility"), [(7, 6), (8, 1), (8, 4), (9, 2)])
def test_dolby_vision_with_a_base_layer_is_shown(
    tmp_path: Path, profile: int, compatibility: int
) -> None:
    """Its base layer is HDR10, HLG or SDR, which is read as such."""
    _, picture = _shown(_mp4(tmp_path / "film.mp4", _dolby_vision(profile, compatibility)))
    assert np.abs(picture[60, 80].astype(int) - (255, 0, 0)).max() < 5


@pytest.mark.parametrize("has_own_size", [False, True])
def test_a_clean_aperture_is_cut_out(tmp_path: Path, *, has_own_size: bool) -> None:
    """MP4's `clap`, off the middle, whether or not the track's size is that of the aperture."""
    shown = (200, 100) if has_own_size else None
    path = _mp4(tmp_path / "film.mp4", _clap(200, 100, -60, 10), shown=shown)
    found, picture = _shown(path)
    assert (found.width, found.height) == (200, 100)
    corners = [picture[5, 5], picture[5, 195], picture[95, 5], picture[95, 195]]
    assert [tuple(corner > 127) for corner in corners] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
        (True, True, True),
    ]
    column = int(np.argmax(picture[10, :, 1] > 127))
    row = int(np.argmax(picture[:, 10, 2] > 127))
    assert (column, row) == (160, 40)


def test_an_aperture_of_nothing_is_ignored(tmp_path: Path) -> None:
    """A crop that leaves no picture is a fault of the file's."""
    found, _ = _shown(_mp4(tmp_path / "film.mp4", _clap(10, 10, 4000, 0)))
    assert (found.width, found.height) == (_WIDTH, _HEIGHT)


def test_matroskas_crop_is_cut_off(media: Path) -> None:
    """The bars go, and what is left is not stretched to the display size of before."""
    found, picture = _shown(media / "reports" / "pixelcrop.mkv")
    assert picture.shape == (180, 320, 3)
    assert found.sample_aspect_ratio == 1
    red = (picture[:, :, 0] > 150) & (picture[:, :, 1] < 80)
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=3)  # a square or a circle


@pytest.mark.parametrize("layout", [1, 2])
def test_the_left_eye_of_a_stereo_video(tmp_path: Path, layout: int) -> None:
    """`st3d`: top and bottom (1), side by side (2); both are shown unless one is asked for."""
    path = _mp4(tmp_path / "film.mp4", struct.pack(">I4sIB", 13, b"st3d", 0, layout))
    found, both = _shown(path)
    assert found.stereo == ("top-bottom", "left-right")[layout - 1]
    assert both.shape == (_HEIGHT, _WIDTH, 3)
    _, left = _shown(path, "left")
    assert left.shape == (_HEIGHT, _WIDTH, 3)  # one eye, pressed to half of its size
    right_half = (0, 255, 0) if layout == 1 else (255, 0, 0)
    low_half = (255, 0, 0) if layout == 1 else (0, 0, 255)
    assert np.abs(left[60, 300].astype(int) - right_half).max() < 5
    assert np.abs(left[220, 60].astype(int) - low_half).max() < 5


@pytest.mark.parametrize(
    ("name", "size"), [("aspect_switch.ts", (1024, 576)), ("turned_midway.ts", (240, 320))]
)
def test_the_shape_shown_longest_makes_the_canvas(
    media: Path, name: str, size: tuple[int, int]
) -> None:
    """Pictures of the other shape keep it, between bars."""
    path = media / "reports" / name
    found = probe_media(Place.of(path))[1]
    assert (found.width, found.height) == size
    painter = Painter(found, Size(width=size[0], height=size[1]), background="#ff00ff")
    with av.open(f"file:{path}") as container:
        frames = list(container.decode(video=0))
    first, last = painter.paint(frames[0]), painter.paint(frames[-1])
    bar = np.array([255, 0, 255])
    assert not (last == bar).all(axis=2).any()
    bars = (first == bar).all(axis=2)
    held = size[0] * size[1] - int(bars.sum())
    expected = 768 * 576 if size[0] > size[1] else 240 * 180
    assert held == pytest.approx(expected, rel=0.01)
    assert bars[0, 0]
    assert bars[-1, -1]

"""Every format of stills and sheets: the picture that went in, read by Pillow."""

from io import BytesIO

import numpy as np
import pytest
from moving import moving
from PIL import Image

from scrubjay.encode.base import RgbPicture, still_encoder
from scrubjay.model import Sheet, Still
from scrubjay.registry import SHEET_FORMATS, STILL_FORMATS

_KINDS = [(Still, name) for name in STILL_FORMATS if name not in SHEET_FORMATS] + [
    (Sheet, name) for name in SHEET_FORMATS
]
_PIL = {"png": "PNG", "jpeg": "JPEG", "mjpg": "JPEG", "webp": "WEBP", "avif": "AVIF"}


def _encoded(kind: type[Still | Sheet], name: str, picture: RgbPicture, quality: int) -> bytes:
    return still_encoder(kind(format=name))(picture, quality)


def _read(data: bytes, name: str) -> RgbPicture:
    with Image.open(BytesIO(data)) as image:
        assert image.format == _PIL[name]
        assert getattr(image, "n_frames", 1) == 1
        return np.asarray(image.convert("RGB"))


def _smooth(height: int, width: int) -> RgbPicture:
    """Slopes of all three colours, without an edge."""
    rows, columns = np.linspace(0, 255, height)[:, None], np.linspace(0, 255, width)[None]
    planes = [rows + 0 * columns, columns + 0 * rows, 255 - (rows + columns) / 2]
    return np.stack(planes, axis=2).round().astype(np.uint8)


@pytest.mark.parametrize(("kind", "name"), _KINDS)
@pytest.mark.parametrize("size", [(90, 160), (135, 241)])
def test_a_picture_keeps_its_colours(
    kind: type[Still | Sheet], name: str, size: tuple[int, int]
) -> None:
    """Whatever its size, even or odd, each colour is as it was; a PNG is so to the bit."""
    picture = _smooth(*size)
    shown = _read(_encoded(kind, name, picture, 90), name).astype(int)
    assert shown.shape == picture.shape
    off = shown - picture
    assert np.abs(off).mean() < (0.001 if name == "png" else 3)
    assert np.abs(off.mean(axis=(0, 1))).max() < 1  # no colour is shifted


@pytest.mark.parametrize(("kind", "name"), _KINDS)
def test_the_smallest_pictures(kind: type[Still | Sheet], name: str) -> None:
    """A format takes pictures of the least size that it promises."""
    least = {**STILL_FORMATS, **SHEET_FORMATS}[name].smallest_side_px
    for height, width in ((least, least), (least, 50), (50, least)):
        data = _encoded(kind, name, _smooth(height, width), 75)
        assert _read(data, name).shape == (height, width, 3)


@pytest.mark.parametrize(("kind", "name"), _KINDS)
def test_the_same_picture_gives_the_same_bytes(kind: type[Still | Sheet], name: str) -> None:
    """A set is the same wherever and whenever it is made, whatever memory held before."""
    picture, made = moving(1)[0], set[bytes]()
    for left in (7, 255, 7):
        used = [np.full(size, left, np.uint8) for size in range(1_000, 200_000, 9_000)]
        del used
        made.add(_encoded(kind, name, picture, 75))
    assert len(made) == 1


@pytest.mark.parametrize(("kind", "name"), _KINDS)
def test_quality_means_bytes(kind: type[Still | Sheet], name: str) -> None:
    """A higher quality has more bytes; a PNG knows none."""
    sizes = [len(_encoded(kind, name, moving(1)[0], each)) for each in (5, 50, 75, 100)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == (1 if name == "png" else 4)

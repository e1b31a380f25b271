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


_COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128)]


def _patches(height: int, width: int) -> RgbPicture:
    """A quarter of each colour."""
    places = (2 * np.arange(height) // height * 2)[:, None] + 2 * np.arange(width) // width
    return np.take(np.array(_COLOURS, np.uint8), places, axis=0)


@pytest.mark.parametrize(("kind", "name"), _KINDS)
@pytest.mark.parametrize("size", [(90, 160), (135, 241)])
def test_a_picture_keeps_its_colours(
    kind: type[Still | Sheet], name: str, size: tuple[int, int]
) -> None:
    """Whatever its size, even or odd, each colour is as it was; a PNG is so to the bit."""
    picture = _patches(*size)
    shown = _read(_encoded(kind, name, picture, 90), name)
    assert shown.shape == picture.shape
    most = 11 if name == "avif" else 3  # Pillow's libyuv has blue 10 too low, whatever the quality
    for colour in _COLOURS:
        own = shown[(picture == colour).all(axis=2)].astype(int)
        off = np.median(own, axis=0) - colour  # edges bleed
        assert np.abs(off).max() < most
    assert (name == "png") == np.array_equal(shown, picture)


@pytest.mark.parametrize(("kind", "name"), _KINDS)
def test_the_smallest_pictures(kind: type[Still | Sheet], name: str) -> None:
    """A format takes pictures of the least size that it promises."""
    least = {**STILL_FORMATS, **SHEET_FORMATS}[name].smallest_side_px
    for height, width in ((least, least), (least, 50), (50, least)):
        data = _encoded(kind, name, _patches(height, width), 75)
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

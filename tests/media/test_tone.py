"""HDR pictures on an ordinary screen."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from scrubjay.media.probe import probe_media
from scrubjay.media.tone import ToneMapper
from scrubjay.places.place import Place


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_grey_stays_grey_and_rises(transfer: str) -> None:
    """A ramp from black to the brightest white has no hue, never falls, and ends in white."""
    ramp = np.repeat(np.linspace(0, 65535, 1000).astype(np.uint16), 3).reshape(1, 1000, 3)
    mapped = ToneMapper(transfer)(ramp)[0].astype(int)
    assert (mapped.max(axis=1) - mapped.min(axis=1)).max() <= 1
    assert (np.diff(mapped[:, 1]) >= 0).all()
    assert (mapped[0] == 0).all()
    assert (mapped[-1] >= 254).all()


def test_paper_is_half_of_a_screens_light() -> None:
    """What HDR shows as bright as paper, 203 cd/m2, is as bright as Chromium shows it."""
    codes = {"pq": 0.5807, "hlg": 0.75}  # ITU-R BT.2408-7, table 1
    for transfer, code in codes.items():
        pixel = np.full((1, 1, 3), round(code * 65535), np.uint16)
        ((level, *_),) = ToneMapper(transfer)(pixel)[0]
        assert 185 <= level <= 190


def test_large_pictures_are_mapped_in_bands() -> None:
    """A picture of several bands is mapped as its rows would be alone."""
    codes = np.random.default_rng(7).integers(0, 65536, (70, 1300, 3)).astype(np.uint16)
    mapper = ToneMapper("hlg")
    assert (mapper(codes)[60:] == mapper(codes[60:])).all()


def test_hdr_is_part_of_what_probing_finds(media: Path) -> None:
    """The transfer curve comes from the picture, whatever the container says."""
    found = probe_media(Place.of(media / "odd/hdr10_hevc_1080p.mp4"))[1]
    assert found.color_transfer == "pq"
    assert found.duration > Fraction(1)


def test_the_peak_decides_what_is_white() -> None:
    """A video that gets to 600 cd/m2 is white there; one that gets to 4000 is not yet."""
    codes = {600: 0.6944, 4000: 0.9026}
    levels = {}
    for peak, code in codes.items():
        pixel = np.full((1, 1, 3), round(code * 65535), np.uint16)
        levels[peak] = [int(ToneMapper("pq", peak=each)(pixel)[0, 0, 0]) for each in codes]
    assert levels[600][0] >= 254 > levels[600][1] + 10
    assert levels[4000] == [255, 255]

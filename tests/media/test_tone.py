"""HDR pictures on an ordinary screen."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from scrubjay.media.picture import Painter
from scrubjay.media.probe import probe_media
from scrubjay.media.tone import HDR_TRANSFERS, ToneMapper
from scrubjay.model import Size
from scrubjay.place import Place


@pytest.mark.parametrize(
    "name", ["s_hevc_main10_pq.mkv", "s_hevc_main10_hlg.mp4", "hdr10_hevc_1080p.mp4"]
)
def test_hdr_is_shown_as_libswscale_maps_it(media: Path, name: str) -> None:
    """Two independent ways to BT.709 agree; as it is coded, a picture is far from both."""
    path = media / "odd" / name
    with av.open(path) as container:
        frames = container.decode(video=0)
        frame = [next(frames) for _ in range(6)][-1]
    size = Size(width=240, height=round(240 * frame.height / frame.width))
    painted = Painter(probe_media(Place.of(path))[1], size).paint(frame)
    small = frame.reformat(size.width, size.height, interpolation=Interpolation.AREA)
    common = {
        "format": "rgb24",
        "src_colorspace": Colorspace.BT2020,
        "src_color_range": ColorRange.MPEG,
        "dst_color_range": ColorRange.JPEG,
    }
    to_sdr = {"dst_color_trc": ColorTrc.IEC61966_2_1, "dst_color_primaries": ColorPrimaries.BT709}
    mapped = small.reformat(**common, **to_sdr).to_ndarray().astype(int)  # type: ignore[arg-type]
    coded = small.reformat(**common, dst_colorspace=Colorspace.BT2020).to_ndarray()  # type: ignore[arg-type]
    far = np.abs(coded.astype(int) - mapped).mean()
    assert np.abs(painted.astype(int) - mapped).mean() < far / 3


@pytest.mark.parametrize("transfer", HDR_TRANSFERS)
def test_grey_stays_grey_and_rises(transfer: str) -> None:
    """A ramp from black to the brightest white has no hue, never falls, and ends in white."""
    ramp = np.repeat(np.linspace(0, 65535, 1000).astype(np.uint16), 3).reshape(1, 1000, 3)
    mapped = ToneMapper(transfer)(ramp)[0].astype(int)
    assert (mapped.max(axis=1) - mapped.min(axis=1)).max() <= 1
    assert (np.diff(mapped[:, 1]) >= 0).all()
    assert (mapped[0] == 0).all()
    assert (mapped[-1] >= 254).all()


def test_paper_is_nearly_white() -> None:
    """What HDR shows as bright as paper, 203 cd/m2, is bright, and leaves room above it."""
    codes = {"pq": 0.5807, "hlg": 0.75}  # ITU-R BT.2408-7, table 1
    for transfer, code in codes.items():
        pixel = np.full((1, 1, 3), round(code * 65535), np.uint16)
        ((level, *_),) = ToneMapper(transfer)(pixel)[0]
        assert 225 <= level <= 245


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

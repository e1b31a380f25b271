"""The shape of a picture, whatever travels beside it."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from scrubjay.media.probe import probe_media
from scrubjay.media.shape import orientation
from scrubjay.media.side_data import side_data
from scrubjay.places.place import Place


@pytest.mark.parametrize(
    ("name", "size", "duration"),
    [("mjpeg_exif.avi", (160, 90), 4), ("07_two_view_vps.mp4", (256, 144), 2)],
)
def test_side_data_without_a_name_ends_no_probe(
    media: Path, name: str, size: tuple[int, int], duration: int
) -> None:
    """Exif, or the view of a stereo video, for which PyAV has no name: the picture is read."""
    found = probe_media(Place.of(media / "reports" / name))[1]
    assert (found.width, found.height) == size
    assert (found.rotation_deg, found.mirrored) == (0, False)
    assert found.duration == pytest.approx(Fraction(duration), abs=0.01)


def test_side_data_without_a_name_hides_nothing(media: Path) -> None:
    """The display matrix beside it is still read."""
    with av.open(media / "reports" / "mjpeg_exif.avi") as container:
        frame = next(container.decode(video=0))
    assert len(side_data(frame, "DISPLAYMATRIX")) == 36
    assert side_data(frame, "MOTION_VECTORS") == b""
    assert side_data(frame, "no such thing") == b""
    assert orientation(frame) == (0, False)

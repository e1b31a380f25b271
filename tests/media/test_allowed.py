from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from scrubjay.errors import UnsupportedVideoError
from scrubjay.media.allowed import DECODERS
from scrubjay.media.probe import probe_media
from scrubjay.places.place import Place


def _write(path: Path, codec: str, pixels: str) -> Path:
    """Write three frames in a codec."""
    with av.open(str(path), "w") as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=5))
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for number in range(3):
            picture = np.full((48, 64, 3), 80 * number, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("codec", "pixels", "suffix"),
    [
        ("mpeg4", "yuv420p", "mov"),
        ("ffv1", "yuv420p", "avi"),
        ("utvideo", "yuv420p", "avi"),
        ("qtrle", "rgb24", "mov"),
        ("prores", "yuv422p10le", "mov"),
        ("v210", "yuv422p10le", "mov"),
        ("rawvideo", "yuv420p", "avi"),
        ("png", "rgb24", "mov"),
    ],
)
def test_what_people_upload_decodes(tmp_path: Path, codec: str, pixels: str, suffix: str) -> None:
    """Codecs of cameras, editors and archives are on the list of decoders."""
    _, media = probe_media(Place.of(_write(tmp_path / f"video.{suffix}", codec, pixels)))
    assert media.codec == codec
    assert media.duration == Fraction(3, 5)


def test_what_nobody_uploads_is_not_decoded(tmp_path: Path) -> None:
    """A codec that is not on the list is named, and what to do; its decoder never runs."""
    with pytest.raises(UnsupportedVideoError, match=r"no decoder here .*\(asv1\)\. Convert it"):
        probe_media(Place.of(_write(tmp_path / "video.avi", "asv1", "yuv420p")))


def test_every_name_on_the_list_is_a_decoder() -> None:
    """A misspelt name would forbid a decoder for ever, unseen."""
    assert set(DECODERS.split(",")) <= set(av.codecs_available)

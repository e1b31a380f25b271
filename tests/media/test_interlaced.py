"""Interlaced video: two moments in a frame, of which a picture shows one."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.stream import VideoStream

from scrubjay.media.decoders import VideoDecoder
from scrubjay.media.picture import Painter, RgbPicture
from scrubjay.media.probe import probe_media
from scrubjay.model import Size
from scrubjay.places.place import Place
from scrubjay.slices.reading import open_frames
from scrubjay.timing import Target

_WIDTH, _HEIGHT, _FRAMES = 320, 192, 25
_STEP = 12
"""Pixels by which the bar moves from one field to the next."""

_INTERLACED = 0x40000 | 0x20000000  # AV_CODEC_FLAG_INTERLACED_DCT and _ME


def _moment(field: int) -> npt.NDArray[np.uint8]:
    """A white bar on black, at another place in each field."""
    picture = np.full((_HEIGHT, _WIDTH, 3), 16, np.uint8)
    left = field * _STEP % (_WIDTH - 40)
    picture[:, left : left + 40] = 235
    return picture


def _woven() -> Iterator[npt.NDArray[np.uint8]]:
    for number in range(_FRAMES):
        frame = _moment(2 * number)
        frame[1::2] = _moment(2 * number + 1)[1::2]
        yield frame


@pytest.fixture(params=["libx264-ts", "mpeg2video-mpg", "mpeg2video-mkv"])
def moving(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A second of a bar that moves in each field."""
    name, suffix = request.param.split("-")
    path = tmp_path / f"moving.{suffix}"
    options = {"x264-params": "tff=1:crf=12", "threads": "1"} if name == "libx264" else {}
    with av.open(str(path), "w") as output:
        stream = output.add_stream(name, rate=25, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        stream.codec_context.flags |= _INTERLACED
        stream.bit_rate = 8_000_000
        for number, picture in enumerate(_woven()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _painted(path: Path, width: int) -> list[RgbPicture]:
    media = probe_media(Place.of(path))[1]
    height = round(width * _HEIGHT / _WIDTH)
    painter = Painter(media, Size(width=width, height=height))
    with open_frames(media, Place.of(path), VideoDecoder) as reader:
        reader.start(Target(None, Fraction(k, 10), None) for k in range(2, 9))
        return [painter.paint(shown.frame) for shown in reader.until(Fraction(1))]


def _comb(picture: RgbPicture) -> float:
    """How much rows differ from those next to them more than from the ones after those."""
    rows = picture.mean(axis=2)
    next_to = np.abs(rows[1:-1] - rows[2:]).mean()
    after = np.abs(rows[:-2] - rows[2:]).mean()
    return float(next_to - after)


@pytest.mark.parametrize("width", [_WIDTH, 200, 80])
def test_moving_edges_are_never_combed(moving: Path, width: int) -> None:
    """In stills, thumbnails and animations, an edge that moves between fields stays straight."""
    woven = np.stack(list(_woven()))[5]
    assert _comb(woven) > 15
    for picture in _painted(moving, width):
        assert _comb(picture) < 1.5
        bright = (picture.mean(axis=2) > 128).sum(axis=1)
        assert bright.max() - bright.min() <= max(2, width // 100)


def test_progressive_video_keeps_all_its_rows(clip: Path) -> None:
    """Only frames that are marked as interlaced lose a field: rows of others stay as they are."""
    media = probe_media(Place.of(clip))[1]
    painter = Painter(media, Size(width=media.width, height=media.height))
    with open_frames(media, Place.of(clip), VideoDecoder) as reader:
        reader.start([Target(None, Fraction(1), None)])
        (shown,) = reader.until(Fraction(2))
        plain = shown.frame.to_ndarray(format="rgb24").astype(int)
        assert np.abs(painter.paint(shown.frame).astype(int) - plain).mean() < 2

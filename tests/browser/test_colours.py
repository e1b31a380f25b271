"""Previews have the colours that Chromium shows."""

import base64
from collections.abc import Callable
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
import pytest

from scrubjay.media.picture import Painter
from scrubjay.media.probe import probe_media
from scrubjay.model import Size
from scrubjay.places.place import Place

_CELL, _COLUMNS, _ROWS = 48, 6, 4

_READ = """async url => {
  const video = document.createElement("video")
  video.muted = true
  video.src = url
  await new Promise((done, failed) => {
    video.onloadeddata = done
    video.onerror = () => failed(new Error(video.error.message))
  })
  await new Promise(done => {
    video.onseeked = done
    video.currentTime = 0.5
  })
  const canvas = document.createElement("canvas")
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  let data = []
  while (!data.some((each, index) => index % 4 < 3 && each)) {  // nothing is drawn yet
    await new Promise(done => setTimeout(done, 20))
    pen.drawImage(video, 0, 0)
    data = pen.getImageData(0, 0, canvas.width, canvas.height).data
  }
  return btoa(Array.from(data, each => String.fromCharCode(each)).join(""))
}"""


class _Tags(NamedTuple):
    """Codes of ITU-T H.273."""

    primaries: int
    curve: int
    matrix: int


def _patches(most: int) -> npt.NDArray[np.int64]:
    """Return white, 200 grey, black and patches of many colours: Y, U and V of 8 bits."""
    random = np.random.default_rng(3)
    plain = [(235, 128, 128), (188, 128, 128), (16, 128, 128), (126, 128, 128)]
    others = _COLUMNS * _ROWS - len(plain)
    luma = random.integers(40, most, others)
    chroma = random.integers(100, 156, (others, 2))
    return np.concatenate([np.array(plain), np.column_stack([luma, chroma])])


def _write(path: Path, codec: str, tags: _Tags, *, is_deep: bool) -> None:
    """Write a second of patches."""
    pixels = "yuv420p10le" if is_deep else "yuv420p"
    options = {
        "libsvtav1": {"crf": "4", "preset": "10", "svtav1-params": "lp=1"},
        "libx264": {"crf": "1"},
    }
    options["libvpx-vp9"] = {"lossless": "1", "deadline": "realtime", "threads": "1"}
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10, options=options[codec])
        stream.width, stream.height, stream.pix_fmt = _COLUMNS * _CELL, _ROWS * _CELL, pixels
        codes = _patches(200 if is_deep else 220).reshape(_ROWS, _COLUMNS, 3)
        for number in range(10):
            frame = av.VideoFrame(stream.width, stream.height, pixels)
            for index, plane in enumerate(frame.planes):
                side = _CELL // 2 if index else _CELL
                levels = codes[:, :, index].repeat(side, axis=0).repeat(side, axis=1)
                rows = np.zeros((plane.height, plane.line_size // (1 + is_deep)), np.uint16)
                rows[:, : plane.width] = levels << 2 if is_deep else levels
                plane.update((rows if is_deep else rows.astype(np.uint8)).tobytes())
            for tagged in (frame, stream.codec_context):
                tagged.color_primaries, tagged.color_trc, tagged.colorspace = tags
                tagged.color_range = 1
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _middles(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    middle = slice(_CELL // 2, None, _CELL)
    return picture[middle, middle, :3].reshape(-1, 3).astype(np.int64)


@pytest.fixture
def seen(
    tmp_path: Path, visit: Callable[..., object], serve: Callable[[Path], str]
) -> Callable[[Path], npt.NDArray[np.int64]]:
    """Return the patches of a video in the folder `tmp_path` as Chromium shows them."""
    (tmp_path / "page.html").write_text("<!doctype html><title>colours</title>")
    url = serve(tmp_path)
    page = visit(f"{url}/page.html").page  # type: ignore[attr-defined]

    def seen(path: Path) -> npt.NDArray[np.int64]:
        data = base64.b64decode(page.evaluate(_READ, f"{url}/{path.name}"))
        return _middles(np.frombuffer(data, np.uint8).reshape(_ROWS * _CELL, _COLUMNS * _CELL, 4))

    return seen


def _painted(path: Path) -> npt.NDArray[np.int64]:
    found = probe_media(Place.of(path))[1]
    with av.open(f"file:{path}") as container:
        frame = next(islice(container.decode(video=0), 5, None))  # the one at 0.5 s
    return _middles(Painter(found, Size(width=found.width, height=found.height)).paint(frame))


@pytest.mark.parametrize(
    ("codec", "suffix", "tags"),
    [
        ("libx264", "mp4", _Tags(2, 2, 2)),
        ("libx264", "mp4", _Tags(1, 1, 1)),
        ("libx264", "mp4", _Tags(5, 6, 5)),
        ("libx264", "mp4", _Tags(12, 13, 1)),
        ("libvpx-vp9", "webm", _Tags(9, 14, 9)),
        ("libvpx-vp9", "webm", _Tags(1, 1, 1)),
    ],
)
def test_ordinary_colours_are_chromiums(
    tmp_path: Path,
    seen: Callable[[Path], npt.NDArray[np.int64]],
    codec: str,
    suffix: str,
    tags: _Tags,
) -> None:
    """White and grey are as light as there, within a level, and colours nearly so."""
    path = tmp_path / f"clip.{suffix}"
    _write(path, codec, tags, is_deep=False)
    ours, theirs = _painted(path), seen(path)
    assert np.abs(ours[:4] - theirs[:4]).max() <= 1
    assert np.abs(ours - theirs).mean() < 3


@pytest.mark.parametrize("curve", [16, 18])
def test_hdr_is_as_bright_as_in_chromium(
    tmp_path: Path, seen: Callable[[Path], npt.NDArray[np.int64]], curve: int
) -> None:
    """PQ (16) and HLG (18) as AV1: the mean of each channel is near."""
    path = tmp_path / "clip.mp4"
    _write(path, "libsvtav1", _Tags(9, curve, 9), is_deep=True)
    ours, theirs = _painted(path), seen(path)
    assert np.abs(ours.mean(axis=0) - theirs.mean(axis=0)).max() < 6
    assert np.abs(ours - theirs).mean() < 6

"""The files that are damaged: the media folder's small ones, and clips that are made here."""

from collections.abc import Mapping
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

__all__ = ["MEDIA", "corpus"]

MEDIA = (Path(__file__).parents[2] / ".." / "shared" / "media").resolve()

_FOLDERS = ("real", "odd", "reports", "bad")
_MOST_BYTES = 300_000
"""Larger files are cut: most mutants should cost milliseconds."""

_WIDTH, _HEIGHT, _PICTURES, _FPS = 96, 64, 24, 12

_KINDS = {
    "h264.mp4": ("mp4", "libx264", {}),
    "h264_fragmented.mp4": ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    "h264.ts": ("mpegts", "libx264", {}),
    "h264.flv": ("flv", "libx264", {}),
    "h264.264": ("h264", "libx264", {}),
    "hevc.mkv": ("matroska", "libx265", {}),
    "vp8.webm": ("webm", "libvpx", {}),
    "vp9.webm": ("webm", "libvpx-vp9", {}),
    "mpeg4.avi": ("avi", "mpeg4", {}),
    "mpeg4.mov": ("mov", "mpeg4", {}),
    "mpeg2.mpg": ("mpeg", "mpeg2video", {}),
    "mpeg2.mxf": ("mxf", "mpeg2video", {}),
    "mjpeg.avi": ("avi", "mjpeg", {}),
    "rawvideo.nut": ("nut", "rawvideo", {}),
    "gif.gif": ("gif", "gif", {}),
}  # fmt: skip
"""Clips that are made: their container, encoder, and the muxer's options."""

_CODERS = {
    "libx264": {"g": "8", "bf": "2", "threads": "1"},
    "libx265": {"x265-params": "keyint=8:pools=none:frame-threads=1:log-level=none"},
    "libvpx": {"g": "8", "threads": "1"},
    "libvpx-vp9": {"g": "8", "threads": "1", "cpu-used": "8"},
    "mpeg4": {"g": "8", "bf": "2", "threads": "1"},
    "mpeg2video": {"g": "8", "threads": "1"},
}
_FORMATS = {"mjpeg": "yuvj420p", "gif": "rgb8"}


def corpus(media: Path = MEDIA) -> Mapping[str, bytes]:
    """Return every file to damage, by its name: `folder/name`, or `made/name`.

    Args:
        media: the media folder; where it is absent, there are only the clips that are made.
    """
    found = {
        f"{folder}/{path.name}": _head(path)
        for folder in _FOLDERS
        for path in sorted((media / folder).glob("*"))
        if path.is_file() and path.suffix != ".md"
    }
    return found | {f"made/{name}": _made(name) for name in _KINDS}


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _made(name: str) -> bytes:
    """Make a short, small clip: the same bytes each time."""
    form, encoder, options = _KINDS[name]
    output = BytesIO()
    flags = {"fflags": "+bitexact"} | options
    with av.open(output, "w", format=form, container_options=flags) as container:
        rate = 25 if form == "mxf" else _FPS
        stream = container.add_stream(encoder, rate=Fraction(rate), options=_CODERS.get(encoder))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = _WIDTH, _HEIGHT
        stream.pix_fmt = _FORMATS.get(encoder, "yuv420p")
        for number in range(_PICTURES):
            pixels = np.roll(_ramp(), 4 * number, axis=1)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return output.getvalue()


def _ramp() -> "np.typing.NDArray[np.uint8]":
    """(height, width, 3) RGB uint8: colours that rise to the right and downwards."""
    down, right = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    return np.stack([2 * right, 3 * down, right + down], axis=2).astype(np.uint8)

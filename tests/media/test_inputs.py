"""Every row of docs/inputs.md is true: such a video is encoded, and its stills show its frames."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.video.stream import VideoStream
from inputs import REFUSED, ROWS, Row

import scrubjay
from scrubjay import errors
from scrubjay.model import Recipe, Still

_RATE, _SECONDS, _SIZE = 25, 3, (192, 144)
_QUICK = Recipe(
    slice_length=Fraction(1),
    animations=(),
    frames=(Still(interval=Fraction(1, 5), quality=95),),
    sheets=(),
)

Picture = npt.NDArray[np.uint8]


def _numbered(number: int) -> Picture:
    """Return a picture of 3 x 3 squares: bit k of its number is white or black, by rows."""
    width, height = _SIZE
    bits = np.array([number >> k & 1 for k in range(9)]).reshape(3, 3)
    luma = np.where(bits > 0, 235, 20).astype(np.uint8)
    return np.repeat(luma.repeat(height // 3, 0).repeat(width // 3, 1)[:, :, None], 3, axis=2)


def _encode(row: Row, path: Path) -> None:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(row.encoder, rate=_RATE, options=dict(row.options))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = _SIZE
        stream.pix_fmt = row.pixel_format
        for number in range(_RATE * _SECONDS):
            frame = av.VideoFrame.from_ndarray(_numbered(number), format="rgb24")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, _RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_true(
    tmp_path: Path,
    row: Row,
    number_in: Callable[[Picture], int],
    picture_of: Callable[[bytes], Picture],
) -> None:
    """Each still shows the frame that a player shows at its time, and no damage is reported."""
    video = tmp_path / f"video.{row.suffix}"
    _encode(row, video)
    store = scrubjay.Store.in_memory()
    manifest = scrubjay.make(video, store, recipe=_QUICK, engine=scrubjay.InlineEngine())
    assert sum(part.damaged_packets for part in manifest.slices) == 0
    assert manifest.media.duration == pytest.approx(_SECONDS, abs=2.5 / _RATE)
    for still in manifest.frames:
        first = round(manifest.media.first_picture * _RATE)
        expected = min(max(0, int(still.time * _RATE + 0.01) - first), _RATE * _SECONDS - 1)
        shown = number_in(picture_of(store.get(still.key)))
        assert abs(shown - expected) <= row.frames_off, (still.time, shown, expected)


@pytest.mark.parametrize("name", sorted({error for _, _, error in REFUSED}))
def test_the_errors_of_the_page_exist(name: str) -> None:
    """What the page says of refused files are errors of Scrubjay."""
    assert issubclass(getattr(errors, name), errors.SourceError)

"""Animated AVIF: exact times, endless loop, odd sizes; read by Pillow."""

from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from moving import encoded, moving, read_video
from PIL import Image

from scrubjay.encode.base import RgbPicture
from scrubjay.errors import RecipeError
from scrubjay.model import Animation, Plan, Recipe


def _read(data: bytes) -> tuple[list[RgbPicture], list[float]]:
    """Return the pictures, and how long each is shown, in ms."""
    pictures: list[RgbPicture] = []
    durations: list[float] = []
    with Image.open(BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pictures.append(np.asarray(image.convert("RGB")))
            durations.append(image.info["duration"])
        return pictures, durations


@pytest.mark.parametrize("fps", [Fraction(10), Fraction(8), Fraction(1, 3)])
@pytest.mark.parametrize("last", [Fraction(1), Fraction(1, 5), Fraction(8, 3)])
def test_each_picture_is_shown_from_its_time_on(fps: Fraction, last: Fraction) -> None:
    """Times are exact, and the last picture ends at the slice's end."""
    starts = [30 + k / fps for k in range(9)]
    end = starts[-1] + last / fps
    pictures, durations = _read(encoded("avif", moving(9), starts, end, fps))
    assert len(pictures) == 9
    spans = [float(1000 * (after - before)) for before, after in pairwise((*starts, end))]
    assert durations == pytest.approx(spans, abs=1)


def test_it_loops_for_ever() -> None:
    """The edit list repeats (flag 1); without that, browsers play a sequence once."""
    data = encoded("avif", moving(5))
    [at] = [at for at in range(len(data)) if data[at : at + 4] == b"elst"]
    assert data[at + 4 : at + 8] in {b"\x00\x00\x00\x01", b"\x01\x00\x00\x01"}


@pytest.mark.parametrize("count", [1, 2, 12])
@pytest.mark.parametrize(("height", "width"), [(135, 240), (91, 161), (33, 31)])
def test_pictures_of_odd_sizes_are_near(count: int, height: int, width: int) -> None:
    """No row or column is added or lost, and every picture is near to what went in."""
    pictures = moving(count, height, width)
    shown, _ = _read(encoded("avif", pictures, quality=95))
    assert len(shown) == count
    for picture, like in zip(shown, pictures, strict=True):
        assert picture.shape == (height, width, 3)
        assert np.abs(picture.astype(int) - like).mean() < 6


def test_colours_are_named() -> None:
    """The file says BT.709's matrix and primaries, and the curve of screens; white is white."""
    assert read_video(encoded("avif", moving(1))).colours == (1, 1, 13, 1)
    [white], _ = _read(encoded("avif", [np.full((32, 32, 3), 255, np.uint8)]))
    assert white.min() >= 254


def test_sides_of_at_least_4_px_are_planned(planned: Callable[..., Plan]) -> None:
    """SVT-AV1 codes nothing smaller; the text names the output, its size and what would do."""
    recipe = Recipe(animations=(Animation(name="tiny", format="avif", width=8),))
    assert planned(Fraction(30), recipe, width=160, height=90).outputs[0].canvas.height == 4
    with pytest.raises(RecipeError, match=r"'tiny': .* 8 x 3 px, under the 4 px a side"):
        planned(Fraction(30), recipe, width=160, height=60)

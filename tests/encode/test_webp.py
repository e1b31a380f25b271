"""Animated WebP: exact times, endless loop, pictures that are near, budgets; read by Pillow."""

from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import scrubjay
from scrubjay.encode.webp import Encoder
from scrubjay.engines.inline import InlineEngine
from scrubjay.model import Animation, Recipe

_Picture = npt.NDArray[np.uint8]


def _encoded(
    pictures: list[_Picture], starts: list[Fraction], end: Fraction, **fields: int
) -> bytes:
    encoder = Encoder(Animation(format="webp", **fields))  # type: ignore[arg-type]
    for picture, start in zip(pictures, starts, strict=True):
        encoder.add(picture, start)
    return encoder.finish(end)


def _read(data: bytes) -> tuple[list[_Picture], list[int], int | None]:
    """Return the pictures, their durations in ms, and how often they are shown (0 is for ever)."""
    pictures: list[_Picture] = []
    durations: list[int] = []
    with Image.open(BytesIO(data)) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pictures.append(np.asarray(image.convert("RGB")))
            durations.append(int(image.info.get("duration", 0)))
        return pictures, durations, image.info.get("loop")


def _shades(count: int, height: int = 9, width: int = 7) -> list[_Picture]:
    """Pictures of a gradient that moves, so that none equals the one before."""
    row = np.arange(width) * 11 % 256
    return [
        np.stack([np.tile((row + 37 * k) % 256, (height, 1))] * 3, axis=-1).astype(np.uint8)
        for k in range(count)
    ]


@given(
    delays=st.lists(st.fractions(Fraction(1, 50), 2, max_denominator=1000), min_size=2, max_size=8),
    first=st.fractions(0, 10_000, max_denominator=90_000),
)
def test_each_picture_is_shown_from_its_time_on(delays: list[Fraction], first: Fraction) -> None:
    """Times are rounded to 1 ms from the absolute time, and the last picture ends at the end."""
    starts = [first + sum(delays[:k]) for k in range(len(delays))]
    end = first + sum(delays)
    pictures, durations, loop = _read(_encoded(_shades(len(delays)), starts, end))
    ticks = [round((time - first) * 1000) for time in (*starts, end)]
    assert durations == [after - before for before, after in pairwise(ticks)]
    assert loop == 0
    assert len(pictures) == len(delays)


def test_held_pictures_last_on() -> None:
    """Equal pictures in a row become one, the others keep their times; one alone is a still."""
    [first, other] = _shades(2)
    starts = [Fraction(k, 10) for k in range(4)]
    pictures, durations, _ = _read(_encoded([first, first, other, other], starts, Fraction(1)))
    assert (len(pictures), durations) == (2, [200, 800])
    [picture], _, _ = _read(_encoded([first], starts[:1], Fraction(1)))
    assert np.abs(picture.astype(int) - first).mean() < 20


def test_the_same_pictures_give_the_same_bytes() -> None:
    """A set is the same wherever and whenever it is made."""
    starts = [Fraction(k, 10) for k in range(5)]
    first, second = (_encoded(_shades(5, 33, 41), starts, Fraction(1)) for _ in range(2))
    assert first == second


def test_a_set_of_a_real_video_in_webp(media: Path, tmp_path: Path) -> None:
    """The animation shows the film's pictures, in odd sizes as well, and the manifest says WebP."""
    video = media / "real" / "phone_360p_17s.mp4"
    recipe = Recipe(
        slice_length=Fraction(5),
        animations=(
            Animation(format="webp", width=121),
            Animation(name="gif", width=121),
            Animation(name="small", format="webp", width=121, max_bytes=60_000),
        ),
        frames=(),
        sheets=(),
    )
    manifest = scrubjay.make(video, tmp_path, recipe=recipe, engine=InlineEngine())
    entries = {(each.output, each.start): each for each in manifest.animations}
    webp, gif, small = (entries[name, 5.0] for name in ("animations", "gif", "small"))
    assert (webp.media_type, webp.frames, webp.width) == ("image/webp", 50, 121)
    assert webp.key.endswith("/000005.webp")
    assert small.size_bytes <= 60_000 < webp.size_bytes
    assert not small.over_budget
    shown, durations, _ = _read((tmp_path / webp.key).read_bytes())
    assert sum(durations) == 5000
    like, _, _ = _read((tmp_path / gif.key).read_bytes())
    near = [np.mean((shown[0].astype(int) - each) ** 2) for each in (like[0], like[-1])]
    assert near[0] < 120 < near[1]


@pytest.mark.parametrize("most", [2000, 100])
def test_a_budget_that_cannot_be_kept_is_reported(most: int) -> None:
    """The smallest file of these pictures is returned, larger than it may be."""
    starts = [Fraction(k, 10) for k in range(6)]
    noise = np.random.default_rng(8).integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)
    free = _encoded(list(noise), starts, Fraction(1))
    data = _encoded(list(noise), starts, Fraction(1), max_bytes=most)
    assert most < len(data) < len(free)

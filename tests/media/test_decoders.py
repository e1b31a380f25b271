"""Transparency of WebM video, which FFmpeg's own decoder leaves out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import scrubjay
from scrubjay.model import Recipe


@pytest.mark.parametrize("background", ["#000000", "#ffffff", "#3060c0"])
def test_the_background_shows_through_webm(
    media: Path,
    picture_of: Callable[[bytes], npt.NDArray[np.uint8]],
    background: str,
) -> None:
    """A film in a circle: its corners are the background, its middle is not."""
    recipe = Recipe(background=background, animations=(), sheets=())
    video, store = media / "odd" / "s_vp9_alpha.webm", scrubjay.Store.in_memory()
    manifest = scrubjay.make(video, store, recipe=recipe, engine=scrubjay.InlineEngine())
    colour = np.frombuffer(bytes.fromhex(background[1:]), np.uint8).astype(int)
    assert len(manifest.frames) >= 3
    for frame in manifest.frames[:3]:
        still = picture_of(store.get(frame.key)).astype(int)
        assert np.abs(still[:10, :10] - colour).max() < 8
        assert np.abs(still[-10:, -10:] - colour).max() < 8
        assert np.abs(still[120:150, 220:260] - colour).mean() > 30

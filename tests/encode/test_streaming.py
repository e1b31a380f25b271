"""What all formats share that FFmpeg codes: encoders are looked up before anything is made."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from scrubjay.encode.base import RgbPicture, animation_encoder
from scrubjay.errors import RecipeError
from scrubjay.model import Animation, Plan, Recipe
from scrubjay.planning import make_plan
from scrubjay.registry import ANIMATION_FORMATS
from scrubjay.slices.versions import encoder_versions, installed_versions

_OF_FFMPEG = [name for name, each in ANIMATION_FORMATS.items() if each.encoder]


def test_encoders_are_looked_up() -> None:
    """Those that this FFmpeg has are known before a plan is made; the wheel has all of them."""
    assert list(encoder_versions(["no-such-encoder", "libwebp_anim"])) == ["libwebp_anim"]
    assert {ANIMATION_FORMATS[name].encoder for name in _OF_FFMPEG} <= installed_versions().keys()


@pytest.mark.parametrize("name", _OF_FFMPEG)
def test_a_missing_encoder_is_a_sentence(planned: Callable[..., Plan], name: str) -> None:
    """Where workers lack a format's encoder, nothing is planned, and the text names the field."""
    plan = planned(Fraction(61))
    recipe = Recipe(animations=(Animation(format=name),))
    encoder = ANIMATION_FORMATS[name].encoder
    without = {each: text for each, text in installed_versions().items() if each != encoder}
    with pytest.raises(RecipeError, match=f"^format of 'animations' is '{name}'.* {encoder} "):
        make_plan(plan.source, plan.media, recipe, versions=without)
    make_plan(plan.source, plan.media, Recipe(), versions=without)


def _film(count: int = 12, height: int = 90, width: int = 160) -> list[RgbPicture]:
    """A bright block that moves over noise: something to code in every picture."""
    noise = np.random.default_rng(8).integers(0, 256, (height // 6, width // 8, 3), dtype=np.uint8)
    still = np.kron(noise, np.ones((6, 8, 1), np.uint8))
    pictures: list[RgbPicture] = []
    for k in range(count):
        picture = still.copy()
        picture[20:60, 8 * k : 8 * k + 40] = np.roll(still, 3 * k, axis=0)[20:60, :40]
        pictures.append(picture)
    return pictures


def _encoded(format_name: str, pictures: list[RgbPicture], **fields: int) -> bytes:
    encoder = animation_encoder(Animation(format=format_name, **fields))  # type: ignore[arg-type]
    for k, picture in enumerate(pictures):
        encoder.add(picture, 7 + Fraction(k, 10))
    return encoder.finish(7 + Fraction(len(pictures), 10))


@pytest.mark.parametrize("name", _OF_FFMPEG)
def test_the_same_pictures_give_the_same_bytes(name: str) -> None:
    """A set is the same wherever and whenever it is made."""
    assert _encoded(name, _film()) == _encoded(name, _film())


@pytest.mark.parametrize("name", _OF_FFMPEG)
def test_quality_is_chosen_between_1_and_100(name: str) -> None:
    """A higher quality has more bytes; 0 is one in between, the format's own."""
    low, own, high = (len(_encoded(name, _film(), quality=each)) for each in (5, 0, 95))
    assert low < own < high


@pytest.mark.parametrize("name", _OF_FFMPEG)
def test_a_budget_is_kept_by_the_best_quality_that_does(name: str) -> None:
    """A file over its budget is coded again, no worse than need be; at the worst it is reported."""
    free = len(_encoded(name, _film()))
    worst = len(_encoded(name, _film(), max_bytes=1))
    assert 1 < worst < free
    budget = (free + worst) // 2
    kept = len(_encoded(name, _film(), max_bytes=budget))
    assert worst < kept <= budget
    assert len(_encoded(name, _film(), max_bytes=free)) == free

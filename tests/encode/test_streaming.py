"""What all formats share that FFmpeg codes: encoders are looked up before anything is made."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from moving import encoded, moving

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


@pytest.mark.parametrize("name", _OF_FFMPEG)
def test_the_same_pictures_give_the_same_bytes(name: str) -> None:
    """A set is the same wherever and whenever it is made, whatever memory held before.

    Some code of x264 reads memory that nobody has written: it has to be kept from that.
    """
    pictures, made = moving(12), set[bytes]()
    for left in (7, 255, 255, 7, 255):
        sizes = np.random.default_rng(3).integers(1_000, 300_000, 60)
        used = [np.full(size, left, np.uint8) for size in sizes]
        del used
        made.add(encoded(name, pictures))
    assert len(made) == 1


@pytest.mark.parametrize("name", _OF_FFMPEG)
def test_quality_is_chosen_between_1_and_100(name: str) -> None:
    """A higher quality has more bytes; 0 is one in between, the format's own."""
    low, own, high = (len(encoded(name, moving(12), quality=each)) for each in (5, 0, 95))
    assert low < own < high


@pytest.mark.parametrize("name", _OF_FFMPEG)
def test_a_budget_is_kept_by_the_best_quality_that_does(name: str) -> None:
    """A file over its budget is coded again, no worse than need be; at the worst it is reported."""
    free = len(encoded(name, moving(12)))
    worst = len(encoded(name, moving(12), max_bytes=1))
    assert 1 < worst < free
    budget = (free + worst) // 2
    kept = len(encoded(name, moving(12), max_bytes=budget))
    assert worst < kept <= budget
    assert len(encoded(name, moving(12), max_bytes=free)) == free

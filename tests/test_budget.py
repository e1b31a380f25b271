"""Animations keep their byte budget, and say so where they cannot."""

from pathlib import Path

import pytest

import scrubjay
from scrubjay.cli.words import describe_result
from scrubjay.events import Event, Finished, Planned, Probed


def _recipe(max_bytes: int) -> scrubjay.Recipe:
    return scrubjay.Recipe(
        animations=(scrubjay.Animation(max_bytes=max_bytes),),
        frames=(),
        sheets=(),
    )


@pytest.fixture(scope="module")
def unbounded(media: Path) -> int:
    """Bytes of the animation of a real clip when nothing bounds it."""
    manifest = scrubjay.make(
        media / "real" / "coffee_run_17s.ts",
        scrubjay.Store.in_memory(),
        recipe=_recipe(0),
        engine=scrubjay.InlineEngine(),
    )
    assert not manifest.animations[0].over_budget
    return manifest.animations[0].size_bytes


@pytest.mark.parametrize("share", [0.8, 0.4])
def test_an_animation_keeps_its_budget(media: Path, unbounded: int, share: float) -> None:
    """With four fifths or two fifths of the bytes, every picture is there, in no more than that."""
    manifest = scrubjay.make(
        media / "real" / "coffee_run_17s.ts",
        scrubjay.Store.in_memory(),
        recipe=_recipe(int(unbounded * share)),
        engine=scrubjay.InlineEngine(),
    )
    (animation,) = manifest.animations
    assert animation.size_bytes <= unbounded * share
    assert animation.size_bytes > unbounded * share * 0.4  # and it does not waste what it has
    assert animation.frames == 171
    assert not animation.over_budget


def test_a_budget_that_cannot_be_kept_is_said(media: Path) -> None:
    """Under the floor the smallest animation is made, and manifest and summary say so."""
    events: list[Event] = []
    manifest = scrubjay.make(
        media / "real" / "coffee_run_17s.ts",
        scrubjay.Store.in_memory(),
        recipe=_recipe(2000),
        engine=scrubjay.InlineEngine(),
        on_progress=events.append,
    )
    (animation,) = manifest.animations
    assert manifest.status == "complete"
    assert animation.over_budget
    assert animation.size_bytes > 2000
    probed = next(event for event in events if isinstance(event, Probed))
    planned = next(event for event in events if isinstance(event, Planned))
    finished = next(event for event in events if isinstance(event, Finished))
    assert "1 animation could not be kept within --animation-max-bytes" in describe_result(
        probed, planned, finished
    )

"""Rates that went into measured pieces come out of them again."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from scrubjay.engines.base import Probing
from scrubjay.engines.inline import InlineEngine
from scrubjay.estimating.fitting import fitted
from scrubjay.estimating.pieces import Cost, Piece, Sampling, Spot
from scrubjay.estimating.sampling import spots_of
from scrubjay.model import Artifact, Recipe, Used
from scrubjay.places.place import Place
from scrubjay.planning import make_plan

_SECOND, _FIXED, _OPENING, _LEAD = 0.2, 0.05, 0.03, 0.4
_NOTHING = Cost(cpu=0.0, seconds=0.0)


def _piece(start: float, length: float, *, is_cold: bool, factor: float = 1.0) -> Piece:
    cold = _OPENING + (_LEAD if start else 0.0) if is_cold else 0.0
    cpu = cold + _FIXED + _SECOND * factor * length

    def artifact(key: str, pictures: int, size: float) -> Artifact:
        return Artifact(
            key=key,
            media_type="image/gif",
            start=Fraction(0),
            end=Fraction(1),
            pictures=pictures,
            source_times=(),
            size_bytes=round(size),
            blake2b="0" * 32,
        )

    return Piece(
        start=start,
        length=length,
        is_cold=is_cold,
        used=Used(
            cpu=cpu, seconds=cpu, opening=_OPENING if is_cold else 0.0, memory_bytes=100 << 20
        ),
        artifacts={
            "animations": [artifact("a", 10, 200 + 500 * factor * length)],
            "frames": [artifact(f"f{number}", 1, 200) for number in range(round(length))],
            "sheets": [artifact("s", round(length), 30 * round(length))],
        },
        record_bytes=700,
    )


@pytest.fixture(scope="module")
def probing(clip: Path) -> Probing:
    """The clip, probed."""
    return InlineEngine().probe(Place.of(clip))


def _sampling(probing: Probing, spots: Sequence[Spot]) -> Sampling:
    media = replace(probing.media, duration=Fraction(120), packets=3000)
    return Sampling(
        plan=make_plan(probing.source, media, Recipe(slice_length=Fraction(2))),
        probing=probing,
        start=_NOTHING,
        probe=_NOTHING,
        planning=_NOTHING,
        own=0.0,
        spots=spots,
        whole=None,
        seconds=1.0,
        is_stopped=False,
        failed=0,
    )


def _spot(start: float, factor: float = 1.0) -> Spot:
    return Spot(
        pieces=[
            _piece(start, 3, is_cold=True, factor=factor),
            _piece(start + 3, 3, is_cold=False, factor=factor),
        ],
        parts=[
            _piece(start, 1, is_cold=True, factor=factor),
            _piece(start + 1, 1, is_cold=False, factor=factor),
            _piece(start + 2, 1, is_cold=False, factor=factor),
        ],
    )


def test_rates_come_out_of_pieces(probing: Probing) -> None:
    """CPU of a second, a slice, opening and lead-in; bytes of each output."""
    rates = fitted(_sampling(probing, [_spot(1), _spot(7)]))
    assert rates.opening == pytest.approx(_OPENING)
    assert rates.fixed == pytest.approx(_FIXED)
    assert rates.second == pytest.approx(_SECOND)
    assert rates.lead_in == pytest.approx(_LEAD)
    animations = rates.outputs["animations"]
    assert animations.fixed == pytest.approx(200, rel=0.01)
    assert animations.each == pytest.approx(500, rel=0.01)
    assert rates.outputs["frames"].each == pytest.approx(200)
    assert rates.outputs["sheets"].each == pytest.approx(30)
    assert rates.memory_bytes == 100 << 20


def test_spots_that_differ_widen_the_range(probing: Probing) -> None:
    """What differs from spot to spot is less certain."""
    alike = fitted(_sampling(probing, [_spot(1), _spot(7)]))
    unlike = fitted(_sampling(probing, [_spot(1), _spot(7, factor=3.0)]))
    assert unlike.share > 2 * alike.share
    assert unlike.outputs["animations"].share > 2 * alike.outputs["animations"].share


def test_spots_are_spread_and_at_most_half(probing: Probing) -> None:
    """Of many slices, pairs all over the video; of few, single ones or parts."""
    media = replace(probing.media, duration=Fraction(3600), packets=90_000)
    plan = make_plan(probing.source, media, Recipe(slice_length=Fraction(30)))
    spots = spots_of(plan, Random(1)).slices  # noqa: S311
    assert len(spots) == 6
    assert all(second == first + 1 for first, second in spots)
    assert sorted(first // 20 for first, _ in spots) == [0, 1, 2, 3, 4, 5]
    short = replace(media, duration=Fraction(50), width=1920, height=1080, coded_width=1920,
                    coded_height=1080)  # fmt: skip
    plan = make_plan(probing.source, short, Recipe(slice_length=Fraction(30)))
    where = spots_of(plan, Random(1))  # noqa: S311
    assert not where.slices
    assert sum(span.duration for span in where.spans) * 2 == 25

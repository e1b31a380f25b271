"""BIF files, read as Roku's specification says, whoever wrote them."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from bif_reader import read_bif
from numbered import Made, number_in

from scrubjay.documents.bif import check_size
from scrubjay.errors import RecipeError


def test_each_time_has_its_picture(made: Made) -> None:
    """The last picture whose timestamp is not after a time is that time's."""
    bif = read_bif(made.store.get("index.bif"))
    assert bif.multiplier_ms == 1000 * made.interval
    numbers = [number_in(jpeg) for _, jpeg in bif.pictures]
    for time in made.times():
        expected = made.expected(time)
        at = [
            place
            for place, (stamp, _) in enumerate(bif.pictures)
            if Fraction(stamp * bif.multiplier_ms, 1000) <= time
        ]
        if expected is not None:
            assert numbers[at[-1]] == expected, float(time)


def test_timestamps_are_regular(made: Made) -> None:
    """They count from 0, gap or not, for many readers look at the multiplier alone."""
    bif = read_bif(made.store.get("index.bif"))
    assert [time for time, _ in bif.pictures] == list(range(len(bif.pictures)))
    assert len(bif.pictures) == ceil(made.plan.media.duration / made.interval)


def test_a_gap_shows_the_picture_before(made: Made) -> None:
    """So that what comes after it is still in its place."""
    pictures = [jpeg for _, jpeg in read_bif(made.store.get("index.bif")).pictures]
    for place, (before, here) in enumerate(pairwise(pictures), start=1):
        expected = made.expected(place * made.interval)
        assert number_in(here) == (number_in(before) if expected is None else expected)


def test_a_file_that_is_too_large() -> None:
    """Beyond 1 GiB it is refused in a sentence that names the output and what would do."""
    fitting = [(1 << 30) - 64 - 8 * 3 - 7, 7]
    check_size("frames", fitting)
    with pytest.raises(RecipeError, match=r"'frames' would have 1024 MiB.* longer interval"):
        check_size("frames", [*fitting, 1])

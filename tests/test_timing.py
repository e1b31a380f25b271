from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrubjay.timing import (
    Span,
    Timeline,
    centiseconds,
    clock,
    exact_clock,
    milliseconds,
    multiples_in,
    parsed_clock,
    samples_in,
    short_clock,
    spans_of,
)

TIMES = st.fractions(min_value=0, max_value=500, max_denominator=90_000)
LENGTHS = st.fractions(min_value=Fraction(1, 2), max_value=60, max_denominator=1001)
DURATIONS = st.fractions(min_value=Fraction(1, 90_000), max_value=200, max_denominator=90_000)


@given(duration=DURATIONS, length=LENGTHS)
def test_spans_touch_and_cover(duration: Fraction, length: Fraction) -> None:
    """Spans begin at 0, touch, end with the duration, and only the last may be short."""
    spans = list(spans_of(duration, length))
    assert spans[0].start == 0
    assert spans[-1].end == duration
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert all(span.duration == length for span in spans[:-1])
    assert 0 < spans[-1].duration <= length


@given(duration=DURATIONS, length=LENGTHS, step=LENGTHS)
def test_every_grid_instant_is_in_one_span(
    duration: Fraction, length: Fraction, step: Fraction
) -> None:
    """However time is cut, the multiples of a step come out whole, in order, each once."""
    cut = [time for span in spans_of(duration, length) for time in multiples_in(span, step)]
    assert cut == list(multiples_in(Span(start=Fraction(0), end=duration), step))
    assert cut[0] == 0
    assert duration - step <= cut[-1] < duration


@given(start=TIMES, duration=DURATIONS, rate=LENGTHS)
def test_samples_fill_a_span(start: Fraction, duration: Fraction, rate: Fraction) -> None:
    """Samples begin with the span, are even, and leave no room for another."""
    span = Span(start=start, end=start + duration)
    samples = list(samples_in(span, rate))
    assert samples[0] == start
    assert all(other - one == 1 / rate for one, other in pairwise(samples))
    assert span.end - 1 / rate <= samples[-1] < span.end


@given(
    pts=st.integers(-(1 << 33), 1 << 33),
    base=st.sampled_from([Fraction(1, 90_000), Fraction(1, 12_288), Fraction(1001, 30_000)]),
    origin=st.fractions(min_value=-100, max_value=100_000, max_denominator=90_000),
)
def test_ticks_survive_the_way_to_seconds_and_back(
    pts: int, base: Fraction, origin: Fraction
) -> None:
    """A tick is the last one at its own time, and is not yet there any time before."""
    timeline = Timeline(time_base=base, origin=origin)
    time = timeline.seconds(pts)
    assert timeline.last_pts_at(time) == pts
    assert timeline.last_pts_at(time - Fraction(1, 10**9)) == pts - 1


@given(time=TIMES)
def test_rounding_is_to_the_nearest(time: Fraction) -> None:
    """Written milliseconds and hundredths are within half a unit of the exact time."""
    assert abs(Fraction(milliseconds(time), 1000) - time) <= Fraction(1, 2000)
    assert abs(Fraction(centiseconds(time), 100) - time) <= Fraction(1, 200)


def test_halves_round_up() -> None:
    """Half a unit is rounded up, not to even, so that even steps stay even."""
    assert [milliseconds(Fraction(n, 2000)) for n in (1, 3, 5)] == [1, 2, 3]
    assert [centiseconds(Fraction(n, 200)) for n in (1, 3, 5)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("time", "written"),
    [
        (Fraction(0), "00:00:00.000"),
        (Fraction(7, 3), "00:00:02.333"),
        (Fraction(119_9996, 10_000), "00:02:00.000"),
        (Fraction(3600 * 123 + 59), "123:00:59.000"),
    ],
)
def test_clock_carries(time: Fraction, written: str) -> None:
    """WebVTT times carry when they are rounded and may have more than two digits of hours."""
    assert clock(time) == written


@pytest.mark.parametrize(
    ("time", "written"), [(0.9, "0:00"), (Fraction(61), "1:01"), (3725.5, "1:02:05")]
)
def test_short_clock_rounds_down(time: Fraction | float, written: str) -> None:
    """Times for people are whole seconds that have passed."""
    assert short_clock(time) == written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("62", Fraction(62)),
        ("62.5", Fraction(125, 2)),
        ("1:02", Fraction(62)),
        ("1:02.5", Fraction(125, 2)),
        ("1:02:03", Fraction(3723)),
        ("90:00", Fraction(5400)),
        ("0", Fraction(0)),
    ],
)
def test_times_that_people_write(text: str, seconds: Fraction) -> None:
    """A time is seconds, or minutes and seconds, or hours, minutes and seconds."""
    assert parsed_clock(text) == seconds


@pytest.mark.parametrize("text", ["", "1:60", "1:60:00", "-1", "1:2:3:4", "5s", "1e9", ":30", "1."])
def test_what_is_no_time(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="is not a time such as 62"):
        parsed_clock(text)


@given(st.integers(0, 10**8))
def test_an_exact_clock_says_every_millisecond(number: int) -> None:
    """What is written for a time can be read again, without a loss."""
    time = Fraction(number, 1000)
    assert parsed_clock(exact_clock(time)) == time

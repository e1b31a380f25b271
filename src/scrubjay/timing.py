"""Exact time.

Seconds are `fractions.Fraction`; 0 is where a player's seek bar starts. A span is half-open. Only
this module converts a stream's ticks to seconds, and seconds to written time.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

import msgspec

__all__ = [
    "Span",
    "Target",
    "Timeline",
    "centiseconds",
    "clock",
    "exact_clock",
    "milliseconds",
    "multiples_in",
    "parsed_clock",
    "samples_in",
    "short_clock",
    "spans_of",
]

_CLOCK = re.compile(r"(?:(?:(\d{1,5}):)?(\d{1,5}):)?(\d{1,9}(?:\.\d{1,9})?)", re.ASCII)
"""Hours, minutes, and seconds with decimals."""

_SIXTY = 60


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time: every t with `start <= t < end`, in exact seconds."""

    start: Fraction
    end: Fraction

    @property
    def duration(self) -> Fraction:
        """Length in seconds."""
        return self.end - self.start


class Target(NamedTuple):
    """An instant for which a picture is requested, and its neighbours, in exact seconds."""

    before: Fraction | None
    time: Fraction
    after: Fraction | None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream's ticks map to seconds on the player's seek bar.

    `time_base` is the length of a tick in seconds; `origin` is what the stream's clock shows, in
    seconds, at the left end of the seek bar.
    """

    time_base: Fraction
    origin: Fraction

    def seconds(self, pts: int) -> Fraction:
        """Return the exact time of a tick."""
        return pts * self.time_base - self.origin

    def last_pts_at(self, time: Fraction) -> int:
        """Return the greatest tick at or before `time`."""
        return floor((time + self.origin) / self.time_base)


def spans_of(duration: Fraction, length: Fraction) -> Iterator[Span]:
    """Cut `0 <= t < duration` into touching spans of `length` seconds; the last may be shorter."""
    for index in range(ceil(duration / length)):
        yield Span(start=index * length, end=min((index + 1) * length, duration))


def multiples_in(span: Span, step: Fraction) -> Iterator[Fraction]:
    """Yield the multiples of `step` in the span, so that touching spans share none."""
    for k in range(ceil(span.start / step), ceil(span.end / step)):
        yield k * step


def samples_in(span: Span, rate: Fraction) -> Iterator[Fraction]:
    """Yield the span's start and every 1/`rate` seconds from there, up to its end."""
    for k in range(ceil(span.duration * rate)):
        yield span.start + k / rate


def _rounded(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def milliseconds(time: Fraction) -> int:
    """Round to the nearest millisecond, halves up."""
    return _rounded(time * 1000)


def centiseconds(time: Fraction) -> int:
    """Round to the nearest hundredth of a second, halves up."""
    return _rounded(time * 100)


def clock(time: Fraction) -> str:
    """Write a time as WebVTT does, `HH:MM:SS.mmm` (W3C WebVTT, section 4.1)."""
    seconds, thousandths = divmod(milliseconds(time), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{thousandths:03}"


def short_clock(time: Fraction | float) -> str:
    """Write a time for people, `M:SS` or `H:MM:SS`, rounded down."""
    seconds = floor(time)
    hours, minutes = seconds // 3600, seconds // 60 % 60
    tail = f"{minutes:02}:{seconds % 60:02}" if hours else f"{minutes}:{seconds % 60:02}"
    return f"{hours}:{tail}" if hours else tail


def exact_clock(time: Fraction) -> str:
    """Write a time for people, `M:SS` or `H:MM:SS`, with milliseconds where it is not whole."""
    seconds, thousandths = divmod(milliseconds(time), 1000)
    decimals = f".{thousandths:03}".rstrip("0") if thousandths else ""
    return short_clock(seconds) + decimals


def parsed_clock(text: str) -> Fraction:
    """Read a time that a person wrote: `62`, `62.5`, `1:02`, `1:02.5` or `1:02:03`, in seconds.

    Raises:
        ValueError: it is not such a time.
    """
    if (found := _CLOCK.fullmatch(text)) is not None:
        hours, minutes, seconds = map(Fraction, found.groups(default="0"))
        is_plain, has_hours = found[2] is None, found[1] is not None
        if (is_plain or seconds < _SIXTY) and (minutes < _SIXTY or not has_hours):
            return (hours * _SIXTY + minutes) * _SIXTY + seconds
    raise ValueError(f"{text!r} is not a time such as 62, 62.5, 1:02 or 1:02:03")

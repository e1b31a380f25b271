"""What an estimate says: ranges, and what they are of."""

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Self

import msgspec

__all__ = ["Estimate", "Money", "Range", "Requests", "Sampled"]


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that is not known exactly: in one of ten cases it is below p10 or above p90."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def around(cls, middle: float, share: float) -> Self:
        """Return the range from `middle / (1 + share)` to `middle * (1 + share)`."""
        return cls(p10=middle / (1 + share), p50=middle, p90=middle * (1 + share))

    @classmethod
    def exactly(cls, amount: float) -> Self:
        """Return the range of an amount that is known."""
        return cls(p10=amount, p50=amount, p90=amount)

    def __mul__(self, factor: float) -> "Range":
        return Range(p10=self.p10 * factor, p50=self.p50 * factor, p90=self.p90 * factor)

    def __add__(self, other: "Range") -> "Range":
        """Add an amount that is larger where this one is: both are of the same video."""
        return Range(p10=self.p10 + other.p10, p50=self.p50 + other.p50, p90=self.p90 + other.p90)

    def plus(self, amount: float) -> "Range":
        """Add an amount that is known."""
        return self + Range.exactly(amount)

    @classmethod
    def sum_of_different(cls, ranges: Iterable["Range"]) -> Self:
        """Add amounts that have nothing to do with each other, such as those of other videos."""
        found = list(ranges)
        middle = sum(each.p50 for each in found)
        below = sqrt(sum((each.p50 - each.p10) ** 2 for each in found))
        above = sqrt(sum((each.p90 - each.p50) ** 2 for each in found))
        return cls(p10=max(0.0, middle - below), p50=middle, p90=middle + above)


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """Requests to a bucket."""

    put: int
    get: int
    list: int


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """In the currency of the prices."""

    currency: str
    region: str
    prices: str
    """The date of the prices."""
    compute: Range
    """Seconds of functions."""
    requests: float
    """Invocations."""
    events: float
    puts: float
    gets: float
    total: Range
    storage_month: Range
    """To keep the set for a month; not in `total`."""


class Sampled(msgspec.Struct, frozen=True, kw_only=True):
    """What an estimate is made from."""

    seconds: float
    """How long it took."""
    rendered: float
    """Seconds of video that were rendered; 0 if the estimate is from assumptions."""
    spots: int
    """Spots of the video."""
    is_stopped: bool
    """Whether it was stopped early."""
    note: str = ""
    """What a reader should know of it."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What making the previews of one video, or of several like it, will cost."""

    video: str
    duration: float
    """Of a video, in seconds."""
    count: int
    """How many videos."""
    engine: str
    workers: int
    """Slices that are made at once."""
    slices: int
    """Of all videos."""
    cpu: Range
    """CPU seconds, from the start of the command to its end."""
    whole_cpu: float
    """Of these, for the outputs of the whole video."""
    wall: Range
    """Seconds until all sets are published."""
    first_preview: Range
    """Seconds until the first animation or the first pictures can be seen."""
    memory_bytes: Range
    """Most memory of all processes together; of one function where functions make slices."""
    objects: int
    size_bytes: Range
    """Of all objects."""
    outputs: Mapping[str, Range]
    """Bytes by output; `documents` and `records` stand for what is beside them."""
    artifacts: Mapping[str, int]
    """Objects by output, and of the same."""
    requests: Requests
    cost: Money
    sampled: Sampled

"""Amounts of a scenario: durations such as "3h", and amounts that vary by chance."""

import math
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Literal, TypeAlias, cast

import msgspec

__all__ = ["Amount", "Seconds", "from_toml"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_Z90 = 1.2815515655446004
"""The 90th percentile of the standard normal distribution."""

Draw: TypeAlias = Callable[[Random], float]


class Seconds(float):
    """A duration in seconds, at least 0; in a scenario also text such as "90s" or "1h30m"."""

    __slots__ = ()


class _Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount that varies."""

    kind: Literal["lognormal", "exponential", "uniform"]
    p50: Seconds | None = None
    p90: Seconds | None = None
    mean: Seconds | None = None
    low: Seconds | None = None
    high: Seconds | None = None


class Amount:
    """An amount of seconds: one for all, or one drawn anew each time.

    In a scenario it is a duration, or one of these tables:

    - `{kind = "lognormal", p50 = 4, p90 = 7}`: half of all amounts are below `p50`, 90 % below
      `p90`;
    - `{kind = "exponential", mean = 4}`;
    - `{kind = "uniform", low = 2, high = 6}`.

    Args:
        draw: returns an amount, at least 0.
        mean: the mean of what it returns.
        text: how the scenario spells it.
    """

    __slots__ = ("draw", "mean", "text")

    def __init__(self, draw: Draw, mean: float, text: str) -> None:
        self.draw = draw
        self.mean = mean
        self.text = text

    @classmethod
    def fixed(cls, seconds: float) -> "Amount":
        """Return an amount that is always the same."""
        return cls(lambda _: seconds, seconds, f"{seconds:g} s")

    def __repr__(self) -> str:
        return f"Amount({self.text})"


def from_toml(kind: type, value: object) -> object:
    """Convert a value of a scenario to `Seconds` or an `Amount`; a hook of msgspec.

    Raises:
        ValueError: it is neither.
    """
    if kind is Seconds:
        return _seconds(value)
    if kind is Amount:
        if isinstance(value, Mapping):
            return _spread(cast("Mapping[str, object]", value))
        return Amount.fixed(_seconds(value))
    raise NotImplementedError(kind.__name__)


def _seconds(value: object) -> Seconds:
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str) and (parts := _DURATION.findall(value)) and _is_whole(value, parts):
        number = sum(float(count) * _UNITS[unit] for count, unit in parts)
    else:
        raise ValueError(f'expected seconds or a duration such as "90s" or "3h", got {value!r}')
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"expected a duration of at least 0, got {value!r}")
    return Seconds(number)


def _is_whole(value: str, parts: list[tuple[str, str]]) -> bool:
    return "".join(count + unit for count, unit in parts) == value.replace(" ", "")


def _spread(table: Mapping[str, object]) -> Amount:
    try:
        spread = msgspec.convert(dict(table), _Spread, dec_hook=from_toml)
    except msgspec.ValidationError as exc:
        raise ValueError(str(exc)) from exc
    match spread:
        case _Spread("lognormal", float(p50), float(p90), None, None, None):
            return _lognormal(p50, p90)
        case _Spread("exponential", None, None, float(mean), None, None) if mean > 0:
            return Amount(lambda chance: chance.expovariate(1 / mean), mean, f"mean {mean:g} s")
        case _Spread("uniform", None, None, None, float(low), float(high)) if low <= high:
            text = f"{low:g} to {high:g} s"
            return Amount(lambda chance: chance.uniform(low, high), (low + high) / 2, text)
        case _:
            raise ValueError(
                "expected lognormal with p50 and p90, exponential with mean above 0, or uniform "
                "with low and high"
            )


def _lognormal(p50: float, p90: float) -> Amount:
    if not 0 < p50 <= p90:
        raise ValueError("expected 0 < p50 <= p90")
    centre, width = math.log(p50), math.log(p90 / p50) / _Z90
    mean = math.exp(centre + width * width / 2)
    return Amount(
        lambda chance: chance.lognormvariate(centre, width),
        mean,
        f"{p50:g} s, one in ten {p90:g} s",
    )

"""To and from JSON: the one place where untrusted text is parsed.

Plans, records, messages and the replies of workers are untrusted. Whatever is wrong with one (not
JSON, not UTF-8, nested a thousand levels deep, a time of 1e99 s), reading it raises
`msgspec.DecodeError` and nothing else.
"""

import json
import re
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, TypeVar, cast

import msgspec

__all__ = [
    "MOST_SECONDS",
    "decode",
    "decode_as",
    "decoder",
    "encode",
    "encode_pretty",
    "exact",
    "parse_json",
]

T = TypeVar("T")

MOST_SECONDS = 10**9
"""The largest number, so the latest time: 31 years of video."""

_MOST_CHARACTERS = 200
_MOST_DENOMINATOR_BITS = 512
"""Times are sums and products of a clock's, a recipe's and a rate's fractions, of 64 bits each."""

_HUGE_EXPONENT = re.compile(r"[eE][+-]?[\d_]{3}")
"""An exponent that would fill the memory with zeros: workers and recipes are not trusted."""

_MOST_LEVELS = 64
"""How deep lists and objects may be nested: no event or message has ten levels."""


def exact(value: object) -> Fraction:
    """Return a number, or text such as "7/3" or "29.97", as an exact fraction.

    Raises:
        ValueError: it is not a number, or is larger or finer than any time or rate.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError(f"expected a number, got {value!r}")  # noqa: TRY004  msgspec shows it
    if isinstance(value, str) and (len(value) > _MOST_CHARACTERS or _HUGE_EXPONENT.search(value)):
        raise ValueError(f"expected a number, got {value[:_MOST_CHARACTERS]!r}: it is too long")
    try:
        number = Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"expected a number, got {value!r}") from None
    if abs(number) > MOST_SECONDS:
        raise ValueError(f"expected a number up to {MOST_SECONDS}, got a larger one")
    if number.denominator.bit_length() > _MOST_DENOMINATOR_BITS:
        raise ValueError("expected a number, got one with too many decimals")
    return number


def _to_builtin(value: object) -> object:
    if isinstance(value, Fraction):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def _from_builtin(kind: type, value: object) -> object:
    if kind is Fraction:
        return exact(value)
    raise NotImplementedError(f"{kind.__name__} has no JSON form")


_encoder = msgspec.json.Encoder(enc_hook=_to_builtin)


def encode(value: object) -> bytes:
    """Return a value as compact JSON; equal values give equal bytes."""
    return _encoder.encode(value)


def encode_pretty(value: object) -> bytes:
    """Return a value as JSON that people can read."""
    text = json.dumps(
        msgspec.to_builtins(value, enc_hook=_to_builtin), indent=2, ensure_ascii=False
    )
    return text.encode() + b"\n"


@contextmanager
def _one_error() -> Generator[None]:
    """Convert all errors of reading untrusted text to `msgspec.DecodeError`."""
    try:
        yield
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None
    except UnicodeError:
        raise msgspec.DecodeError("it is not UTF-8 text") from None
    except (ArithmeticError, MemoryError) as error:
        raise msgspec.DecodeError(f"a number in it is out of range: {error}") from None


def decode(data: bytes, kind: type[T]) -> T:
    """Read a value from JSON and check it.

    Raises:
        msgspec.ValidationError: the JSON has another shape; the text says where.
        msgspec.DecodeError: it is not JSON.
    """
    with _one_error():
        return msgspec.json.decode(data, type=kind, dec_hook=_from_builtin)


def decoder(kind: object) -> Callable[[bytes], Any]:
    """Return a function that reads JSON as any of a union of values, as `decode` does."""
    read = msgspec.json.Decoder(kind, dec_hook=_from_builtin).decode

    def decode_line(data: bytes) -> Any:  # noqa: ANN401  the union's
        with _one_error():
            return read(data)

    return decode_line


def decode_as(value: object, kind: type[T]) -> T:
    """Read a value from plain dicts, lists, numbers and text, and check it.

    Raises:
        msgspec.ValidationError: it has another shape; the text says where.
        msgspec.DecodeError: it is nested too deeply, or a number is out of range.
    """
    with _one_error():
        return msgspec.convert(value, kind, dec_hook=_from_builtin)


def parse_json(text: str | bytes) -> Any:  # noqa: ANN401  any JSON
    """Read JSON of any shape, such as an event of a cloud.

    Raises:
        msgspec.DecodeError: it is not JSON, not UTF-8, or nested too deeply.
    """
    with _one_error():
        data = text.encode() if isinstance(text, str) else text
        value = msgspec.json.decode(data)
    layer: list[Any] = [value]
    for _ in range(_MOST_LEVELS):
        layer = [inner for each in layer for inner in _inside(each)]
        if not layer:
            return value
    raise msgspec.DecodeError("it is nested too deeply")


def _inside(value: Any) -> Collection[Any]:  # noqa: ANN401  any JSON
    """Return the items of a list or an object; nothing for anything else."""
    match value:
        case list():
            return cast("Collection[Any]", value)
        case dict():
            return cast("dict[str, Any]", value).values()
        case _:
            return ()

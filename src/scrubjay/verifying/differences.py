"""How two descriptions of the same thing differ, in words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple, TypeAlias

__all__ = ["Difference", "Row", "differences"]

Row: TypeAlias = Mapping[str, object]
"""One entry, such as a cue: its fields by name."""

_MOST_CHARACTERS = 120


class Difference(NamedTuple):
    """One way in which something is not as expected."""

    message: str
    expected: str
    found: str


def differences(expected: Sequence[Row], found: Sequence[Row], what: str) -> Iterator[Difference]:
    """Compare two lists of entries: their number, and each field.

    Of many entries that differ in the same field, the first is described, and the others counted.

    Args:
        expected: what should be there.
        found: what is there.
        what: what people call an entry.
    """
    if len(expected) != len(found):
        yield Difference(f"it has another number of {what}s", str(len(expected)), str(len(found)))
    first: dict[str, tuple[int, object, object]] = {}
    count: dict[str, int] = {}
    for place, (one, other) in enumerate(zip_longest(expected, found)):
        if one is None or other is None:
            continue
        for field in (*one, *(other.keys() - one.keys())):
            if one.get(field) != other.get(field):
                first.setdefault(field, (place, one.get(field), other.get(field)))
                count[field] = count.get(field, 0) + 1
    for field, (place, one, other) in first.items():
        more = f", and {count[field] - 1} more" if count[field] > 1 else ""
        number = f" {place}" if max(len(expected), len(found)) > 1 else ""
        yield Difference(
            f"{field} of {what}{number} is not as it should be{more}", _text(one), _text(other)
        )


def _text(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."

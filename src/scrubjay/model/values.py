"""What the values have in common: immutable, checked when they are created, JSON-able."""

from fractions import Fraction
from functools import cache
from typing import Annotated, Any, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from scrubjay.coding import decode_as

__all__ = [
    "COLOUR",
    "MOST_PX",
    "OUTPUT_NAME",
    "WEB_ADDRESS",
    "Bytes",
    "Count",
    "Digest",
    "Edge",
    "Key",
    "Pixels",
    "Size",
    "Strict",
    "Value",
    "in_words",
]

OUTPUT_NAME = r"^[a-z][a-z0-9-]{0,39}\Z"
COLOUR = r"^#[0-9a-fA-F]{6}\Z"
WEB_ADDRESS = r"^(https?://.+)?\Z"

_IN_WORDS = {
    f"`str` matching regex {OUTPUT_NAME!r}": "a name of up to 40 of the characters a-z, 0-9 and -, "
    "the first of them a letter",
    f"`str` matching regex {COLOUR!r}": "a colour such as #1a2b3c",
    f"`str` matching regex {WEB_ADDRESS!r}": "a URL that begins with http:// or https://",
    "`int`": "a whole number",
    "`float`": "a number",
    "`Fraction`": "a number with decimals",
    "`str`": "text",
    "`bool`": "true or false",
    "`object`": "a section",
    "`array`": "a list",
}
"""What people call the patterns and types that msgspec's errors name."""


def in_words(error: Exception) -> str:
    """Return the text of an error of msgspec without its Python types and regular expressions."""
    text = str(error)
    for technical, plain in _IN_WORDS.items():
        text = text.replace(technical, plain)
    return text


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the values: immutable, named fields only."""


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what people write by hand: a misspelt field is an error.

    Values are normalised: a time of 30, 30.0 or "30" becomes `Fraction(30)`, so a recipe created in
    Python equals the same recipe read from a file or from a plan.
    """

    def __post_init__(self) -> None:
        for name, kind in _plain_fields(type(self)).items():
            try:
                value = decode_as(getattr(self, name), kind)
            except msgspec.DecodeError as exc:
                raise ValueError(f"{name}: {in_words(exc)}") from None
            if isinstance(value, Fraction) and value.denominator > _FINEST:
                raise ValueError(f"{name} has too many decimals; up to 12 are read")
            msgspec.structs.force_setattr(self, name, value)


@cache
def _plain_fields(kind: type) -> dict[str, Any]:
    """Return the annotation of each field that is a single value, not a section."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is Annotated}


_FINEST = 10**12
"""Largest denominator that a recipe may write."""

MOST_PX = 1 << 20
"""Largest width or height, in px, that a value may have."""

Pixels = Annotated[int, Meta(ge=1, le=MOST_PX)]
Edge = Annotated[int, Meta(ge=0, le=1 << 20)]
Bytes = Annotated[int, Meta(ge=0, le=1 << 53)]
Count = Annotated[int, Meta(ge=0, le=1 << 40)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
Key = Annotated[str, Meta(min_length=1, max_length=1024)]


class Size(Value, frozen=True, kw_only=True):
    """Width and height of a picture in square pixels."""

    width: Pixels
    height: Pixels

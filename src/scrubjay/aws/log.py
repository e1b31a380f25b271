"""The functions' log: one JSON object per line on standard output, which Lambda collects."""

import json
from collections.abc import Mapping
from math import isfinite
from typing import Literal, cast

from scrubjay.places.place import redacted

__all__ = ["log"]


def log(level: Literal["INFO", "WARN", "ERROR"], message: str, **fields: object) -> None:
    """Write one line, with the secrets in web addresses removed."""
    line = {"level": level, "message": message, **fields}
    print(json.dumps(_cleaned(line)), flush=True)  # noqa: T201  it is how a function logs


def _cleaned(value: object) -> object:
    """Return a value without secrets. This comes before JSON, whose escapes would hide URLs."""
    match value:
        case None | bool() | int():
            return value
        case float() if isfinite(value):
            return value
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return {redacted(str(name)): _cleaned(each) for name, each in pairs}
        case list() | tuple():
            return [_cleaned(each) for each in cast("list[object]", value)]
        case _:
            return redacted(str(value))

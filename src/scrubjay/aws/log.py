"""What the functions say: a JSON object a line on standard output, where Lambda's logs begin."""

import json
from typing import Literal

from scrubjay.place import redacted

__all__ = ["log"]


def log(level: Literal["INFO", "WARN", "ERROR"], message: str, **fields: object) -> None:
    """Write one line; web addresses in it lose what may be secret."""
    line = json.dumps({"level": level, "message": message, **fields}, default=str)
    print(redacted(line), flush=True)  # noqa: T201  it is how a function logs

"""What is passed over in search of videos, and why."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["OnPassed", "Passed", "Reason"]

Reason: TypeAlias = Literal[
    "hidden", "unfinished", "excluded", "set", "link", "special", "sound", "picture", "text",
    "other", "unreadable",
]  # fmt: skip
"""Why a file or folder is passed over. `set`: a set of previews; `link`: it leads to what is found
by itself; `special`: a device, pipe or socket; `sound`, `picture`, `text`, `other`: its content;
`unreadable`: it may hold videos but cannot be read, which is a problem."""


class Passed(NamedTuple):
    """A file or folder that is passed over, with all that is in it."""

    name: str
    """Its path relative to the root of the library, with `/`."""
    reason: Reason
    message: str = ""
    """Why it is unreadable, for people; otherwise empty."""


OnPassed: TypeAlias = Callable[[Passed], None]
"""Called for each file and folder that is passed over."""

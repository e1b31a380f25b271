"""What is passed over in search of videos, and why."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from scrubjay.events import PassedReason

__all__ = ["OnPassed", "Passed"]


class Passed(NamedTuple):
    """A file or folder that is passed over, with all that is in it."""

    name: str
    """Its path relative to the root of the library, with `/`."""
    reason: PassedReason
    message: str = ""
    """Why it is unreadable, for people; otherwise empty."""


OnPassed: TypeAlias = Callable[[Passed], None]
"""Called for each file and folder that is passed over."""

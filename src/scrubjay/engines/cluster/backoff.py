"""What becomes of an order that failed: another attempt, and when, or the end. Pure."""

import random
from typing import NamedTuple

from scrubjay.errors import (
    EventError,
    NoVideoError,
    RefusedError,
    RenderError,
    ScrubjayError,
    UnsupportedVideoError,
    VersionError,
)

__all__ = [
    "DAY",
    "HEARTBEAT_SECONDS",
    "STALLED_SECONDS",
    "TRIES",
    "Backoff",
    "is_final",
    "is_tried_thrice",
]

HEARTBEAT_SECONDS, STALLED_SECONDS = 2.0, 8.0
"""A worker that was silent for so long counts as lost; others take its slices 2 s later."""

DAY = 86_400.0
"""Seconds for which an order is tried again if what stops it may pass."""

TRIES = 3
"""How often an order is tried if its failure would only happen again."""

_FINAL = (RefusedError, EventError, VersionError)
"""Errors after which another attempt is useless until a person has changed something."""

_FIXED = (RenderError, NoVideoError, UnsupportedVideoError)
"""Errors that come from the video or the code, not from a network, store or machine."""


class Backoff(NamedTuple):
    """How long an order waits for its next attempt: twice as long each time, with jitter."""

    first: float = 10.0
    """Seconds before the second attempt, at most."""
    longest: float = 900.0

    def seconds(self, failures: int) -> float:
        """Return how long to wait after so many failures: between half and all of the time."""
        doubled = self.first * (1 << min(max(failures, 1) - 1, 32))
        return min(self.longest, doubled) * random.uniform(0.5, 1)  # noqa: S311  no secret


def is_final(error: BaseException) -> bool:
    """Whether an order is a dead letter at once."""
    return isinstance(error, _FINAL)


def is_tried_thrice(error: BaseException) -> bool:
    """Whether an order is a dead letter after a few attempts, not after a day of them."""
    return isinstance(error, _FIXED) or not isinstance(error, ScrubjayError)

"""What waits and is worked on: videos and the orders of their slices."""

from typing import Literal, NamedTuple, TypeAlias

__all__ = ["PLANNING", "Attempt", "Film", "Order", "Outcome"]

Outcome: TypeAlias = Literal["made", "gap", "already made", "error", "crash"]
"""How an attempt ends: `error` may pass, after `crash` the worker is gone; both need another."""

PLANNING = -1
"""In place of a slice's index: the order to plan the video."""


class Film:
    """A video and what has become of it; times are seconds since the simulation began.

    Args:
        number: which one, 0-based, in order of arrival.
        arrived: when.
        slices: how many it has.
    """

    __slots__ = (
        "arrived", "ended", "first", "gaps", "is_over", "last", "left", "lost", "made", "number",
        "planned", "published", "slices",
    )  # fmt: skip

    def __init__(self, number: int, arrived: float, slices: int) -> None:
        self.number = number
        self.arrived = arrived
        self.slices = slices
        self.left = slices
        self.planned: float | None = None
        self.first: float | None = None
        self.last: float | None = None
        self.published: float | None = None
        self.made = 0
        self.gaps = 0
        self.lost = 0
        self.ended = bytearray(slices)
        """For each slice: 1 if it is made or a gap, 2 if it was given up."""
        self.is_over = False
        """Whether it is published, or never will be unless a person sends its slices again."""


class Order:
    """An order to make one slice, or to plan a video.

    Args:
        film: the video.
        index: the slice, 0-based, or `PLANNING`.
        born: when it was sent.
    """

    __slots__ = ("born", "crashes", "film", "index", "received", "tries", "waits")

    def __init__(self, film: Film, index: int, born: float) -> None:
        self.film = film
        self.index = index
        self.born = born
        self.tries = 0
        """Attempts that failed."""
        self.crashes = 0
        self.received = born
        """When a queue last gave it to a worker."""
        self.waits = 0
        """Times that it found no free worker, or came to a service that was down."""


class Attempt(NamedTuple):
    """One attempt at an order."""

    seconds: float
    outcome: Outcome

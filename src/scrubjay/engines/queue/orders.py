"""What a queue carries: orders for slices of a set, and for finishing it.

An order may arrive late, twice, after others that were sent later, or never.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol, TypeAlias

import msgspec

from scrubjay.engines.base import Job
from scrubjay.identity import plan_id
from scrubjay.places.place import Place

__all__ = ["FinishOrder", "Order", "SliceOrder", "Transport", "finish_order", "slice_order"]


class _SetOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What both orders name."""

    video: Place
    """In the version that is meant, if it has an `etag`."""
    destination: Place | None
    """Where the set lies; None in memory."""
    plan: str
    """Id of the plan that it was sent for; empty if its sender knows of none."""


class SliceOrder(_SetOrder, frozen=True, kw_only=True):
    """Make a slice; then finish the set, if that was its last one."""

    start: Fraction
    end: Fraction
    """Exclusive."""
    index: int | None = None
    """Of the slice; None means every slice with a moment between `start` and `end`."""
    duration: Fraction = Fraction(0)
    """Of the whole video, for whoever else reads the order."""


class FinishOrder(_SetOrder, frozen=True, kw_only=True):
    """Make nothing; finish the set, if all its slices have ended."""


Order: TypeAlias = SliceOrder | FinishOrder


class Transport(Protocol):
    """Hands orders to workers."""

    def send(self, orders: Sequence[Order]) -> None:
        """Send orders; when this returns, the queue has taken every one.

        Raises:
            TransportError: some were refused as often as it was tried; it says which.
            EngineError: they cannot be sent.
        """
        ...


def slice_order(job: Job, index: int) -> SliceOrder:
    """Return the order for one slice of a set."""
    each = job.plan.slices[index]
    return SliceOrder(
        video=job.source,
        destination=job.store.place,
        plan=plan_id(job.plan),
        start=each.start,
        end=each.end,
        index=index,
        duration=job.plan.media.duration,
    )


def finish_order(job: Job) -> FinishOrder:
    """Return the order to finish a set."""
    return FinishOrder(video=job.source, destination=job.store.place, plan=plan_id(job.plan))

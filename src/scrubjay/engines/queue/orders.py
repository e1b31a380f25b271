"""Orders, which a queue carries: to make slices of a set, and to finish it.

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
    """What both kinds of orders have in common."""

    video: Place
    """The video; if it has an `etag`, in that version."""
    destination: Place | None
    """Where the set is; None in memory."""
    plan: str
    """Id of the plan that it was sent for; empty if the sender knows none."""


class SliceOrder(_SetOrder, frozen=True, kw_only=True):
    """The order to make a slice, and then to finish the set if that was its last slice."""

    start: Fraction
    end: Fraction
    """Exclusive."""
    index: int | None = None
    """Index of the slice; None means every slice that overlaps `start` to `end`."""
    duration: Fraction = Fraction(0)
    """Duration of the video, for other readers of the order."""


class FinishOrder(_SetOrder, frozen=True, kw_only=True):
    """The order to finish the set if all its slices have ended, without making any."""


Order: TypeAlias = SliceOrder | FinishOrder


class Transport(Protocol):
    """Sends orders to workers."""

    def send(self, orders: Sequence[Order]) -> None:
        """Send orders; when this returns, the queue has accepted every one.

        Raises:
            TransportError: some were refused in every attempt; `refused` says which.
            EngineError: the orders cannot be sent.
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

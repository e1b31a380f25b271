"""What a worker is at: an order, and the slices that are made for it by the plan that holds now."""

from dataclasses import dataclass
from dataclasses import replace as changed
from fractions import Fraction

from msgspec.structs import replace

from scrubjay.aws.completion import is_whole, record_of
from scrubjay.aws.events import Order
from scrubjay.aws.log import log
from scrubjay.errors import EventError, SourceChangedError, SourceUnavailableError
from scrubjay.model import Plan, Slice
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.planning import plan_id
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["ReplacedError", "Task", "found_again", "source_of"]


class ReplacedError(Exception):
    """Another plan has taken a set over: no failure, but another task."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan_id(plan))
        self.plan = plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An order, and the plan whose slices are made for it."""

    store: Store
    plan: Plan
    order: Order
    is_late: bool = False
    """Another plan was ordered: a try before this one may have left its pictures over these."""
    is_over: bool = False
    """We have left some ourselves."""

    @classmethod
    def of(cls, store: Store, plan: Plan, order: Order) -> "Task":
        """Return the task of an order, given the plan that the set has now."""
        task = cls(store=store, plan=plan, order=order)
        if order.plan in {"", plan_id(plan)}:
            return task
        log("WARN", "this set has another plan by now: its slices are made", key=order.key)
        return task._turned(plan)

    def taken_over(self, plan: Plan) -> "Task":
        """Return the task that is left if another plan has come while we wrote."""
        message = "this set has another plan by now: its slices are made over ours"
        log("WARN", message, key=self.order.key)
        return changed(self._turned(plan), is_over=True)

    def _turned(self, plan: Plan) -> "Task":
        """Ask for the slices of another plan, of the same time and of the video as it is now."""
        order = self.order
        order = replace(order, plan=plan_id(plan), index=None, etag="", end=_end_of(order))
        return changed(self, plan=plan, order=order, is_late=True)

    def parts(self) -> list[Slice]:
        """Return the slices that are meant: by index where the order has one, or else by time.

        Raises:
            EventError: the plan has no such slice.
        """
        plan, order = self.plan, self.order
        if order.plan and order.index is not None:
            if order.index >= len(plan.slices):
                raise EventError(f"the plan of {order.key} has no slice {order.index}")
            return [plan.slices[order.index]]
        end = _end_of(order)
        return [part for part in plan.slices if part.start < end and part.end > order.start]

    def is_there(self, part: Slice) -> bool:
        """Whether a slice is done, and needs not be made."""
        record = None if self.is_over else record_of(self.store, self.plan, part)
        return record is not None and (not self.is_late or is_whole(self.store, record))

    def check(self) -> None:
        """Look whether the set still has this plan: after what was written, before a note is.

        Raises:
            ReplacedError: it has another.
        """
        now = load_plan(self.store)
        if now is not None and plan_id(now) != plan_id(self.plan):
            raise ReplacedError(now)


def source_of(order: Order) -> Place:
    """Return where the video of an order lies."""
    return Place(address=f"s3://{order.bucket}/{order.key}", etag=order.etag)


def found_again(plan: Plan, order: Order) -> Place | None:
    """Return the video of an order as it lies there now, if it is still the one that was planned.

    The same video may be uploaded again as another version: in parts, or encrypted.

    Raises:
        SourceError: it cannot be read, or is being replaced at this moment.
    """
    from scrubjay.media.source import identify  # noqa: PLC0415  FFmpeg loads slowly

    place = pinned(source_of(replace(order, etag="")))
    try:
        found = identify(place)
    except SourceChangedError:
        message = f"{place.shown} is being replaced just now"
        raise SourceUnavailableError(message) from None
    return place if found.fingerprint == plan.source.fingerprint else None


def _end_of(order: Order) -> Fraction:
    """Return where an order ends, exclusive.

    The reference's own events have times alone, and end with the last second that they mean.
    """
    return order.end if order.plan else order.end + 1

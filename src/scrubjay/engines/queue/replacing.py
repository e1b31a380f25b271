"""What happens to an order when another plan takes its set over.

Two plans of one destination write the same keys, so whoever finds that it was overtaken makes the
new plan's slices over its own pictures.
"""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import replace as changed

from msgspec.structs import replace

from scrubjay.engines.base import Job
from scrubjay.engines.queue.orders import SliceOrder
from scrubjay.errors import EventError
from scrubjay.model import Plan, Slice, SliceRecord
from scrubjay.planning import plan_id
from scrubjay.sets.state import load_plan, read_record
from scrubjay.sets.store import Store

__all__ = ["ReplacedError", "Task", "is_replaced"]


class ReplacedError(Exception):
    """Another plan has taken a set over: no failure, but another task."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan_id(plan))
        self.plan = plan


def is_replaced(store: Store, plan: Plan) -> bool:
    """Whether a set has another plan by now, or none."""
    now = load_plan(store)
    return now is None or plan_id(now) != plan_id(plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An order, and the plan whose slices are made for it."""

    job: Job
    order: SliceOrder
    warn: Callable[[str], None]
    is_late: bool = False
    """Another plan was ordered: a try before this one may have left its pictures over these."""
    is_over: bool = False
    """We have left some ourselves."""

    @classmethod
    def of(cls, job: Job, order: SliceOrder, warn: Callable[[str], None]) -> "Task":
        """Return the task of an order, given the plan that the set has now."""
        task = cls(job=job, order=order, warn=warn)
        if order.plan in {"", plan_id(job.plan)}:
            return task
        warn("this set has another plan by now: its slices are made")
        return task._turned(job.plan)

    def taken_over(self, plan: Plan) -> "Task":
        """Return the task that is left if another plan has come while we wrote."""
        self.warn("this set has another plan by now: its slices are made over ours")
        return changed(self._turned(plan), is_over=True)

    def _turned(self, plan: Plan) -> "Task":
        """Ask for the slices of another plan, of the same time and of the video as it is now."""
        job = self.job._replace(plan=plan, source=replace(self.job.source, etag=""))
        order = replace(self.order, plan=plan_id(plan), index=None)
        return changed(self, job=job, order=order, is_late=True)

    def slices(self) -> list[Slice]:
        """Return the slices that are meant: by index where the order has one, or else by time.

        Raises:
            EventError: the plan has no such slice.
        """
        plan, order = self.job.plan, self.order
        if order.plan and order.index is not None:
            if order.index >= len(plan.slices):
                raise EventError(f"the plan of {self.job.source.shown} has no slice {order.index}")
            return [plan.slices[order.index]]
        return [each for each in plan.slices if each.start < order.end and each.end > order.start]

    def is_done(self, slice_: Slice) -> bool:
        """Whether a slice is done, and needs not be made."""
        record = None if self.is_over else read_record(self.job.store, self.job.plan, slice_)
        return record is not None and (not self.is_late or _is_whole(self.job.store, record))

    def check(self) -> None:
        """Look whether the set still has this plan: after what was written, before a note is.

        Raises:
            ReplacedError: it has another.
        """
        now = load_plan(self.job.store)
        if now is not None and plan_id(now) != plan_id(self.job.plan):
            raise ReplacedError(now)


def _is_whole(store: Store, record: SliceRecord) -> bool:
    """Whether every picture that a record names is there in its full size."""
    sizes = store.sizes()
    return all(sizes.get(key) == size for key, size in record.sizes().items())

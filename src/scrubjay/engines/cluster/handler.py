"""What a worker does with an order: the core of queues does the work, in engines that stay open."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from scrubjay.engines.base import Job
from scrubjay.engines.cluster.allowed import AllowList
from scrubjay.engines.cluster.backoff import TRIES
from scrubjay.engines.cluster.residents import ResidentEngines
from scrubjay.engines.queue.completion import Ending
from scrubjay.engines.queue.notes import note_failure
from scrubjay.engines.queue.orders import FinishOrder, Order
from scrubjay.engines.queue.worker import Result, Worker
from scrubjay.errors import RenderError, ScrubjayError, SourceUnavailableError
from scrubjay.events import Event, Unconfined
from scrubjay.identity import plan_id
from scrubjay.keys import PLAN
from scrubjay.model import Plan, Slice
from scrubjay.places.place import Place
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["OrderHandler"]

_MOST_SETS = 16
"""Sets whose plan is kept; a plan of ten thousand slices takes a few MB."""


class _KnownSet(NamedTuple):
    store: Store
    plan: Plan
    version: str


class OrderHandler:
    """Carries out orders. Thread-safe.

    Args:
        engines: make the slices.
        allowed: which places may be used.
        say: called with a sentence for the log.
    """

    def __init__(
        self, engines: ResidentEngines, *, allowed: AllowList, say: Callable[[str], None]
    ) -> None:
        self._engines = engines
        self._allowed = allowed
        self._say = say
        self._sets: OrderedDict[str, _KnownSet] = OrderedDict()
        self._lock = Lock()
        self._has_warned = False

    def carry_out(self, order: Order) -> Sequence[Result]:
        """Carry out an order, and return the results of its slices.

        Raises:
            RefusedError: it names a place that is not allowed.
            RenderError: the set has no plan, so there is nothing to make.
            ScrubjayError: it failed, but may succeed next time.
        """
        self._allowed.check(order)
        job = self._job(order)
        worker = self._worker(order.video)
        if isinstance(order, FinishOrder):
            if plan_id(job.plan) == order.plan:
                worker.finish(job)
            return []
        return list(worker.make(job, order))

    def give_up(self, order: Order, error: ScrubjayError) -> None:
        """Make a gap of a slice that will not be tried again, so that its set can end.

        Raises:
            ScrubjayError: the store does not answer either.
        """
        self._allowed.check(order)
        job = self._job(order)
        if isinstance(order, FinishOrder) or plan_id(job.plan) != order.plan:
            return
        if order.index is None or order.index >= len(job.plan.slices):
            return
        note_failure(job.store, job.plan, job.plan.slices[order.index], error)
        self._worker(order.video).finish(job)

    def _job(self, order: Order) -> Job:
        """Return the set of an order with its current plan.

        Raises:
            RenderError: the set has no plan.
            SourceUnavailableError: the video's folder is not there.
        """
        where = order.destination
        assert where is not None  # noqa: S101  a ticket always has one
        with self._lock:
            known = self._sets.get(where.address)
        store = known.store if known else Store.open(where)
        version = store.version(PLAN)
        if known is None or known.version != version or not version:
            plan = load_plan(store) if version else None
            if plan is None:
                raise RenderError(
                    f"{where.shown} has no {PLAN}: it was removed, or the folder is not mounted "
                    "on this machine"
                )
            known = _KnownSet(store, plan, version)
            with self._lock:
                self._sets[where.address] = known
                self._sets.move_to_end(where.address)
                if len(self._sets) > _MOST_SETS:
                    self._sets.popitem(last=False)
        _check_mounted(order.video)
        return Job(known.plan, order.video, known.store)

    def _worker(self, video: Place) -> Worker:
        return Worker(
            open_engine=partial(self._engines.lent, video.address),
            announce=self._announce,
            watch=self._watch,
            warn=self._say,
            tries=TRIES,
        )

    def _announce(self, job: Job, ending: Ending) -> None:
        where = job.store.place.shown if job.store.place else "the set"
        text = f": {ending.error}" if ending.error else ""
        self._say(f"{where}: {ending.status}{text}")

    def _watch(self, _: Slice) -> Callable[[Event], None]:
        return self._heed

    def _heed(self, event: Event) -> None:
        """Say once what this machine lacks to confine the processes that decode."""
        if isinstance(event, Unconfined) and not self._has_warned:
            self._has_warned = True
            self._say(f"not fully confined: this machine lacks {' and '.join(event.missing)}")


def _check_mounted(video: Place) -> None:
    """Check that the folder of a video is there: another machine may have it.

    Raises:
        SourceUnavailableError: it is not.
    """
    folder = Path(video.address).parent
    if video.is_local and not folder.is_dir():
        raise SourceUnavailableError(
            f"the folder {folder} is not on this machine: mount it where the machine that sends "
            "orders has it"
        )

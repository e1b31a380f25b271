"""The engine that sends slices to a cluster's workers and watches the store for the results."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Self

from scrubjay.engines.base import Engine, Job, Outcome, Probing
from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.letters import queue_status, reasons
from scrubjay.engines.cluster.schema import check_schema
from scrubjay.engines.cluster.tickets import check_plain
from scrubjay.engines.cluster.transport import ProcrastinateTransport
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.queue.engine import QueueEngine
from scrubjay.engines.queue.orders import finish_order
from scrubjay.errors import ScrubjayError
from scrubjay.events import OnEvent
from scrubjay.identity import plan_id
from scrubjay.limits import Limits
from scrubjay.model import Plan, Reading
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.sets.state import Missing

__all__ = ["ProcrastinateEngine"]


class ProcrastinateEngine:
    """Makes slices in the workers of a cluster; opens the video itself in a child process.

    Args:
        database: the database of the queue, or its address as for libpq.
        patience: seconds without a new slice after which the missing slices are given up here; the
            workers may still make them.
        local: engine that opens the video, and that stays open; by default a worker process on
            this machine.
        on_silence: called once, with a sentence for people, after a minute without a new slice.
    """

    def __init__(
        self,
        database: Database | str = "",
        *,
        patience: float = 600,
        local: Engine | None = None,
        on_silence: Callable[[str], None] | None = None,
    ) -> None:
        self._database = Database(database) if isinstance(database, str) else database
        self._own = ExitStack()
        self._local = local or self._own.enter_context(ProcessEngine(workers=1))
        self._patience = patience
        self._on_silence = on_silence

    @property
    def limits(self) -> Limits:
        """How much one video may cost; the workers have limits of their own as well."""
        return self._local.limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching; slices that were sent are still made."""
        self._own.close()

    def probe(self, source: Place) -> Probing:
        """Probe the video at a place, in a worker process on this machine.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
            EngineError: probing failed, or the queue is not there.
        """
        check_schema(self._database)
        return self._local.probe(source)

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures cost to read, in a worker process on this machine.

        Raises:
            SourceError: the video cannot be opened, or is not the planned one.
            EngineError: counting failed for a reason that is not in the video.
        """
        return self._local.explain(plan, source)

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Send slices to the workers, and return what arrived and why the rest did not.

        Raises:
            EngineError: the slices could not be sent.
        """
        job = job._replace(source=pinned(job.source))
        check_plain(finish_order(job))  # before a note of its address is written
        queue = QueueEngine(
            ProcrastinateTransport(self._database),
            local=self._local,
            patience=self._patience,
            where_to_look=self._where_to_look,
            on_silence=self._on_silence,
            dead_letters=self._dead_letters,
        )
        return queue.run(job, missing, on_event)

    def _dead_letters(self, job: Job) -> Mapping[int, ScrubjayError]:
        """Return why the queue has given up slices.

        Raises:
            EngineError: the database does not answer now.
        """
        where = job.store.place
        return reasons(self._database, where, plan_id(job.plan)) if where else {}

    def _where_to_look(self) -> str:
        """Say what the queue does, and what to do.

        Raises:
            EngineError: the database does not answer now.
        """
        found = queue_status(self._database)
        return (
            f"{found.workers} workers, {found.running} slices being made, {found.waiting} waiting, "
            f"{found.retrying} to be tried again, {found.dead} dead letters; run `scrubjay cluster "
            "status`"
        )

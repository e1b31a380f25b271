"""The worker of a cluster: takes orders from the queue until it is stopped.

Procrastinate's worker ends when it loses the database; this service then begins again, as often as
necessary. Signs of life have a connection of their own, and go on while a stopped worker's last
slices end, so that nobody takes these over.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple, Never

import psycopg
from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.jobs import Job
from procrastinate.worker import Worker
from psycopg.rows import DictRow, dict_row

from scrubjay.engines.base import Engine
from scrubjay.engines.cluster.allowed import AllowList
from scrubjay.engines.cluster.backoff import (
    DAY,
    HEARTBEAT_SECONDS,
    STALLED_SECONDS,
    TRIES,
    Backoff,
    is_final,
    is_tried_thrice,
)
from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.handler import OrderHandler
from scrubjay.engines.cluster.jobs import DATABASE_ERRORS, OwnJobs, rescue
from scrubjay.engines.cluster.residents import ResidentEngines
from scrubjay.engines.cluster.schema import check_schema
from scrubjay.engines.cluster.tickets import QUEUE, TASK, Ticket, order_of, read_ticket
from scrubjay.engines.queue.orders import Order
from scrubjay.engines.queue.worker import Result
from scrubjay.errors import RenderError, ScrubjayError, error_class
from scrubjay.places.place import redacted
from scrubjay.shown import printable

__all__ = ["ClusterWorker", "Opening"]

_POLL_SECONDS = 1.0
"""Seconds between looks for orders whose next attempt is due; new ones are reported."""

_IDLE_SECONDS = 60.0
"""Seconds after which the process of a video without orders is ended."""

_FORGET_SECONDS = 3600.0
"""Seconds after which a lost worker's row is removed."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
"""Seconds between attempts to reach the database."""

_LOGGERS = ("procrastinate", "psycopg", "psycopg.pool")


class _AgainError(Exception):
    """A job that waits for its next attempt."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class _DeadError(Exception):
    """A job that is a dead letter."""


class _Retry(BaseRetryStrategy):
    """Does what `ClusterWorker` has decided."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to try a job again, or None for a dead letter."""
        del job
        if not isinstance(exception, _AgainError):
            return None
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=exception.seconds))


class Opening(NamedTuple):
    """How a worker opens the places that orders name."""

    endpoint: str = ""
    """URL of an S3-compatible server that is not Amazon's."""
    public_only: bool = False
    """Whether web addresses may only lead to the public internet."""


class ClusterWorker:
    """Takes orders from the queue, and makes their slices in processes of their own.

    Args:
        database: the database of the queue.
        slots: slices at once.
        open_engine: returns a new engine for one slice at a time.
        allowed: which places orders may name.
        opening: how these places are opened.
        backoff: how long failed orders wait.
        say: called with a sentence for the log, in several threads.
        quiet: whether to say nothing of slices that are begun and made.
    """

    def __init__(
        self,
        database: Database,
        *,
        slots: int,
        open_engine: Callable[[], Engine],
        allowed: AllowList,
        opening: Opening,
        backoff: Backoff,
        say: Callable[[str], None] = lambda _: None,
        quiet: bool = False,
    ) -> None:
        self._database = database
        self._slots = slots
        self._opening = opening
        self._backoff = backoff
        self._log = say
        self._quiet = quiet
        self._engines = ResidentEngines(open_engine, most=slots + 1)
        self._handler = OrderHandler(self._engines, allowed=allowed, say=self._say)
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="slot")
        self._worker: Worker | None = None
        self._stop: asyncio.Event

    def _say(self, text: str) -> None:
        self._log(printable(redacted(text)))

    def run(self) -> None:
        """Take orders until SIGTERM, SIGINT or SIGHUP; the slices that are being made then end.

        A second signal ends the process at once.

        Raises:
            ClusterError: the queue is not set up.
            DatabaseError: the database did not answer at the start.
        """
        check_schema(self._database)
        for name in _LOGGERS:  # their texts are not redacted; what matters is said here
            logging.getLogger(name).addHandler(logging.NullHandler())
            logging.getLogger(name).propagate = False
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        try:
            asyncio.run(self._serve())
        finally:
            self._engines.dismiss()
            self._threads.shutdown(wait=False)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        with self._signals():
            self._say(f"taking slices, {self._slots} at once, from {self._database.shown}")
            pause = _FIRST_PAUSE
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    await self._round()
                    if not self._stop.is_set():
                        self._say(f"lost {self._database.shown}; connecting again")
                except DATABASE_ERRORS as error:
                    if not self._stop.is_set():
                        reason = self._database.hidden(str(error.__cause__ or error))
                        self._say(f"{self._database.shown} does not answer: {reason}; trying again")
                if time.monotonic() - began > _LONGEST_PAUSE:
                    pause = _FIRST_PAUSE
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause)
                pause = min(_LONGEST_PAUSE, 2 * pause)
        self._say("stopped")

    @contextmanager
    def _signals(self) -> Generator[None]:
        """End gracefully on the first signal, and at once on the second."""
        loop = asyncio.get_running_loop()
        signs = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {each: signal.getsignal(each) for each in signs}
        for each in signs:
            if before[each] is not signal.SIG_IGN:  # `nohup` ignores SIGHUP
                loop.add_signal_handler(each, self._end, each)
        try:
            yield
        finally:
            for each in signs:
                loop.remove_signal_handler(each)
                signal.signal(each, before[each])

    def _end(self, number: signal.Signals) -> None:
        if self._stop.is_set():
            os._exit(128 + number)  # the processes that decode end with their input
        self._stop.set()
        self._say("stopping: the slices that are being made will end; once more to stop at once")
        if self._worker:
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def _round(self) -> None:
        """Take orders until this worker is stopped or loses the database."""
        async with await self._connected():
            pass  # it answers, so that the pool need not wait
        connector = PsycopgConnector(
            conninfo=self._database.conninfo, min_size=1, max_size=4, timeout=30
        )
        app = App(connector=connector)
        app.job_manager = jobs = OwnJobs(connector)

        @app.task(name=TASK, queue=QUEUE, retry=_Retry(), pass_context=True)
        async def carry_out(context: JobContext, /, **arguments: object) -> None:
            await self._carry_out(jobs, context.job, arguments)

        async with app.open_async():
            worker = Worker(
                app,
                queues=[QUEUE],
                concurrency=self._slots,
                fetch_job_polling_interval=_POLL_SECONDS,
                update_heartbeat_interval=_FORGET_SECONDS,  # `_tend` does it
                stalled_worker_timeout=_FORGET_SECONDS,
                delete_jobs="successful",
                install_signal_handlers=False,
            )
            self._worker = worker
            tending = asyncio.create_task(self._tend(worker))
            try:
                if not self._stop.is_set():
                    await worker.run()  # type: ignore[no-untyped-call]
            finally:
                self._worker = None
                tending.cancel()
                with suppress(asyncio.CancelledError):
                    await tending

    async def _connected(self) -> psycopg.AsyncConnection[DictRow]:
        return await psycopg.AsyncConnection[DictRow].connect(
            self._database.conninfo, autocommit=True, row_factory=dict_row
        )

    async def _tend(self, worker: Worker) -> Never:
        """Give signs of life, and rescue the orders of workers that give none."""
        while True:
            with suppress(*DATABASE_ERRORS):
                async with await self._connected() as connection:
                    while True:
                        await self._give_sign(connection, worker)
                        await asyncio.sleep(HEARTBEAT_SECONDS)
            await asyncio.sleep(_FIRST_PAUSE)

    async def _give_sign(
        self, connection: psycopg.AsyncConnection[DictRow], worker: Worker
    ) -> None:
        if worker.worker_id is not None:
            await connection.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %s",
                [worker.worker_id],
            )
        for each in await rescue(connection, seconds=STALLED_SECONDS, backoff=self._backoff):
            ending = "dead letter" if each.is_dead else "rescued from a lost worker"
            self._say(f"{_shown(each.arguments)}: {ending}")
        # a process that hangs on a broken disk is waited for, and signs of life must go on
        await asyncio.to_thread(self._engines.dismiss, idle_seconds=_IDLE_SECONDS)

    async def _carry_out(self, jobs: OwnJobs, job: Job, arguments: dict[str, object]) -> None:
        """Carry out a job.

        Raises:
            _AgainError: it failed, and is tried again.
            _DeadError: it failed for good, or some slice of it did.
        """
        loop = asyncio.get_running_loop()
        began, order = time.monotonic(), None
        try:
            ticket = read_ticket(arguments)
            order = order_of(ticket, **self._opening._asdict())
            if not self._quiet:
                self._say(f"{_of(ticket)}: begun")
            carried_out = partial(self._handler.carry_out, order)
            results = await loop.run_in_executor(self._threads, carried_out)
        except Exception as error:  # noqa: BLE001  a door: every error is noted
            await self._fail(jobs, job, order, error)
        else:
            for result in results:
                seconds = time.monotonic() - began
                if not self._quiet:
                    self._say(f"{_of(ticket)}: {result.outcome} in {seconds:.2f} s")
                if result.outcome == "gap":
                    await self._note_gap(jobs, job, result)

    async def _note_gap(self, jobs: OwnJobs, job: Job, result: Result) -> Never:
        """Keep the order of a slice that can never be made as a dead letter."""
        self._say(f"{_shown(job.task_kwargs)}: dead letter: {result.error}: {result.reason}")
        await jobs.record(job, result.error, result.reason, is_counted=True)
        raise _DeadError

    async def _fail(self, jobs: OwnJobs, job: Job, order: Order | None, error: Exception) -> Never:
        """Note why a job failed, and decide whether it is tried again.

        Raises:
            _AgainError: it is.
            _DeadError: it is a dead letter.
        """
        is_ours = isinstance(error, ScrubjayError)
        name = type(error).__name__
        shown = redacted(str(error) if is_ours else f"{name}: {error}")
        try:
            known = await jobs.record(
                job, name if is_ours else "RenderError", shown, is_counted=is_tried_thrice(error)
            )
        except DATABASE_ERRORS:  # it did not answer for minutes, which is not the order's fault
            raise _AgainError(self._backoff.longest) from None
        if known is None:
            self._say(f"{_shown(job.task_kwargs)}: another worker has taken it over")
            raise _DeadError
        wait = self._backoff.seconds(known.failures)
        is_dead = is_final(error) or known.tries >= TRIES or known.age + wait > DAY
        if not is_dead:
            self._say(f"{_shown(job.task_kwargs)}: again in {wait:.1f} s: {name}: {shown}")
            raise _AgainError(wait)
        self._say(f"{_shown(job.task_kwargs)}: dead letter: {name}: {shown}")
        if order is not None and not is_final(error):
            loop = asyncio.get_running_loop()
            reason = error_class(name)(shown) if is_ours else RenderError(shown)
            with suppress(ScrubjayError):  # then the dead letter is all there is
                await loop.run_in_executor(
                    self._threads, partial(self._handler.give_up, order, reason)
                )
        raise _DeadError


def _of(ticket: Ticket) -> str:
    what = "finish" if ticket.index is None else f"slice {ticket.index}"
    return f"{what} of {ticket.destination}"


def _shown(arguments: object) -> str:
    """Return what a job is about, for the log, even if it is not an order."""
    with suppress(ScrubjayError):
        return _of(read_ticket(arguments))  # type: ignore[arg-type]
    return "an order"

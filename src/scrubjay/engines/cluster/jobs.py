"""What a worker changes in the queue: results of its own jobs only, and jobs of lost workers.

Procrastinate ends a job by its number alone. A worker that was stopped for a while would then end
what another one has taken over. Here, a change needs the worker and the attempt to be the present
ones. The database's clock is the only one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg.rows import DictRow

from scrubjay.engines.cluster.backoff import DAY, Backoff
from scrubjay.engines.cluster.tickets import TASK

__all__ = ["DATABASE_ERRORS", "Failure", "OwnJobs", "Rescued", "insistently", "rescue"]

DATABASE_ERRORS = (ConnectorException, psycopg.Error, OSError)
"""What a database that is restarting may raise; an error of a pool is an error of psycopg."""

_INSIST_SECONDS, _PAUSE = 120.0, 0.5

T = TypeVar("T")

_MINE = """
    id = %(job_id)s AND status = 'doing'
    AND worker_id = %(worker_id)s AND attempts = %(attempts)s
"""

_FINISH = f"""
WITH mine AS (SELECT id FROM procrastinate_jobs WHERE {_MINE} FOR UPDATE)
SELECT procrastinate_finish_job_v1(
    id, %(status)s::procrastinate_job_status, %(delete_job)s
) FROM mine
"""  # noqa: S608  a constant

_RETRY = f"""
WITH mine AS (SELECT id FROM procrastinate_jobs WHERE {_MINE} FOR UPDATE)
SELECT procrastinate_retry_job_v2(id, now() + make_interval(secs => %(wait)s), NULL, NULL, NULL)
FROM mine
"""  # noqa: S608  a constant

_RECORD = f"""
INSERT INTO scrubjay_failures AS known (job_id, failures, tries, error, message)
SELECT id, 1, %(tries)s, %(error)s, %(message)s FROM procrastinate_jobs WHERE {_MINE}
ON CONFLICT (job_id) DO UPDATE SET
    last_at = now(), failures = known.failures + 1, tries = known.tries + excluded.tries,
    error = excluded.error, message = excluded.message
RETURNING failures, tries, extract(epoch FROM now() - first_at)::float AS age
"""  # noqa: S608  a constant

_STALLED = """
SELECT job.id, job.args, job.attempts
FROM procrastinate_jobs AS job LEFT JOIN procrastinate_workers AS worker
    ON worker.id = job.worker_id
WHERE job.status = 'doing' AND job.task_name = %(task)s
    AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %(seconds)s))
    AND pg_postmaster_start_time() < now() - make_interval(secs => %(seconds)s)
FOR UPDATE OF job SKIP LOCKED
"""

_LOST = """
INSERT INTO scrubjay_failures AS known (job_id, failures, tries, error, message)
VALUES (%(job_id)s, 1, 0, 'WorkerCrashedError', %(message)s)
ON CONFLICT (job_id) DO UPDATE SET
    last_at = now(), failures = known.failures + 1,
    error = excluded.error, message = excluded.message
RETURNING failures, extract(epoch FROM now() - first_at)::float AS age
"""


class Failure(NamedTuple):
    """What is known of an order that failed."""

    failures: int
    """How often, whatever the reason."""
    tries: int
    """How often for a reason that would only happen again."""
    age: float
    """Seconds since its first failure."""


class OwnJobs(JobManager):
    """Changes jobs only while they belong to the worker that took them.

    While the database does not answer, a change is tried again: a restart loses no result.
    """

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001  Procrastinate's
        """End a job, unless it is another worker's by now."""
        await self._change(job, _FINISH, status=status.value, delete_job=delete_job)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Let a job wait for its next attempt, unless it is another worker's by now."""
        del priority, queue, lock  # they stay as they are
        wait = (retry_at - datetime.now(UTC)).total_seconds() if retry_at else 0.0
        await self._change(job, _RETRY, wait=wait)

    async def record(
        self, job: Job, error: str, message: str, *, is_counted: bool
    ) -> Failure | None:
        """Note why a job failed, and return what is known; None if it is another worker's by now.

        Args:
            job: the job.
            error: class of the error.
            message: its text.
            is_counted: whether it would only happen again.
        """
        rows = await self._change(job, _RECORD, error=error, message=message, tries=int(is_counted))
        return Failure(rows[0]["failures"], rows[0]["tries"], rows[0]["age"]) if rows else None

    async def _change(self, job: Job, query: Any, **arguments: Any) -> list[dict[str, Any]]:  # noqa: ANN401  as the connector's
        mine = {"job_id": job.id, "worker_id": job.worker_id, "attempts": job.attempts}
        return await insistently(
            lambda: self.connector.execute_query_all_async(query, **mine, **arguments)
        )


async def insistently(change: Callable[[], Awaitable[T]]) -> T:
    """Carry out a change of the database, again and again while it does not answer.

    Raises:
        Exception: it did not answer for two minutes.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _INSIST_SECONDS
    while True:
        try:
            return await change()
        except DATABASE_ERRORS:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(_PAUSE)


class Rescued(NamedTuple):
    """A job of a lost worker."""

    arguments: dict[str, Any]
    is_dead: bool
    """Whether it is a dead letter now, because its workers have been lost for a day."""


async def rescue(
    connection: psycopg.AsyncConnection[DictRow], *, seconds: float, backoff: Backoff
) -> list[Rescued]:
    """Let other workers take the jobs of those that show no sign of life.

    A job that lost a worker for the first time waits no longer; a job that may be the cause waits
    longer each time.

    Args:
        connection: a connection that commits at once.
        seconds: how long a worker may be silent.
        backoff: how long a job waits after the first time.
    """
    rescued: list[Rescued] = []
    async with connection.transaction():
        stalled = await connection.execute(_STALLED, {"task": TASK, "seconds": seconds})
        for row in await stalled.fetchall():
            message = "its worker stopped answering: it was killed, or lost the database"
            found = await connection.execute(_LOST, {"job_id": row["id"], "message": message})
            known = await found.fetchone()
            assert known is not None  # noqa: S101  the statement always returns a row
            failures, age = int(known["failures"]), float(known["age"])
            wait = 0.0 if failures == 1 else backoff.seconds(failures - 1)
            is_dead = age + wait > DAY
            if is_dead:
                await connection.execute(
                    "SELECT procrastinate_finish_job_v1(%s, 'failed', false)", [row["id"]]
                )
            else:
                await connection.execute(
                    "SELECT procrastinate_retry_job_v2("
                    "%s, now() + make_interval(secs => %s), NULL, NULL, NULL)",
                    [row["id"], wait],
                )
            rescued.append(Rescued(row["args"], is_dead))
    return rescued

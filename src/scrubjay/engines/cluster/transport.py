"""Sends orders: the jobs of a set, in one statement."""

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from procrastinate.sync_psycopg_connector import SyncPsycopgConnector

from scrubjay.engines.cluster.database import Connection, Database
from scrubjay.engines.cluster.tickets import TASK, job_of
from scrubjay.engines.queue.orders import Order
from scrubjay.errors import DatabaseError, TransportError

__all__ = ["ProcrastinateTransport"]

_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds between attempts while the database does not answer."""

_KNOWN = """
SELECT id, status::text, args->>'set' AS set, args->>'plan' AS plan, (args->>'index')::int AS index
FROM procrastinate_jobs
WHERE task_name = %s AND args->>'set' = ANY(%s) AND status IN ('todo', 'doing', 'failed')
FOR UPDATE
"""


class _Identity(NamedTuple):
    """What makes two orders the same."""

    set: str
    plan: str
    slice: int | None


class ProcrastinateTransport:
    """Sends orders to workers through the queue.

    An order that waits already is not sent twice, but it no longer waits for its next attempt. Dead
    letters of the same sets are removed, because what they asked for is sent again or outdated.

    Args:
        database: the database of the queue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._manager = JobManager(SyncPsycopgConnector())

    def send(self, orders: Sequence[Order]) -> None:
        """Send orders; see `scrubjay.engines.queue.orders.Transport`.

        Raises:
            TransportError: the database did not answer in any attempt; none was sent.
            ClusterError: the queue is not set up, or an order may not travel.
        """
        jobs = [job_of(order) for order in orders]
        for wait in (*_WAITS, None):
            try:
                with self._database.connect() as connection:
                    self._send(connection, jobs)
            except DatabaseError as error:
                if wait is None:
                    refusal = TransportError(str(error))
                    refusal.refused = frozenset(range(len(orders)))
                    raise refusal from None
                time.sleep(wait)
            else:
                return

    def _send(self, connection: Connection, jobs: Sequence[Job]) -> None:
        sets = sorted({_identity(job).set for job in jobs})
        for each in sets:  # one sender at a time for each set
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [each])
        known = connection.execute(_KNOWN, [TASK, sets]).fetchall()
        dead = [row["id"] for row in known if row["status"] == "failed"]
        waiting = {
            _Identity(row["set"], row["plan"], row["index"]): row["id"]
            for row in known
            if row["status"] == "todo" or (row["status"] == "doing" and row["index"] is not None)
        }
        asked = {_identity(job): job for job in jobs}
        _delete(connection, dead)
        connection.execute(
            "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE id = ANY(%s) "
            "AND status = 'todo'",
            [[waiting[each] for each in asked if each in waiting]],
        )
        fresh = [job for identity, job in asked.items() if identity not in waiting]
        if fresh:
            self._manager.batch_defer_jobs(fresh, connection)


def _identity(job: Job) -> _Identity:
    given = job.task_kwargs
    index = given.get("index")
    return _Identity(str(given["set"]), str(given["plan"]), index if type(index) is int else None)


def _delete(connection: Connection, ids: Iterable[int]) -> None:
    connection.execute("DELETE FROM procrastinate_jobs WHERE id = ANY(%s)", [[*ids]])

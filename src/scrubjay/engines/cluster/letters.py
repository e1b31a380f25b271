"""What is in the queue: how much waits, who works, and why orders are dead letters."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from scrubjay.engines.cluster.backoff import STALLED_SECONDS
from scrubjay.engines.cluster.database import Connection, Database
from scrubjay.engines.cluster.tickets import TASK, Ticket, read_ticket, set_id
from scrubjay.errors import EventError, ScrubjayError, error_class
from scrubjay.places.place import Place

__all__ = ["Letter", "QueueStatus", "dead_letters", "queue_status", "reasons", "revive", "take_out"]

_MOST_LETTERS = 1000

_LETTERS = """
SELECT job.id, job.args, coalesce(failure.failures, 0) AS failures,
    coalesce(failure.error, '') AS error, coalesce(failure.message, '') AS message,
    greatest(extract(epoch FROM job.scheduled_at - now())::float, 0) AS due
FROM procrastinate_jobs AS job LEFT JOIN scrubjay_failures AS failure ON failure.job_id = job.id
WHERE job.task_name = %(task)s AND job.status = %(status)s::procrastinate_job_status
    AND (%(set)s::text IS NULL OR job.args->>'set' = %(set)s)
    AND (%(status)s <> 'todo' OR job.scheduled_at > now())
ORDER BY job.id LIMIT %(most)s
"""

_COUNTS = """
SELECT count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= now(), true)) AS waiting,
    count(*) FILTER (WHERE status = 'todo' AND scheduled_at > now()) AS retrying,
    count(*) FILTER (WHERE status = 'doing') AS running,
    count(*) FILTER (WHERE status = 'failed') AS dead
FROM procrastinate_jobs
WHERE task_name = %(task)s AND (%(set)s::text IS NULL OR args->>'set' = %(set)s)
"""

_WORKERS = """
SELECT count(*) AS workers FROM procrastinate_workers
WHERE last_heartbeat > now() - make_interval(secs => %(seconds)s)
"""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """An order that failed: a dead letter, or one that waits for its next attempt."""

    job: int
    """Its number in the queue."""
    set: str
    """Address of the set."""
    index: int | None
    """The slice; None finishes the set."""
    failures: int
    error: str
    message: str
    due_in_seconds: float = 0
    """When it is tried again; 0 for a dead letter."""


class QueueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the queue."""

    waiting: int
    """Orders that no worker has taken yet."""
    retrying: int
    """Orders that failed and wait for their next attempt."""
    running: int
    """Orders that workers have taken."""
    dead: int
    """Orders that are not tried again: dead letters."""
    workers: int
    """Workers that have given a sign of life in the last seconds."""


def queue_status(database: Database, where: Place | None = None) -> QueueStatus:
    """Count the orders in the queue, or those of one set, and the workers.

    Raises:
        EngineError: the database does not answer, or is not set up.
    """
    about = {"task": TASK, "set": set_id(where) if where else None, "seconds": STALLED_SECONDS}
    with database.connect() as connection:
        [counts] = connection.execute(_COUNTS, about).fetchall()
        [workers] = connection.execute(_WORKERS, about).fetchall()
    return msgspec.convert(counts | workers, QueueStatus)


def dead_letters(
    database: Database, where: Place | None = None, *, retrying: bool = False
) -> list[Letter]:
    """Return the dead letters, oldest first, at most a thousand.

    Args:
        database: the database of the queue.
        where: the set; None means every set.
        retrying: return the orders that wait for their next attempt instead.

    Raises:
        EngineError: the database does not answer, or is not set up.
    """
    with database.connect() as connection:
        rows = _letters(connection, where, "todo" if retrying else "failed")
    return [_letter(row) for row in rows]


def reasons(database: Database, where: Place, plan: str) -> Mapping[int, ScrubjayError]:
    """Return why slices of a plan are dead letters, by index.

    Raises:
        EngineError: the database does not answer, or is not set up.
    """
    with database.connect() as connection:
        rows = _letters(connection, where, "failed")
    return {
        row["args"]["index"]: error_class(row["error"])(row["message"])
        for row in rows
        if row["args"].get("plan") == plan and type(row["args"].get("index")) is int
    }


def take_out(database: Database, where: Place) -> int:
    """Remove a set's orders that no worker has taken, and its dead letters; return how many.

    Raises:
        EngineError: the database does not answer, or is not set up.
    """
    with database.connect() as connection:
        return connection.execute(
            "DELETE FROM procrastinate_jobs WHERE task_name = %s AND args->>'set' = %s "
            "AND status IN ('todo', 'failed')",
            [TASK, set_id(where)],
        ).rowcount


def revive(database: Database, jobs: Sequence[int]) -> int:
    """Let dead letters be tried again as if they had never failed; return how many.

    Raises:
        EngineError: the database does not answer, or is not set up.
    """
    with database.connect() as connection:
        connection.execute("DELETE FROM scrubjay_failures WHERE job_id = ANY(%s)", [[*jobs]])
        return connection.execute(
            "SELECT procrastinate_retry_job_v2(id, NULL, NULL, NULL, NULL) "
            "FROM procrastinate_jobs WHERE id = ANY(%s) AND status = 'failed'",
            [[*jobs]],
        ).rowcount


def _letters(connection: Connection, where: Place | None, status: str) -> list[dict[str, Any]]:
    about = {"task": TASK, "set": set_id(where) if where else None, "status": status}
    return connection.execute(_LETTERS, about | {"most": _MOST_LETTERS}).fetchall()


def _letter(row: Mapping[str, Any]) -> Letter:
    ticket: Ticket | None = None
    with suppress(EventError):  # its message says so
        ticket = read_ticket(row["args"])
    return Letter(
        job=row["id"],
        set=ticket.destination if ticket else "?",
        index=ticket.index if ticket else None,
        failures=row["failures"],
        error=row["error"],
        message=row["message"] or "no reason was noted",
        due_in_seconds=round(row["due"] or 0, 1),
    )

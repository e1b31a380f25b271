"""The tables of the queue: Procrastinate's, and one of ours that says why orders failed."""

from collections.abc import Iterable
from pathlib import Path

from procrastinate.schema import SchemaManager

from scrubjay.engines.cluster.database import Connection, Database
from scrubjay.errors import ClusterError

__all__ = ["check_schema", "set_up", "upgrade"]

_LOCK = 7_301_940_211_883
"""Advisory lock: one change of the tables at a time."""

_OURS = """
CREATE TABLE scrubjay_migrations (name text PRIMARY KEY);
CREATE TABLE scrubjay_failures (
    job_id bigint PRIMARY KEY REFERENCES procrastinate_jobs ON DELETE CASCADE,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    failures integer NOT NULL,
    tries integer NOT NULL,
    error text NOT NULL,
    message text NOT NULL
);
CREATE INDEX scrubjay_jobs_by_set ON procrastinate_jobs ((args->>'set'))
    WHERE task_name = 'scrubjay.order';
"""


def set_up(database: Database) -> bool:
    """Make the tables, if they are not there.

    Returns:
        Whether this call made them.

    Raises:
        ClusterError: the database has Procrastinate's tables, which another program made.
        DatabaseError: it does not answer.
    """
    with database.connect() as connection:
        _lock(connection)
        if _has(connection, "scrubjay_migrations"):
            return False
        if _has(connection, "procrastinate_jobs"):
            raise ClusterError(
                f"{database.shown} has Procrastinate's tables, which another program made; use a "
                "database of its own, or a schema (?options=-csearch_path%3Dscrubjay)"
            )
        _execute(connection, SchemaManager.get_schema())
        _execute(connection, _OURS)
        _note(connection, (each.name for each in _migrations()))
    return True


def upgrade(database: Database) -> list[str]:
    """Change the tables to what the installed version of Procrastinate needs.

    Returns:
        The names of the changes.

    Raises:
        ClusterError: the tables are not there.
        DatabaseError: it does not answer.
    """
    with database.connect() as connection:
        _lock(connection)
        missing = _missing(connection)
        for each in missing:
            _execute(connection, each.read_text(encoding="utf-8"))
        _note(connection, (each.name for each in missing))
    return [each.name for each in missing]


def check_schema(database: Database) -> None:
    """Check that the tables are there and of this version.

    Raises:
        ClusterError: they are not.
        DatabaseError: the database does not answer.
    """
    with database.connect() as connection:
        missing = _missing(connection)
    if missing:
        raise ClusterError(
            f"the queue in {database.shown} is of an older version of Procrastinate: stop the "
            "workers, and run `scrubjay cluster upgrade`"
        )


def _lock(connection: Connection) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _has(connection: Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) AS name", [table]).fetchone()
    return row is not None and row["name"] is not None


def _execute(connection: Connection, text: str) -> None:
    """Execute statements of a file of ours or Procrastinate's, without parameters."""
    connection.execute(text.encode())


def _migrations() -> list[Path]:
    """Return Procrastinate's changes of its tables, oldest first."""
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _missing(connection: Connection) -> list[Path]:
    """Return the changes that the tables lack."""
    rows = connection.execute("SELECT name FROM scrubjay_migrations").fetchall()
    known = {row["name"] for row in rows}
    return [each for each in _migrations() if each.name not in known]


def _note(connection: Connection, names: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO scrubjay_migrations (name) VALUES (%s) ON CONFLICT DO NOTHING",
            [(name,) for name in names],
        )

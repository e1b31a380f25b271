"""The database of the queue: its address without its password, connections, and errors."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

from scrubjay.errors import ClusterError, DatabaseError
from scrubjay.places.place import redacted

try:
    import psycopg
    from procrastinate.exceptions import ConnectorException
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.rows import DictRow, dict_row
except ModuleNotFoundError as exc:
    raise ClusterError(
        f"{exc.name} is not installed, which the engine procrastinate and its workers need: "
        "pip install 'scrubjay[cluster]'"
    ) from exc

__all__ = ["CONNECT_SECONDS", "Connection", "Database", "Row"]

Row: TypeAlias = DictRow
Connection: TypeAlias = "psycopg.Connection[DictRow]"

CONNECT_SECONDS = 10
"""Seconds after which a server that does not answer counts as absent."""

_USUAL = {
    "application_name": "scrubjay",
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Parameters of connections, unless the address has others: a network that swallows everything is
noticed within half a minute."""

_SECRET = ("password", "sslpassword")

_MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction)
"""What a database reports that was not set up."""


class Database:
    """The database of the queue.

    Args:
        url: `postgresql://user@host/name`, or `host=... dbname=...`, as for libpq. What it leaves
            out, libpq takes from `PGHOST`, `PGPASSWORD` and so on, and from `~/.pgpass`.
        environ: where libpq finds `PGPASSWORD`.

    Raises:
        ClusterError: the address is malformed.
    """

    def __init__(self, url: str = "", *, environ: Mapping[str, str] = os.environ) -> None:
        try:
            parts = conninfo_to_dict(url)
        except psycopg.Error:  # its text may contain the password
            raise ClusterError(
                "the address of the database is malformed; write postgresql://USER@HOST/NAME, and "
                "the password into PGPASSWORD or ~/.pgpass"
            ) from None
        known = {name: str(value) for name, value in parts.items() if value is not None}
        self._secrets = {known[name] for name in _SECRET if known.get(name)}
        self._secrets |= {environ["PGPASSWORD"]} if environ.get("PGPASSWORD") else set()
        host, name = known.get("host", environ.get("PGHOST")), known.get("dbname")
        self.shown = redacted(f"the database {name or environ.get('PGDATABASE', '')}".rstrip())
        """The database without its password, for people."""
        if host:
            self.shown += f" at {host}"
        self.conninfo = make_conninfo("", **(_USUAL | known))
        """What psycopg connects with; it may contain the password."""

    def __repr__(self) -> str:
        """Hide the password, because a database may appear in a traceback."""
        return f"Database({self.shown!r})"

    @contextmanager
    def connect(self) -> Generator[Connection]:
        """Yield a connection with a transaction, which is committed at the end.

        Raises:
            DatabaseError: it does not answer.
            ClusterError: it refuses.
        """
        with (
            self.errors(),
            psycopg.Connection[DictRow].connect(self.conninfo, row_factory=dict_row) as connection,
        ):
            yield connection

    @contextmanager
    def errors(self) -> Generator[None]:
        """Convert errors of psycopg and Procrastinate.

        Raises:
            DatabaseError: the database does not answer.
            ClusterError: it refuses.
        """
        try:
            yield
        except psycopg.Error as error:
            raise self._error(error) from None  # a traceback could show the password
        except ConnectorException as error:
            raise self._error(error.__cause__ or error) from None

    def _error(self, error: BaseException) -> DatabaseError | ClusterError:
        if isinstance(error, _MISSING):
            return ClusterError(f"{self.shown} has no queue: run `scrubjay cluster setup` once")
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return ClusterError(f"{self.shown} refuses: {self.hidden(str(error))}")
        reason = self.hidden(str(error)) or type(error).__name__
        return DatabaseError(f"{self.shown} does not answer: {reason}")

    def hidden(self, text: str) -> str:
        """Return the first line of a text, without passwords."""
        line = redacted(text.strip().partition("\n")[0])
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return line

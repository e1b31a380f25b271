"""A PostgreSQL server of the tests' own, which listens on a socket in its own folder only."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg

__all__ = ["Postgres", "programs"]

_NOBODY = 65534
"""The server refuses to run as root."""

_QUICK = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "16MB",
}


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs; Debian does not link them into the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


class Postgres:
    """A server with empty databases.

    Args:
        programs: the folder of its programs.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path is short
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
            self.folder.chmod(0o755)
            self._as = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        self._data = self.folder / "data"
        self._numbers = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb",
            *("-D", str(self._data), "-U", "owner", "-A", "trust", "--no-sync", "-E", "UTF8"),
            "--locale=C",
        )
        access = self._data / "pg_hba.conf"
        access.write_text("local all guarded scram-sha-256\n" + access.read_text())

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            timeout=300,
            cwd="/",
            **self._as,
        )

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in _QUICK.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._programs / "postgres"),
                    *("-D", str(self._data), "-k", str(self.folder), *options),
                ],
                stdout=log,
                stderr=log,
                cwd="/",
                **self._as,
            )
        self._wait()

    def _wait(self) -> None:
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=10).close()
            except psycopg.OperationalError:  # it is starting
                assert self._process
                assert self._process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.02)
                continue
            return

    def stop(self) -> None:
        """Stop it at once, as if it had crashed."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(120)
            self._process = None

    def remove(self) -> None:
        """Stop it, and remove all that it has."""
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str, user: str = "owner") -> str:
        """Return the address of a database."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def database(self) -> str:
        """Make a database, and return its address."""
        name = f"db{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)


@contextmanager
def running() -> Iterator[Postgres]:
    """Yield a running server."""
    folder = programs()
    assert folder
    server = Postgres(folder)
    try:
        server.start()
        yield server
    finally:
        server.remove()

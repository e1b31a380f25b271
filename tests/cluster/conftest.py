"""A PostgreSQL server for the tests of one process, and a queue in it."""

from collections.abc import Iterator

import pytest
from postgres import Postgres, programs, running

from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.schema import set_up


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A server without a queue; whoever restarts it has to start it again."""
    if programs() is None:
        pytest.skip("no PostgreSQL here: install postgresql")
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def queue(server: Postgres) -> str:
    """The address of a database with a queue, for the tests of one file."""
    address = server.database()
    assert set_up(Database(address))
    return address

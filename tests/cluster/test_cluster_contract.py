"""The contract of engines, for workers behind a queue in PostgreSQL."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from enginecontract import Bench, EngineContract
from hosts import Host

from scrubjay.engines.cluster.engine import ProcrastinateEngine
from scrubjay.engines.inline import InlineEngine
from scrubjay.places.place import Place


class _Folders(Bench):
    """Videos and sets in folders that every machine has."""

    def __init__(self, engine: ProcrastinateEngine, folder: Path) -> None:
        self.engine = engine
        self._folder = folder
        self._numbers = count()

    def put(self, video: Path) -> Place:
        """Copy a video."""
        copy = self._folder / str(next(self._numbers)) / video.name
        copy.parent.mkdir()
        shutil.copy(video, copy)
        return Place.of(copy)

    def remove(self, video: Place) -> None:
        """Delete a copy."""
        Path(video.address).unlink()

    def destination(self) -> Place:
        """Name a folder that is not there."""
        return Place.of(self._folder / f"set-{next(self._numbers)}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the only folder that the worker may use."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def host(queue: str, folder: Path) -> Iterator[Host]:
    """Start a worker, which has to end by itself after all this."""
    host = Host(queue, folder.parent / "host.log", "--slots", "1", "--allow", str(folder))
    try:
        yield host
    finally:
        assert host.end() == 0, host.text()


class TestProcrastinate(EngineContract):
    """Workers of a cluster: here one with one slot, because each slot starts a process a video."""

    @pytest.fixture
    def bench(self, queue: str, host: Host, folder: Path, tmp_path: Path) -> Iterator[Bench]:
        """Return the engine, open for one test."""
        own = folder / tmp_path.name
        own.mkdir()
        with ProcrastinateEngine(queue, local=InlineEngine()) as engine:
            yield _Folders(engine, own)
        assert host.process.poll() is None, host.text()

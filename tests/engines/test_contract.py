"""The contract of engines, for each that needs nothing but this machine."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from enginecontract import Bench, EngineContract
from memoryqueue import Faults, MemoryQueue

from scrubjay.engines.base import Engine
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.queue.engine import QueueEngine
from scrubjay.engines.shared import WorkerPool
from scrubjay.places.place import Place

_ROUGH = Faults(duplicated=0.3, killed=0.02, overlapping=0.1)
"""What a queue may do without losing an order."""


def _queue(faults: Faults, seed: int = 0) -> QueueEngine:
    queue = MemoryQueue(seed=seed, faults=faults)
    return QueueEngine(queue, local=InlineEngine(), clock=queue)


def _engine(kind: str, stack: ExitStack) -> Engine:
    match kind:
        case "processes":
            return ProcessEngine(workers=2)
        case "pool":
            return stack.enter_context(WorkerPool(workers=2)).engine()
        case "inline":
            return InlineEngine()
        case "queue":
            return _queue(Faults())
        case _:
            return _queue(_ROUGH, seed=int(kind.rpartition(" ")[2]))


class _Folders(Bench):
    """Videos and sets in folders."""

    def __init__(self, engine: Engine, folder: Path) -> None:
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


class TestEngines(EngineContract):
    """Engines on this machine."""

    @pytest.fixture(
        params=["processes", "pool", "inline", "queue", "rough queue 1", "rough queue 2"]
    )
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
        """Return an engine, open for one test."""
        folder = tmp_path / "bench"
        folder.mkdir()
        with ExitStack() as stack:
            yield _Folders(stack.enter_context(_engine(str(request.param), stack)), folder)

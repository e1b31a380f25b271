"""The contract of engines, for each that needs nothing but this machine."""

import multiprocessing
import shutil
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from enginecontract import Bench, EngineContract
from memoryqueue import Faults, MemoryQueue

from scrubjay.engines.base import Engine
from scrubjay.engines.executor import ExecutorEngine
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


@pytest.fixture(scope="module")
def thread_executor() -> Iterator[Executor]:
    """Return two threads, for all tests."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def process_executor() -> Iterator[Executor]:
    """Return two processes, for all tests."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


class TestEngines(EngineContract):
    """Engines on this machine."""

    @pytest.fixture(
        params=[
            *("processes", "pool", "inline", "thread executor", "process executor"),
            *("queue", "rough queue 1", "rough queue 2"),
        ]
    )
    def bench(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
        """Return an engine, open for one test."""
        folder = tmp_path / "bench"
        folder.mkdir()
        with ExitStack() as stack:
            if "executor" in request.param:
                executor = request.getfixturevalue(request.param.replace(" ", "_"))
                engine: Engine = ExecutorEngine(executor, at_once=2, local=InlineEngine())
            else:
                engine = _engine(str(request.param), stack)
            yield _Folders(stack.enter_context(engine), folder)

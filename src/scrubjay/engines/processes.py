"""The default engine: worker processes on this machine, one for each core.

A worker that crashes, hangs or eats memory is replaced; only the slice it was on is charged with a
try. Why `subprocess` and not a process pool: docs/decisions/0004-worker-processes.md.
"""

import os
import selectors
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from math import ceil, floor
from time import monotonic
from typing import Self, TypeVar

from scrubjay.engines.base import Job
from scrubjay.engines.ledger import Ledger
from scrubjay.engines.wire import (
    Command,
    Explain,
    Explained,
    Load,
    Made,
    MakeSlice,
    Probe,
    Probed,
    Problem,
    Progress,
    Reply,
)
from scrubjay.engines.worker import Worker
from scrubjay.errors import EngineError, ScrubjayError, WorkerCrashedError, WorkerStalledError
from scrubjay.events import OnEvent
from scrubjay.limits import Limits
from scrubjay.model import MediaInfo, Plan, Reading, SourceRef
from scrubjay.place import Place

__all__ = ["ProcessEngine", "threads_for"]

A = TypeVar("A", Probed, Explained)

_IDLE_SHARE = 0.1
"""Of all cores over all rounds of slices, how many may be idle."""

_MOST_THREADS = 8
"""More decoder threads than that decode faster than their pictures are painted."""


class _Slot:
    """A place for one worker process, which may be empty."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: Worker | None = None
        self.loaded: Load | None = None
        self.busy: int | None = None
        """The slice that it is making."""
        self.last: int | None = None
        """The slice that it made last, where its decoder stands."""


class ProcessEngine:
    """Makes slices in worker processes on this machine.

    Args:
        workers: how many at once; 0 is one for each core that may be used.
        attempts: how often a slice may be tried when its worker dies, at least 1.
        stall_timeout: seconds without any progress after which a worker is killed.
        limits: how much one video may cost; memory is limited on Linux alone.
    """

    def __init__(
        self,
        *,
        workers: int = 0,
        attempts: int = 3,
        stall_timeout: float = 60.0,
        limits: Limits = Limits(),
    ) -> None:
        self._workers = workers or _cores()
        self._attempts = attempts
        self._stall_timeout = stall_timeout
        self.limits = limits
        self._slots = [_Slot(number) for number in range(self._workers)]
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every worker."""
        for slot in self._slots:
            self._dismiss(slot)

    def probe(self, source: Place) -> tuple[SourceRef, MediaInfo]:
        """Look into the video at a place, in a worker process.

        Raises:
            SourceError: it cannot be opened, has no video, or gives no picture.
            EngineError: the worker died, as often as it may be tried.
        """
        probed = self._ask(Probe(source=source, limits=self.limits), Probed)
        return probed.source, probed.media

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures will cost to read, in a worker process.

        Raises:
            SourceError: it cannot be opened, or is another one.
            EngineError: the worker died, as often as it may be tried.
        """
        return self._ask(Explain(plan=plan, source=source), Explained).reading

    def run(self, job: Job, indexes: Sequence[int], on_event: OnEvent) -> dict[int, ScrubjayError]:
        """Make slices, and return why for each that could not be made.

        Raises:
            EngineError: the destination is in this process's memory, where no worker can write.
            ScrubjayError: no slice can be made: see `Engine.run`.
        """
        if job.store.place is None:
            raise EngineError("a destination in memory needs engine=InlineEngine()")
        lengths = [job.plan.slices[index].span.duration for index in indexes]
        threads = threads_for(lengths, self._workers)
        load = Load(plan=job.plan, source=job.source, store=job.store.place, threads=threads)
        ledger = Ledger(
            job, indexes, attempts=self._attempts, on_event=on_event, limits=self.limits
        )
        while ledger.handout or any(slot.busy is not None for slot in self._slots):
            for slot in self._slots:
                if slot.busy is None and ledger.handout:
                    self._assign(slot, load, ledger)
            for slot, what in self._hear():
                self._note(slot, what, ledger)
        return ledger.lost

    def _ask(self, command: Command, wanted: type[A]) -> A:
        """Put a question to a worker, as often as it may be tried, and return the answer."""
        slot = self._slots[0]
        for attempt in range(1, self._attempts + 1):
            try:
                return self._ask_once(slot, command, wanted)
            except EngineError:
                if attempt == self._attempts:
                    raise
        raise AssertionError  # attempts is at least 1

    def _ask_once(self, slot: _Slot, command: Command, wanted: type[A]) -> A:
        with self._only(slot) as worker:
            worker.send(command)
            while True:
                for _, what in self._hear():
                    if isinstance(what, wanted):
                        return what
                    if isinstance(what, Problem):
                        raise what.to_error()
                    if isinstance(what, EngineError):
                        raise what

    @contextmanager
    def _only(self, slot: _Slot) -> Generator[Worker]:
        """Mark a slot as busy with something that is no slice."""
        slot.busy = -1
        try:
            yield self._worker(slot)
        finally:
            slot.busy = None

    def _worker(self, slot: _Slot) -> Worker:
        """Return the slot's worker; start one if the slot is empty."""
        if slot.worker is None:
            slot.worker = worker = Worker(self.limits.memory_limit_bytes)
            slot.loaded = slot.last = None
            self._selector.register(worker.output, selectors.EVENT_READ, (slot, True))
            self._selector.register(worker.complaints, selectors.EVENT_READ, (slot, False))
        return slot.worker

    def _dismiss(self, slot: _Slot) -> None:
        """Kill the slot's worker, if there is one."""
        if slot.worker is None:
            return
        for pipe in (slot.worker.output, slot.worker.complaints):
            if pipe in self._selector.get_map():
                self._selector.unregister(pipe)
        slot.worker.kill()
        slot.worker = None

    def _assign(self, slot: _Slot, load: Load, ledger: Ledger) -> None:
        """Give a free slot its next slice."""
        others = [each.busy for each in self._slots if each.busy is not None]
        slot.busy = index = ledger.handout.take(slot.last, others)
        ledger.started(slot.number, index)
        try:
            worker = self._worker(slot)
            if slot.loaded is not load:
                worker.send(load)
                slot.loaded = load
            worker.send(MakeSlice(index=index))
        except WorkerCrashedError as error:
            self._dismiss(slot)
            self._note(slot, error, ledger)

    def _note(self, slot: _Slot, what: Reply | EngineError, ledger: Ledger) -> None:
        """Enter what a slot's worker said, or how it ended."""
        index = slot.busy
        if index is None:
            return  # it was idle
        match what:
            case Progress():
                ledger.progressed(slot.number, index, what.time)
            case Made() if what.index != index:
                self._dismiss(slot)
                slot.last = slot.busy = None
                lie = WorkerCrashedError(f"the worker process says it made slice {what.index}")
                ledger.failed(slot.number, index, lie)
            case Made():
                slot.last, slot.busy = index, None
                ledger.made(
                    slot.number,
                    index,
                    size_bytes=what.size_bytes,
                    damaged_packets=what.damaged_packets,
                )
            case Problem() | EngineError():
                slot.last = slot.busy = None
                error = what.to_error() if isinstance(what, Problem) else what
                ledger.failed(slot.number, index, error)
            case Probed() | Explained():
                pass  # an answer to nothing: not trusted

    def _hear(self) -> list[tuple[_Slot, Reply | EngineError]]:
        """Wait for workers to say something; deaths and stalls are errors, and end the worker."""
        heard: list[tuple[_Slot, Reply | EngineError]] = []
        for key, _ in self._selector.select(min(1.0, self._stall_timeout)):
            slot, is_reply = key.data
            if slot.worker is None:
                continue
            if not is_reply:
                if not slot.worker.listen_to_complaints():
                    self._selector.unregister(key.fileobj)
                continue
            try:
                heard.extend((slot, reply) for reply in slot.worker.replies())
            except WorkerCrashedError as error:
                self._dismiss(slot)
                heard.append((slot, error))
        heard.extend((slot, self._stalled(slot)) for slot in self._slots if self._is_stalled(slot))
        return heard

    def _is_stalled(self, slot: _Slot) -> bool:
        return (
            slot.worker is not None
            and slot.busy is not None
            and monotonic() - slot.worker.heard_at > self._stall_timeout
        )

    def _stalled(self, slot: _Slot) -> WorkerStalledError:
        self._dismiss(slot)
        return WorkerStalledError(
            f"the worker process showed no progress for {self._stall_timeout:g} s and was ended"
        )


def threads_for(lengths: Sequence[Fraction], workers: int) -> int:
    """Return how many threads each decoder gets, so that few cores are idle for want of slices.

    Where slices are few, the last round of them does not fill the cores. Where they are many, that
    matters little, and one thread costs the least memory.

    Args:
        lengths: of the slices to make, in seconds, at least one.
        workers: how many are made at once.
    """
    slices = max(1, floor(sum(lengths) / max(lengths)))  # counted as of full length
    rounds = ceil(slices / workers)
    idle = rounds * workers - slices
    if idle <= _IDLE_SHARE * rounds * workers:
        return 1
    return min(workers // (workers - idle), _MOST_THREADS)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

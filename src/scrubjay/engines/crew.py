"""Worker processes, and the loop that gives them work and reads their replies.

A crew carries any number of tasks at once: questions about videos, and the slices of several
videos. It lives in one thread, and every `step` waits half a second at most.

A worker is confined to its video, so another video costs a start. So a worker that must wait for
its video's next turn stays alive in its slot, and there are a few more slots than cores.
"""

import os
import selectors
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from time import monotonic

from scrubjay.engines.inbox import Received
from scrubjay.engines.slot import Client, Pipe, Slot, Terms
from scrubjay.engines.tasks import Question, SliceRun, Task
from scrubjay.engines.wakeup import Wakeup
from scrubjay.errors import EngineError, ScrubjayError, WorkerCrashedError, WorkerStartError

__all__ = ["Crew", "cores"]

_LONGEST_WAIT = 0.5
"""Most seconds between two checks for workers that are overdue."""

_BUSY_SECONDS = 1.0
"""If this process did not read replies for longer, that time does not count against workers."""


class Crew:
    """Slots for workers, and the tasks that they work on.

    Args:
        terms: limits and confinement of all workers.
        cores: how many slices to make at once.
        ahead: how many more workers there may be: those that answer questions, and those that wait
            while slices of another video are made.
        per_disk: most workers that read videos of one disk at once; 0 is any number.
        may_begin: whether another slice may begin beside so many that are being made.

    Raises:
        WorkerStartError: the system's limit on open files is too low.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        cores: int,
        ahead: int = 0,
        per_disk: int = 0,
        may_begin: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self.has_warned = False
        """Whether somebody knows how far this machine can confine workers."""
        self._terms = terms
        self._cores = cores
        self._per_disk = per_disk
        self._may_begin = may_begin
        self._received_at = monotonic()
        try:
            self.selector = selectors.DefaultSelector()
        except OSError as exc:
            message = f"{exc.strerror}: raise the limit on open files (ulimit -n)"
            raise WorkerStartError(message) from exc
        self.slots = [Slot(each, terms, self.selector) for each in range(cores + ahead)]
        self._tasks: dict[int, Task] = {}
        """What each busy slot works on, by its number."""
        self._open: list[Task] = []

    def add(self, task: Task) -> None:
        """Take on a task; of questions, earlier ones have priority."""
        self._open.append(task)
        if isinstance(task, SliceRun) and task.outbox.wakeup is not None:
            self.watch(task.outbox.wakeup)

    def watch(self, wakeup: Wakeup) -> None:
        """Let a thread end the wait in `step`."""
        self.selector.register(wakeup, selectors.EVENT_READ, wakeup)

    def is_over(self, task: Task) -> bool:
        """Whether nothing of a task is left to do."""
        return task.error is not None or not (task.is_waiting or self._slots_of(task))

    def ended(self) -> list[Task]:
        """Return the tasks that are done or have failed; the caller drops them."""
        return [task for task in self._open if self.is_over(task)]

    def drop(self, task: Task) -> None:
        """Remove a task; workers that are in the middle of it are killed."""
        is_cut_short = task.error is not None or not self.is_over(task)
        for slot in self._slots_of(task):
            slot.kill()
            slot.free()
        self._open.remove(task)
        if isinstance(task, SliceRun):
            if task.outbox.wakeup is not None:
                self.selector.unregister(task.outbox.wakeup)
            task.outbox.close(is_failed=is_cut_short)

    def dismiss(self, client: Client) -> None:
        """End the workers that wait for more work of a client."""
        for slot in self.slots:
            if slot.client is client and slot.busy is None:
                slot.kill()
                slot.client = None

    def close(self) -> None:
        """Kill every worker, and remove every task."""
        for task in [*self._open]:
            self.drop(task)
        for slot in self.slots:
            slot.kill()

    def step(self) -> None:
        """Hand out work, wait until something happens, and handle it."""
        self._ask()
        self._assign()
        for slot, what in self._receive():
            with self._task_of(slot) as task:
                if task is not None:
                    task.handle(slot, what)
        for slot in self.slots:
            with self._task_of(slot) as task:
                if task is not None:
                    task.check(slot)

    @contextmanager
    def _task_of(self, slot: Slot) -> Generator[Task | None]:
        """Yield what a slot works on, None if it is idle; an error ends that task and no other."""
        task = None if slot.busy is None else self._tasks[slot.number]
        if task is None or task.error is not None:
            yield None
            return
        try:
            yield task
        except ScrubjayError as error:
            task.error = error

    def _slots_of(self, task: Task) -> list[Slot]:
        """Return the slots that work on a task."""
        return [
            slot
            for slot in self.slots
            if slot.busy is not None and self._tasks[slot.number] is task
        ]

    def _busy(self) -> list[Slot]:
        return [slot for slot in self.slots if slot.busy is not None]

    @property
    def _runs(self) -> list[SliceRun]:
        return [task for task in self._open if isinstance(task, SliceRun)]

    def _ask(self) -> None:
        """Give questions to workers: one at least, also where slices keep every core busy.

        Otherwise a video would wait to be looked at for as long as a slice of another takes.
        """
        for question in self._open:
            if not isinstance(question, Question) or question.error or not question.is_waiting:
                continue
            asking = [slot for slot in self._busy() if slot.is_asking]
            if asking and len(self._busy()) > self._cores:
                return
            if not self._may_read(question) or (slot := self._slot_for(question)) is None:
                continue
            self._engage(slot, question, question.begin)

    def _assign(self) -> None:
        """Give slices to workers while cores are free."""
        while (running := sum(not slot.is_asking for slot in self._busy())) < self._cores:
            found = self._next()
            if found is None or not self._may_begin(running):
                return
            slot, run = found
            others, is_alone = self._slots_of(run), len(self._open) == 1
            self._engage(slot, run, partial(run.begin, others=others, is_alone=is_alone))

    def _next(self) -> tuple[Slot, SliceRun] | None:
        """Choose the next slot and the run that it works for, if there is one.

        The run with the least work comes first, so that a short video does not wait for a long
        one, and what is nearly finished gets finished.
        """
        for run in sorted(self._runs, key=lambda run: run.waiting_work):
            if (
                run.is_waiting
                and run.error is None
                and len(self._slots_of(run)) < run.workers
                and self._may_read(run)
                and (slot := self._slot_for(run)) is not None
            ):
                return slot, run
        return None

    def _engage(self, slot: Slot, task: Task, begin: Callable[[Slot], None]) -> None:
        slot.client = task.client
        self._tasks[slot.number] = task
        try:
            begin(slot)
        except ScrubjayError as error:
            task.error = error

    def _may_read(self, task: Task) -> bool:
        """Whether another worker may read from the disk of a task's video."""
        disk = task.client.disk
        if not (disk and self._per_disk):
            return True
        reading = [s for s in self._busy() if s.client is not None and s.client.disk == disk]
        return len(reading) < self._per_disk

    def _slot_for(self, task: Task) -> Slot | None:
        """Return a free slot: one whose worker has the video open, if there is one."""
        free = [slot for slot in self.slots if slot.busy is None and self._is_free(slot, task)]
        return min(free, key=lambda slot: (not slot.has(task.source), slot.number), default=None)

    def _is_free(self, slot: Slot, task: Task) -> bool:
        """Whether an idle slot's worker is a task's own, or nobody's."""
        if slot.worker is None or slot.client in {None, task.client}:
            return True
        runs = [run for run in self._runs if run.client is slot.client]
        return bool(runs) and not any(run.is_waiting for run in runs)

    def _receive(self) -> list[tuple[Slot, Received | EngineError]]:
        """Wait until workers send something; return it, with errors of dead or stalled workers."""
        self._excuse_own_delay()
        for slot in self.slots:
            slot.watch()
        received: list[tuple[Slot, Received | EngineError]] = []
        for key, _ in self.selector.select(min(self._terms.stall_timeout, _LONGEST_WAIT)):
            if isinstance(key.data, Wakeup):
                key.data.clear()
            else:
                self._serve_pipe(key.data, received)
        self._received_at = monotonic()
        for slot in self.slots:
            if (error := slot.overdue()) is not None:
                slot.kill()
                received.append((slot, error))
        return received

    def _serve_pipe(self, pipe: Pipe, received: list[tuple[Slot, Received | EngineError]]) -> None:
        """Read from or write to one ready pipe; add what was read to `received`."""
        slot, worker = pipe.slot, pipe.slot.worker
        if worker is None:
            return
        try:
            match pipe.kind:
                case "input":
                    worker.flush()
                case "output":
                    received.extend((slot, each) for each in worker.replies())
                case _:
                    if not worker.read_stderr():
                        self.selector.unregister(worker.stderr)
        except WorkerCrashedError as error:
            slot.kill()
            received.append((slot, error))

    def _excuse_own_delay(self) -> None:
        """Do not count against workers the time in which this process did not read replies."""
        now = monotonic()
        if now - self._received_at > _BUSY_SECONDS:
            for slot in self.slots:
                if slot.worker:
                    later = slot.worker.active_at + now - self._received_at
                    slot.worker.active_at = min(now, later)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

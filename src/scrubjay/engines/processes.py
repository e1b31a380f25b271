"""The default engine: worker processes on this machine, one for each core.

A worker that crashes, hangs or takes too much memory is replaced; only the slice that it was making
counts as a failed attempt. docs/decisions/0004-worker-processes.md says why this is `subprocess`
and not a process pool, and docs/decisions/0014-confined-workers.md why workers are confined.
"""

import os
import selectors
from collections.abc import Generator
from contextlib import contextmanager
from math import inf
from time import monotonic
from typing import Self, TypeVar

from msgspec.structs import replace

from scrubjay.engines.base import Job, Outcome, Probing
from scrubjay.engines.delivery import Delivery, Outbox
from scrubjay.engines.inbox import Received, ReceivedObject
from scrubjay.engines.ledger import Ledger
from scrubjay.engines.slot import QUESTION, Deadline, Pipe, Slot, Terms
from scrubjay.engines.terms import readable_by_url
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
    Put,
    Renew,
    Renewed,
)
from scrubjay.engines.worker import Worker
from scrubjay.engines.worth import threads_for, work_of, workers_for
from scrubjay.errors import (
    EngineError,
    OutOfTimeError,
    SandboxError,
    ScrubjayError,
    SourceError,
    StoreError,
    WorkerCrashedError,
    WorkerStartError,
)
from scrubjay.events import OnEvent, Unconfined
from scrubjay.limits import Limits
from scrubjay.model import Plan, Reading
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Sandbox, sandbox_support
from scrubjay.sets.state import Missing

__all__ = ["ProcessEngine"]

A = TypeVar("A", Probed, Explained)
T = TypeVar("T")

_SLICE_MAY_TAKE = "this slice may take: use shorter slices, or raise --slice-timeout"

_GRACE = 5.0
"""Seconds beyond the limit on probing in which a worker can report that error itself."""

_LONGEST_WAIT = 0.5
"""Most seconds between two checks for workers that are overdue."""

_BUSY_SECONDS = 1.0
"""If this process did not read replies for longer, that time does not count against workers."""


class ProcessEngine:
    """Makes slices in worker processes on this machine.

    Workers wait for more work until the engine is closed, at the end of its `with` block, so the
    next call for the same video does not start new ones.

    Args:
        workers: most workers at once; 0 is one for each core that this process may use. A worker
            only starts if there is enough work for it (`engines.worth`).
        attempts: how often to try a slice whose worker dies, at least 1.
        stall_timeout: seconds without any progress after which a worker is killed.
        limits: how much one video may cost; memory is limited on Linux only.
        sandbox: whether workers are confined: "auto", as far as possible; "require", completely or
            the run fails; "off", not at all.
        time_left: most seconds for a slice or a probe, even if `limits` allow more.
    """

    def __init__(
        self,
        *,
        workers: int = 0,
        attempts: int = 3,
        stall_timeout: float = 60.0,
        limits: Limits = Limits(),
        sandbox: Sandbox = "auto",
        time_left: float = inf,
    ) -> None:
        self._workers = workers or _cores()
        self._attempts = attempts
        self._time_left = time_left
        self.limits = limits
        self._terms = Terms(sandbox, stall_timeout, limits.memory_limit_bytes)
        self._has_warned = False
        self._received_at = monotonic()
        try:
            self._selector = selectors.DefaultSelector()
        except OSError as exc:
            message = f"{exc.strerror}: raise the limit on open files (ulimit -n)"
            raise WorkerStartError(message) from exc
        self._slots = [Slot(each, self._terms, self._selector) for each in range(self._workers)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every worker."""
        for slot in self._slots:
            slot.kill()
            slot.free()

    def probe(self, source: Place) -> Probing:
        """Probe the video at a place, in a worker process.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
            EngineError: the worker died in every attempt.
        """
        question = Probe(source=readable_by_url(source), limits=self.limits)
        probed = self._ask(question, source, Probed)
        return Probing(probed.source, probed.media, probed.versions)

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures will cost to read, in a worker process.

        Raises:
            SourceError: the video cannot be opened, or is not the planned one.
            EngineError: the worker died in every attempt.
        """
        question = Explain(plan=plan, source=readable_by_url(source))
        return self._ask(question, source, Explained).reading

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Make slices, and return what was made and what could not be.

        Raises:
            ScrubjayError: no slice can be made: see `Engine.run`.
        """
        works = [work_of(job.plan, index, names) for index, names in missing.items()]
        workers = workers_for(works, self._workers)
        load = Load(
            plan=job.plan,
            source=job.source,
            threads=threads_for(works, workers, self._workers),
            limits=self.limits,
        )
        self._warn(on_event)
        ledger = Ledger(
            job, missing, attempts=self._attempts, on_event=on_event, limits=self.limits
        )
        with self._killing_on_error(), Outbox(job.store, workers) as outbox, self._woken_by(outbox):
            while ledger.handout or any(slot.busy is not None for slot in self._slots):
                for slot in self._slots[:workers]:
                    if slot.busy is None and ledger.handout:
                        self._assign(slot, load, ledger, outbox)
                for slot, what in self._receive():
                    self._handle(slot, what, ledger)
                for slot in self._slots:
                    self._finish(slot, ledger)
        return ledger.outcome

    def _warn(self, on_event: OnEvent) -> None:
        """Report once what this machine lacks to confine workers."""
        self._check_sandbox()
        missing = sandbox_support().missing
        if missing and self._terms.sandbox == "auto" and not self._has_warned:
            self._has_warned = True
            on_event(Unconfined(missing=missing))

    def _check_sandbox(self) -> None:
        missing = sandbox_support().missing if self._terms.sandbox == "require" else ()
        if missing:
            raise SandboxError(
                f"this machine cannot confine worker processes; it lacks {' and '.join(missing)}. "
                "Use sandbox=auto to continue without it"
            )

    @contextmanager
    def _killing_on_error(self) -> Generator[None]:
        """Kill all workers if the run ends early, because they are in the middle of slices."""
        try:
            yield
        except BaseException:
            self.__exit__()
            raise

    @contextmanager
    def _woken_by(self, outbox: Outbox) -> Generator[None]:
        """Stop waiting for workers when the outbox has written something."""
        if outbox.wakeup is None:
            yield
            return
        self._selector.register(outbox.wakeup, selectors.EVENT_READ, outbox)
        try:
            yield
        finally:
            self._selector.unregister(outbox.wakeup)

    def _ask(self, command: Command, source: Place, answer_type: type[A]) -> A:
        """Send a question to a worker and return the answer; try again if the worker dies."""
        self._check_sandbox()
        slot = self._slots[0]
        for attempt in range(1, self._attempts + 1):
            try:
                return self._ask_once(slot, command, source, answer_type)
            except EngineError as error:
                is_final = isinstance(error, OutOfTimeError)  # another attempt would take as long
                if attempt == self._attempts or not error.retryable or is_final:
                    raise
        raise AssertionError  # attempts is at least 1

    def _ask_once(self, slot: Slot, command: Command, source: Place, answer_type: type[A]) -> A:
        with self._asking(slot, source) as worker:
            worker.send(command)
            answer = self._wait_for_answer(answer_type)
        if isinstance(answer, Problem):
            raise answer.to_error()
        return answer

    def _wait_for_answer(self, answer_type: type[A]) -> A | Problem:
        """Wait for the answer to a question."""
        while True:
            for _, what in self._receive():
                if isinstance(what, answer_type | Problem):
                    return what
                if isinstance(what, EngineError):
                    raise what

    @contextmanager
    def _asking(self, slot: Slot, source: Place) -> Generator[Worker]:
        """Yield the worker of a slot that is busy with a question; kill it on any error."""
        slot.busy = QUESTION
        try:
            seconds = min(self.limits.probe_timeout + _GRACE, self._time_left)
            yield slot.worker_for(
                source, Deadline(seconds, "probing may take; raise the limit with --probe-timeout")
            )
        except BaseException:
            slot.kill()
            raise
        finally:
            slot.busy = None

    def _assign(self, slot: Slot, load: Load, ledger: Ledger, outbox: Outbox) -> None:
        """Give a free slot its next slice."""
        others = [each.busy for each in self._slots if each.busy is not None]
        if slot.loaded is not load:
            slot.last = None
        slot.busy = index = ledger.handout.take(slot.last, others)
        slice_ = load.plan.slices[index]
        outputs = ledger.missing[index]
        slot.delivery = Delivery(load.plan, slice_, outputs, outbox, self.limits)
        ledger.started(slot.number, index)
        try:
            seconds = min(self.limits.seconds_for(slice_.span.duration), self._time_left)
            worker = slot.worker_for(load.source, Deadline(seconds, _SLICE_MAY_TAKE))
            if slot.loaded is not load:
                worker.send(replace(load, source=readable_by_url(load.source)))
                slot.loaded = load
            worker.send(MakeSlice(index=index, outputs=outputs))
        except WorkerCrashedError as error:
            self._fail(slot, error, ledger, is_over=True)

    def _handle(self, slot: Slot, what: Received | EngineError, ledger: Ledger) -> None:
        """Handle what a slot's worker sent, or the error with which it ended."""
        index = slot.busy
        if index is None or slot.delivery is None or slot.is_made:
            return  # it has no slice
        match what:
            case Progress():
                ledger.progressed(slot.number, index, what.time)
            case ReceivedObject() | Renew() | Made():
                try:
                    self._handle_slice(slot, what)
                except ScrubjayError as error:
                    self._fail(slot, error, ledger, is_over=True)
            case Problem():
                self._fail(slot, what.to_error(), ledger)
            case EngineError():
                self._fail(slot, what, ledger)
            case Probed() | Explained() | Put():
                pass  # nothing asked for it, so it is ignored

    def _handle_slice(self, slot: Slot, what: ReceivedObject | Renew | Made) -> None:
        """Handle what a worker sends while it makes a slice.

        Raises:
            WorkerCrashedError: the worker has ended, or sent what it must not send.
            StoreError: an object could not be written.
            SourceUnreadableError: there are no credentials to sign the video's URL with.
        """
        match what:
            case ReceivedObject():
                _known(slot.delivery).take(what)
            case Renew():
                source = readable_by_url(_known(slot.loaded).source)
                _known(slot.worker).send(Renewed(source=source))
            case Made() if what.index == slot.busy and _known(slot.delivery).has_all:
                slot.is_made = True
            case Made():
                raise WorkerCrashedError(
                    f"the worker process reported slice {what.index} as made but did not send it"
                )

    def _finish(self, slot: Slot, ledger: Ledger) -> None:
        """Record a slice as made once all its objects are written."""
        index, delivery = slot.busy, slot.delivery
        if index is None or delivery is None or not slot.is_made:
            return
        try:
            if not delivery.is_over:
                return
        except StoreError as error:
            self._fail(slot, error, ledger)
            return
        slot.free()
        slot.last = index
        ledger.made(slot.number, index, delivery.records)

    def _fail(
        self, slot: Slot, error: ScrubjayError, ledger: Ledger, *, is_over: bool = False
    ) -> None:
        """Record a failed attempt.

        Args:
            slot: the slot of the worker.
            error: the error.
            ledger: records the attempt.
            is_over: whether to kill the worker.
        """
        index, load = _known(slot.busy), slot.loaded
        is_outdated = (
            isinstance(error, SourceError) and load is not None and slot.is_outdated(load.source)
        )
        if is_over or is_outdated:
            slot.kill()
        slot.free()
        slot.last = None
        if is_outdated:  # the file was replaced; a worker that may read the new one finds out
            ledger.handout.put_back(index)
        else:
            ledger.failed(slot.number, index, error)

    def _receive(self) -> list[tuple[Slot, Received | EngineError]]:
        """Wait until workers send something; return it, with errors of dead or stalled workers."""
        self._excuse_own_delay()
        for slot in self._slots:
            slot.watch()
        received: list[tuple[Slot, Received | EngineError]] = []
        for key, _ in self._selector.select(min(self._terms.stall_timeout, _LONGEST_WAIT)):
            if isinstance(key.data, Outbox):
                key.data.clear_wakeup()
            else:
                self._serve_pipe(key.data, received)
        self._received_at = monotonic()
        for slot in self._slots:
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
                        self._selector.unregister(worker.stderr)
        except WorkerCrashedError as error:
            slot.kill()
            received.append((slot, error))

    def _excuse_own_delay(self) -> None:
        """Do not count against workers the time in which this process did not read replies."""
        now = monotonic()
        if now - self._received_at > _BUSY_SECONDS:
            for slot in self._slots:
                if slot.worker:
                    later = slot.worker.active_at + now - self._received_at
                    slot.worker.active_at = min(now, later)


def _known(value: T | None) -> T:
    """Return a value that is never None while a slot makes a slice."""
    assert value is not None  # noqa: S101  as the docstring says
    return value


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

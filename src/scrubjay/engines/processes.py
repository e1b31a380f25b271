"""The default engine: worker processes on this machine, one for each core.

A worker that crashes, hangs or eats memory is replaced; only the slice it was on is charged with a
try. Why `subprocess` and not a process pool: docs/decisions/0004-worker-processes.md; why a worker
may do next to nothing: docs/decisions/0014-confined-workers.md.
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
from scrubjay.engines.inbox import HandedOver, Heard
from scrubjay.engines.ledger import Ledger
from scrubjay.engines.slot import ASKED, Deadline, Pipe, Slot, Terms
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

_SLICE_MAY_TAKE = "this slice may take: ask for shorter slices, or allow more with --slice-timeout"

_GRACE = 5.0
"""Seconds after its limit that a worker has to say itself that probing takes too long."""

_LONGEST_WAIT = 0.5
"""Seconds between two looks whether a worker is overdue."""

_BUSY_SECONDS = 1.0
"""Time after which what this process does counts: no worker was listened to meanwhile."""


class ProcessEngine:
    """Makes slices in worker processes on this machine.

    Workers wait for more work until the engine is closed, at the end of its `with` block: the next
    call for the same video finds them started.

    Args:
        workers: how many at once, at most; 0 is one for each core that may be used. One starts
            only where it is worth it (`engines.worth`).
        attempts: how often a slice may be tried when its worker dies, at least 1.
        stall_timeout: seconds without any progress after which a worker is killed.
        limits: how much one video may cost; memory is limited on Linux alone.
        sandbox: whether workers are confined: "auto" as far as this machine can, "require" wholly
            or not at all, "off" never.
        time_left: seconds that a slice or a question may take at most, whatever `limits` allow.
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
        self._listened_at = monotonic()
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
            slot.dismiss()
            slot.free()

    def probe(self, source: Place) -> Probing:
        """Look into the video at a place, in a worker process.

        Raises:
            SourceError: it cannot be opened, has no video, or gives no picture.
            EngineError: the worker died, as often as it may be tried.
        """
        question = Probe(source=readable_by_url(source), limits=self.limits)
        probed = self._ask(question, source, Probed)
        return Probing(probed.source, probed.media, probed.versions)

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures will cost to read, in a worker process.

        Raises:
            SourceError: it cannot be opened, or is another one.
            EngineError: the worker died, as often as it may be tried.
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
        with self._undisturbed(), Outbox(job.store, workers) as outbox, self._heeding(outbox):
            while ledger.handout or any(slot.busy is not None for slot in self._slots):
                for slot in self._slots[:workers]:
                    if slot.busy is None and ledger.handout:
                        self._assign(slot, load, ledger, outbox)
                for slot, what in self._hear():
                    self._note(slot, what, ledger)
                for slot in self._slots:
                    self._conclude(slot, ledger)
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
                "Use sandbox=auto to go on without"
            )

    @contextmanager
    def _undisturbed(self) -> Generator[None]:
        """End all workers if anything ends the run early: they are in the middle of slices."""
        try:
            yield
        except BaseException:
            self.__exit__()
            raise

    @contextmanager
    def _heeding(self, outbox: Outbox) -> Generator[None]:
        """Wake up when something has been written."""
        if outbox.bell is None:
            yield
            return
        self._selector.register(outbox.bell, selectors.EVENT_READ, outbox)
        try:
            yield
        finally:
            self._selector.unregister(outbox.bell)

    def _ask(self, command: Command, source: Place, wanted: type[A]) -> A:
        """Put a question to a worker, as often as it may be tried, and return the answer."""
        self._check_sandbox()
        slot = self._slots[0]
        for attempt in range(1, self._attempts + 1):
            try:
                return self._ask_once(slot, command, source, wanted)
            except EngineError as error:
                is_final = isinstance(error, OutOfTimeError)  # it would take as long again
                if attempt == self._attempts or not error.retryable or is_final:
                    raise
        raise AssertionError  # attempts is at least 1

    def _ask_once(self, slot: Slot, command: Command, source: Place, wanted: type[A]) -> A:
        with self._only(slot, source) as worker:
            worker.send(command)
            answer = self._answer_of(wanted)
        if isinstance(answer, Problem):
            raise answer.to_error()
        return answer

    def _answer_of(self, wanted: type[A]) -> A | Problem:
        """Wait for the answer to a question."""
        while True:
            for _, what in self._hear():
                if isinstance(what, wanted | Problem):
                    return what
                if isinstance(what, EngineError):
                    raise what

    @contextmanager
    def _only(self, slot: Slot, source: Place) -> Generator[Worker]:
        """Mark a slot as busy with a question; end its worker if the answer is not waited for."""
        slot.busy = ASKED
        try:
            seconds = min(self.limits.probe_timeout + _GRACE, self._time_left)
            yield slot.worker_for(
                source, Deadline(seconds, "looking into a video may take (--probe-timeout)")
            )
        except BaseException:
            slot.dismiss()
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

    def _note(self, slot: Slot, what: Heard | EngineError, ledger: Ledger) -> None:
        """Enter what a slot's worker sent, or how it ended."""
        index = slot.busy
        if index is None or slot.delivery is None or slot.is_made:
            return  # it had nothing to do
        match what:
            case Progress():
                ledger.progressed(slot.number, index, what.time)
            case HandedOver() | Renew() | Made():
                try:
                    self._answer(slot, what)
                except ScrubjayError as error:
                    self._fail(slot, error, ledger, is_over=True)
            case Problem():
                self._fail(slot, what.to_error(), ledger)
            case EngineError():
                self._fail(slot, what, ledger)
            case Probed() | Explained() | Put():
                pass  # an answer to nothing: not trusted

    def _answer(self, slot: Slot, what: HandedOver | Renew | Made) -> None:
        """Do what a worker asks for that makes a slice.

        Raises:
            WorkerCrashedError: it is dead, or asks for what it may not have.
            StoreError: something could not be written.
            SourceUnreadableError: there are no credentials any more to sign the video's URL with.
        """
        match what:
            case HandedOver():
                _known(slot.delivery).take(what)
            case Renew():
                source = readable_by_url(_known(slot.loaded).source)
                _known(slot.worker).send(Renewed(source=source))
            case Made() if what.index == slot.busy and _known(slot.delivery).has_all:
                slot.is_made = True
            case Made():
                raise WorkerCrashedError(
                    f"the worker process claims slice {what.index}, which it did not hand over"
                )

    def _conclude(self, slot: Slot, ledger: Ledger) -> None:
        """Enter a slice as made once everything of it is written."""
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
        """Enter a failed try.

        Args:
            slot: whose worker failed.
            error: why.
            ledger: where it is entered.
            is_over: whether the worker is of no more use.
        """
        index, load = _known(slot.busy), slot.loaded
        is_outdated = (
            isinstance(error, SourceError) and load is not None and slot.is_outdated(load.source)
        )
        if is_over or is_outdated:
            slot.dismiss()
        slot.free()
        slot.last = None
        if is_outdated:  # another file lies there: a worker that may read it shall say what it is
            ledger.handout.put_back(index)
        else:
            ledger.failed(slot.number, index, error)

    def _hear(self) -> list[tuple[Slot, Heard | EngineError]]:
        """Wait for workers to say something; deaths and stalls are errors, and end the worker."""
        self._forgive()
        for slot in self._slots:
            slot.watch()
        heard: list[tuple[Slot, Heard | EngineError]] = []
        for key, _ in self._selector.select(min(self._terms.stall_timeout, _LONGEST_WAIT)):
            if isinstance(key.data, Outbox):
                key.data.hush()
            else:
                self._listen(key.data, heard)
        self._listened_at = monotonic()
        for slot in self._slots:
            if (error := slot.overdue()) is not None:
                slot.dismiss()
                heard.append((slot, error))
        return heard

    def _listen(self, pipe: Pipe, heard: list[tuple[Slot, Heard | EngineError]]) -> None:
        """Do what one pipe is ready for, and add to `heard` what came out of it."""
        slot, worker = pipe.slot, pipe.slot.worker
        if worker is None:
            return
        try:
            match pipe.kind:
                case "input":
                    worker.flush()
                case "output":
                    heard.extend((slot, each) for each in worker.replies())
                case _:
                    if not worker.listen_to_complaints():
                        self._selector.unregister(worker.complaints)
        except WorkerCrashedError as error:
            slot.dismiss()
            heard.append((slot, error))

    def _forgive(self) -> None:
        """Don't count against workers the time in which this process did not listen."""
        now = monotonic()
        if now - self._listened_at > _BUSY_SECONDS:
            for slot in self._slots:
                if slot.worker:
                    later = slot.worker.heard_at + now - self._listened_at
                    slot.worker.heard_at = min(now, later)


def _known(value: T | None) -> T:
    """Return what a slot that makes a slice has."""
    assert value is not None  # noqa: S101  see above
    return value


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

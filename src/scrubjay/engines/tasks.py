"""What workers are asked to do: to answer a question, or to make the slices of one video.

A task knows how to begin in a slot, and what to make of what the slot's worker sends. Which task
goes into which slot, and when, is the crew's business (`crew`).
"""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.engines.base import Job, Outcome
from scrubjay.engines.delivery import Delivery, Outbox
from scrubjay.engines.inbox import Received, ReceivedObject
from scrubjay.engines.ledger import Ledger
from scrubjay.engines.slot import QUESTION, Client, Deadline, Slot
from scrubjay.engines.terms import readable_by_url
from scrubjay.engines.wire import (
    Command,
    Explained,
    Load,
    Made,
    MakeSlice,
    Probed,
    Problem,
    Progress,
    Put,
    Renew,
    Renewed,
)
from scrubjay.engines.worth import threads_for, work_of, workers_for
from scrubjay.errors import (
    EngineError,
    OutOfTimeError,
    ScrubjayError,
    SourceError,
    StoreError,
    WorkerCrashedError,
)
from scrubjay.events import OnEvent
from scrubjay.limits import Limits
from scrubjay.model import Plan, Slice
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Sandbox
from scrubjay.sets.state import Missing

__all__ = ["Bounds", "Question", "SliceRun", "Task"]


_SLICE_MAY_TAKE = "this slice may take: use shorter slices, or raise --slice-timeout"
_PROBE_MAY_TAKE = "probing may take; raise the limit with --probe-timeout"


class Bounds(NamedTuple):
    """How much work on one video may take."""

    workers: int
    """Most workers at once."""
    attempts: int
    """How often to try a slice, or a question, whose worker dies."""
    limits: Limits
    sandbox: Sandbox
    time_left: float = inf
    """Most seconds for a slice or a probe, even if `limits` allow more."""

    def seconds_for(self, slice_: Slice) -> float:
        """Return how long a worker may take for a slice."""
        return min(self.limits.seconds_for(slice_.span.duration), self.time_left)


class Task:
    """What one client wants from workers.

    Args:
        client: who wants it.
        source: the place of the video.
    """

    def __init__(self, client: Client, source: Place) -> None:
        self.client = client
        self.source = source
        self.error: ScrubjayError | None = None
        """Why it has failed, if it has."""

    @property
    def is_waiting(self) -> bool:
        """Whether some of it waits for a worker."""
        raise NotImplementedError

    def handle(self, slot: Slot, what: Received | EngineError) -> None:
        """Handle what a slot's worker sent, or the error with which it ended.

        Raises:
            ScrubjayError: the task has failed.
        """
        raise NotImplementedError

    def check(self, slot: Slot) -> None:
        """See whether a slot has done its work; called after each wait.

        Raises:
            ScrubjayError: the task has failed.
        """


class Question(Task):
    """A question about a video, which is asked again if the worker dies.

    Args:
        client: who asks.
        command: the question.
        source: the place of the video.
        answer_type: the type of the answer.
        attempts: how often to ask.
        seconds: how long the worker may take.
    """

    def __init__(
        self,
        client: Client,
        command: Command,
        source: Place,
        answer_type: type[Probed] | type[Explained],
        *,
        attempts: int,
        seconds: float,
    ) -> None:
        super().__init__(client, source)
        self._command = command
        self._answer_type = answer_type
        self._attempts = attempts
        self._deadline = Deadline(seconds, _PROBE_MAY_TAKE)
        self.answer: Probed | Explained | None = None
        self._is_waiting = True

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a worker."""
        return self._is_waiting

    def begin(self, slot: Slot) -> None:
        """Ask the worker of a free slot.

        Raises:
            ScrubjayError: it cannot be asked.
        """
        self._is_waiting = False
        slot.busy = QUESTION
        try:
            slot.worker_for(self.source, self._deadline).send(self._command)
        except EngineError as error:
            self.handle(slot, error)

    def handle(self, slot: Slot, what: Received | EngineError) -> None:
        """Take the answer, or ask again later.

        Raises:
            ScrubjayError: there is no answer.
        """
        if isinstance(what, self._answer_type):
            self.answer = what
            slot.free()
        elif isinstance(what, Problem):
            slot.free()
            self._fail(what.to_error())
        elif isinstance(what, EngineError):
            slot.kill()
            slot.free()
            self._fail(what)

    def _fail(self, error: ScrubjayError) -> None:
        self._attempts -= 1
        is_final = isinstance(error, OutOfTimeError)  # another attempt would take as long
        if not isinstance(error, EngineError) or not error.retryable or is_final:
            raise error
        if self._attempts < 1:
            raise error
        self._is_waiting = True


class _Loaded(NamedTuple):
    """What a worker has loaded to make slices of a video."""

    plan: Plan
    source: Place
    limits: Limits
    threads: int
    """Of its decoder, if it is alone."""


class SliceRun(Task):
    """The slices of one video, on their way from workers to its destination.

    Args:
        client: who wants them.
        job: the plan, its video and where artifacts go.
        missing: the outputs to make, by slice index, rising.
        bounds: how much they may take.
        on_event: called with each event.
    """

    def __init__(
        self,
        client: Client,
        job: Job,
        missing: Missing,
        *,
        bounds: Bounds,
        on_event: OnEvent,
    ) -> None:
        super().__init__(client, job.source)
        works = [work_of(job.plan, index, names) for index, names in missing.items()]
        self.workers = workers_for(works, bounds.workers)
        """How many workers are worth their start."""
        self._threads = threads_for(works, self.workers, bounds.workers)
        self._loaded = _Loaded(job.plan, job.source, bounds.limits, self._threads)
        self._mean_work = sum(works) / max(1, len(works))
        self._job = job
        self._bounds = bounds
        self._ledger = Ledger(
            job, missing, attempts=bounds.attempts, on_event=on_event, limits=bounds.limits
        )
        self.outbox = Outbox(job.store, self.workers)

    @property
    def is_waiting(self) -> bool:
        """Whether slices wait for a worker."""
        return bool(self._ledger.handout)

    @property
    def waiting_work(self) -> float:
        """About how many CPU seconds the waiting slices cost."""
        return len(self._ledger.handout) * self._mean_work

    @property
    def outcome(self) -> Outcome:
        """What was made, and why the rest was not."""
        return self._ledger.outcome

    def begin(self, slot: Slot, *, others: Sequence[Slot], is_alone: bool) -> None:
        """Give a free slot its next slice; call it only while slices wait.

        Args:
            slot: the slot.
            others: the slots that make slices of this run now.
            is_alone: whether no other video needs the cores that this one leaves idle.

        Raises:
            ScrubjayError: no slice can be made.
        """
        is_loaded = slot.worker is not None and self._is_loaded_in(slot)
        if not is_loaded:
            slot.last = None
        busy = [each.busy for each in others if each.busy is not None]
        slot.busy = index = self._ledger.handout.take(slot.last, busy)
        slice_ = self._job.plan.slices[index]
        outputs = self._ledger.missing[index]
        slot.delivery = Delivery(self._job.plan, slice_, outputs, self.outbox, self._bounds.limits)
        self._ledger.started(slot.number, index)
        try:
            seconds = min(
                self._bounds.limits.seconds_for(slice_.span.duration), self._bounds.time_left
            )
            worker = slot.worker_for(self.source, Deadline(seconds, _SLICE_MAY_TAKE))
            if not self._is_loaded_in(slot):
                worker.send(self._load(threads=self._threads if is_alone else 1))
            slot.loaded = self._loaded
            worker.send(MakeSlice(index=index, outputs=outputs))
        except WorkerCrashedError as error:
            self._fail(slot, error, is_over=True)

    def _is_loaded_in(self, slot: Slot) -> bool:
        """Whether a slot's worker has this plan, from this run or from one before it."""
        before = slot.loaded
        return isinstance(before, _Loaded) and (
            before.plan is self._loaded.plan and before[1:] == self._loaded[1:]
        )

    def _load(self, *, threads: int) -> Load:
        return Load(
            plan=self._job.plan,
            source=readable_by_url(self.source),
            threads=threads,
            limits=self._bounds.limits,
        )

    def handle(self, slot: Slot, what: Received | EngineError) -> None:
        """Handle what a slot's worker sent, or the error with which it ended.

        Raises:
            ScrubjayError: no slice can be made.
        """
        index = slot.busy
        if index is None or slot.delivery is None or slot.is_made:
            return  # it has no slice
        match what:
            case Progress():
                self._ledger.progressed(slot.number, index, what.time)
            case ReceivedObject() | Renew() | Made():
                try:
                    self._handle_slice(slot, slot.delivery, what)
                except ScrubjayError as error:
                    self._fail(slot, error, is_over=True)
            case Problem():
                self._fail(slot, what.to_error())
            case EngineError():
                self._fail(slot, what)
            case Probed() | Explained() | Put():
                pass  # nothing asked for it, so it is ignored

    def _handle_slice(
        self, slot: Slot, delivery: Delivery, what: ReceivedObject | Renew | Made
    ) -> None:
        """Handle what a worker sends while it makes a slice.

        Raises:
            WorkerCrashedError: the worker has ended, or sent what it must not send.
            StoreError: an object could not be written.
            SourceUnreadableError: there are no credentials to sign the video's URL with.
        """
        match what:
            case ReceivedObject():
                delivery.take(what)
            case Renew():
                if slot.worker is not None:
                    slot.worker.send(Renewed(source=readable_by_url(self.source)))
            case Made() if what.index == slot.busy and delivery.has_all:
                slot.is_made = True
                most = slot.worker.most_memory_bytes if slot.worker else 0
                slot.used = replace(what.used, memory_bytes=most)
            case Made():
                raise WorkerCrashedError(
                    f"the worker process reported slice {what.index} as made but did not send it"
                )

    def check(self, slot: Slot) -> None:
        """Record a slice as made once all its objects are written.

        Raises:
            ScrubjayError: no slice can be made.
        """
        index, delivery = slot.busy, slot.delivery
        if index is None or delivery is None or not slot.is_made:
            return
        try:
            if not delivery.is_over:
                return
        except StoreError as error:
            self._fail(slot, error)
            return
        used = slot.used
        slot.free()
        slot.last = index
        self._ledger.made(slot.number, index, delivery.records, used)

    def _fail(self, slot: Slot, error: ScrubjayError, *, is_over: bool = False) -> None:
        """Record a failed attempt.

        Args:
            slot: the slot of the worker, which makes a slice.
            error: the error.
            is_over: whether to kill the worker.

        Raises:
            ScrubjayError: no other slice can be made either.
        """
        index = slot.busy
        assert index is not None  # noqa: S101  as the docstring says
        is_outdated = isinstance(error, SourceError) and slot.is_outdated(self.source)
        if is_over or is_outdated:
            slot.kill()
        slot.free()
        slot.last = None
        if is_outdated:  # the file was replaced; a worker that may read the new one finds out
            self._ledger.handout.put_back(index)
        else:
            self._ledger.failed(slot.number, index, error)

"""What engines with worker processes have in common: the tasks that they give to a crew."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from scrubjay.engines.base import Job, Outcome, Probing
from scrubjay.engines.crew import Crew
from scrubjay.engines.slot import Client
from scrubjay.engines.tasks import Bounds, Question, SliceRun, Task
from scrubjay.engines.terms import readable_by_url
from scrubjay.engines.wire import Command, Explain, Explained, Probe, Probed
from scrubjay.errors import SandboxError
from scrubjay.events import OnEvent, Unconfined
from scrubjay.limits import Limits
from scrubjay.model import Plan, Reading, Used
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import sandbox_support
from scrubjay.sets.state import Missing

__all__ = ["CrewEngine"]

A = TypeVar("A", Probed, Explained)
K = TypeVar("K", bound=Task)

_GRACE = 5.0
"""Seconds beyond the limit on probing in which a worker can report that error itself."""


class CrewEngine(ABC):
    """An engine whose work a crew of worker processes does.

    Args:
        crew: the workers.
        bounds: how much work on one video may take.
        client: stands for the engine where several share a crew.
    """

    def __init__(self, crew: Crew, bounds: Bounds, client: Client) -> None:
        self._crew = crew
        self._bounds = bounds
        self._client = client
        self.probing_used: Used | None = None
        """What the last probe used, a worker's start not included; None before the first."""

    @property
    def limits(self) -> Limits:
        """How much one video may cost."""
        return self._bounds.limits

    @property
    def workers(self) -> int:
        """Most workers at once."""
        return self._bounds.workers

    def probe(self, source: Place) -> Probing:
        """Probe the video at a place, in a worker process.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
            EngineError: the worker died in every attempt.
        """
        question = Probe(source=readable_by_url(source), limits=self.limits)
        probed = self._ask(question, source, Probed)
        self.probing_used = probed.used
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
        self._check_sandbox()
        self._warn(on_event)
        run = self._carried_out(
            lambda report: SliceRun(
                self._client, job, missing, bounds=self._bounds, on_event=report
            ),
            on_event,
        )
        return run.outcome

    @abstractmethod
    def _carried_out(self, task_for: Callable[[OnEvent], K], on_event: OnEvent) -> K:
        """Have a task done, and return it when it is over.

        Args:
            task_for: returns the task, whose events a function takes.
            on_event: called with each event, in this thread.

        Raises:
            ScrubjayError: the task has failed.
        """

    def _ask(self, command: Command, source: Place, answer_type: type[A]) -> A:
        """Send a question to a worker and return the answer; try again if the worker dies."""
        self._check_sandbox()
        seconds = min(self.limits.probe_timeout + _GRACE, self._bounds.time_left)
        question = self._carried_out(
            lambda _: Question(
                self._client,
                command,
                source,
                answer_type,
                attempts=self._bounds.attempts,
                seconds=seconds,
            ),
            lambda _: None,
        )
        assert isinstance(question.answer, answer_type)  # noqa: S101  otherwise it has failed
        return question.answer

    def _warn(self, on_event: OnEvent) -> None:
        """Report once what this machine lacks to confine workers."""
        missing = sandbox_support().missing
        if missing and self._bounds.sandbox == "auto" and not self._crew.has_warned:
            self._crew.has_warned = True
            on_event(Unconfined(missing=missing))

    def _check_sandbox(self) -> None:
        missing = sandbox_support().missing if self._bounds.sandbox == "require" else ()
        if missing:
            raise SandboxError(
                f"this machine cannot confine worker processes; it lacks {' and '.join(missing)}. "
                "Use sandbox=auto to continue without it"
            )

"""The engine that sends slices to a deployed stack and watches the store for the results."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from scrubjay.aws.stack import Stack
from scrubjay.aws.status import dead_letter_counts
from scrubjay.engines.base import Engine, Job, Outcome, Probing
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.queue.engine import QueueEngine
from scrubjay.errors import StackError
from scrubjay.events import OnEvent
from scrubjay.limits import Limits
from scrubjay.model import Plan, Reading
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.sets.state import Missing

__all__ = ["AwsLambdaEngine"]


class AwsLambdaEngine:
    """Makes slices in the workers of a deployed stack; opens the video itself in a child process.

    Args:
        stack: the deployed stack, or its name.
        patience: seconds without a new slice after which the missing slices are given up.
        local: engine that opens the video, and that stays open; by default a worker process on
            this machine.
        on_silence: called once, with a sentence for people, after a minute without a new slice.
    """

    def __init__(
        self,
        stack: Stack | str,
        *,
        patience: float = 600,
        local: Engine | None = None,
        on_silence: Callable[[str], None] | None = None,
    ) -> None:
        self._stack = Stack(stack) if isinstance(stack, str) else stack
        self._own = ExitStack()
        self._local = local or self._own.enter_context(ProcessEngine(workers=1))
        self._patience = patience
        self._on_silence = on_silence

    @property
    def limits(self) -> Limits:
        """How much one video may cost; the stack's workers have limits of their own as well."""
        return self._local.limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching; slices that were sent are still made."""
        self._own.close()

    def probe(self, source: Place) -> Probing:
        """Probe the video at a place, in a worker process on this machine.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
            EngineError: probing failed, or the stack's workers could not read the video.
        """
        self._check_reachable(source)
        return self._local.probe(source)._replace(versions=self._stack.versions)

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures cost to read, in a worker process on this machine.

        Raises:
            SourceError: the video cannot be opened, or is not the planned one.
            EngineError: counting failed for a reason that is not in the video.
        """
        return self._local.explain(plan, source)

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Send slices to the stack's workers, and return what arrived and why the rest did not.

        Raises:
            EngineError: the stack does not exist or does not write there, or sending failed.
        """
        self._check_reachable(job.source)
        self._check_writable(job.store.place)
        queue = QueueEngine(
            self._stack.transport,
            local=self._local,
            patience=self._patience,
            where_to_look=self._where_to_look,
            on_silence=self._on_silence,
        )
        return queue.run(job._replace(source=pinned(job.source)), missing, on_event)

    def _check_writable(self, place: Place | None) -> None:
        if place is None:
            raise StackError("the stack's workers cannot write to a destination in memory")
        if place.is_local:
            raise StackError(f"the stack's workers cannot write to {place.shown} on this machine")
        self._stack.set_at(place.address)

    def _check_reachable(self, source: Place) -> None:
        bucket = self._stack.outputs.source_bucket_name
        if source.scheme != "s3" or source.bucket != bucket:
            raise StackError(
                f"the workers of the stack {self._stack.name} can only read videos in "
                f"s3://{bucket}, not {source.shown}"
            )

    def _where_to_look(self) -> str:
        """Say where slices that do not arrive may be, and what to do.

        Raises:
            EngineError: the dead-letter queues could not be read.
        """
        counts = dead_letter_counts(self._stack)
        letters = ", ".join(f"{count} {what}" for what, count in counts.items())
        return (
            f"dead letters: {letters}; run `scrubjay aws status --stack {self._stack.name}`, read "
            "the workers' log, then run `scrubjay aws redrive`"
        )

"""The engine that lets a deployed stack make the slices, and watches the store for them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Self

from scrubjay.aws.beginning import hand_out
from scrubjay.aws.completion import failure_of, record_of, save_origin
from scrubjay.aws.events import Upload
from scrubjay.aws.function import set_place
from scrubjay.aws.stack import Stack
from scrubjay.aws.status import letters_waiting
from scrubjay.engines.base import Engine, Job
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    EngineError,
    OutOfTimeError,
    ScrubjayError,
    StackError,
    error_class,
)
from scrubjay.events import OnEvent, SliceDone, SliceFailed
from scrubjay.keys import failure_key, record_key
from scrubjay.limits import Limits
from scrubjay.model import MediaInfo, Plan, Reading, Slice, SliceRecord, SourceRef
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.timing import short_clock

__all__ = ["AwsLambdaEngine"]

_UNEASY = 60.0
"""Seconds without news after which a person is told where to look."""

_SHORTEST_WAIT, _LONGEST_WAIT, _GROWTH = 0.5, 5.0, 1.3
"""Seconds between two looks at the store, and how they grow while there is nothing new."""


class AwsLambdaEngine:
    """Makes slices in the workers of a deployed stack; opens the video itself in a child process.

    Args:
        stack: the deployed stack, or its name.
        patience: seconds without any new record after which the rest is given up as missing.
        local: opens the video, and stays open itself; None is a worker process on this machine.
        on_silence: told, once, a sentence for a person when a minute has passed without news.
    """

    def __init__(
        self,
        stack: Stack | str,
        *,
        patience: float = 600,
        local: Engine | None = None,
        on_silence: Callable[[str], None] | None = None,
    ) -> None:
        self._on_silence = on_silence
        self._stack = Stack(stack) if isinstance(stack, str) else stack
        self._patience = patience
        self._sent = 0
        self._own = ExitStack()
        self._local = local or self._own.enter_context(ProcessEngine(workers=1))

    @property
    def limits(self) -> Limits:
        """How much one video may cost; the stack's workers hold to their own limits besides."""
        return self._local.limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching; slices that were sent are made all the same."""
        self._own.close()

    def probe(self, source: Place) -> tuple[SourceRef, MediaInfo]:
        """Look into the video at a place, in a worker process on this machine.

        Raises:
            SourceError: it cannot be opened, has no video, or gives no picture.
            EngineError: looking failed, or the stack's workers could not read the video.
        """
        self._reachable(source)
        return self._local.probe(source)

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures cost to read, in a worker process on this machine.

        Raises:
            SourceError: it cannot be opened, or is another one.
            EngineError: counting failed, not the video.
        """
        return self._local.explain(plan, source)

    def run(self, job: Job, indexes: Sequence[int], on_event: OnEvent) -> dict[int, ScrubjayError]:
        """Send slices to the stack's workers, and return why for each that did not arrive.

        Raises:
            EngineError: the stack is missing, keeps no sets there, or slices could not be sent.
        """
        self._reachable(job.source)
        if job.store.place is None:
            raise StackError("a destination in memory cannot be reached by the stack's workers")
        place = self._set_of(job.store.place)
        source = pinned(job.source)
        video = Upload(bucket=source.bucket, key=source.key, etag=source.etag)
        usual = set_place(self._stack.output, video.key)
        save_origin(job.store, video)
        output = "" if place.address == usual.address else place.address
        self._sent = hand_out(job.store, job.plan, video, self._stack.transport, output=output)
        return self._watch(job, indexes, on_event)

    def _set_of(self, place: Place) -> Place:
        if place.is_local:
            raise StackError(f"the stack's workers cannot write to {place.shown} on this machine")
        return self._stack.set_at(place.address)

    def _reachable(self, source: Place) -> None:
        bucket = self._stack.outputs.source_bucket_name
        if source.scheme != "s3" or source.bucket != bucket:
            raise StackError(
                f"the workers of the stack {self._stack.name} read videos of s3://{bucket} alone, "
                f"not {source.shown}"
            )

    def _watch(
        self, job: Job, indexes: Sequence[int], on_event: OnEvent
    ) -> dict[int, ScrubjayError]:
        """Look at the store until every slice has a record or a note, or patience ends."""
        waiting = {index: job.plan.slices[index] for index in indexes}
        lost: dict[int, ScrubjayError] = {}
        heard, wait = time.monotonic(), _SHORTEST_WAIT
        while True:
            news = list(_ended(job, waiting.values()))
            for event in news:
                waiting.pop(event.index)
                if isinstance(event, SliceFailed):
                    lost[event.index] = error_class(event.error)(event.message)
                on_event(event)
            if not waiting:
                return lost
            if news:
                heard, wait = time.monotonic(), _SHORTEST_WAIT
            elif time.monotonic() - heard > self._patience:
                break
            elif time.monotonic() - heard > _UNEASY:
                self._say_where_to_look(len(waiting))
            time.sleep(wait)
            wait = min(_LONGEST_WAIT, wait * _GROWTH)
        why = self._silence()
        for index, part in waiting.items():
            event = _failed(part, OutOfTimeError.__name__, why)
            lost[index] = OutOfTimeError(event.message)
            on_event(event)
        return lost

    def _say_where_to_look(self, waiting: int) -> None:
        """Tell a person, once, what is known and where more is."""
        tell, self._on_silence = self._on_silence, None
        if tell:
            tell(
                f"{self._sent} slices were sent to the workers of the stack {self._stack.name}; "
                f"{waiting} are missing, and there is no news for {_UNEASY:g} s. It waits on, up "
                f"to {self._patience:g} s; see `scrubjay aws status --stack {self._stack.name}`, "
                "and the workers' log"
            )

    def _silence(self) -> str:
        """Say what is known of slices that do not arrive."""
        letters = "its dead-letter queues could not be asked"
        with suppress(EngineError):
            found = letters_waiting(self._stack)
            letters = "dead letters: " + ", ".join(f"{n} {what}" for what, n in found.items())
        return (
            f"no record, and no news of any slice for {self._patience:g} s ({letters}); it may yet "
            f"come: see `scrubjay aws status --stack {self._stack.name}`, then `scrubjay aws "
            "redrive`"
        )


def _ended(job: Job, waiting: Iterable[Slice]) -> Iterator[SliceDone | SliceFailed]:
    """Yield what became of those slices that have a record, or a note that they cannot be made."""
    listed = job.store.sizes(".scrubjay/")
    for part in waiting:
        if record_key(part.start) in listed:
            record = record_of(job.store, job.plan, part)
            if record:
                yield _done(record)
        elif failure_key(part.start) in listed:
            note = failure_of(job.store, job.plan, part)
            if note:
                yield _failed(part, note.error, note.message)


def _done(record: SliceRecord) -> SliceDone:
    return SliceDone(
        index=record.index,
        worker=0,
        start=record.start,
        end=record.end,
        size_bytes=sum(record.sizes().values()),
        damaged_packets=record.damaged_packets,
    )


def _failed(part: Slice, error: str, message: str) -> SliceFailed:
    when = f"{short_clock(part.start)} to {short_clock(part.end)}"
    return SliceFailed(
        index=part.index,
        start=part.start,
        end=part.end,
        error=error,
        message=f"slice {part.index} ({when}): {message}",
    )

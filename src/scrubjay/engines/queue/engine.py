"""The engine that sends slices to workers behind a queue and watches the store for the results."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Protocol, Self

from scrubjay.engines.base import Engine, Job, Outcome, Probing
from scrubjay.engines.queue.beginning import send_missing
from scrubjay.engines.queue.notes import Failure, failure_of, save_origin
from scrubjay.engines.queue.orders import Transport
from scrubjay.engines.queue.progress import STATE
from scrubjay.errors import EngineError, OutOfTimeError, ScrubjayError, error_class
from scrubjay.events import OnEvent, SliceDone, SliceFailed
from scrubjay.keys import failure_key, record_key
from scrubjay.limits import Limits
from scrubjay.model import Plan, Reading, Slice, SliceRecord
from scrubjay.places.place import Place
from scrubjay.planning import chosen_outputs
from scrubjay.sets.state import Missing, read_record

__all__ = ["Clock", "QueueEngine"]

_UNEASY = 60.0
"""Seconds without a new slice after which `on_silence` is called."""

_SHORTEST_WAIT, _LONGEST_WAIT, _GROWTH = 0.5, 5.0, 1.3
"""Seconds between two checks of the store, and their growth while there is nothing new."""


class Clock(Protocol):
    """Measures time and waits; the module `time` is one."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        ...


class QueueEngine:
    """Makes slices in workers behind a queue; opens the video itself.

    Args:
        transport: sends orders to the workers.
        local: engine that opens the video on this machine, and that stays open.
        patience: seconds without a new slice after which the missing slices are given up.
        where_to_look: returns what a person can do about slices that do not arrive.
        on_silence: called once, with a sentence for people, after a minute without a new slice.
        clock: measures time and waits.
        dead_letters: returns why the queue has given up slices of a set, by index.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        local: Engine,
        patience: float = 600,
        where_to_look: Callable[[], str] = str,
        on_silence: Callable[[str], None] | None = None,
        clock: Clock = time,
        dead_letters: Callable[[Job], Mapping[int, ScrubjayError]] = lambda _: {},
    ) -> None:
        self._transport = transport
        self._local = local
        self._patience = patience
        self._where_to_look = where_to_look
        self._on_silence = on_silence
        self._clock = clock
        self._dead_letters = dead_letters
        self._sent = 0

    @property
    def limits(self) -> Limits:
        """How much one video may cost; the workers have limits of their own as well."""
        return self._local.limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching; slices that were sent are still made."""

    def probe(self, source: Place) -> Probing:
        """Probe the video at a place, on this machine.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
            EngineError: probing failed for a reason that is not in the video.
        """
        return self._local.probe(source)

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures cost to read, on this machine.

        Raises:
            SourceError: the video cannot be opened, or is not the planned one.
            EngineError: counting failed for a reason that is not in the video.
        """
        return self._local.explain(plan, source)

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Send slices to the workers, and return what arrived and why the rest did not.

        Raises:
            EngineError: the slices could not be sent.
        """
        save_origin(job.store, job.source)
        self._sent = len(send_missing(job, self._transport, among=missing))
        return self._watch(job, missing, on_event)

    def _watch(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Check the store until every slice has its records or a note, or patience runs out."""
        clock = self._clock
        waiting = {index: job.plan.slices[index] for index in missing}
        made: dict[int, Mapping[str, SliceRecord]] = {}
        lost: dict[int, ScrubjayError] = {}
        last_change, wait = clock.monotonic(), _SHORTEST_WAIT
        while True:
            ended = list(_ended(job, waiting.values(), missing))
            for index, result in ended:
                slice_ = waiting.pop(index)
                if isinstance(result, Failure):
                    event = _failed(slice_, result.error, result.message)
                    lost[index] = error_class(event.error)(event.message)
                    on_event(event)
                else:
                    made[index] = result
                    on_event(_done(slice_, result.values()))
            for index, error in self._dead(job, waiting).items():
                event = _failed(waiting.pop(index), type(error).__name__, str(error))
                lost[index] = type(error)(event.message)
                on_event(event)
            if not waiting:
                return Outcome(made, lost)
            silence = clock.monotonic() - last_change
            if ended:
                last_change, wait = clock.monotonic(), _SHORTEST_WAIT
            elif silence > self._patience:
                return Outcome(made, lost | self._given_up(waiting.values(), on_event))
            elif silence > _UNEASY:
                self._say_where_to_look(len(waiting))
            clock.sleep(wait)
            wait = min(_LONGEST_WAIT, wait * _GROWTH)

    def _dead(self, job: Job, waiting: Collection[int]) -> Mapping[int, ScrubjayError]:
        """Return why the queue has given up slices; none if it does not answer now."""
        dead: Mapping[int, ScrubjayError] = {}
        with suppress(EngineError):
            dead = self._dead_letters(job) if waiting else {}
        return {index: error for index, error in dead.items() if index in waiting}

    def _given_up(self, waiting: Iterable[Slice], on_event: OnEvent) -> dict[int, ScrubjayError]:
        """Report slices that have not arrived."""
        hint = ""
        with suppress(EngineError):
            hint = self._where_to_look()
        why = f"not made, and no new slice for {self._patience:g} s; it may still arrive"
        lost: dict[int, ScrubjayError] = {}
        for each in waiting:
            event = _failed(each, OutOfTimeError.__name__, f"{why}: {hint}" if hint else why)
            lost[each.index] = OutOfTimeError(event.message)
            on_event(event)
        return lost

    def _say_where_to_look(self, missing: int) -> None:
        """Report once that slices are missing, and where to look."""
        say, self._on_silence = self._on_silence, None
        if say is None:
            return
        hint = ""
        with suppress(EngineError):
            hint = self._where_to_look()
        say(
            f"{self._sent} slices were sent to the workers; {missing} are missing, and none has "
            f"arrived for {_UNEASY:g} s. Waiting up to {self._patience:g} s"
            + (f": {hint}" if hint else "")
        )


def _ended(
    job: Job, waiting: Iterable[Slice], missing: Missing
) -> Iterator[tuple[int, Mapping[str, SliceRecord] | Failure]]:
    """Yield the records of slices that are now complete, and the notes of failed ones."""
    plan, _, store = job
    listed = store.sizes(STATE)
    for each in waiting:
        outputs = chosen_outputs(plan, missing[each.index])
        keys = {record_key(output.id, each.start, each.end) for output in outputs}
        if keys <= listed.keys():
            records = {output.name: read_record(store, plan, output, each) for output in outputs}
            found = {name: record for name, record in records.items() if record}
            if len(found) == len(outputs):
                yield each.index, found
        elif failure_key(each.start, is_whole=each.is_whole) in listed:
            note = failure_of(store, plan, each)
            if note:
                yield each.index, note


def _done(slice_: Slice, records: Collection[SliceRecord]) -> SliceDone:
    return SliceDone(
        index=slice_.index,
        worker=0,
        start=slice_.start,
        end=slice_.end,
        is_whole=slice_.is_whole,
        size_bytes=sum(sum(record.sizes().values()) for record in records),
        damaged_packets=max(record.damaged_packets for record in records),
    )


def _failed(slice_: Slice, error: str, message: str) -> SliceFailed:
    """Return the event of a slice that failed; its worker's note mostly names the slice already."""
    name = f"{slice_.shown}: "
    return SliceFailed(
        index=slice_.index,
        start=slice_.start,
        end=slice_.end,
        error=error,
        is_whole=slice_.is_whole,
        message=name + message.removeprefix(name),
    )

"""What a worker does with an order: make its slice, and finish the set if that was the last one.

Everything here may happen twice or be cut off anywhere: orders come at least once, and a worker may
be ended at any moment. What is in the store decides; a second time costs nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Literal

from msgspec.structs import replace

from scrubjay.engines.base import Engine, Job
from scrubjay.engines.queue.completion import Ending, finish
from scrubjay.engines.queue.notes import failure_of, note_failure, was_tried
from scrubjay.engines.queue.orders import SliceOrder
from scrubjay.engines.queue.replacing import ReplacedError, Task
from scrubjay.errors import (
    LimitError,
    OutOfTimeError,
    PlanReplacedError,
    ScrubjayError,
    SourceChangedError,
    SourceDamagedError,
    SourceNotFoundError,
    SourceUnavailableError,
    StoreError,
    WorkerCrashedError,
    WorkerMemoryError,
    WorkerStalledError,
)
from scrubjay.events import OnEvent
from scrubjay.model import Plan, Slice, SliceRecord, TrackClock
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.sets.state import read_record

__all__ = ["Outcome", "Worker", "found_again"]

_HOPELESS = (LimitError, SourceDamagedError, SourceChangedError, SourceNotFoundError)
"""Errors that no retry cures: the slice becomes a gap."""

_COSTLY = (OutOfTimeError, WorkerCrashedError, WorkerMemoryError, WorkerStalledError)
"""Errors that cost as much as a slice may cost, and that the next try meets as a rule: a second one
makes a gap, however often the queue would deliver the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one slice."""

    index: int
    outcome: Literal["made", "already done", "gap"]
    objects: int = 0
    """That were written."""
    size_bytes: int = 0
    """Of the pictures among them."""
    error: str = ""
    """Class of the error that makes it a gap."""
    reason: str = ""
    ending: Ending | None = None
    """How the set has ended, if that was its last slice."""


class Worker:
    """Makes slices for orders.

    Args:
        open_engine: returns what makes slices, opened anew for each.
        announce: called with a set that has ended.
        watch: returns what follows the events of a slice.
        warn: called with a sentence for the log.
        track_clock: the clock of the tracks; None is the one that most players need.
    """

    def __init__(
        self,
        *,
        open_engine: Callable[[], Engine],
        announce: Callable[[Job, Ending], None],
        watch: Callable[[Slice], OnEvent],
        warn: Callable[[str], None],
        track_clock: TrackClock | None = None,
    ) -> None:
        self._open_engine = open_engine
        self._announce = announce
        self._watch = watch
        self._warn = warn
        self._track_clock: TrackClock | None = track_clock

    def make(self, job: Job, order: SliceOrder) -> Iterator[Outcome]:
        """Make the slices of an order, and finish the set if one was its last; yield what became.

        If another plan takes the set over meanwhile, that one's slices are made over ours. Both
        use the same keys: without this, pictures of the one could end up in the other.

        Args:
            job: the plan that the set has now, the video in the version of the order, the store.
            order: which slices.

        Raises:
            ScrubjayError: one was not made, but may be next time.
        """
        task = Task.of(job, order, self._warn)
        while True:  # until no plan comes in between, or the time is over
            try:
                for each in task.slices():
                    outcome = self._make(task, each)
                    yield changed(outcome, ending=self.finish(task.job))
            except ReplacedError as error:
                task = task.taken_over(error.plan)
            else:
                return

    def finish(self, job: Job) -> Ending | None:
        """Publish and announce a set if all its slices have ended; return how, if this call did.

        Raises:
            ScrubjayError: it could not be published or announced, but may be next time.
        """
        return finish(
            job, lambda ending: self._announce(job, ending), track_clock=self._track_clock
        )

    def _make(self, task: Task, slice_: Slice) -> Outcome:
        """Make a slice, unless it is done.

        Raises:
            ReplacedError: another plan has taken the set over; what we wrote may lie in it.
        """
        plan, _, store = task.job
        if task.is_done(slice_):
            return Outcome(index=slice_.index, outcome="already done")
        note = failure_of(store, plan, slice_)
        if note:  # who wants another try takes the note away
            return _gap(slice_, note.error, note.message)
        try:
            record = self._made(task, slice_)
        except _HOPELESS as error:
            return _noted(task, slice_, error)
        except _COSTLY as error:
            if not was_tried(store, plan, slice_):
                note_failure(store, plan, slice_, error, is_final=False)
                raise
            return _noted(task, slice_, error)
        task.check()
        sizes = record.sizes()
        return Outcome(
            index=slice_.index,
            outcome="made",
            objects=len(sizes) + 1,
            size_bytes=sum(sizes.values()),
        )

    def _made(self, task: Task, slice_: Slice) -> SliceRecord:
        """Make a slice, of whichever version of its video lies there by now.

        Raises:
            SourceChangedError: there is another video.
        """
        plan, video, store = task.job
        source = pinned(video)
        while True:  # until nobody uploads the same video in between, or the time is over
            try:
                with self._open_engine() as engine:
                    job = Job(plan, source, store)
                    lost = engine.run(job, [slice_.index], self._watch(slice_))
                if lost:
                    raise lost[slice_.index]
            except PlanReplacedError:
                task.check()
                raise
            except SourceChangedError:
                task.check()
                fresh = found_again(plan, video)
                if fresh is None or fresh.etag == source.etag:
                    raise
                self._warn("the same video has come as another version")
                source = fresh
                continue
            record = read_record(store, plan, slice_)
            if record is None:
                raise StoreError(f"the record of slice {slice_.index} is gone from the destination")
            return record


def _noted(task: Task, slice_: Slice, error: ScrubjayError) -> Outcome:
    """Note that a slice can never be made."""
    task.check()
    note_failure(task.job.store, task.job.plan, slice_, error)
    return _gap(slice_, type(error).__name__, str(error))


def _gap(slice_: Slice, error: str, reason: str) -> Outcome:
    return Outcome(index=slice_.index, outcome="gap", error=error, reason=reason)


def found_again(plan: Plan, video: Place) -> Place | None:
    """Return a video as it lies there now, if it is still the one that was planned.

    The same video may be uploaded again as another version: in parts, or encrypted.

    Raises:
        SourceError: it cannot be read, or is being replaced at this moment.
    """
    from scrubjay.media.source import identify  # noqa: PLC0415  FFmpeg loads slowly

    place = pinned(replace(video, etag=""))
    try:
        found = identify(place)
    except SourceChangedError:
        message = f"{place.shown} is being replaced just now"
        raise SourceUnavailableError(message) from None
    return place if found.fingerprint == plan.source.fingerprint else None

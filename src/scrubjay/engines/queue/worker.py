"""What a worker does with an order: make the slice, and finish the set if that was the last one.

Everything here may happen twice or be interrupted anywhere: orders arrive at least once, and a
worker may be killed at any moment. The store decides what is left to do.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Literal

from msgspec.structs import replace

from scrubjay.engines.base import Engine, Job
from scrubjay.engines.queue.completion import Ending, finish
from scrubjay.engines.queue.notes import failure_of, note_failure, tries_of
from scrubjay.engines.queue.orders import SliceOrder
from scrubjay.errors import (
    EventError,
    LimitError,
    OutOfTimeError,
    ScrubjayError,
    SourceChangedError,
    SourceDamagedError,
    SourceNotFoundError,
    SourceUnavailableError,
    WorkerCrashedError,
    WorkerMemoryError,
    WorkerStalledError,
)
from scrubjay.events import OnEvent
from scrubjay.identity import plan_id
from scrubjay.model import Plan, Slice, SliceRecord, TrackClock
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.sets.state import read_record

__all__ = ["Result", "Worker", "found_again"]

_HOPELESS = (LimitError, SourceDamagedError, SourceChangedError, SourceNotFoundError)
"""Errors for which a retry is useless: the slice becomes a gap."""

_COSTLY = (OutOfTimeError, WorkerCrashedError, WorkerMemoryError, WorkerStalledError)
"""Errors that cost as much as a slice may cost, and that usually happen again: after a few of them
the slice becomes a gap, however often the queue would deliver the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one slice."""

    index: int
    outcome: Literal["made", "already done", "gap"]
    objects: int = 0
    """How many objects were written."""
    size_bytes: int = 0
    """Size of the artifacts among them."""
    error: str = ""
    """Class of the error because of which the slice is a gap."""
    reason: str = ""
    ending: Ending | None = None
    """How the set ended, if that was its last slice."""


class Worker:
    """Carries out orders.

    Args:
        open_engine: returns an engine for a slice, and takes it back.
        announce: called with a set that has ended.
        watch: returns the function that gets the events of a slice.
        warn: called with a sentence for the log.
        track_clock: the clock of the tracks; None means the one that most players need.
        tries: how often a slice is tried of which the worker dies or takes too long.
    """

    def __init__(
        self,
        *,
        open_engine: Callable[[], AbstractContextManager[Engine]],
        announce: Callable[[Job, Ending], None],
        watch: Callable[[Slice], OnEvent],
        warn: Callable[[str], None],
        track_clock: TrackClock | None = None,
        tries: int = 2,
    ) -> None:
        self._open_engine = open_engine
        self._announce = announce
        self._watch = watch
        self._warn = warn
        self._track_clock: TrackClock | None = track_clock
        self._tries = tries

    def make(self, job: Job, order: SliceOrder) -> Iterator[Result]:
        """Make the slices of an order, finish the set if one was its last, and yield the results.

        An order for another plan than the set's current one is skipped: the planner of the current
        plan has sent its own orders.

        Args:
            job: the set's current plan, the video in the version of the order, and the store.
            order: which slices to make.

        Raises:
            ScrubjayError: a slice was not made, but may succeed next time.
        """
        if order.plan not in {"", plan_id(job.plan)}:
            self._warn("skipped: this set has another plan by now")
            return
        for slice_ in _slices_of(job, order):
            result = self._make(job, slice_)
            yield changed(result, ending=self.finish(job))

    def finish(self, job: Job) -> Ending | None:
        """Publish and announce a set if all its slices have ended.

        Returns:
            How the set ended, if this call announced it.

        Raises:
            ScrubjayError: publishing or announcing failed, but may succeed next time.
        """
        return finish(
            job, lambda ending: self._announce(job, ending), track_clock=self._track_clock
        )

    def _make(self, job: Job, slice_: Slice) -> Result:
        """Make what is missing of a slice."""
        plan, _, store = job
        missing = tuple(
            each.name
            for each in plan.outputs_of(slice_)
            if read_record(store, plan, each, slice_) is None
        )
        if not missing:
            return Result(index=slice_.index, outcome="already done")
        note = failure_of(store, plan, slice_)
        if note:  # removing the note allows another attempt
            return _gap(slice_, note.error, note.message)
        try:
            records = self._made(job, slice_, missing)
        except _HOPELESS as error:
            return _noted(job, slice_, error)
        except _COSTLY as error:
            tries = tries_of(store, plan, slice_) + 1
            if tries < self._tries:
                note_failure(store, plan, slice_, error, is_final=False, tries=tries)
                raise
            return _noted(job, slice_, error)
        sizes = [record.sizes() for record in records]
        return Result(
            index=slice_.index,
            outcome="made",
            objects=sum(map(len, sizes)) + len(records),
            size_bytes=sum(sum(each.values()) for each in sizes),
        )

    def _made(self, job: Job, slice_: Slice, missing: tuple[str, ...]) -> Collection[SliceRecord]:
        """Make outputs of a slice, from the present version of the video.

        Raises:
            SourceChangedError: another video has replaced the planned one.
        """
        plan, video, store = job
        source = pinned(video)
        while True:  # as long as the same video is uploaded meanwhile, and there is time
            try:
                with self._open_engine() as engine:
                    made = engine.run(
                        Job(plan, source, store), {slice_.index: missing}, self._watch(slice_)
                    )
                if made.lost:
                    raise made.lost[slice_.index]
            except SourceChangedError:
                fresh = found_again(plan, video)
                if fresh is None or fresh.etag == source.etag:
                    raise
                self._warn("the same video was uploaded as another version")
                source = fresh
                continue
            return made.records[slice_.index].values()


def _slices_of(job: Job, order: SliceOrder) -> list[Slice]:
    """Return the slices of an order: by index if the order has one, otherwise by time.

    What the whole video has once is made by whoever is sent its last moment.

    Raises:
        EventError: the plan has no slice of that index.
    """
    slices = job.plan.slices
    if order.plan and order.index is not None:
        if order.index >= len(slices):
            raise EventError(f"the plan of {job.source.shown} has no slice {order.index}")
        return [slices[order.index]]
    return [
        each
        for each in slices
        if (order.end >= each.end if each.is_whole else each.start < order.end)
        and each.end > order.start
    ]


def _noted(job: Job, slice_: Slice, error: ScrubjayError) -> Result:
    """Note that a slice can never be made."""
    note_failure(job.store, job.plan, slice_, error)
    return _gap(slice_, type(error).__name__, str(error))


def _gap(slice_: Slice, error: str, reason: str) -> Result:
    return Result(index=slice_.index, outcome="gap", error=error, reason=reason)


def found_again(plan: Plan, video: Place) -> Place | None:
    """Return the present version of a video, or None if it is not the planned one.

    The same video may be uploaded again as another version: in parts, or encrypted.

    Raises:
        SourceError: the video cannot be read, or is being replaced now.
    """
    from scrubjay.media.source import identify  # noqa: PLC0415  FFmpeg loads slowly

    place = pinned(replace(video, etag=""))
    try:
        found = identify(place)
    except SourceChangedError:
        message = f"{place.shown} is being replaced now; try again"
        raise SourceUnavailableError(message) from None
    return place if found.fingerprint == plan.source.fingerprint else None

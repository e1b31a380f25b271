"""One slice from the source to the store: the one piece of work that every engine ships."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from fractions import Fraction
from functools import partial
from types import TracebackType
from typing import Self

from scrubjay.errors import SourceDamagedError, SourceUnreadableError
from scrubjay.media.ffmpeg import ffmpeg_errors
from scrubjay.media.frames import FrameReader, Shown
from scrubjay.model import AnimationRecord, FrameRecord, Plan, SheetRecord, Slice, SliceRecord
from scrubjay.planning import instants_of, plan_id, targets_from
from scrubjay.reading import open_reader
from scrubjay.render import Artifact, Record, Studio
from scrubjay.state import save_record
from scrubjay.store import Store
from scrubjay.timing import short_clock

__all__ = ["Bench", "render_slice"]

OnTime = Callable[[Fraction], None]
"""Told the time, in seconds, up to which a slice's frames have been read."""


def render_slice(plan: Plan, index: int, *, source: str, store: Store) -> SliceRecord:
    """Render one slice of a plan and store it.

    Args:
        plan: what to make.
        index: which slice, 0-based.
        source: path of the video that the plan was made for.
        store: where its artifacts go, and last its record.

    Raises:
        SourceError: the video cannot be read, is another one, or gives no picture there.
        StoreError: an object could not be written.
    """
    with Bench(plan, source=source, store=store) as bench:
        return bench.make(index)


class Bench(AbstractContextManager["Bench"]):
    """A place to make slices of one plan, with the video kept open between them.

    Slices made in rising order without holes go on decoding where the one before ended; any other
    order costs a seek and a lead-in.

    Args:
        plan: what to make.
        source: path of the video that the plan was made for.
        store: where artifacts and records go.

    Raises:
        SourceError: on entering, the video cannot be opened or is another one.
    """

    def __init__(self, plan: Plan, *, source: str, store: Store) -> None:
        self._plan = plan
        self._plan_id = plan_id(plan)
        self._source = source
        self._store = store
        self._studio = Studio(plan)
        self._open = ExitStack()
        self._next_index: int | None = None

    def __enter__(self) -> Self:
        self._reader = self._open.enter_context(open_reader(self._plan, self._source, FrameReader))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def make(self, index: int, on_time: OnTime = lambda _: None) -> SliceRecord:
        """Render one slice, store its artifacts, and last its record.

        Raises:
            SourceDamagedError: nothing in the slice can be decoded.
            StoreError: an object could not be written.
        """
        part = self._plan.slices[index]
        goes_on = index == self._next_index
        self._next_index = None  # a slice that fails halfway is begun anew
        if not goes_on:
            self._reader.start(targets_from(self._plan, index))
        try:
            with ffmpeg_errors(self._plan.source.name):
                records = [
                    self._put(artifact)
                    for artifact in self._studio.render(part, self._shown(part, on_time))
                ]
        except SourceUnreadableError as error:  # here, and perhaps nowhere else
            raise SourceDamagedError(str(error)) from error
        record = self._record(part, records)
        save_record(self._store, record)
        self._next_index = index + 1
        return record

    def _shown(self, part: Slice, on_time: OnTime) -> Iterator[Shown]:
        """Yield the slice's shown frames, reporting each; raise if there is nothing to show."""
        wanted = len(instants_of(self._plan, part))
        count, fresh = 0, False
        self._reader.on_packet = partial(on_time, part.start)
        for shown in self._reader.until(part.end):
            self._reader.on_packet = partial(on_time, shown.time)
            fresh = fresh or shown.source_time >= part.start
            yield shown
            on_time(shown.time)
            count += 1
        if count < wanted or (self._damaged_in(part) and not fresh):
            raise SourceDamagedError(
                f"{self._plan.source.name} gives no picture from {short_clock(part.start)} to "
                f"{short_clock(part.end)}: it is damaged there"
            )

    def _damaged_in(self, part: Slice) -> int:
        return sum(part.start <= time < part.end for time in self._reader.damaged)

    def _put(self, artifact: Artifact) -> Record:
        self._store.put(artifact.record.key, artifact.data, artifact.media_type)
        return artifact.record

    def _record(self, part: Slice, records: list[Record]) -> SliceRecord:
        return SliceRecord(
            plan=self._plan_id,
            index=part.index,
            start=part.start,
            end=part.end,
            animation=next((each for each in records if isinstance(each, AnimationRecord)), None),
            frames=tuple(each for each in records if isinstance(each, FrameRecord)),
            sheet=next((each for each in records if isinstance(each, SheetRecord)), None),
            damaged_packets=self._damaged_in(part),
        )

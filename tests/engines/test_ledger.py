from collections.abc import Callable
from fractions import Fraction

import pytest

from scrubjay.engines.base import Job
from scrubjay.engines.ledger import Ledger
from scrubjay.errors import (
    DestinationError,
    ScrubjayError,
    SourceChangedError,
    SourceDamagedError,
    SourceNotFoundError,
    StoreError,
    StoreFullError,
    WorkerCrashedError,
)
from scrubjay.events import Event, SliceDone, SliceFailed, SliceRetried, SliceStarted
from scrubjay.model import Artifact, Plan, Recipe, SliceRecord
from scrubjay.places.place import Place
from scrubjay.sets.store import Store

Opened = Callable[..., tuple[Ledger, list[Event]]]


@pytest.fixture
def opened(planned: Callable[..., Plan]) -> Opened:
    """Open a book for ten slices of ten seconds, and a list of what it tells."""

    def opened(attempts: int = 3, slices: int = 10) -> tuple[Ledger, list[Event]]:
        plan = planned(Fraction(10 * slices), Recipe(slice_length=Fraction(10)))
        events: list[Event] = []
        job = Job(plan, Place.of("film.mp4"), Store.in_memory())
        missing = dict.fromkeys(range(slices), tuple(output.name for output in plan.outputs))
        return Ledger(job, missing, attempts=attempts, on_event=events.append), events

    return opened


def _take(ledger: Ledger, worker: int = 0) -> int:
    index = ledger.handout.take(None, ())
    ledger.started(worker, index)
    return index


def _record(ledger: Ledger, name: str, size_bytes: int, damaged_packets: int = 0) -> SliceRecord:
    """Return a record of the first slice of an output."""
    output = next(output for output in ledger._outputs if output.name == name)
    artifact = Artifact(
        key=f"{name}/{output.id}/000000",
        media_type=output.format.media_type,
        start=Fraction(0),
        end=Fraction(10),
        pictures=1,
        source_times=(),
        size_bytes=size_bytes,
        blake2b="0" * 32,
    )
    return SliceRecord(
        output=output.id,
        start=Fraction(0),
        end=Fraction(10),
        artifacts=(artifact,),
        damaged_packets=damaged_packets,
    )


def test_a_made_slice_is_told(opened: Opened) -> None:
    """A slice that starts and ends is told with its time, its worker and what all outputs took."""
    ledger, events = opened()
    index = _take(ledger, worker=2)
    records = [_record(ledger, "frames", 5, 1), _record(ledger, "sheets", 2, 1)]
    ledger.made(2, index, records)
    start, end = Fraction(0), Fraction(10)
    assert events == [
        SliceStarted(index=0, worker=2, start=start, end=end),
        SliceDone(index=0, worker=2, size_bytes=7, damaged_packets=1, start=start, end=end),
    ]
    assert ledger.outcome.records == {0: dict(zip(["frames", "sheets"], records, strict=True))}
    assert ledger.outcome.lost == {}


def test_a_crash_costs_a_try(opened: Opened) -> None:
    """A slice is handed out again until its tries are used up; then it is lost, by name."""
    ledger, events = opened(attempts=3)
    _take(ledger)
    for attempt in (1, 2):
        ledger.failed(0, 0, WorkerCrashedError("it died"))
        assert isinstance(events[-1], SliceRetried)
        assert (events[-1].attempt, events[-1].error) == (attempt, "WorkerCrashedError")
        assert _take(ledger) == 0
    ledger.failed(0, 0, WorkerCrashedError("it died"))
    assert isinstance(events[-1], SliceFailed)
    assert str(ledger.outcome.lost[0]) == "slice 0 (0:00 to 0:10): it died"
    assert type(ledger.outcome.lost[0]) is WorkerCrashedError
    assert len(ledger.handout) == 9


def test_tries_are_counted_for_each_slice(opened: Opened) -> None:
    """One slice's failures use up nobody else's tries."""
    ledger, _ = opened(attempts=2)
    for index in range(10):
        ledger.failed(0, index, StoreError("busy"))
    assert ledger.outcome.lost == {}


def test_what_will_not_pass_is_not_tried_again(opened: Opened) -> None:
    """A slice that is damaged is lost at once; the others go on."""
    ledger, events = opened()
    index = _take(ledger)
    ledger.failed(0, index, SourceDamagedError("no picture"))
    assert list(ledger.outcome.lost) == [0]
    assert isinstance(events[-1], SliceFailed)
    assert len(ledger.handout) == 9


@pytest.mark.parametrize(
    "kind", [DestinationError, StoreFullError, SourceChangedError, SourceNotFoundError]
)
def test_what_every_slice_would_meet_ends_the_run(
    opened: Opened, kind: type[ScrubjayError]
) -> None:
    """A full disk or a vanished video is not tried slice by slice."""
    ledger, _ = opened()
    error = kind("for all")
    with pytest.raises(kind, match=r"^for all$") as raised:
        ledger.failed(0, _take(ledger), error)
    assert raised.value is error


def test_a_hopeless_video_is_given_up(opened: Opened) -> None:
    """When one slice after another is lost and none was made, the rest is not tried."""
    ledger, events = opened(attempts=1, slices=50)
    while ledger.handout:
        ledger.failed(0, _take(ledger), WorkerCrashedError("it died"))
    assert sum(isinstance(event, SliceStarted) for event in events) == 6
    assert sorted(ledger.outcome.lost) == list(range(50))
    assert "not tried" in str(ledger.outcome.lost[49])
    assert "not tried" not in str(ledger.outcome.lost[0])


def test_one_success_keeps_hope(opened: Opened) -> None:
    """A video of which anything could be made is tried to its end."""
    ledger, events = opened(attempts=1, slices=50)
    ledger.made(0, _take(ledger), [_record(ledger, "frames", 1)])
    while ledger.handout:
        ledger.failed(0, _take(ledger), WorkerCrashedError("it died"))
    assert sum(isinstance(event, SliceStarted) for event in events) == 50

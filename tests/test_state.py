from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from scrubjay.errors import DestinationError, ObjectNotFoundError
from scrubjay.keys import MANIFEST, PLAN, frame_key, record_key
from scrubjay.model import (
    FrameRecord,
    Plan,
    Recipe,
    SliceRecord,
    Still,
    encode,
)
from scrubjay.planning import plan_id
from scrubjay.sets.state import done_slices, load_plan, save_plan, save_record, stale_keys
from scrubjay.sets.store import Store

JSON, JPEG = "application/json", "image/jpeg"


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Open an empty store of each kind."""
    return Store.in_memory() if request.param == "memory" else Store.open(tmp_path / "set")


@pytest.fixture
def plan(planned: Callable[..., Plan]) -> Plan:
    """Three slices of a video, each of one still."""
    return planned(Fraction(30), _stills(10))


def _stills(seconds: int) -> Recipe:
    return Recipe(
        slice_length=Fraction(seconds),
        animations=(),
        frames=(Still(interval=Fraction(seconds)),),
        sheets=(),
    )


def _finish(store: Store, plan: Plan, index: int) -> SliceRecord:
    """Store a slice with one still and its record."""
    part = plan.slices[index]
    data = b"still" + bytes([index])
    store.put(frame_key(part.start), data, JPEG)
    frame = FrameRecord(
        key=frame_key(part.start),
        time=part.start,
        source_time=part.start,
        size_bytes=len(data),
        blake2b="0" * 32,
    )
    record = SliceRecord(
        plan=plan_id(plan),
        index=index,
        start=part.start,
        end=part.end,
        animation=None,
        frames=(frame,),
        sheet=None,
    )
    save_record(store, record)
    return record


def test_a_new_destination_has_no_plan(store: Store) -> None:
    """Nothing is remembered where nothing was made."""
    assert load_plan(store) is None


def test_a_plan_is_remembered(store: Store, plan: Plan) -> None:
    """A saved plan comes back as it was; saving one withdraws the manifest of the one before."""
    store.put(MANIFEST, b"{}", JSON)
    save_plan(store, plan)
    assert load_plan(store) == plan
    assert MANIFEST not in store.sizes()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"format": "scrubjay-plan/99"}', b"\xff"])
def test_a_plan_of_another_kind_is_not_overwritten(store: Store, content: bytes) -> None:
    """A plan that this version cannot read is an error that says what to do."""
    store.put(PLAN, content, JSON)
    with pytest.raises(DestinationError, match="empty this one"):
        load_plan(store)


def test_finished_slices_are_known(store: Store, plan: Plan) -> None:
    """Slices with a record and all their artifacts are done, the others are not."""
    records = {index: _finish(store, plan, index) for index in (0, 2)}
    assert done_slices(store, plan) == records


def test_a_record_of_another_plan_counts_for_nothing(
    store: Store, plan: Plan, planned: Callable[..., Plan]
) -> None:
    """A slice that was made by another recipe is made again, though its key is the same."""
    other = planned(Fraction(30), _stills(15))
    _finish(store, other, 0)
    _finish(store, plan, 1)
    assert list(done_slices(store, plan)) == [1]


@pytest.mark.parametrize("length", [0, 1, 40, -1])
def test_a_truncated_record_counts_for_nothing(store: Store, plan: Plan, length: int) -> None:
    """A slice whose record was cut off is made again."""
    record = _finish(store, plan, 0)
    store.put(record_key(record.start), encode(record)[:length], JSON)
    assert done_slices(store, plan) == {}


def test_a_missing_artifact_undoes_its_slice(store: Store, plan: Plan) -> None:
    """A slice is not done while one of its artifacts is not there."""
    record = _finish(store, plan, 1)
    store.delete(record.sizes())
    assert done_slices(store, plan) == {}


@pytest.mark.parametrize("data", [b"", b"stil", b"still-more"])
def test_an_artifact_of_another_size_undoes_its_slice(
    store: Store, plan: Plan, data: bytes
) -> None:
    """A slice is not done while one of its artifacts is shorter or longer than it was."""
    record = _finish(store, plan, 1)
    store.put(record.frames[0].key, data, JPEG)
    assert done_slices(store, plan) == {}


def test_a_record_in_anothers_place_counts_for_nothing(store: Store, plan: Plan) -> None:
    """A record that was copied over another slice's does not make that one done."""
    record = _finish(store, plan, 0)
    store.put(record_key(plan.slices[1].start), encode(record), JSON)
    assert list(done_slices(store, plan)) == [0]


def test_what_no_finished_slice_wrote_is_stale(store: Store, plan: Plan) -> None:
    """Artifacts and records that belong to no slice of the plan are stale."""
    records = {0: _finish(store, plan, 0)}
    store.put("animations/000007.gif", b"old", "image/gif")
    store.put(record_key(Fraction(7)), b"{}", JSON)
    assert stale_keys(store, plan, records) == [
        ".scrubjay/slices/000007.json",
        "animations/000007.gif",
    ]


def test_other_peoples_files_are_never_stale(store: Store, plan: Plan) -> None:
    """Whatever else lies in the destination is not ours to remove."""
    theirs = ["movie.mp4", "frames/me.jpg", "frames/000001.png", "notes/frames/000001.jpg"]
    save_plan(store, plan)
    for key in (*theirs, MANIFEST, "index.html", "storyboard.vtt"):
        store.put(key, b"mine", JPEG)
    assert stale_keys(store, plan, {0: _finish(store, plan, 0)}) == []


def test_a_record_that_is_gone_is_no_error(store: Store, plan: Plan) -> None:
    """A slice whose record was deleted is simply not done."""
    record = _finish(store, plan, 0)
    store.delete([record_key(record.start)])
    assert done_slices(store, plan) == {}
    with pytest.raises(ObjectNotFoundError):
        store.get(record_key(record.start))


def test_what_is_not_ours_need_not_be_readable(tmp_path: Path, plan: Plan) -> None:
    """A loop of links in the neighbourhood of a set, as below `-o .`, does not matter."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "loop").symlink_to("..")
    store = Store.open(tmp_path)
    records = {1: _finish(store, plan, 1)}
    assert done_slices(store, plan) == records
    store.put("animations/000007.gif", b"old", "image/gif")
    assert stale_keys(store, plan, records) == ["animations/000007.gif"]

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from scrubjay.errors import DestinationError, ObjectNotFoundError, PlanReplacedError
from scrubjay.identity import plan_id
from scrubjay.keys import (
    ANNOUNCED,
    GENERATIONS,
    MANIFEST,
    PLAN,
    PROBLEM,
    generation_key,
    record_key,
)
from scrubjay.model import (
    Artifact,
    Plan,
    PlannedOutput,
    Recipe,
    SliceRecord,
    Still,
    encode,
)
from scrubjay.planning import artifacts_of
from scrubjay.publishing import publish
from scrubjay.sets.pruning import prune_earlier, stale_keys
from scrubjay.sets.state import (
    check_is_current,
    check_is_free,
    load_plan,
    load_state,
    published_seconds_ago,
    save_plan,
    save_record,
    withdraw,
)
from scrubjay.sets.store import Store

JSON, JPEG = "application/json", "image/jpeg"
SMALL = Still(name="small", interval=Fraction(10), width=64)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Open an empty store of each kind."""
    return Store.in_memory() if request.param == "memory" else Store.open(tmp_path / "set")


@pytest.fixture
def plan(planned: Callable[..., Plan]) -> Plan:
    """Three slices of a video, each of one still."""
    return planned(Fraction(30), _stills(10))


@pytest.fixture
def two(planned: Callable[..., Plan]) -> Plan:
    """The same, with one small still more in each slice."""
    return planned(Fraction(30), _stills(10, SMALL))


def _stills(seconds: int, *more: Still, quality: int = 80) -> Recipe:
    still = Still(interval=Fraction(seconds), quality=quality)
    return Recipe(slice_length=Fraction(seconds), animations=(), frames=(still, *more), sheets=())


def _key(output: PlannedOutput, record: SliceRecord) -> str:
    return record_key(output.id, record.start, record.end)


def _finish(store: Store, plan: Plan, index: int, name: str = "frames") -> SliceRecord:
    """Store what an output has in a slice, and its record."""
    slice_ = plan.slices[index]
    [output] = [each for each in plan.outputs if each.name == name]
    data = b"still" + bytes([index])
    artifacts = tuple(
        Artifact(
            key=each.key,
            media_type=JPEG,
            start=each.start,
            end=each.end,
            pictures=1,
            source_times=(each.start,),
            size_bytes=len(data),
            blake2b="0" * 32,
        )
        for each in artifacts_of(plan, output, slice_)
    )
    assert len(artifacts) == 1
    store.put(artifacts[0].key, data, JPEG)
    record = SliceRecord(output=output.id, start=slice_.start, end=slice_.end, artifacts=artifacts)
    save_record(store, output, record)
    return record


def test_a_new_destination_has_no_plan(store: Store) -> None:
    """Nothing is remembered where nothing was made."""
    assert load_plan(store) is None


def test_a_plan_is_remembered(store: Store, plan: Plan) -> None:
    """A saved plan comes back as it was, and a note says where its artifacts lie."""
    save_plan(store, plan)
    assert load_plan(store) == plan
    assert set(store.sizes()) == {PLAN, generation_key(plan_id(plan))}


def test_a_new_plan_withdraws_nothing(store: Store, plan: Plan, two: Plan) -> None:
    """The manifest, and all that an earlier plan made, stay until the new set is published."""
    save_plan(store, plan)
    _finish(store, plan, 0)
    store.put(MANIFEST, b"{}", JSON)
    before = store.sizes()
    for mark in (ANNOUNCED, PROBLEM):  # what was announced was the earlier set
        store.put(mark, b"", JSON)
    save_plan(store, two)
    assert load_plan(store) == two
    assert {key: store.sizes().get(key) for key in before if key != PLAN} == {
        key: size for key, size in before.items() if key != PLAN
    }
    assert not store.has(ANNOUNCED)
    assert not store.has(PROBLEM)
    assert len(store.sizes(GENERATIONS)) == 2


def test_withdrawing_removes_the_plans_manifest_alone(store: Store, plan: Plan, two: Plan) -> None:
    """A set of which something is lost does not look complete; all else is left as it is."""
    save_plan(store, plan)
    _finish(store, plan, 0)
    before = store.sizes()
    publish(plan, store, state=load_state(store, plan))
    assert published_seconds_ago(store, plan) is not None
    withdraw(store, plan)
    assert published_seconds_ago(store, plan) is None
    assert {key: store.sizes().get(key) for key in before} == before
    assert not store.has(MANIFEST)
    publish(plan, store)
    save_plan(store, two)
    withdraw(store, two)  # the earlier plan's is whole
    assert published_seconds_ago(store, plan) is not None


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"format": "scrubjay-plan/99"}', b"\xff"])
def test_a_plan_of_another_kind_is_not_overwritten(store: Store, content: bytes) -> None:
    """A plan that this version cannot read is an error that says what to do."""
    store.put(PLAN, content, JSON)
    with pytest.raises(DestinationError, match="empty this one"):
        load_plan(store)


@pytest.mark.parametrize("key", [MANIFEST, "index.html"])
def test_a_foreign_destination_is_not_used(store: Store, plan: Plan, key: str) -> None:
    """Documents where no plan is are somebody else's; with a plan they are ours."""
    store.put(key, b"{}", JSON)
    with pytest.raises(DestinationError, match=f"contains {key}"):
        check_is_free(store)
    save_plan(store, plan)
    check_is_free(store)


def test_the_current_plan_is_the_one_saved_last(
    store: Store, plan: Plan, two: Plan, planned: Callable[..., Plan]
) -> None:
    """A plan that was replaced is not the current one any more; going back makes it that again."""
    check_is_current(store, plan)  # no plan at all: slices can be rendered by themselves
    save_plan(store, plan)
    check_is_current(store, plan)
    check_is_current(store, planned(Fraction(30), _stills(10)))
    save_plan(store, two)
    with pytest.raises(PlanReplacedError, match="another recipe or video"):
        check_is_current(store, plan)
    save_plan(store, plan)
    check_is_current(store, plan)


def test_finished_slices_are_known(store: Store, plan: Plan) -> None:
    """Slices with a record and all their artifacts are made, the others are missing."""
    records = {index: {"frames": _finish(store, plan, index)} for index in (0, 2)}
    state = load_state(store, plan)
    assert state.records == state.made == records
    assert state.missing == {1: ("frames",)}


def test_each_output_of_a_slice_counts_by_itself(store: Store, two: Plan) -> None:
    """What is missing is named by slice and output; a slice is made when none is."""
    first = {name: _finish(store, two, 0, name) for name in ("frames", "small")}
    second = {"small": _finish(store, two, 1, "small")}
    state = load_state(store, two)
    assert state.records == {0: first, 1: second}
    assert state.made == {0: first}
    assert state.missing == {1: ("frames",), 2: ("frames", "small")}


def test_an_output_is_shared_by_the_plans_that_have_it(
    store: Store, plan: Plan, two: Plan, planned: Callable[..., Plan]
) -> None:
    """Adding an output makes that one alone; another quality shares nothing."""
    records = {index: {"frames": _finish(store, plan, index)} for index in range(3)}
    assert load_state(store, two).records == records
    assert load_state(store, two).missing == dict.fromkeys(range(3), ("small",))
    assert load_state(store, planned(Fraction(30), _stills(10, quality=81))).records == {}


def test_records_of_other_slices_count_for_nothing(
    store: Store, plan: Plan, planned: Callable[..., Plan]
) -> None:
    """Cut elsewhere, a video is made anew, and the records of both ways lie side by side."""
    longer = Recipe(
        slice_length=Fraction(15),
        animations=(),
        frames=(Still(interval=Fraction(10)),),
        sheets=(),
    )
    other = planned(Fraction(30), longer)
    assert other.outputs[0].id != plan.outputs[0].id  # of a damaged video, pictures may differ
    records = {index: {"frames": _finish(store, plan, index)} for index in range(3)}
    assert load_state(store, other).records == {}
    assert load_state(store, plan).records == records


@pytest.mark.parametrize("length", [0, 1, 40, -1])
def test_a_truncated_record_counts_for_nothing(store: Store, plan: Plan, length: int) -> None:
    """A slice whose record was cut off is made again."""
    record = _finish(store, plan, 0)
    store.put(_key(plan.outputs[0], record), encode(record)[:length], JSON)
    assert load_state(store, plan).records == {}


def test_a_missing_artifact_undoes_its_slice(store: Store, plan: Plan) -> None:
    """A slice is not made while one of its artifacts is not there."""
    record = _finish(store, plan, 1)
    store.delete(record.sizes())
    assert load_state(store, plan).records == {}


@pytest.mark.parametrize("data", [b"", b"stil", b"still-more"])
def test_an_artifact_of_another_size_undoes_its_slice(
    store: Store, plan: Plan, data: bytes
) -> None:
    """A slice is not made while one of its artifacts is shorter or longer than it was."""
    record = _finish(store, plan, 1)
    store.put(record.artifacts[0].key, data, JPEG)
    assert load_state(store, plan).records == {}


def test_known_records_are_not_read_again(store: Store, two: Plan) -> None:
    """Records that a run read or wrote before are taken, if they and their artifacts are there."""
    made = {name: _finish(store, two, 0, name) for name in ("frames", "small")}
    known = {0: made, 1: {"frames": _finish(store, two, 1)}}
    frames, small = two.outputs
    store.put(_key(frames, made["frames"]), b"unreadable", JSON)  # nobody looks
    assert load_state(store, two, known).records == known
    assert load_state(store, two).records == {0: {"small": made["small"]}, 1: known[1]}
    store.delete([_key(small, made["small"]), *known[1]["frames"].sizes()])
    assert load_state(store, two, known).records == {0: {"frames": made["frames"]}}


@pytest.mark.parametrize("other", [0, 1])
def test_a_record_in_anothers_place_counts_for_nothing(store: Store, two: Plan, other: int) -> None:
    """A record that was copied over another slice's or output's makes nothing of those."""
    record = _finish(store, two, 0)
    place = record_key(two.outputs[1 - other].id, *_edges(two, other))
    store.put(place, encode(record), JSON)
    assert load_state(store, two).records == {0: {"frames": record}}


def _edges(plan: Plan, index: int) -> tuple[Fraction, Fraction]:
    return plan.slices[index].start, plan.slices[index].end


def test_a_record_that_is_gone_is_no_error(store: Store, plan: Plan) -> None:
    """A slice whose record was deleted is simply not made."""
    key = _key(plan.outputs[0], _finish(store, plan, 0))
    store.delete([key])
    assert load_state(store, plan).records == {}
    with pytest.raises(ObjectNotFoundError):
        store.get(key)


def test_what_only_an_earlier_plan_had_is_stale(
    store: Store, plan: Plan, two: Plan, planned: Callable[..., Plan]
) -> None:
    """Artifacts and records of outputs that the plan has no more are stale; its own never are."""
    for each in (two, plan):
        save_plan(store, each)
    small = [_finish(store, two, index, "small") for index in range(2)]
    _finish(store, plan, 0)
    kept = {*store.sizes()} - {generation_key(plan_id(two))}
    stale = sorted(key for each in small for key in (*each.sizes(), _key(two.outputs[1], each)))
    assert stale_keys(store, plan) == stale
    assert stale_keys(store, two) == []
    assert prune_earlier(store, plan) == len(stale) == 4
    assert set(store.sizes()) == kept - set(stale)
    assert stale_keys(store, plan) == []
    # what no note names is not ours to remove
    _finish(store, planned(Fraction(30), _stills(10, quality=50)), 0)
    assert stale_keys(store, plan) == []


def test_other_peoples_files_are_never_stale(store: Store, plan: Plan, two: Plan) -> None:
    """Whatever else lies in the destination, even in our folders, is not ours to remove."""
    for each in (two, plan):
        save_plan(store, each)
    folder = f"small/{two.outputs[1].id}/"
    theirs = ["movie.mp4", "small/me.jpg", f"{folder}mine.jpg", f"{folder}notes/000001.jpg"]
    theirs += ["frames/000001.jpg", "notes/0123456789ab/000001.jpg"]
    for key in (*theirs, MANIFEST, "index.html", "storyboard.vtt"):
        store.put(key, b"mine", JPEG)
    _finish(store, two, 0, "small")
    assert len(stale_keys(store, plan)) == 2
    prune_earlier(store, plan)
    assert {store.get(key) for key in theirs} == {b"mine"}
    assert store.get("index.html") == b"mine"


def test_what_is_not_ours_need_not_be_readable(tmp_path: Path, plan: Plan, two: Plan) -> None:
    """A loop of links in the neighbourhood of a set, as below `-o .`, does not matter."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "loop").symlink_to("..")
    store = Store.open(tmp_path)
    for each in (two, plan):
        save_plan(store, each)
    record = _finish(store, plan, 1)
    assert load_state(store, plan).records == {1: {"frames": record}}
    _finish(store, two, 0, "small")
    assert prune_earlier(store, plan) == 2
    assert not (tmp_path / "small").exists()  # an empty folder is of no use

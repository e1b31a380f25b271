"""A set that is made behind a queue ends, whatever the queue and its workers do on the way."""

from itertools import count
from pathlib import Path

import pytest
from enginecontract import RECIPE, made_by
from memoryqueue import Faults, KilledError, MemoryQueue
from msgspec.structs import replace

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue.engine import QueueEngine
from scrubjay.engines.queue.notes import load_origin
from scrubjay.engines.queue.orders import FinishOrder, SliceOrder
from scrubjay.engines.queue.planner import PlannedVideo, plan_video
from scrubjay.engines.queue.redrive import redrive_set
from scrubjay.engines.queue.status import set_status
from scrubjay.errors import (
    DestinationError,
    IncompleteError,
    OutOfTimeError,
    ScrubjayError,
    SourceUnreadableError,
    StoreError,
    TransportError,
)
from scrubjay.keys import ANNOUNCED, MANIFEST, PLAN, PROBLEM
from scrubjay.model import Manifest, Plan, decode, encode
from scrubjay.places.place import Place
from scrubjay.sets.state import load_plan, load_state
from scrubjay.sets.store import Store

_HARMLESS = Faults(duplicated=0.3, killed=0.04, overlapping=0.15)
_LOSING = Faults(duplicated=0.2, lost=0.3, refused=0.1, killed=0.04, overlapping=0.15)


@pytest.fixture(scope="session")
def serial(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a run on one machine makes of the clip."""
    folder = tmp_path_factory.mktemp("serial")
    scrubjay.make(clip, folder, recipe=RECIPE, engine=InlineEngine())
    return made_by(Store.open(folder))


@pytest.fixture
def store() -> Store:
    """A store in memory."""
    return Store.in_memory()


@pytest.fixture
def queue(store: Store) -> MemoryQueue:
    """A queue that does nothing wrong."""
    return MemoryQueue(memory=store)


def _upload(
    queue: MemoryQueue, video: Path, upload_id: str = "first", store: Store | None = None
) -> PlannedVideo | ScrubjayError:
    """Let the planner hear of a video."""
    assert queue.memory
    return plan_video(
        Place.of(video),
        store or queue.memory,
        recipe=RECIPE,
        transport=queue,
        engine=InlineEngine(),
        upload_id=upload_id,
    )


def _upload_until_planned(queue: MemoryQueue, video: Path) -> None:
    """Deliver an upload to planners until one is neither killed nor refused anything."""
    while True:
        try:
            _upload(queue, video, store=queue.fragile())
        except (KilledError, TransportError, StoreError):
            continue
        return


def _plan(store: Store) -> Plan:
    plan = load_plan(store)
    assert plan
    return plan


def _manifest(store: Store) -> Manifest:
    return decode(store.get(MANIFEST), Manifest)


@pytest.mark.parametrize("seed", range(12))
def test_a_set_ends_by_itself(
    store: Store, clip: Path, serial: dict[str, bytes], seed: int
) -> None:
    """Duplicates, any order, workers side by side and killed: the set is whole, and announced."""
    queue = MemoryQueue(memory=store, seed=seed, faults=_HARMLESS)
    _upload_until_planned(queue, clip)
    queue.drain()
    assert made_by(store) == serial
    assert {each.status for each in queue.announced} == {"complete"}
    assert store.has(ANNOUNCED)
    assert queue.dead == []


@pytest.mark.parametrize("seed", range(12))
def test_what_is_lost_is_sent_again(
    store: Store, clip: Path, serial: dict[str, bytes], seed: int
) -> None:
    """Orders that never come are missing in the store, so a redrive sends them, until it is whole.

    Nothing is left to send then.
    """
    queue = MemoryQueue(memory=store, seed=seed, faults=_LOSING)
    _upload_until_planned(queue, clip)
    queue.drain()
    while not (store.has(MANIFEST) and store.has(ANNOUNCED)):
        try:
            redrive_set(store, queue)
        except TransportError:
            continue
        queue.drain()
    assert made_by(store) == serial
    before = len(queue.sent)
    assert redrive_set(store, queue)[1] == []
    assert len(queue.sent) == before


def test_a_worker_may_be_killed_at_any_moment_of_the_end(store: Store, clip: Path) -> None:
    """Killed before or after whichever write of publishing, the set is finished all the same."""
    queue = MemoryQueue(memory=store)
    _upload(queue, clip)
    queue.drain()
    whole, kills = made_by(store), 0
    for moment in count(1):
        store.delete([MANIFEST, "index.html", "storyboard.vtt", ANNOUNCED])
        queue = MemoryQueue(memory=store, faults=Faults(killed_at=moment))
        redrive_set(store, queue)
        queue.drain()
        assert made_by(store) == whole
        assert store.has(ANNOUNCED)
        assert {each.status for each in queue.announced} == {"complete"}
        if not queue.kills:
            break
        kills += queue.kills
    assert kills >= 8  # documents, manifest and mark


def test_a_planner_may_be_killed_at_any_moment(clip: Path) -> None:
    """Killed before or after whichever write, its retry sends every slice."""
    for moment in count(1):
        queue = MemoryQueue(memory=Store.in_memory(), faults=Faults(killed_at=moment))
        _upload_until_planned(queue, clip)
        indexes = {each.index for each in queue.sent if isinstance(each, SliceOrder)}
        assert indexes == {0, 1, 2, 3}
        if not queue.kills:
            break
    assert moment >= 6  # origin, plan and what was sent


def test_the_faults_happen(store: Store, clip: Path) -> None:
    """The double does what it is for: workers are killed, orders come twice, and out of order."""
    kills = duplicates = 0
    orders: set[tuple[int, ...]] = set()
    for seed in range(4):
        queue = MemoryQueue(memory=Store.in_memory(), seed=seed, faults=_HARMLESS)
        _upload_until_planned(queue, clip)
        queue.drain()
        kills += queue.kills
        duplicates += sum(each.outcome == "already done" for each in queue.outcomes)
        orders.add(tuple(each.index for each in queue.outcomes))
    assert kills
    assert duplicates
    assert len(orders) > 1
    assert not store.sizes()


def test_the_same_seed_does_the_same(clip: Path) -> None:
    """A failure can be repeated: everything depends on the seed."""
    runs: list[object] = []
    for _ in range(2):
        queue = MemoryQueue(memory=Store.in_memory(), seed=3, faults=_LOSING)
        _upload_until_planned(queue, clip)
        queue.drain()
        runs.append((queue.outcomes, queue.kills, queue.sent))
    assert runs[0] == runs[1]


def test_a_set_is_published_by_its_last_slice(store: Store, queue: MemoryQueue, clip: Path) -> None:
    """Nothing is published or announced before; after it, duplicates change nothing."""
    planned = _upload(queue, clip)
    assert isinstance(planned, PlannedVideo)
    assert (planned.sent, planned.is_new) == (4, True)
    again = list(queue.waiting)
    for done in range(4):
        status = set_status(store)
        assert (status.done, len(status.missing), status.published) == (done, 4 - done, False)
        queue.deliver()
    status = set_status(store)
    assert (status.done, status.missing, status.published, status.announced) == (4, [], True, True)
    assert [each.outcome for each in queue.outcomes] == ["made"] * 4
    assert [each.ending is not None for each in queue.outcomes] == [False, False, False, True]
    before = store.sizes()
    queue.waiting += again
    queue.drain()
    assert store.sizes() == before
    assert len(queue.announced) == 1


def test_the_same_upload_sends_what_was_refused(
    store: Store, queue: MemoryQueue, clip: Path
) -> None:
    """A retry sends the rest, a duplicate nothing, another upload all that is missing."""
    queue.faults = Faults(refused=0.5)
    with pytest.raises(TransportError, match="of 4 orders"):
        _upload(queue, clip)
    queue.faults = Faults()
    taken = [each.index for each in queue.sent if isinstance(each, SliceOrder)]
    assert 0 < len(taken) < 4
    rest = _upload(queue, clip)
    assert isinstance(rest, PlannedVideo)
    assert rest.sent == 4 - len(taken)
    indexes = [each.index for each in queue.sent if isinstance(each, SliceOrder)]
    assert sorted(index for index in indexes if index is not None) == [0, 1, 2, 3]
    again = _upload(queue, clip)
    assert isinstance(again, PlannedVideo)
    assert again.sent == 0
    queue.deliver()
    other = _upload(queue, clip, "second")
    assert isinstance(other, PlannedVideo)
    assert other.sent == 3
    assert load_origin(store) == Place.of(clip)


@pytest.mark.parametrize("lost", [[MANIFEST, ANNOUNCED], [ANNOUNCED]])
def test_a_set_that_lacks_only_its_end_is_finished(
    store: Store, queue: MemoryQueue, clip: Path, lost: list[str]
) -> None:
    """One order to finish is sent, and no slice; its worker publishes and announces."""
    _upload(queue, clip)
    queue.drain()
    store.delete(lost)
    outcomes = len(queue.outcomes)
    assert redrive_set(store, queue)[1] == []
    [order] = queue.sent[4:]
    assert isinstance(order, FinishOrder)
    queue.drain()
    assert store.has(MANIFEST)
    assert store.has(ANNOUNCED)
    assert len(queue.outcomes) == outcomes
    assert len(queue.announced) == 2


def test_giving_up_publishes_what_is_there(store: Store, queue: MemoryQueue, clip: Path) -> None:
    """What is missing becomes a gap with a reason; a later redrive makes it all the same."""
    _upload(queue, clip)
    queue.deliver()
    queue.waiting.clear()  # the others are lost
    missing = redrive_set(store, queue, give_up=True, dry_run=True)[1]
    assert len(missing) == 3
    assert not queue.waiting
    assert redrive_set(store, queue, give_up=True)[1] == missing
    queue.drain()
    manifest = _manifest(store)
    assert manifest.status == "partial"
    assert {gap.reason for gap in manifest.gaps} == {"given up by hand"}
    assert [each.status for each in queue.announced] == ["partial"]
    assert redrive_set(store, queue)[1] == missing
    assert not store.has(MANIFEST)
    queue.drain()
    assert _manifest(store).status == "complete"


def test_a_set_without_any_slice_has_failed(
    store: Store, queue: MemoryQueue, clip: Path, tmp_path: Path
) -> None:
    """A video that is gone: no manifest, one note why, and an announcement, so nobody waits."""
    video = tmp_path / "clip.mp4"
    video.write_bytes(clip.read_bytes())
    _upload(queue, video)
    video.unlink()
    queue.drain()
    assert [each.outcome for each in queue.outcomes] == ["gap"] * 4
    assert [each.status for each in queue.announced] == ["failed"]
    status = set_status(store)
    assert (status.published, status.announced, len(status.failed)) == (False, True, 4)
    assert "does not exist" in status.problem
    video.write_bytes(clip.read_bytes())
    redrive_set(store, queue)
    assert not store.has(PROBLEM)
    queue.drain()
    assert _manifest(store).status == "complete"


def test_what_is_no_video_takes_its_set_back(
    store: Store, queue: MemoryQueue, clip: Path, tmp_path: Path
) -> None:
    """An upload that can have no previews is written down; orders that are late find no plan."""
    _upload(queue, clip)
    queue.deliver()
    text = tmp_path / "clip.mp4"
    text.write_text("not a video")
    assert isinstance(_upload(queue, text, "second"), SourceUnreadableError)
    assert not store.has(PLAN)
    queue.drain()
    assert len(queue.outcomes) == 1
    assert queue.announced == []
    assert set_status(store).problem


def test_an_order_that_always_fails_is_dead_in_the_end(
    store: Store, queue: MemoryQueue, clip: Path
) -> None:
    """It is tried as often as the queue says; the other slices are made, nothing is published."""
    queue.attempts = 3
    _upload(queue, clip)
    first = queue.sent[0]
    assert isinstance(first, SliceOrder)
    bad = encode(replace(first, index=9))  # the plan has no such slice
    queue.waiting[0] = bad
    queue.drain()
    assert queue.dead == [bad]
    assert load_state(store, _plan(store)).made.keys() == {1, 2, 3}
    assert not store.has(MANIFEST)


def test_patience_ends(clip: Path, tmp_path: Path) -> None:
    """Slices whose orders are lost are gaps when patience ends; who waits is told where to look."""
    queue = MemoryQueue(seed=1, faults=Faults(lost=0.6))
    said: list[str] = []
    engine = QueueEngine(
        queue,
        local=InlineEngine(),
        clock=queue,
        patience=100,
        where_to_look=lambda: "look there",
        on_silence=said.append,
    )
    with pytest.raises(IncompleteError, match="look there") as caught:
        scrubjay.make(clip, tmp_path, recipe=RECIPE, engine=engine)
    assert {type(each) for each in caught.value.causes} == {OutOfTimeError}
    missing = len(caught.value.causes)
    [text] = said
    assert text.startswith(f"4 slices were sent to the workers; {missing} are missing")
    assert text.endswith("none has arrived for 60 s. Waiting up to 100 s: look there")
    assert 100 < queue.now < 200
    queue.faults = Faults()
    assert scrubjay.make(clip, tmp_path, recipe=RECIPE, engine=engine).status == "complete"


def test_a_set_that_nobody_began_cannot_be_redriven(store: Store, queue: MemoryQueue) -> None:
    """The errors say what is missing where."""
    with pytest.raises(DestinationError, match="no set was begun there"):
        set_status(store)
    with pytest.raises(DestinationError, match=r"origin\.json"):
        redrive_set(store, queue)

"""What a worker hands over is checked: it may have been taken over by the video that it opened."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from hashlib import blake2b

import pytest
from msgspec.structs import replace

from scrubjay.engines.delivery import Delivery, Outbox
from scrubjay.engines.inbox import Inbox, ReceivedObject
from scrubjay.engines.wire import MAX_LINE_BYTES, Progress, Put
from scrubjay.errors import LimitError, WorkerCrashedError
from scrubjay.keys import record_key
from scrubjay.limits import Limits
from scrubjay.model import Artifact, Plan, PlannedOutput, Recipe, SliceRecord, Still, encode
from scrubjay.sets.store import Store

RECIPE = Recipe(
    slice_length=Fraction(2),
    animations=(),
    frames=(Still(), Still(name="small", width=160)),
    sheets=(),
)
JPEG = "image/jpeg"


@pytest.fixture
def plan(planned: Callable[..., Plan]) -> Plan:
    """Two slices of two stills, in two sizes."""
    plan: Plan = planned(Fraction(4), RECIPE)
    return plan


@pytest.fixture
def frames(plan: Plan) -> PlannedOutput:
    """The first of the plan's outputs."""
    return plan.outputs[0]


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    """A way into a store in memory."""
    with Outbox(Store.in_memory(), 1) as outbox:
        yield outbox


@pytest.fixture
def delivery(plan: Plan, outbox: Outbox) -> Delivery:
    """What the second slice's worker may hand over, of the first output alone."""
    return Delivery(plan, plan.slices[1], ["frames"], outbox, Limits())


def _key(output: PlannedOutput, time: int) -> str:
    return f"{output.name}/{output.id}/{time:06}.jpg"


def _still(
    output: PlannedOutput, time: int, data: bytes = b"picture"
) -> tuple[ReceivedObject, Artifact]:
    artifact = Artifact(
        key=_key(output, time),
        media_type=JPEG,
        start=Fraction(time),
        end=Fraction(time + 1),
        pictures=1,
        source_times=(Fraction(time),),
        size_bytes=len(data),
        blake2b=blake2b(data, digest_size=16).hexdigest(),
    )
    return ReceivedObject(artifact.key, JPEG, data), artifact


def _record(output: PlannedOutput, *stills: Artifact) -> SliceRecord:
    return SliceRecord(output=output.id, start=Fraction(2), end=Fraction(4), artifacts=stills)


def _record_key(output: PlannedOutput) -> str:
    return record_key(output.id, Fraction(2), Fraction(4))


def _hand_over(delivery: Delivery, output: PlannedOutput, record: SliceRecord) -> None:
    delivery.take(ReceivedObject(_record_key(output), "application/json", encode(record)))


def _hand_over_pictures(delivery: Delivery, output: PlannedOutput) -> SliceRecord:
    """Hand over all pictures of the slice, and return the record that belongs to them."""
    stills = [_still(output, 2), _still(output, 3)]
    for handed_over, _ in stills:
        delivery.take(handed_over)
    return _record(output, *(artifact for _, artifact in stills))


def test_what_a_slice_is_to_have_is_written(
    delivery: Delivery, frames: PlannedOutput, outbox: Outbox
) -> None:
    """Its pictures, and last its record, which says what they are."""
    record = _hand_over_pictures(delivery, frames)
    assert not delivery.has_all
    assert not delivery.is_over
    _hand_over(delivery, frames, record)
    assert delivery.has_all
    assert delivery.is_over
    assert delivery.records == [record]
    expected = {_key(frames, 2), _key(frames, 3), _record_key(frames)}
    assert set(outbox.store.sizes()) == expected


def test_every_output_has_its_own_record(plan: Plan, outbox: Outbox) -> None:
    """All pictures of a slice come first; it is over when the last output's record is written."""
    delivery = Delivery(plan, plan.slices[1], ["frames", "small"], outbox, Limits())
    records = [_hand_over_pictures(delivery, output) for output in plan.outputs]
    _hand_over(delivery, plan.outputs[0], records[0])
    assert not delivery.is_over
    assert set(outbox.store.sizes(".scrubjay/")) == {_record_key(plan.outputs[0])}
    _hand_over(delivery, plan.outputs[1], records[1])
    assert delivery.is_over
    assert delivery.records == records


@pytest.mark.parametrize(
    ("key", "media_type"),
    [
        ("frames/{frames}/000000.jpg", JPEG),  # the other slice's
        ("frames/{frames}/000002.jpg", "text/html"),
        ("frames/{small}/000002.jpg", JPEG),
        ("frames/000002.jpg", JPEG),
        ("frames/0123456789ab/000002.jpg", JPEG),  # of another plan
        ("small/{small}/000002.jpg", JPEG),  # in the plan, but made already
        ("animations/0123456789ab/000002.gif", "image/gif"),  # not in the plan
        (".scrubjay/slices/{small}/000002-000004.json", "application/json"),
        (".scrubjay/slices/{frames}/000000-000002.json", "application/json"),
        (".scrubjay/generations/00000000000000000000000000000000.json", "application/json"),
        ("manifest.json", "application/json"),
        ("index.html", "text/html"),
        (".scrubjay/plan.json", "application/json"),
        ("frames/{frames}/../../../root/.ssh/authorized_keys", JPEG),
        ("/etc/passwd", JPEG),
        ("", JPEG),
    ],
)
def test_other_objects_are_not_written(
    delivery: Delivery, plan: Plan, outbox: Outbox, key: str, media_type: str
) -> None:
    """A worker can write nothing but what its slice is to have; its run is not fooled."""
    key = key.format(**{output.name: output.id for output in plan.outputs})
    with pytest.raises(WorkerCrashedError, match="does not belong"):
        delivery.take(ReceivedObject(key, media_type, b"x"))
    assert not outbox.store.sizes()


def test_a_record_says_what_was_handed_over(
    plan: Plan, frames: PlannedOutput, outbox: Outbox
) -> None:
    """A record of other pictures, of another slice or of another output is not written."""

    def began() -> tuple[Delivery, SliceRecord]:
        delivery = Delivery(plan, plan.slices[1], ["frames"], outbox, Limits())
        return delivery, _hand_over_pictures(delivery, frames)

    _, right = began()
    first, second = right.artifacts
    for wrong in (
        _record(frames),
        _record(frames, first),
        _record(frames, second, first),
        _record(frames, first, second, _still(frames, 4)[1]),
        _record(frames, first, _still(plan.outputs[1], 3)[1]),
        _record(frames, first, replace(second, size_bytes=1)),
        _record(frames, first, replace(second, blake2b="0" * 32)),
        replace(right, start=Fraction(0)),
        replace(right, end=Fraction(3)),
        replace(right, output=plan.outputs[1].id),
        replace(right, output="0" * 12),
    ):
        delivery, _ = began()
        with pytest.raises(WorkerCrashedError, match="the worker process sent"):
            _hand_over(delivery, frames, wrong)
        assert not delivery.records
    delivery, _ = began()
    with pytest.raises(WorkerCrashedError, match="cannot be read"):
        delivery.take(ReceivedObject(_record_key(frames), "application/json", b"\xff{"))
    assert not outbox.store.sizes(".scrubjay/")


def test_nothing_comes_after_the_records(delivery: Delivery, frames: PlannedOutput) -> None:
    """Once its records are written, a slice takes no picture and no other record."""
    record = _hand_over_pictures(delivery, frames)
    _hand_over(delivery, frames, record)
    with pytest.raises(WorkerCrashedError, match="does not belong"):
        delivery.take(_still(frames, 2)[0])
    with pytest.raises(WorkerCrashedError, match="does not belong"):
        _hand_over(delivery, frames, record)


def test_no_picture_comes_after_the_first_record(plan: Plan, outbox: Outbox) -> None:
    """What a record says stays true: no picture is written once one output's record is."""
    delivery = Delivery(plan, plan.slices[1], ["frames", "small"], outbox, Limits())
    record = _hand_over_pictures(delivery, plan.outputs[0])
    _hand_over(delivery, plan.outputs[0], record)
    for output in plan.outputs:
        with pytest.raises(WorkerCrashedError, match="does not belong"):
            delivery.take(_still(output, 2, b"another picture")[0])


def test_objects_come_whole_however_they_are_cut() -> None:
    """Bytes that arrive one by one give what was sent, lines and objects alike."""
    put = Put(key="frames/0123456789ab/000002.jpg", media_type=JPEG, size_bytes=4)
    sent = encode(put) + b"\na\nb\n" + encode(Progress(time=Fraction(1))) + b"\n"
    whole = list(Inbox(100).take(sent))
    inbox = Inbox(100)
    single = [heard for byte in sent for heard in inbox.take(bytes([byte]))]
    expected = [ReceivedObject(put.key, put.media_type, b"a\nb\n"), Progress(time=Fraction(1))]
    assert whole == single == expected


@pytest.mark.parametrize(
    "sent",
    [
        encode(Put(key="x", media_type="y", size_bytes=101)) + b"\n",
        b'{"say":"put","key":"x","media_type":"y","size_bytes":-1}\n',
        b"x" * (MAX_LINE_BYTES + 1),
        b"x" * (MAX_LINE_BYTES + 1) + b"\n",
        b"[" * 100_000 + b"\n",
        b"\xff\n",
        b"\n",
    ],
)
def test_what_no_worker_sends_ends_it(sent: bytes) -> None:
    """Too large, too long, too deep or no JSON: none of it is kept or guessed at."""
    with pytest.raises(WorkerCrashedError):
        list(Inbox(100).take(sent))


def test_a_slice_may_not_fill_the_disk(plan: Plan, frames: PlannedOutput, outbox: Outbox) -> None:
    """What a slice may write is bounded by what its video holds; the bound is an option."""
    limits = Limits(base_output=1, output_per_byte=0)
    delivery = Delivery(plan, plan.slices[1], ["frames"], outbox, limits)
    with pytest.raises(LimitError, match="--base-output"):
        delivery.take(_still(frames, 2, bytes(2 << 20))[0])
    assert not outbox.store.sizes()

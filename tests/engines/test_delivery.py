"""What a worker hands over is checked: it may have been taken over by the video that it opened."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from hashlib import blake2b

import pytest
from msgspec.structs import replace

from scrubjay.engines.delivery import Delivery, Outbox
from scrubjay.engines.inbox import HandedOver, Inbox
from scrubjay.engines.wire import MAX_LINE_BYTES, Progress, Put
from scrubjay.errors import LimitError, WorkerCrashedError
from scrubjay.keys import record_key
from scrubjay.limits import Limits
from scrubjay.model import (
    FrameRecord,
    Plan,
    Recipe,
    SliceRecord,
    Still,
    encode,
)
from scrubjay.planning import plan_id
from scrubjay.sets.store import Store

RECIPE = Recipe(
    slice_length=Fraction(2),
    animations=(),
    frames=(Still(interval=Fraction(1)),),
    sheets=(),
)


@pytest.fixture
def plan(planned: Callable[..., Plan]) -> Plan:
    """Two slices of two stills."""
    plan: Plan = planned(Fraction(4), RECIPE)
    return plan


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    """A way into a store in memory."""
    with Outbox(Store.in_memory(), 1) as outbox:
        yield outbox


@pytest.fixture
def delivery(plan: Plan, outbox: Outbox) -> Delivery:
    """What the second slice's worker may hand over."""
    return Delivery(plan, plan.slices[1], outbox, Limits())


def _still(time: int, data: bytes = b"picture") -> tuple[HandedOver, FrameRecord]:
    key = f"frames/{time:06}.jpg"
    record = FrameRecord(
        key=key,
        time=Fraction(time),
        source_time=Fraction(time),
        size_bytes=len(data),
        blake2b=blake2b(data, digest_size=16).hexdigest(),
    )
    return HandedOver(key, "image/jpeg", data), record


def _record(plan: Plan, *stills: FrameRecord) -> SliceRecord:
    part = plan.slices[1]
    return SliceRecord(
        plan=plan_id(plan),
        index=1,
        start=part.start,
        end=part.end,
        animation=None,
        frames=stills,
        sheet=None,
        damaged_packets=0,
    )


def _hand_over(delivery: Delivery, record: SliceRecord) -> None:
    delivery.take(HandedOver(record_key(Fraction(2)), "application/json", encode(record)))


def test_what_a_slice_is_to_have_is_written(delivery: Delivery, plan: Plan, outbox: Outbox) -> None:
    """Its pictures, and last its record, which says what they are."""
    stills = [_still(2), _still(3)]
    for handed_over, _ in stills:
        delivery.take(handed_over)
    assert not delivery.is_over
    _hand_over(delivery, _record(plan, *(record for _, record in stills)))
    assert delivery.is_over
    assert set(outbox.store.sizes()) == {
        "frames/000002.jpg",
        "frames/000003.jpg",
        record_key(Fraction(2)),
    }


@pytest.mark.parametrize(
    ("key", "media_type"),
    [
        ("frames/000000.jpg", "image/jpeg"),  # the other slice's
        ("frames/000002.jpg", "text/html"),
        ("animations/000002.gif", "image/gif"),  # not in the plan
        ("manifest.json", "application/json"),
        ("index.html", "text/html"),
        (".scrubjay/plan.json", "application/json"),
        (".scrubjay/slices/000000.json", "application/json"),
        ("frames/../../../root/.ssh/authorized_keys", "image/jpeg"),
        ("/etc/passwd", "image/jpeg"),
        ("", "image/jpeg"),
    ],
)
def test_other_objects_are_not_written(
    delivery: Delivery, outbox: Outbox, key: str, media_type: str
) -> None:
    """A worker can write nothing but what its slice is to have; its run is not fooled."""
    with pytest.raises(WorkerCrashedError, match="not to have"):
        delivery.take(HandedOver(key, media_type, b"x"))
    assert not outbox.store.sizes()


def test_a_record_says_what_was_handed_over(delivery: Delivery, plan: Plan, outbox: Outbox) -> None:
    """A record of other pictures, of another slice or of another plan is not written."""
    handed_over, still = _still(2)
    delivery.take(handed_over)
    right = _record(plan, still)
    for wrong in (
        _record(plan),
        _record(plan, still, _still(3)[1]),
        _record(plan, replace(still, size_bytes=1)),
        _record(plan, replace(still, blake2b="0" * 32)),
        replace(right, index=0),
        replace(right, start=Fraction(0)),
        replace(right, plan="0" * 32),
    ):
        with pytest.raises(WorkerCrashedError, match="handed over"):
            _hand_over(delivery, wrong)
    with pytest.raises(WorkerCrashedError, match="cannot be read"):
        delivery.take(HandedOver(record_key(Fraction(2)), "application/json", b"\xff{"))
    assert set(outbox.store.sizes()) == {"frames/000002.jpg"}


def test_nothing_comes_after_the_record(delivery: Delivery, plan: Plan) -> None:
    """A slice whose record is written is done."""
    stills = [_still(2), _still(3)]
    for handed_over, _ in stills:
        delivery.take(handed_over)
    _hand_over(delivery, _record(plan, *(record for _, record in stills)))
    with pytest.raises(WorkerCrashedError):
        delivery.take(handed_over)


def test_objects_come_whole_however_they_are_cut() -> None:
    """Bytes that arrive one by one give what was sent, lines and objects alike."""
    put = Put(key="frames/000002.jpg", media_type="image/jpeg", size_bytes=4)
    sent = encode(put) + b"\na\nb\n" + encode(Progress(time=Fraction(1))) + b"\n"
    whole = list(Inbox(100).take(sent))
    inbox = Inbox(100)
    single = [heard for byte in sent for heard in inbox.take(bytes([byte]))]
    expected = [HandedOver(put.key, put.media_type, b"a\nb\n"), Progress(time=Fraction(1))]
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


def test_a_slice_may_not_fill_the_disk(plan: Plan, outbox: Outbox) -> None:
    """What a slice may write is bounded by what its video holds; the bound is an option."""
    limits = Limits(base_output=1, output_per_byte=0)
    delivery = Delivery(plan, plan.slices[1], outbox, limits)
    with pytest.raises(LimitError, match="--base-output"):
        delivery.take(_still(2, bytes(2 << 20))[0])
    assert not outbox.store.sizes()

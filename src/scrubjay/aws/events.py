"""The events of the deployed system: what a video's arrival looks like, and what an order does.

One slice is one event of EventBridge's shape: source `custom.gifGenerator`, detail-type
`newVideoCreated`, and a detail with the reference design's names. However it travels (bus, topic,
queue, direct call, dead letter), that is what is inside. `finishPreviews` asks for no slice, but
to publish a set whose slices have all ended.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta

from scrubjay.engines.queue.orders import FinishOrder, Order, SliceOrder
from scrubjay.errors import EventError, PlaceError
from scrubjay.keys import set_prefix
from scrubjay.model import decode_as, parse_json
from scrubjay.places.place import Place

__all__ = [
    "FINISH",
    "READY",
    "SLICE",
    "SOURCE",
    "VERSIONS_QUESTION",
    "Entry",
    "FinishEvent",
    "Json",
    "OrderEvent",
    "SliceEvent",
    "Upload",
    "entry_of",
    "is_below",
    "order_of",
    "orders_in",
    "set_place",
    "unwrapped",
    "uploads_in",
]

SOURCE = "custom.gifGenerator"
SLICE = "newVideoCreated"
FINISH = "finishPreviews"
READY = "previewsReady"

VERSIONS_QUESTION = {"question": "versions"}
"""Asks a worker which versions of libraries it has."""

_MOST_ENVELOPES = 5

T = TypeVar("T")
V = TypeVar("V", "Upload", "SliceEvent", "FinishEvent")

Json: TypeAlias = Any
"""What `json.loads` returns: events come from anywhere, and are checked here."""


_Name = Annotated[str, Meta(max_length=255)]


class Upload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A video lies in a bucket."""

    bucket: Annotated[str, Meta(min_length=3, max_length=255)]
    key: Annotated[str, Meta(min_length=1, max_length=1024)]
    etag: _Name = ""
    """The version that was put there; empty if the event does not say."""
    sequencer: _Name = ""
    """S3's mark of this very upload: the same in each event of it, in no event of another."""


class _SetEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What the details of a slice's event and of a set's have in common."""

    key: Annotated[str, Meta(min_length=1, max_length=1024)]
    bucket: _Name = ""
    etag: _Name = ""
    plan: _Name = ""
    """Id of the plan that it was sent for; empty in the reference's own events."""
    output: Annotated[str, Meta(max_length=4096)] = ""
    """Where the set lies, if not in the usual place."""


class SliceEvent(_SetEvent, frozen=True, kw_only=True):
    """A stretch of a video is to be rendered."""

    start: Fraction
    end: Fraction
    """Exclusive where the event names a plan; the reference's own events mean the whole second."""
    index: Annotated[int, Meta(ge=0, le=1 << 40)] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError("`start` is at least 0 and not after `end`")


class FinishEvent(_SetEvent, frozen=True, kw_only=True):
    """A set is to be finished: nothing of it has to be rendered."""


OrderEvent: TypeAlias = SliceEvent | FinishEvent


class Entry(NamedTuple):
    """What a transport carries: an event that is not yet wrapped up."""

    detail_type: str
    detail: str
    """JSON."""

    @property
    def envelope(self) -> str:
        """The event as EventBridge would hand it over, as JSON."""
        head = json.dumps({"source": SOURCE, "detail-type": self.detail_type})
        return f'{head[:-1]}, "detail": {self.detail}}}'


def entry_of(order: Order, output: Place) -> Entry:
    """Write the event of an order.

    Args:
        order: what a worker is to do.
        output: where all sets lie.
    """
    usual = set_place(output, order.video.key)
    detail: dict[str, Any] = {
        "key": order.video.key,
        "tsCreated": time.time_ns() // 1_000_000,
        "bucket": order.video.bucket,
        "etag": order.video.etag,
        "plan": order.plan,
    }
    if order.destination and order.destination.address.rstrip("/") != usual.address:
        detail["output"] = order.destination.address
    if isinstance(order, FinishOrder):
        return Entry(FINISH, json.dumps(detail, ensure_ascii=False))
    detail |= {
        "start": _seconds(order.start),
        "end": _seconds(order.end),
        "length": _seconds(order.duration),
        "index": order.index,
    }
    return Entry(SLICE, json.dumps(detail, ensure_ascii=False))


def order_of(event: OrderEvent, bucket: str, output: Place) -> Order:
    """Return the order that an event stands for.

    Args:
        event: what came.
        bucket: of its video, if it names none.
        output: where all sets lie.

    Raises:
        EventError: nothing names a bucket.
        PlaceError: it names a place outside `output`.
    """
    bucket = event.bucket or bucket
    if not bucket:
        raise EventError("this event names no bucket, and SCRUBJAY_SOURCE_BUCKET is empty")
    video = Place(address=f"s3://{bucket}/{event.key}", etag=event.etag)
    destination = set_place(output, event.key, event.output)
    if isinstance(event, FinishEvent):
        return FinishOrder(video=video, destination=destination, plan=event.plan)
    end = event.end if event.plan else event.end + 1  # the reference names the last second
    return SliceOrder(
        video=video,
        destination=destination,
        plan=event.plan,
        start=event.start,
        end=end,
        index=event.index,
    )


def set_place(output: Place, key: str, named: str = "") -> Place:
    """Return where the set of a video lies.

    Args:
        output: where all sets lie.
        key: of the video, in its bucket.
        named: the place that an event names, if it names one.

    Raises:
        PlaceError: the named place is not below `output`: an event must not send us elsewhere.
    """
    if not named:
        address = f"{output.address.rstrip('/')}/{set_prefix(key)}"
        return Place(address=address, endpoint=output.endpoint)
    place = Place.of(named, endpoint=output.endpoint)
    if not is_below(place, output):
        raise PlaceError(f"{place.shown} is not below {output.shown}, where sets may lie")
    return place


def is_below(place: Place, output: Place) -> bool:
    """Whether a place is `output` or below it."""
    top, below = output.address.rstrip("/").split("/"), place.address.rstrip("/").split("/")
    return below[: len(top)] == top and not {"", ".", ".."} & set(below[len(top) :])


def uploads_in(event: Json) -> Iterator[Upload]:
    """Yield the videos whose arrival an event reports, each version once.

    Amazon reports uploads in two shapes: a notification of S3 itself, whose keys are encoded as in
    a URL, with `+` for a space; and an event of EventBridge, whose keys are as they are.

    Raises:
        EventError: after all that can be read, if something in it is no such event.
    """
    seen: set[tuple[str, str, str]] = set()
    for upload in _each(_upload, event):
        name = (upload.bucket, upload.key, upload.etag) if upload else None
        if upload and name and name not in seen:
            seen.add(name)
            yield upload


def _upload(message: Json) -> Upload | None:
    match message:
        case {"Event": "s3:TestEvent"}:
            return None
        case {
            "Records": [
                {
                    "s3": {"bucket": {"name": bucket}, "object": {"key": str(key), **rest}},
                    "eventName": str(name),
                }
            ]
        }:
            if not name.removeprefix("s3:").startswith("ObjectCreated"):
                return None
            tree = {"bucket": bucket, "key": unquote_plus(key), "etag": rest.get("eTag", "")}
            tree["sequencer"] = rest.get("sequencer", "")
        case {
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": bucket}, "object": {"key": key, **rest}},
        }:
            tree = {"bucket": bucket, "key": key, "etag": rest.get("etag", "")}
            tree["sequencer"] = rest.get("sequencer", "")
        case _:
            raise EventError(f"this event reports no new video: {_excerpt(message)}")
    return _checked(tree, Upload)


def orders_in(event: Json) -> Iterator[OrderEvent]:
    """Yield the orders in an event.

    Raises:
        EventError: after all that can be read, if something in it is no order, or one that nobody
            understands.
    """
    return _each(_order, event)


def _each(read: Callable[[Json], T], event: Json) -> Iterator[T]:
    """Read every message in an event; only then raise what could not be read."""
    problems: list[EventError] = []
    messages = unwrapped(event)
    while True:
        try:
            found = read(next(messages))
        except StopIteration:
            break
        except EventError as error:
            problems.append(error)
        else:
            yield found
    if problems:
        raise problems[0]


def _order(message: Json) -> OrderEvent:
    detail = message.get("detail", message)
    if not isinstance(detail, Mapping):
        raise EventError(f"this event has no detail: {_excerpt(message)}")
    tree = dict(cast("Mapping[str, Json]", detail))
    if "Key" in tree:  # the reference's worker takes both
        tree.setdefault("key", tree.pop("Key"))
    if message.get("detail-type") == FINISH:
        return _checked(tree, FinishEvent)
    return _checked(tree, SliceEvent)


def _checked(tree: Json, kind: type[V]) -> V:
    try:
        return decode_as(tree, kind)
    except msgspec.DecodeError as exc:
        raise EventError(f"this event is unreadable: {exc}") from None


def unwrapped(event: Json, *, _depth: int = 0) -> Iterator[Json]:
    """Yield the messages in an event, taken out of whatever carried them.

    That may be records of SNS, SQS or S3, a notification of SNS in a queue, a message's text, or
    what Lambda keeps of an event that a function failed on (`requestPayload`). Each record of S3
    is yielded as a notification of its own.

    Raises:
        EventError: after all that can be read, if there is text that is no JSON, or something else
            that is no event.
    """
    event = _parsed(event)
    if not isinstance(event, Mapping) or _depth > _MOST_ENVELOPES:
        raise EventError(f"this is not an event: {_excerpt(event)}")
    message = cast("Json", event)
    match message:
        case {"requestPayload": inner} | {"Type": "Notification", "Message": inner}:
            yield from unwrapped(inner, _depth=_depth + 1)
        case {"Records": [*records]} if records:
            yield from _of_records(records, _depth)
        case {"Records": _}:
            raise EventError("this event has no records")
        case _:
            yield message


def _of_records(records: list[Json], depth: int) -> Iterator[Json]:
    problems: list[EventError] = []
    for record in records:
        try:
            match record:
                case {"Sns": {"Message": inner}} | {"messageId": _, "body": inner}:
                    yield from unwrapped(inner, _depth=depth + 1)
                case {"s3": _}:
                    yield {"Records": [record]}
                case _:
                    problems.append(
                        EventError(f"this is not a record of SNS, SQS or S3: {_excerpt(record)}")
                    )
        except EventError as error:
            problems.append(error)
    if problems:
        raise problems[0]


def _parsed(event: Json) -> Json:
    if not isinstance(event, str | bytes):
        return event
    try:
        return parse_json(event)
    except msgspec.DecodeError as exc:
        raise EventError(f"this event is not JSON ({exc}): {_excerpt(event)}") from None


_EXCERPT = 200
"""Characters of an event that a message repeats."""


def _excerpt(value: Json) -> str:
    """Return the beginning of an event, for a log's line."""
    if isinstance(value, str | bytes):
        text = repr(value[: _EXCERPT + 1])
    else:
        try:
            text = repr(value)
        except RecursionError:
            text = "it is nested too deeply"
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "..."


def _seconds(time: Fraction) -> int | float:
    """Write a time as JSON's readers expect it; who needs it exactly takes the slice's index."""
    return int(time) if time.denominator == 1 else round(float(time), 6)

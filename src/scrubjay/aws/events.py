"""The events of the deployed system: what a video's arrival looks like, and what a slice's does.

One slice is one event of EventBridge's shape: source `custom.gifGenerator`, detail-type
`newVideoCreated`, and a detail with the reference design's names. However it travels (bus, topic,
queue, direct call, dead letter), that is what is inside.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Any, NamedTuple, TypeAlias, TypeVar, cast
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta

from scrubjay.errors import EventError
from scrubjay.model import Plan, Slice, decode_as, parse_json
from scrubjay.planning import plan_id

__all__ = [
    "READY",
    "SLICE",
    "SOURCE",
    "Entry",
    "Json",
    "Order",
    "Upload",
    "orders_in",
    "slice_entries",
    "unwrapped",
    "uploads_in",
]

SOURCE = "custom.gifGenerator"
SLICE = "newVideoCreated"
READY = "previewsReady"

_MOST_ENVELOPES = 5

T = TypeVar("T")
V = TypeVar("V", "Upload", "Order")

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


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a video is to be rendered: the detail of a slice's event."""

    key: Annotated[str, Meta(min_length=1, max_length=1024)]
    start: Fraction
    end: Fraction
    """Exclusive where the event names a plan; the reference's own events mean the whole second."""
    bucket: _Name = ""
    etag: _Name = ""
    index: Annotated[int, Meta(ge=0, le=1 << 40)] | None = None
    plan: _Name = ""
    """Id of the plan that the slice belongs to; empty in the reference's own events."""
    output: Annotated[str, Meta(max_length=4096)] = ""
    """Where the set lies, if not in the usual place."""

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError("`start` is at least 0 and not after `end`")


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


def slice_entries(
    plan: Plan, parts: Iterator[Slice], upload: Upload, *, output: str = ""
) -> list[Entry]:
    """Write the events of some slices.

    Args:
        plan: which they belong to.
        parts: the slices.
        upload: the video.
        output: where the set lies, if not in the usual place.
    """
    same: dict[str, Any] = {
        "length": _seconds(plan.media.duration),
        "tsCreated": time.time_ns() // 1_000_000,
        "bucket": upload.bucket,
        "etag": upload.etag,
        "plan": plan_id(plan),
    }
    if output:
        same["output"] = output
    return [
        Entry(
            SLICE,
            json.dumps(
                {
                    "key": upload.key,
                    "start": _seconds(part.start),
                    "end": _seconds(part.end),
                    **same,
                    "index": part.index,
                },
                ensure_ascii=False,
            ),
        )
        for part in parts
    ]


def uploads_in(event: Json) -> Iterator[Upload]:
    """Yield the videos whose arrival an event tells, each version once.

    Amazon sends the same news in two shapes: a notification of S3 itself, whose keys are encoded
    as in a URL, with `+` for a space; and an event of EventBridge, whose keys are as they are.

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
            raise EventError(f"this is no news of a video: {_excerpt(message)}")
    return _checked(tree, Upload)


def orders_in(event: Json) -> Iterator[Order]:
    """Yield the slices that an event asks for.

    Raises:
        EventError: after all that can be read, if something in it asks for none, or in a way that
            nobody understands.
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


def _order(message: Json) -> Order:
    detail = message.get("detail", message)
    if not isinstance(detail, Mapping):
        raise EventError(f"this event has no detail: {_excerpt(message)}")
    tree = dict(cast("Mapping[str, Json]", detail))
    if "Key" in tree:  # the reference's worker takes both
        tree.setdefault("key", tree.pop("Key"))
    return _checked(tree, Order)


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
        raise EventError(f"this is no event: {_excerpt(event)}")
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
                        EventError(f"this is no record of SNS, SQS or S3: {_excerpt(record)}")
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

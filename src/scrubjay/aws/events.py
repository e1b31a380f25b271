"""The events of the deployed system: uploads of videos, and orders.

One slice is one event in EventBridge's form: source `custom.gifGenerator`, detail-type
`newVideoCreated`, and a detail with the reference design's names. Every transport (bus, topic,
queue, direct call, dead letter) carries this event. `finishPreviews` orders no slice; it orders
that a set whose slices have all ended is published.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, TypeAlias, TypeVar, cast
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta

from scrubjay.aws.envelopes import Json, each_in, excerpt
from scrubjay.errors import EventError
from scrubjay.model import decode_as

__all__ = [
    "FINISH",
    "READY",
    "SLICE",
    "SOURCE",
    "VERSIONS_QUESTION",
    "FinishEvent",
    "OrderEvent",
    "SliceEvent",
    "Upload",
    "orders_in",
    "uploads_in",
]

SOURCE = "custom.gifGenerator"
SLICE = "newVideoCreated"
FINISH = "finishPreviews"
READY = "previewsReady"


VERSIONS_QUESTION = {"question": "versions"}
"""Asks a worker for the versions of its libraries."""

V = TypeVar("V", "Upload", "SliceEvent", "FinishEvent")

_Name = Annotated[str, Meta(max_length=255)]


class Upload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A video was put into a bucket."""

    bucket: Annotated[str, Meta(min_length=3, max_length=255)]
    key: Annotated[str, Meta(min_length=1, max_length=1024)]
    etag: _Name = ""
    """The version that was uploaded; empty if the event does not say."""
    sequencer: _Name = ""
    """S3's id of the upload: the same in all events of one upload, different in all others."""


class _SetEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What the details of both kinds of orders have in common."""

    key: Annotated[str, Meta(min_length=1, max_length=1024)]
    bucket: _Name = ""
    etag: _Name = ""
    plan: _Name = ""
    """Id of the plan that it was sent for; empty in the reference's own events."""
    output: Annotated[str, Meta(max_length=4096)] = ""
    """Address of the set, if it is not in the usual place."""


class SliceEvent(_SetEvent, frozen=True, kw_only=True):
    """The order to render a slice of a video."""

    start: Fraction
    end: Fraction
    """Exclusive where the event names a plan; the reference's own events mean the whole second."""
    index: Annotated[int, Meta(ge=0, le=1 << 40)] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError("`start` must be at least 0 and not after `end`")


class FinishEvent(_SetEvent, frozen=True, kw_only=True):
    """The order to finish a set, without rendering anything."""


OrderEvent: TypeAlias = SliceEvent | FinishEvent


def uploads_in(event: Json) -> Iterator[Upload]:
    """Yield the uploaded videos that an event reports, each version once.

    AWS reports uploads in two forms: a notification of S3 itself, whose keys are encoded as in a
    URL, with `+` for a space; and an event of EventBridge, whose keys are not encoded.

    Raises:
        EventError: after all that can be read, if something in it does not report an upload.
    """
    seen: set[tuple[str, str, str]] = set()
    for upload in each_in(_upload, event):
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
            raise EventError(f"this event does not report an upload: {excerpt(message)}")
    return _checked(tree, Upload)


def orders_in(event: Json) -> Iterator[OrderEvent]:
    """Yield the orders in an event.

    Raises:
        EventError: after all that can be read, if something in it is not a valid order.
    """
    return each_in(_order, event)


def _order(message: Json) -> OrderEvent:
    detail = message.get("detail", message)
    if not isinstance(detail, Mapping):
        raise EventError(f"this event has no detail: {excerpt(message)}")
    tree = dict(cast("Mapping[str, Json]", detail))
    if "Key" in tree:  # the reference's worker accepts both
        tree.setdefault("key", tree.pop("Key"))
    if message.get("detail-type") == FINISH:
        return _checked(tree, FinishEvent)
    return _checked(tree, SliceEvent)


def _checked(tree: Json, kind: type[V]) -> V:
    try:
        return decode_as(tree, kind)
    except msgspec.DecodeError as exc:
        raise EventError(f"this event is not valid: {exc}") from None

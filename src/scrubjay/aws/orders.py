"""Orders to events and back, and where a stack keeps its sets."""

import json
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from scrubjay.aws.events import FINISH, SLICE, SOURCE, FinishEvent, OrderEvent
from scrubjay.engines.queue.orders import FinishOrder, Order, SliceOrder
from scrubjay.errors import EventError, PlaceError
from scrubjay.keys import set_prefix
from scrubjay.places.place import Place

__all__ = ["Entry", "OrderTransport", "Sender", "entry_of", "is_below", "order_of", "set_place"]


class Entry(NamedTuple):
    """An event for a transport, without an envelope."""

    detail_type: str
    detail: str
    """JSON."""

    @property
    def envelope(self) -> str:
        """The event as EventBridge would hand it over, as JSON."""
        head = json.dumps({"source": SOURCE, "detail-type": self.detail_type})
        return f'{head[:-1]}, "detail": {self.detail}}}'


class Sender(Protocol):
    """Sends events through an AWS service."""

    def send(self, entries: Sequence[Entry]) -> None:
        """Send events; when this returns, the service has accepted every one.

        Raises:
            TransportError: some were refused in every attempt; `refused` says which.
            StackError: the target does not exist, or we have no permission.
        """
        ...


class OrderTransport:
    """Sends orders to workers as events.

    Args:
        sender: sends the events.
        output: where the stack keeps its sets.
    """

    def __init__(self, sender: Sender, output: Place) -> None:
        self._sender = sender
        self._output = output

    def send(self, orders: Sequence[Order]) -> None:
        """Send orders; see `scrubjay.engines.queue.orders.Transport`."""
        self._sender.send([entry_of(order, self._output) for order in orders])


def entry_of(order: Order, output: Place) -> Entry:
    """Write the event of an order.

    Args:
        order: the order.
        output: where the stack keeps its sets.
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
    """Return the order that an event contains.

    Args:
        event: the event.
        bucket: bucket of the video, if the event names none.
        output: where the stack keeps its sets.

    Raises:
        EventError: neither the event nor `bucket` names a bucket.
        PlaceError: the event names a place outside `output`.
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
    """Return the place of a video's set.

    Args:
        output: where the stack keeps its sets.
        key: key of the video in its bucket.
        named: the place that an event names, if any.

    Raises:
        PlaceError: the named place is not below `output`; events may not choose other places.
    """
    if not named:
        address = f"{output.address.rstrip('/')}/{set_prefix(key)}"
        return Place(address=address, endpoint=output.endpoint)
    place = Place.of(named, endpoint=output.endpoint)
    if not is_below(place, output):
        raise PlaceError(f"{place.shown} is not below {output.shown}, where sets belong")
    return place


def is_below(place: Place, output: Place) -> bool:
    """Whether a place is `output` or below it."""
    top, below = output.address.rstrip("/").split("/"), place.address.rstrip("/").split("/")
    return below[: len(top)] == top and not {"", ".", ".."} & set(below[len(top) :])


def _seconds(time: Fraction) -> int | float:
    """Return a time as a JSON number; where it must be exact, the slice's index is used."""
    return int(time) if time.denominator == 1 else round(float(time), 6)

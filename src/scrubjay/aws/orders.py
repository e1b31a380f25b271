"""Orders as events, and events as orders; and where the sets of a stack lie."""

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
    """What a transport carries: an event that is not yet wrapped up."""

    detail_type: str
    detail: str
    """JSON."""

    @property
    def envelope(self) -> str:
        """The event as EventBridge would hand it over, as JSON."""
        head = json.dumps({"source": SOURCE, "detail-type": self.detail_type})
        return f'{head[:-1]}, "detail": {self.detail}}}'


class Sender(Protocol):
    """Sends events by one of Amazon's services."""

    def send(self, entries: Sequence[Entry]) -> None:
        """Send events; when this returns, the service has taken every one.

        Raises:
            TransportError: some were refused as often as it was tried; it says which.
            StackError: they cannot be sent: no such target, or no right to it.
        """
        ...


class OrderTransport:
    """Hands orders to workers as events.

    Args:
        sender: sends them.
        output: where all sets lie.
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


def _seconds(time: Fraction) -> int | float:
    """Write a time as JSON's readers expect it; who needs it exactly takes the slice's index."""
    return int(time) if time.denominator == 1 else round(float(time), 6)

"""Orders as jobs of Procrastinate, and back. A job contains addresses, and never a secret.

A worker opens places with its own credentials and endpoint, so that nobody who may only add jobs
can send its signed requests elsewhere.
"""

from collections.abc import Mapping
from fractions import Fraction
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from procrastinate.jobs import Job

from scrubjay.engines.queue.orders import FinishOrder, Order, SliceOrder
from scrubjay.errors import ClusterError, EventError, PlaceError
from scrubjay.model import decode_as
from scrubjay.places.place import Place

__all__ = ["QUEUE", "TASK", "Ticket", "check_plain", "job_of", "order_of", "read_ticket", "set_id"]

QUEUE, TASK = "scrubjay", "scrubjay.order"

_FINISHING = 1
"""Priority of orders that make nothing: before every slice."""

_Address = Annotated[str, Meta(min_length=1, max_length=4096)]


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The arguments of a job: one order."""

    set: Annotated[str, Meta(max_length=64)]
    """Short name of the destination, for the database's index."""
    destination: _Address
    video: _Address
    plan: Annotated[str, Meta(min_length=1, max_length=255)]
    index: Annotated[int, Meta(ge=0, le=1 << 30)] | None = None
    """The slice to make; None makes nothing, and finishes the set."""
    etag: Annotated[str, Meta(max_length=255)] = ""
    stream: Annotated[int, Meta(ge=0, le=1 << 16)] | None = None


def set_id(destination: Place) -> str:
    """Return the short name of a destination."""
    address = destination.address.rstrip("/")
    return blake2b(address.encode(), digest_size=10).hexdigest()


def check_plain(order: Order) -> Place:
    """Check that an order may travel, and return its destination.

    Raises:
        ClusterError: an address contains a secret, or the set is in this process's memory.
    """
    if order.destination is None:
        raise ClusterError("workers on other machines cannot write to a destination in memory")
    for place in (order.video, order.destination):
        if place.scheme in {"http", "https"} and not place.is_public:
            raise ClusterError(
                f"{place.shown}: this address contains a user, a password or a query, which may be "
                "secret and must not go into a job; use a bucket, a file, or a plain address"
            )
    return order.destination


def job_of(order: Order) -> Job:
    """Return the job of an order. The first slices of a video come before later ones of others.

    Raises:
        ClusterError: the order may not travel.
    """
    where = check_plain(order)
    index = order.index if isinstance(order, SliceOrder) else None
    ticket = Ticket(
        set=set_id(where),
        destination=where.address,
        video=order.video.address,
        plan=order.plan,
        index=index,
        etag=order.video.etag,
        stream=order.video.stream,
    )
    return Job(
        queue=QUEUE,
        task_name=TASK,
        priority=_FINISHING if index is None else -index,
        lock=None,
        queueing_lock=None,
        task_kwargs=msgspec.to_builtins(ticket),
    )


def read_ticket(arguments: Mapping[str, Any]) -> Ticket:
    """Read the arguments of a job, which anybody with access to the database may have written.

    Raises:
        EventError: they are not an order.
    """
    try:
        return decode_as(dict(arguments), Ticket)
    except msgspec.DecodeError as exc:
        raise EventError(f"this job is not an order of this version of Scrubjay: {exc}") from None


def order_of(ticket: Ticket, *, endpoint: str = "", public_only: bool = False) -> Order:
    """Return the order of a ticket.

    Args:
        ticket: the ticket.
        endpoint: the worker's own S3-compatible server.
        public_only: whether web addresses may only lead to the public internet.

    Raises:
        EventError: an address is malformed, or contains a secret.
    """
    try:
        video = Place.of(ticket.video, endpoint=endpoint, stream=ticket.stream)
        where = Place.of(ticket.destination, endpoint=endpoint)
    except PlaceError as exc:
        raise EventError(f"this job's order is wrong: {exc}") from None
    video = msgspec.structs.replace(video, etag=ticket.etag, public_only=public_only)
    where = msgspec.structs.replace(where, public_only=public_only)
    order: Order
    if ticket.index is None:
        order = FinishOrder(video=video, destination=where, plan=ticket.plan)
    else:
        nothing = Fraction(0)  # the plan knows the times of the slice
        order = SliceOrder(
            video=video,
            destination=where,
            plan=ticket.plan,
            start=nothing,
            end=nothing,
            index=ticket.index,
        )
    try:
        check_plain(order)
    except ClusterError as exc:
        raise EventError(f"this job's order is wrong: {exc}") from None
    return order

"""What carries events: records of SNS, SQS or S3, notifications, dead letters, and plain text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from scrubjay.errors import EventError
from scrubjay.model import parse_json

__all__ = ["Json", "each_in", "excerpt", "unwrapped"]

_MOST_ENVELOPES = 5

_EXCERPT = 200
"""Characters of an event that a message repeats."""

T = TypeVar("T")

Json: TypeAlias = Any
"""What `json.loads` returns: events come from anywhere, and are checked here."""


def each_in(read: Callable[[Json], T], event: Json) -> Iterator[T]:
    """Read every message in an event; only then raise what could not be read.

    Args:
        read: reads one message.
        event: what came.

    Raises:
        EventError: the first one that there was.
    """
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
        raise EventError(f"this is not an event: {excerpt(event)}")
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
                        EventError(f"this is not a record of SNS, SQS or S3: {excerpt(record)}")
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
        raise EventError(f"this event is not JSON ({exc}): {excerpt(event)}") from None


def excerpt(value: Json) -> str:
    """Return the beginning of an event, for a log's line."""
    if isinstance(value, str | bytes):
        text = repr(value[: _EXCERPT + 1])
    else:
        try:
            text = repr(value)
        except RecursionError:
            text = "it is nested too deeply"
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "..."

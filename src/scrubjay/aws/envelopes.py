"""What carries events: records of SNS, SQS or S3, notifications, dead letters, and plain text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from scrubjay.errors import EventError
from scrubjay.model import parse_json

__all__ = ["Json", "each_in", "excerpt", "unwrapped"]

_MOST_ENVELOPES = 5

_EXCERPT = 200
"""Characters of an event that an error message quotes."""

T = TypeVar("T")

Json: TypeAlias = Any
"""What `json.loads` returns: events may come from anywhere and are checked here."""


def each_in(read: Callable[[Json], T], event: Json) -> Iterator[T]:
    """Read every message in an event, and only then raise the first error.

    Args:
        read: reads one message.
        event: as it arrived.

    Raises:
        EventError: a message could not be read.
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
    """Yield the messages in an event, without their envelopes.

    An envelope may be a record of SNS, SQS or S3, a notification of SNS in a queue, text, or
    Lambda's record of an event on which a function failed (`requestPayload`). Each record of S3 is
    yielded as a notification of its own.

    Raises:
        EventError: after all that can be read, if some text is not JSON or something is not an
            event.
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
    """Return the beginning of an event, for a line in the log."""
    if isinstance(value, str | bytes):
        text = repr(value[: _EXCERPT + 1])
    else:
        try:
            text = repr(value)
        except RecursionError:
            text = "it is nested too deeply"
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "..."

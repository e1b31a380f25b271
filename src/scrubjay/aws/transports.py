"""Transports of orders from the planner to the workers: one small class for each service.

Each sends events, repeats those that are refused, and raises an error for those that are refused
every time. What a service does with an accepted event, and for how long, is in
docs/aws/transports.md. Why single messages to a topic: docs/decisions/0012-transports.md.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from scrubjay.aws.clients import aws_errors, client
from scrubjay.aws.events import SOURCE
from scrubjay.aws.orders import Entry, Sender
from scrubjay.errors import StackError, TransportError

__all__ = [
    "ATTEMPTS",
    "MOST_BYTES",
    "MOST_ENTRIES",
    "TRANSPORTS",
    "EventBridgeTransport",
    "LambdaTransport",
    "SnsTransport",
    "SqsTransport",
    "open_sender",
]

MOST_ENTRIES = 10
"""Entries in one request: PutEvents and SendMessageBatch refuse an eleventh."""

MOST_BYTES = 256 << 10
"""Bytes in one request, all entries together: the limit of all these services, before some raised
it to 1 MiB. A slice's event has 300 bytes and the key, at most 1024."""

ATTEMPTS = 6
"""How often an entry is sent before it counts as refused: about 12 s in all."""

_FIRST_WAIT, _LONGEST_WAIT = 0.4, 5.0
"""Seconds."""

_LANES = 16
"""Requests at once."""


class _Refusal(NamedTuple):
    """An entry that was not accepted, and why."""

    entry: Entry
    reason: str


_Post = Callable[[Sequence[Entry]], Sequence[_Refusal]]
"""Sends one request and returns the entries that were refused."""

_IsLate = Callable[[], bool]
"""Says whether the sender's own time is nearly over, so that no request may begin."""


def _never() -> bool:
    return False


def _deliver(
    entries: Sequence[Entry], post: _Post, *, target: str, most: int, is_late: _IsLate
) -> None:
    """Send entries in requests of at most `most`; only refused ones are sent again."""

    def carefully(batch: Sequence[Entry]) -> Sequence[_Refusal]:
        if is_late():
            return [_Refusal(entry, "the sending function has no time left") for entry in batch]
        try:
            with aws_errors(target):
                return post(batch)
        except TransportError as error:  # the whole request failed, for a temporary reason
            return [_Refusal(entry, str(error)) for entry in batch]

    waiting, reason, tries = list(entries), "", 0
    with ThreadPoolExecutor(_LANES) as pool:
        for attempt in range(ATTEMPTS):
            if attempt and is_late():
                reason += "; there is no time for another attempt"
                break
            tries = attempt + 1
            if attempt:
                longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
                time.sleep(random.uniform(longest / 2, longest))  # noqa: S311  no secret
            answers = pool.map(carefully, _batches(waiting, most))
            refused = [refusal for answer in answers for refusal in answer]
            if not refused:
                return
            waiting, reason = [refusal.entry for refusal in refused], refused[0].reason
    error = TransportError(
        f"{len(waiting)} of {len(entries)} events could not be sent to {target} in {tries} "
        f"{'attempt' if tries == 1 else 'attempts'}; the last reason: {reason}"
    )
    left = {id(entry) for entry in waiting}
    error.refused = frozenset(n for n, entry in enumerate(entries) if id(entry) in left)
    raise error


def _batches(entries: Sequence[Entry], most: int) -> Iterator[list[Entry]]:
    """Split entries into requests within every service's size limit."""
    batch: list[Entry] = []
    room = MOST_BYTES
    for entry in entries:
        size = len(entry.envelope.encode())  # slightly more than any service counts
        if batch and (len(batch) == most or size > room):
            yield batch
            batch, room = [], MOST_BYTES
        batch.append(entry)
        room -= size
    if batch:
        yield batch


class _Sender:
    """What the transports share.

    Args:
        target: where events go: the name or ARN of a bus, the URL of a queue, the ARN of a topic
            or of the worker's alias.
        service: boto3's client; None opens one on first use. It sends each request once, because
            the loop here repeats requests.
        is_late: says whether the sender's own time is nearly over; entries that are not sent by
            then count as refused.
    """

    name: ClassVar[str]
    """Name of the service."""
    most: ClassVar[int]
    """Entries in one request."""

    def __init__(
        self,
        target: str,
        service: Any = None,  # noqa: ANN401  boto3's
        *,
        is_late: _IsLate = _never,
    ) -> None:
        self.target = target
        self._given = service
        self._is_late = is_late

    @cached_property
    def service(self) -> Any:  # noqa: ANN401  boto3's
        """Boto3's client."""
        return self._given or client(self.name, tries=1)

    def send(self, entries: Sequence[Entry]) -> None:
        """Send events; see `orders.Sender`."""
        _ = self.service  # before there are threads
        _deliver(entries, self._post, target=self.target, most=self.most, is_late=self._is_late)

    def _post(self, batch: Sequence[Entry]) -> Sequence[_Refusal]:
        """Send one request, and return the entries that were refused."""
        raise NotImplementedError


class EventBridgeTransport(_Sender):
    """Puts events on a bus, whose rule calls the worker."""

    name = "events"
    most = MOST_ENTRIES

    def _post(self, batch: Sequence[Entry]) -> Sequence[_Refusal]:
        answer = self.service.put_events(
            Entries=[
                {
                    "EventBusName": self.target,
                    "Source": SOURCE,
                    "DetailType": entry.detail_type,
                    "Detail": entry.detail,
                }
                for entry in batch
            ]
        )
        return [
            _Refusal(entry, f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}")
            for entry, result in zip(batch, answer["Entries"], strict=True)
            if answer["FailedEntryCount"] and result.get("ErrorCode")
        ]


class SqsTransport(_Sender):
    """Puts events into a queue, from which Lambda calls the worker."""

    name = "sqs"
    most = MOST_ENTRIES

    def _post(self, batch: Sequence[Entry]) -> Sequence[_Refusal]:
        answer = self.service.send_message_batch(
            QueueUrl=self.target,
            Entries=[
                {"Id": str(number), "MessageBody": entry.envelope}
                for number, entry in enumerate(batch)
            ],
        )
        return [
            _Refusal(batch[int(each["Id"])], f"{each['Code']}: {each.get('Message', '')}")
            for each in answer.get("Failed", [])
        ]


class SnsTransport(_Sender):
    """Publishes events to a topic, which calls the worker."""

    name = "sns"
    most = 1

    def _post(self, batch: Sequence[Entry]) -> Sequence[_Refusal]:
        for entry in batch:
            self.service.publish(TopicArn=self.target, Message=entry.envelope)
        return []


class LambdaTransport(_Sender):
    """Calls the worker directly, without waiting for the result."""

    name = "lambda"
    most = 1

    def _post(self, batch: Sequence[Entry]) -> Sequence[_Refusal]:
        for entry in batch:
            self.service.invoke(
                FunctionName=self.target,
                InvocationType="Event",
                Payload=entry.envelope.encode(),
            )
        return []


TRANSPORTS: dict[str, type[_Sender]] = {
    "eventbridge": EventBridgeTransport,
    "sns": SnsTransport,
    "lambda": LambdaTransport,
    "sqs": SqsTransport,
}


def open_sender(kind: str, target: str, *, is_late: _IsLate = _never) -> Sender:
    """Return the transport of a name; this sends nothing.

    Args:
        kind: name of the transport.
        target: where it sends events.
        is_late: says whether the sender's own time is nearly over.

    Raises:
        StackError: no transport has that name, or the target is empty.
    """
    if kind not in TRANSPORTS:
        raise StackError(f"unknown transport {kind!r}; choose from {', '.join(TRANSPORTS)}")
    if not target:
        raise StackError(f"the transport {kind} has no target: SCRUBJAY_TARGET is empty")
    return TRANSPORTS[kind](target, is_late=is_late)

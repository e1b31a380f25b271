"""Dead letters: reading them, and sending again what they ask for."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

from scrubjay.aws.clients import aws_errors, client
from scrubjay.aws.envelopes import Json, unwrapped
from scrubjay.aws.events import FINISH, SLICE, FinishEvent, orders_in, uploads_in
from scrubjay.aws.orders import Entry
from scrubjay.aws.stack import Stack
from scrubjay.errors import EngineError, EventError
from scrubjay.places.place import redacted

__all__ = ["DeadLetter", "Redriven", "read_dead_letter", "redrive_dead_letters"]

_HIDDEN = 300
"""Seconds for which a message that is read here is invisible to other readers."""

_AT_ONCE = 10
_WAIT = 2
"""Seconds to wait for a message: a queue is only known to be empty after a long poll."""


class DeadLetter(NamedTuple):
    """What a dead letter asks for."""

    orders: list[Entry]
    """For the workers."""
    uploads: list[Json]
    """For the planner."""
    problem: str = ""
    """Why the rest of it cannot be read; empty if all of it can."""


class Redriven(NamedTuple):
    """What was done with dead letters."""

    orders: int
    uploads: int
    unreadable: dict[str, str]
    """Why messages stay in their queue, by message id. What could be read of them was sent."""


def read_dead_letter(body: str) -> DeadLetter:
    """Read a dead letter of a rule, a topic, a queue or Lambda.

    The first three contain the event as it was; Lambda puts it into a record of what happened
    (`requestPayload`).

    Raises:
        EventError: the letter contains no event of Scrubjay's.
    """
    letter = DeadLetter([], [])
    messages = unwrapped(body)
    problem: EventError | None = None
    while True:
        try:
            _sort(next(messages), letter)
        except StopIteration:
            break
        except EventError as error:
            problem = problem or error
    if problem is None:
        return letter
    if not letter.orders and not letter.uploads:
        raise problem
    return letter._replace(problem=redacted(str(problem)))


def _sort(message: Json, letter: DeadLetter) -> None:
    """Add a message to the orders or the uploads of a letter.

    Raises:
        EventError: the message is not an event of Scrubjay's.
    """
    match message:
        case {"Records": _} | {"detail-type": "Object Created"} | {"Event": "s3:TestEvent"}:
            list(uploads_in(message))
            letter.uploads.append(message)
        case _:
            [order] = orders_in(message)
            kind = FINISH if isinstance(order, FinishEvent) else SLICE
            detail = message.get("detail", message)
            letter.orders.append(Entry(kind, json.dumps(detail, ensure_ascii=False)))


def redrive_dead_letters(stack: Stack, *, dry_run: bool = False) -> Redriven:
    """Drain the dead-letter queues: send each letter again, and then delete it.

    Letters that cannot be read or sent stay in their queue; the others are handled all the same. A
    worker skips slices that are done by now.

    Args:
        stack: the stack with the queues.
        dry_run: only count the letters.

    Raises:
        EngineError: nothing could be sent; the letters are still there.
    """
    orders = uploads = 0
    unreadable: dict[str, str] = {}
    refusals: list[EngineError] = []
    for url in stack.dead_letters.values():
        with _Queue(url) as queue:
            for messages in queue.batches():
                letters = [_letter_of(message) for message in messages]
                if not dry_run:
                    letters = _sent(stack, letters, refusals)
                orders += sum(len(letter.orders) for letter in letters)
                uploads += sum(len(letter.uploads) for letter in letters)
                read = list(zip(messages, letters, strict=True))
                unreadable |= {m["MessageId"]: each.problem for m, each in read if each.problem}
                if not dry_run:
                    queue.delete([m["ReceiptHandle"] for m, each in read if not each.problem])
    if refusals and not orders + uploads:
        raise refusals[0]
    return Redriven(orders, uploads, unreadable)


def _letter_of(message: Json) -> DeadLetter:
    try:
        return read_dead_letter(message["Body"])
    except EventError as error:
        return DeadLetter([], [], redacted(str(error)))


def _sent(stack: Stack, letters: list[DeadLetter], refusals: list[EngineError]) -> list[DeadLetter]:
    """Send letters, one by one if the service refuses them together; return each one's result.

    Raises:
        EngineError: the service refuses all of several letters, so the cause is not in them.
    """
    try:
        _send(stack, letters)
    except EngineError as error:
        if len(letters) == 1:
            refusals.append(error)
            return [DeadLetter([], [], f"sending failed: {error}")]
        each = [_sent(stack, [letter], refusals)[0] for letter in letters]
        if not any(letter.orders or letter.uploads for letter in each):
            raise
        return each
    return letters


def _send(stack: Stack, letters: Sequence[DeadLetter]) -> None:
    entries = [entry for letter in letters for entry in letter.orders]
    if entries:
        stack.sender.send(entries)
    for upload in (each for letter in letters for each in letter.uploads):
        stack.plan_again(json.dumps(upload, ensure_ascii=False).encode())


class _Queue:
    """Reads a queue's messages; those that are not deleted become visible again at the end.

    Args:
        url: of the queue.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._sqs: Any = client("sqs")
        self._held: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Make the remaining messages visible to others."""
        receipts = list(self._held.values())
        for first in range(0, len(receipts), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[first : first + _AT_ONCE])
            ]
            with aws_errors(self._url):
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the queue's messages, a few at a time, each once, until there are no more."""
        seen: set[str] = set()
        while True:
            with aws_errors(self._url):
                answer = self._sqs.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=_AT_ONCE,
                    VisibilityTimeout=_HIDDEN,
                    WaitTimeSeconds=_WAIT,
                )
            found = answer.get("Messages", [])
            self._held |= {each["MessageId"]: each["ReceiptHandle"] for each in found}
            fresh = [each for each in found if each["MessageId"] not in seen]
            if not fresh:
                return
            seen |= {each["MessageId"] for each in fresh}
            yield fresh

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages by their receipts.

        A message that cannot be deleted comes back, and its slice is sent twice, which is harmless.
        """
        if not receipts:
            return
        entries = [{"Id": str(n), "ReceiptHandle": each} for n, each in enumerate(receipts)]
        with aws_errors(self._url):
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        self._held = {name: each for name, each in self._held.items() if each not in receipts}

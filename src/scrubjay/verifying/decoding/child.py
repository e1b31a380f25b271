"""The process that decodes: `examiner` starts it.

It reads tasks from standard input and replies on standard output (`wire`). The first task drops,
for good, all permissions that it does not need; then it decodes. It ends when its input does.
"""

import gc
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from time import monotonic
from typing import IO

from scrubjay.errors import SandboxError, ScrubjayError
from scrubjay.model import decode, encode
from scrubjay.places.place import redacted
from scrubjay.sandbox.confinement import confine
from scrubjay.verifying.decoding.comparing import Written, compared
from scrubjay.verifying.decoding.examining import examined
from scrubjay.verifying.wire import Alive, Begin, Compare, Examine, Failure, Ready, Sample, to_task

__all__ = ["main"]

_PULSE_SECONDS = 1.0
"""Least time between two signs of life."""

_FOR_REQUESTS = ("encodings.idna", "scrubjay.places.ranges")
"""Modules that must be loaded before files become unreadable."""


def main() -> None:
    """Carry out tasks until the input ends."""
    gc.freeze()  # imports stay loaded
    gc.enable()
    replies, tasks = os.dup(1), sys.stdin.buffer
    os.dup2(2, 1)  # what libraries print must not mix with the replies
    for line in tasks:
        try:
            for reply in _carried_out(line, tasks, replies):
                _send(replies, reply)
        except ScrubjayError as error:
            _send(replies, Failure(error=type(error).__name__, message=str(error)))
        except MemoryError:
            text = "the process that decodes reached its memory limit"
            _send(replies, Failure(error="WorkerMemoryError", message=text))
        except Exception as error:  # noqa: BLE001  a door: every error is reported
            text = redacted(f"{type(error).__name__}: {error}")
            _send(replies, Failure(error="RenderError", message=text))


def _send(replies: int, message: object) -> None:
    left = memoryview(encode(message) + b"\n")
    while left:
        left = left[os.write(replies, left) :]


class _Pulse:
    """Reports that work goes on, now and then.

    Args:
        replies: where to.
    """

    def __init__(self, replies: int) -> None:
        self._replies = replies
        self._due = monotonic() + _PULSE_SECONDS

    def beat(self) -> None:
        """Note that something was done."""
        if monotonic() >= self._due:
            _send(self._replies, Alive())
            self._due = monotonic() + _PULSE_SECONDS


def _carried_out(line: bytes, tasks: IO[bytes], replies: int) -> Iterator[object]:
    alive = _Pulse(replies).beat
    match to_task(line):
        case Begin() as task:
            if task.confinement.ports:
                for name in _FOR_REQUESTS:
                    import_module(name)
            try:
                confine(task.confinement)
            except OSError as error:
                text = f"this machine cannot fully confine a process: {error}"
                raise SandboxError(text) from error
            yield Ready()
        case Examine() as task:
            yield examined(tasks.read(task.size_bytes), task, alive)
        case Compare() as task:
            written = [_written(tasks) for _ in range(task.samples)]
            yield compared(task, written, alive)


def _written(tasks: IO[bytes]) -> Written:
    sample = decode(tasks.readline(), Sample)
    return Written.of(sample, tasks.read(sample.size_bytes))

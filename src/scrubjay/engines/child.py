"""The worker process: `python -m scrubjay.engines.child MEMORY_LIMIT_BYTES`.

It reads commands from standard input and answers on standard output (`wire`). It ends when its
input ends, in the middle of whatever it does: then the run that started it is gone.
"""

import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from time import monotonic

from scrubjay.engines.wire import (
    Command,
    Explain,
    Explained,
    Load,
    Made,
    MakeSlice,
    Probe,
    Probed,
    Problem,
    Progress,
    to_command,
)
from scrubjay.errors import RenderError, ScrubjayError, WorkerMemoryError
from scrubjay.media.probe import probe_media
from scrubjay.model import encode
from scrubjay.place import redacted
from scrubjay.reading import explain_reading
from scrubjay.store import Store
from scrubjay.work import Bench

__all__ = ["main"]

_PROGRESS_SECONDS = 0.1
"""Time between two signs of progress."""


def main(memory_limit_bytes: int) -> None:
    """Serve commands until the input ends."""
    replies = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not get between the replies
    _limit(memory_limit_bytes)
    commands: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(commands,), daemon=True).start()
    with ExitStack() as stack:
        server = _Server(replies, stack)
        for line in iter(commands.get, b""):
            server.serve(to_command(line))


def _listen(commands: "SimpleQueue[bytes]") -> None:
    code = 1  # whatever ends this thread ends the process: a deaf worker would look busy for ever
    try:
        for line in sys.stdin.buffer:
            commands.put(line)
        code = 0
    finally:
        os._exit(code)  # the run is gone; an object half written was never there


def _limit(memory_limit_bytes: int) -> None:
    """Bound what this process may allocate, dump no core, and be the first to go if memory ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):  # not every system has or allows it
        resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_bytes, memory_limit_bytes))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


class _Server:
    def __init__(self, replies: int, stack: ExitStack) -> None:
        self._replies = replies
        self._stack = stack
        self._load: Load | None = None
        self._bench: Bench | None = None
        self._due = 0.0

    def serve(self, command: Command) -> None:
        """Do what one command says, and answer."""
        try:
            for reply in self._do(command):
                self._say(reply)
        except ScrubjayError as error:
            self._say(Problem.of(error))
        except MemoryError:
            self._say(Problem.of(WorkerMemoryError("it needs more memory than a worker may have")))
        except Exception as error:  # noqa: BLE001  a door: whatever it is, the run must hear of it
            self._say(Problem.of(RenderError(redacted(f"{type(error).__name__}: {error}"))))

    def _do(self, command: Command) -> Iterator[object]:
        match command:
            case Probe():
                source, media = probe_media(
                    command.source, limits=command.limits, on_packet=self._live
                )
                yield Probed(source=source, media=media)
            case Explain():
                reading = explain_reading(command.plan, source=command.source, on_time=self._report)
                yield Explained(reading=reading)
            case Load():
                self._stack.close()
                self._load, self._bench = command, None
            case MakeSlice():
                yield self._make(command.index)

    def _make(self, index: int) -> Made:
        if self._bench is None:
            assert self._load is not None  # noqa: S101  the run loads first
            load = self._load
            store = Store.open(load.store)
            bench = Bench(load.plan, source=load.source, store=store, threads=load.threads)
            self._bench = self._stack.enter_context(bench)
        self._due = 0.0  # of each slice, however short, the run hears before it is made
        record = self._bench.make(index, self._report)
        return Made(
            index=index,
            size_bytes=sum(record.sizes().values()),
            damaged_packets=record.damaged_packets,
        )

    def _say(self, reply: object) -> None:
        data = encode(reply) + b"\n"
        while data:
            data = data[os.write(self._replies, data) :]

    def _live(self) -> None:
        """Show a sign of life."""
        self._report(Fraction(0))

    def _report(self, time: Fraction) -> None:
        """Say how far the slice is, but not more often than a person could see."""
        if monotonic() >= self._due:
            self._say(Progress(time=time))
            self._due = monotonic() + _PROGRESS_SECONDS


if __name__ == "__main__":
    main(int(sys.argv[1]))

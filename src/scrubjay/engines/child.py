"""The worker process: `worker` starts it.

It reads commands from standard input and replies on standard output (`wire`). The first command
drops, for good, all permissions that the video does not need; then it opens the video. It exits at
once when its input ends, because then the run that started it has ended.
"""

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from importlib import import_module
from queue import SimpleQueue
from time import monotonic, process_time

from scrubjay.engines.wire import (
    Begin,
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
    Put,
    Renew,
    Renewed,
    to_command,
)
from scrubjay.errors import RenderError, SandboxError, ScrubjayError, WorkerMemoryError
from scrubjay.media.probe import probe_media
from scrubjay.model import Used, encode
from scrubjay.places.place import Place, redacted
from scrubjay.registry import EVERY_FORMAT
from scrubjay.sandbox.confinement import Confinement, confine
from scrubjay.slices.reading import explain_reading
from scrubjay.slices.renderer import SliceRenderer
from scrubjay.slices.versions import installed_versions

__all__ = ["main"]

_PROGRESS_SECONDS = 0.1
"""Least time between two reports of progress."""


def main() -> None:
    """Serve commands until the input ends."""
    for format_ in EVERY_FORMAT:  # a confined process may read no file that it has not loaded
        import_module(format_.module)
    gc.freeze()  # imports stay loaded
    gc.enable()
    run = _Run(os.dup(1))
    os.dup2(2, 1)  # what libraries print must not mix with the replies
    if not (first := sys.stdin.buffer.readline()):
        return  # it was started in advance and is not needed
    begin = to_command(first)
    assert isinstance(begin, Begin)  # noqa: S101  the run always sends it first
    try:
        _drop_permissions(begin.confinement)
    except OSError as error:
        run.send(Problem.of(SandboxError(f"this machine cannot fully confine a worker: {error}")))
        return
    commands: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(commands,), daemon=True).start()
    with ExitStack() as stack:
        server = _Server(run, lambda: to_command(commands.get()), stack)
        for line in iter(commands.get, b""):
            server.serve(to_command(line))


def _drop_permissions(confinement: Confinement) -> None:
    if confinement.ports:  # modules for requests must be loaded before files become unreadable
        for name in ("encodings.idna", "scrubjay.places.streamed"):
            import_module(name)
    confine(confinement)


def _listen(commands: "SimpleQueue[bytes]") -> None:
    code = 1  # an error here ends the process: a worker without this thread would seem busy
    try:
        for line in sys.stdin.buffer:
            commands.put(line)
        code = 0
    finally:
        os._exit(code)  # the run has ended, and incomplete objects do not count


class _Run:
    """The run that started this process. It accepts objects as a store does."""

    lanes = 1

    def __init__(self, replies: int) -> None:
        self._replies = replies
        self._lock = threading.Lock()  # a thread that decodes ahead reports progress as well

    def send(self, reply: object, data: bytes = b"") -> None:
        """Send a line and the bytes that follow it."""
        line = encode(reply) + b"\n"
        with self._lock:
            for each in (line, data):
                left = memoryview(each)
                while left:
                    left = left[os.write(self._replies, left) :]

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Send an object."""
        self.send(Put(key=key, media_type=media_type, size_bytes=len(data)), data)


class _Server:
    def __init__(self, run: _Run, next_command: Callable[[], Command], stack: ExitStack) -> None:
        self._run = run
        self._next_command = next_command
        self._stack = stack
        self._load: Load | None = None
        self._renderer: SliceRenderer | None = None
        self._due = 0.0

    def serve(self, command: Command) -> None:
        """Carry out one command and send the replies."""
        try:
            for reply in self._do(command):
                self._run.send(reply)
        except ScrubjayError as error:
            self._run.send(Problem.of(error))
        except MemoryError:
            most = WorkerMemoryError("the worker process reached its memory limit")
            self._run.send(Problem.of(most))
        except Exception as error:  # noqa: BLE001  a door: every error is reported to the run
            problem = RenderError(redacted(f"{type(error).__name__}: {error}"))
            self._run.send(Problem.of(problem))

    def _do(self, command: Command) -> Iterator[object]:
        match command:
            case Probe():
                began, cpu = monotonic(), process_time()
                source, media = probe_media(
                    command.source, limits=command.limits, on_packet=self._report_alive
                )
                versions = installed_versions()
                used = Used(cpu=process_time() - cpu, seconds=monotonic() - began)
                yield Probed(source=source, media=media, versions=versions, used=used)
            case Explain():
                reading = explain_reading(command.plan, source=command.source, on_time=self._report)
                yield Explained(reading=reading)
            case Load():
                self._stack.close()
                self._load, self._renderer = command, None
            case MakeSlice():
                yield self._make(command.index, command.outputs)
            case Begin() | Renewed():
                pass  # unexpected here, and harmless

    def _make(self, index: int, outputs: tuple[str, ...]) -> Made:
        began, cpu, opening = monotonic(), process_time(), 0.0
        if self._renderer is None:
            assert self._load is not None  # noqa: S101  the run loads first
            load = self._load
            renderer = SliceRenderer(
                load.plan,
                source=load.source,
                store=self._run,
                threads=load.threads,
                limits=load.limits,
                renewed=self._renewed,
            )
            self._renderer = self._stack.enter_context(renderer)
            opening = process_time() - cpu
        self._due = 0.0  # report progress at least once for each slice, however short
        self._renderer.make(index, self._report, outputs=outputs)
        used = Used(
            cpu=process_time() - cpu,
            seconds=monotonic() - began,
            opening=opening,
        )
        return Made(index=index, used=used)

    def _renewed(self, source: Place) -> Place:
        """Request a fresh URL, because this process has no credentials to sign one."""
        if source.is_local:
            return source
        self._run.send(Renew())
        answer = self._next_command()
        return answer.source if isinstance(answer, Renewed) else source

    def _report_alive(self) -> None:
        """Report progress while probing, which has no time in the video."""
        self._report(Fraction(0))

    def _report(self, time: Fraction) -> None:
        """Report the slice's progress, at most every `_PROGRESS_SECONDS`."""
        if monotonic() >= self._due:
            self._run.send(Progress(time=time))
            self._due = monotonic() + _PROGRESS_SECONDS

"""The worker process: `worker` starts it.

It reads commands from standard input and answers on standard output (`wire`). The first command
takes away from it, for ever, all that the video does not need: then it opens the video. It ends
when its input ends, in the middle of whatever it does: then the run that started it is gone.
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
from time import monotonic

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
from scrubjay.model import encode
from scrubjay.places.place import Place, redacted
from scrubjay.registry import FORMATS
from scrubjay.sandbox.confinement import Confinement, confine
from scrubjay.slices.reading import explain_reading
from scrubjay.slices.renderer import SliceRenderer
from scrubjay.slices.versions import installed_versions

__all__ = ["main"]

_PROGRESS_SECONDS = 0.1
"""Time between two signs of progress."""


def main() -> None:
    """Serve commands until the input ends."""
    for format_ in FORMATS.values():  # a confined process may read no file that it has not loaded
        import_module(format_.module)
    gc.freeze()  # what is loaded stays
    gc.enable()
    run = _Run(os.dup(1))
    os.dup2(2, 1)  # whatever a library prints must not get between the replies
    if not (first := sys.stdin.buffer.readline()):
        return  # it was started ahead, and nobody needed it
    begin = to_command(first)
    assert isinstance(begin, Begin)  # noqa: S101  the run's own first word
    try:
        _give_up(begin.confinement)
    except OSError as error:
        run.say(Problem.of(SandboxError(f"this machine cannot confine a worker wholly: {error}")))
        return
    commands: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(commands,), daemon=True).start()
    with ExitStack() as stack:
        server = _Server(run, lambda: to_command(commands.get()), stack)
        for line in iter(commands.get, b""):
            server.serve(to_command(line))


def _give_up(confinement: Confinement) -> None:
    if confinement.ports:  # what it needs to speak to servers is loaded while that is easy
        for name in ("encodings.idna", "scrubjay.places.ranges"):
            import_module(name)
    confine(confinement)


def _listen(commands: "SimpleQueue[bytes]") -> None:
    code = 1  # whatever ends this thread ends the process: a deaf worker would look busy for ever
    try:
        for line in sys.stdin.buffer:
            commands.put(line)
        code = 0
    finally:
        os._exit(code)  # the run is gone; an object half written was never there


class _Run:
    """The run that started this process. It takes objects as a store does."""

    lanes = 1

    def __init__(self, replies: int) -> None:
        self._replies = replies
        self._turn = threading.Lock()  # a thread that decodes ahead reports progress as well

    def say(self, reply: object, data: bytes = b"") -> None:
        """Send a line, and the bytes that belong to it."""
        line = encode(reply) + b"\n"
        with self._turn:
            for each in (line, data):
                left = memoryview(each)
                while left:
                    left = left[os.write(self._replies, left) :]

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Hand an object over."""
        self.say(Put(key=key, media_type=media_type, size_bytes=len(data)), data)


class _Server:
    def __init__(self, run: _Run, heard: Callable[[], Command], stack: ExitStack) -> None:
        self._run = run
        self._heard = heard
        self._stack = stack
        self._load: Load | None = None
        self._renderer: SliceRenderer | None = None
        self._due = 0.0

    def serve(self, command: Command) -> None:
        """Do what one command says, and answer."""
        try:
            for reply in self._do(command):
                self._run.say(reply)
        except ScrubjayError as error:
            self._run.say(Problem.of(error))
        except MemoryError:
            most = WorkerMemoryError("it needs more memory than a worker may have")
            self._run.say(Problem.of(most))
        except Exception as error:  # noqa: BLE001  a door: whatever it is, the run must hear of it
            problem = RenderError(redacted(f"{type(error).__name__}: {error}"))
            self._run.say(Problem.of(problem))

    def _do(self, command: Command) -> Iterator[object]:
        match command:
            case Probe():
                source, media = probe_media(
                    command.source, limits=command.limits, on_packet=self._live
                )
                yield Probed(source=source, media=media, versions=installed_versions())
            case Explain():
                reading = explain_reading(command.plan, source=command.source, on_time=self._report)
                yield Explained(reading=reading)
            case Load():
                self._stack.close()
                self._load, self._renderer = command, None
            case MakeSlice():
                yield self._make(command.index, command.outputs)
            case Begin() | Renewed():
                pass  # an answer to nothing

    def _make(self, index: int, outputs: tuple[str, ...]) -> Made:
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
        self._due = 0.0  # of each slice, however short, the run hears before it is made
        self._renderer.make(index, self._report, outputs=outputs)
        return Made(index=index)

    def _renewed(self, source: Place) -> Place:
        """Ask for a fresh URL: there are no credentials here to sign one with."""
        if source.is_local:
            return source
        self._run.say(Renew())
        answer = self._heard()
        return answer.source if isinstance(answer, Renewed) else source

    def _live(self) -> None:
        """Show a sign of life."""
        self._report(Fraction(0))

    def _report(self, time: Fraction) -> None:
        """Say how far the slice is, but not more often than a person could see."""
        if monotonic() >= self._due:
            self._run.say(Progress(time=time))
            self._due = monotonic() + _PROGRESS_SECONDS

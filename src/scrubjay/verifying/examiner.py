"""The processes that decode, from verifying's side: one for each thread that needs one.

A destination can be anybody's, and so can the pictures in it. So no object is decoded in the
process that has the user's files and credentials; see docs/security.md.
"""

import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Self, TypeVar

import msgspec

from scrubjay.engines.spawn import worker_environment
from scrubjay.engines.terms import confinement_for, readable_by_url
from scrubjay.errors import (
    RenderError,
    SandboxError,
    WorkerCrashedError,
    WorkerStalledError,
    WorkerStartError,
    error_class,
)
from scrubjay.model import encode
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Confinement, Sandbox, sandbox_support
from scrubjay.verifying.wire import MAX_LINE_BYTES, Alive, Begin, Failure, Ready, to_reply

__all__ = ["Examiner", "Examiners"]

A = TypeVar("A")

_PROGRAM = "import gc; gc.disable(); from scrubjay.verifying.decoding.child import main; main()"
_READ_BYTES = 1 << 16
_PATIENCE = 5
"""Seconds to wait for a killed process to end."""


class Examiner:
    """One confined process that decodes. It is used by one thread at a time.

    Args:
        confinement: what it may still do.
        stall_timeout: seconds without a sign of life after which it is killed.

    Raises:
        WorkerStartError: the system does not allow another process.
    """

    def __init__(self, confinement: Confinement, stall_timeout: float) -> None:
        self._patience = stall_timeout
        try:
            self._process = subprocess.Popen(  # noqa: S603  a constant, in this interpreter
                [sys.executable, "-P", "-c", _PROGRAM],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=worker_environment(os.environ, network=bool(confinement.ports)),
                start_new_session=True,  # Ctrl-C is for this process, which then ends it
            )
        except OSError as exc:
            raise WorkerStartError(
                f"no process could be started to decode in: {exc.strerror}; raise the limits on "
                "open files and processes (ulimit -n, ulimit -u)"
            ) from exc
        assert self._process.stdin  # noqa: S101  both are pipes
        assert self._process.stdout  # noqa: S101
        self._input, self._output = self._process.stdin, self._process.stdout
        self._unread = bytearray()
        os.set_blocking(self._input.fileno(), False)
        os.set_blocking(self._output.fileno(), False)
        try:
            self.ask(Ready, Begin(confinement=confinement))
        except WorkerCrashedError as error:
            raise WorkerStartError(f"no process can be started to decode in: {error}") from error

    def ask(self, answer_type: type[A], task: object, pieces: Iterable[bytes] = ()) -> A:
        """Give it a task, and return its answer.

        Args:
            answer_type: what is expected.
            task: from `wire`.
            pieces: the bytes that follow.

        Raises:
            WorkerCrashedError: it has died, or sent something invalid.
            WorkerStalledError: it was silent for too long, and was killed.
            ScrubjayError: it could not carry out the task.
        """
        self._send(encode(task) + b"\n")
        for piece in pieces:
            self._send(piece)
        for line in self._lines():
            try:
                reply = to_reply(line)
            except msgspec.DecodeError as exc:
                raise self._crash(f"sent an invalid reply: {exc}") from exc
            if isinstance(reply, Failure):
                raise error_class(reply.error)(reply.message)
            if isinstance(reply, answer_type):
                return reply
            if not isinstance(reply, Alive):
                raise self._crash("answered another question")
        raise AssertionError  # `_lines` never ends without an error

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            self._wait(self._input.fileno(), selectors.EVENT_WRITE)
            try:
                left = left[os.write(self._input.fileno(), left) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._crash() from None

    def _lines(self) -> Iterator[bytes]:
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                yield bytes(line)
                continue
            if len(line) > MAX_LINE_BYTES:
                raise self._crash("sent a line that is too long")
            self._wait(self._output.fileno(), selectors.EVENT_READ)
            with suppress(BlockingIOError):
                data = os.read(self._output.fileno(), _READ_BYTES)
                if not data:
                    raise self._crash()
                self._unread += data

    def _wait(self, pipe: int, event: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, event)
            if not selector.select(self._patience):
                self.kill()
                raise WorkerStalledError(
                    f"the process that decodes showed no progress for {self._patience:g} s and was "
                    "killed"
                )

    def _crash(self, how: str = "") -> WorkerCrashedError:
        """Kill the process, and return an error that says how it ended."""
        if not how:
            with suppress(subprocess.TimeoutExpired):
                code = self._process.wait(_PATIENCE)
                how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
        self.kill()
        return WorkerCrashedError(f"the process that decodes {how or 'closed its output'}")

    def kill(self) -> None:
        """Kill the process and every process that it started."""
        with suppress(ProcessLookupError, PermissionError):  # it may have ended already
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        for pipe in (self._input, self._output):
            with suppress(OSError):
                pipe.close()


class Examiners:
    """The processes that decode the objects of one set, at most one a thread.

    Args:
        sandbox: how they are confined: "auto", "require" or "off".
        stall_timeout: seconds without a sign of life after which one is killed.
        memory_limit_bytes: most memory that one may allocate.
    """

    def __init__(self, sandbox: Sandbox, stall_timeout: float, memory_limit_bytes: int) -> None:
        missing = sandbox_support().missing if sandbox == "require" else ()
        if missing:
            raise SandboxError(
                f"this machine cannot confine the processes that decode; it lacks "
                f"{' and '.join(missing)}. Use sandbox=auto to continue without it"
            )
        self._sandbox: Sandbox = sandbox
        self._patience = stall_timeout
        self._memory = memory_limit_bytes
        self._own = threading.local()
        self._all: list[Examiner] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill them all."""
        with self._lock:
            self._is_closed = True
            everyone, self._all = self._all, []
        for each in everyone:
            each.kill()

    def ask(self, answer_type: type[A], task: object, pieces: Iterable[bytes]) -> A:
        """Give a task to this thread's process; one that dies is replaced for the next task.

        Raises:
            EngineError: the process died.
            ScrubjayError: it could not carry out the task.
        """
        own: Examiner | None = getattr(self._own, "examiner", None)
        if own is None:
            own = self._own.examiner = self._started(
                Confinement(
                    sandbox=self._sandbox, parent=os.getpid(), memory_limit_bytes=self._memory
                )
            )
        try:
            return own.ask(answer_type, task, pieces)
        except RenderError:  # its own answer, after it has read all pieces
            raise
        except BaseException:
            own.kill()
            self._own.examiner = None
            raise

    def ask_of_video(
        self, source: Place, answer_type: type[A], task: object, pieces: Iterable[bytes]
    ) -> A:
        """Give a task to a new process that may read a video.

        Raises:
            SourceError: the video cannot be read.
            EngineError: the process died.
        """
        terms = confinement_for(
            readable_by_url(source),
            sandbox=self._sandbox,
            parent=os.getpid(),
            memory_limit_bytes=self._memory,
        )
        own = self._started(terms)
        try:
            return own.ask(answer_type, task, pieces)
        finally:
            own.kill()

    def _started(self, confinement: Confinement) -> Examiner:
        with self._lock:
            if self._is_closed:
                raise WorkerCrashedError("verifying was stopped")
            examiner = Examiner(confinement, self._patience)
            self._all.append(examiner)
            return examiner

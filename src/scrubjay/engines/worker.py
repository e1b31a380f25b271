"""One worker process, seen from the run: started, spoken to, listened to, killed.

Nothing here waits for a worker: what it does not read is kept, and what it does not say is missed
by the run, which ends it.
"""

import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import IO

from scrubjay.engines.inbox import Heard, Inbox
from scrubjay.engines.spawn import spawned
from scrubjay.engines.wire import Begin, Command
from scrubjay.errors import WorkerCrashedError, WorkerStartError
from scrubjay.model import encode
from scrubjay.places.place import redacted
from scrubjay.sandbox.confinement import Confinement

__all__ = ["Worker"]

_READ_BYTES = 1 << 20
_LAST_WORDS_BYTES = 4096
_MOST_LAST_READS = 16
"""How often what a dead worker wrote last is read: whoever holds its pipe may write for ever."""
_PATIENCE = 5
"""Seconds in which a process that was killed is gone, unless the system itself hangs."""
_SHORT_PATIENCE = 0.5
"""Seconds in which a process that has closed its output ends by itself, if it does."""


class Worker:
    """A worker process. It dies with the run, and can be killed at any moment.

    Args:
        confinement: what it may still do once it has started.

    Raises:
        WorkerStartError: the system starts no more processes for us.
    """

    def __init__(self, confinement: Confinement) -> None:
        self._process = _started(network=bool(confinement.ports))
        self._inbox = Inbox(confinement.memory_limit_bytes)
        self._unsent = bytearray()
        self._last_words = b""
        self.heard_at = monotonic()
        """When it last gave a sign of life, by the monotonic clock."""
        for pipe in (self.input, self.output, self.complaints):
            os.set_blocking(pipe.fileno(), False)
        with suppress(OSError, AttributeError):  # Linux: fewer turns for a large object
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _READ_BYTES)
        self.send(Begin(confinement=confinement))

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._process.pid

    @property
    def input(self) -> IO[bytes]:
        """Where commands go: for `selectors`."""
        return _pipe(self._process.stdin)

    @property
    def output(self) -> IO[bytes]:
        """Where replies come from: for `selectors`."""
        return _pipe(self._process.stdout)

    @property
    def complaints(self) -> IO[bytes]:
        """Where its libraries complain: for `selectors`."""
        return _pipe(self._process.stderr)

    @property
    def has_unsent(self) -> bool:
        """Whether there is something that it has not read yet: `flush` it when it reads."""
        return bool(self._unsent)

    @property
    def has_ended(self) -> bool:
        """Whether it is dead."""
        return self._process.poll() is not None

    def send(self, command: Command) -> None:
        """Tell it what to do; what it does not read now is kept for `flush`.

        Raises:
            WorkerCrashedError: it is dead.
        """
        self.heard_at = monotonic()
        self._unsent += encode(command) + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what is unsent, as far as it reads.

        Raises:
            WorkerCrashedError: it is dead.
        """
        try:
            while self._unsent:
                del self._unsent[: os.write(self.input.fileno(), self._unsent)]
        except BlockingIOError:
            return  # its pipe is full
        except BrokenPipeError:
            raise self._crash() from None

    def replies(self) -> Iterator[Heard]:
        """Yield what it sent since the last call; call it when `output` can be read.

        Raises:
            WorkerCrashedError: it is dead, or sends what no worker sends.
        """
        try:
            data = os.read(self.output.fileno(), _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise self._crash()
        self.heard_at = monotonic()
        yield from self._inbox.take(data)

    def listen_to_complaints(self) -> bool:
        """Keep the end of what its libraries wrote; return whether there may be more."""
        try:
            data = os.read(self.complaints.fileno(), _READ_BYTES)
        except BlockingIOError:
            return True
        self._last_words = (self._last_words + data)[-_LAST_WORDS_BYTES:]
        return bool(data)

    def kill(self) -> None:
        """End it at once, with everything that it started."""
        with suppress(ProcessLookupError, PermissionError):  # it may be gone already
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # it hangs inside the system, on a dead disk
            self._process.wait(_PATIENCE)
        for pipe in (self.input, self.output, self.complaints):
            with suppress(BrokenPipeError):
                pipe.close()

    def _crash(self) -> WorkerCrashedError:
        """Say how it ended; end it first if it only looks dead."""
        how = "closed its output and lived on"
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_SHORT_PATIENCE)
            how = f"was ended by {_signal_name(-code)}" if code < 0 else f"exited with {code}"
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for _ in range(_MOST_LAST_READS):
            if not self.listen_to_complaints():
                break
        words = redacted(self._last_words.decode(errors="replace")).strip()
        last = f"; its last words: {words.splitlines()[-1]}" if words else ""
        return WorkerCrashedError(f"the worker process {how}{last}")


def _started(*, network: bool) -> "subprocess.Popen[bytes]":
    try:
        return spawned(network=network)
    except OSError as exc:
        raise WorkerStartError(
            f"no worker process could be started: {exc.strerror}. Use fewer workers, or raise the "
            "limits on open files and processes (ulimit -n, ulimit -u)"
        ) from exc


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101  all three were asked for
    return pipe

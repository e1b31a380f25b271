"""One worker process, from the run's side: starting it, commands, replies, killing it.

Nothing here waits for a worker. Commands that it does not read yet are kept; if it stays silent for
too long, the run kills it.
"""

import fcntl
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO

from scrubjay.engines.inbox import Inbox, Received
from scrubjay.engines.spawn import spawned
from scrubjay.engines.wire import Begin, Command
from scrubjay.errors import WorkerCrashedError, WorkerStartError
from scrubjay.model import encode
from scrubjay.places.place import redacted
from scrubjay.sandbox.confinement import Confinement

__all__ = ["Worker"]

_READ_BYTES = 1 << 20
_MOST_STDERR_BYTES = 4096
_MOST_STDERR_READS = 16
"""Most reads of a dead worker's standard error, because another process may still fill the pipe."""
_MOST_MEMORY = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
_PATIENCE = 5
"""Seconds to wait for a killed process to end; it takes longer only if the system hangs."""
_SHORT_PATIENCE = 0.5
"""Seconds to wait for a process that has closed its output to end by itself."""


class Worker:
    """A worker process. It dies with the run, and can be killed at any moment.

    Args:
        confinement: what it may still do after its first command.

    Raises:
        WorkerStartError: the system does not allow another process.
    """

    def __init__(self, confinement: Confinement) -> None:
        self._process = _started(network=bool(confinement.ports))
        self._inbox = Inbox(confinement.memory_limit_bytes)
        self._unsent = bytearray()
        self._stderr_tail = b""
        self.active_at = monotonic()
        """When it last replied or got a command, by the monotonic clock."""
        for pipe in (self.input, self.output, self.stderr):
            os.set_blocking(pipe.fileno(), False)
        with suppress(OSError, AttributeError):  # Linux only: fewer reads for a large object
            fcntl.fcntl(self.output, fcntl.F_SETPIPE_SZ, _READ_BYTES)
        self.send(Begin(confinement=confinement))

    @property
    def pid(self) -> int:
        """Process id, and id of its process group."""
        return self._process.pid

    @property
    def input(self) -> IO[bytes]:
        """The pipe for commands, for `selectors`."""
        return _pipe(self._process.stdin)

    @property
    def output(self) -> IO[bytes]:
        """The pipe for replies, for `selectors`."""
        return _pipe(self._process.stdout)

    @property
    def stderr(self) -> IO[bytes]:
        """The pipe for what its libraries print, for `selectors`."""
        return _pipe(self._process.stderr)

    @property
    def has_unsent(self) -> bool:
        """Whether commands are unsent because its pipe is full; `flush` sends them."""
        return bool(self._unsent)

    @property
    def most_memory_bytes(self) -> int:
        """Most memory that the process has taken so far; 0 if the system does not say."""
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        found = _MOST_MEMORY.search(status)
        return int(found[1]) << 10 if found else 0

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def send(self, command: Command) -> None:
        """Send a command; what does not fit into the pipe is kept for `flush`.

        Raises:
            WorkerCrashedError: it has ended.
        """
        self.active_at = monotonic()
        self._unsent += encode(command) + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what is unsent, as far as it fits into the pipe.

        Raises:
            WorkerCrashedError: it has ended.
        """
        try:
            while self._unsent:
                del self._unsent[: os.write(self.input.fileno(), self._unsent)]
        except BlockingIOError:
            return  # its pipe is full
        except BrokenPipeError:
            raise self._crash() from None

    def replies(self) -> Iterator[Received]:
        """Yield what it has sent since the last call; call this when `output` is readable.

        Raises:
            WorkerCrashedError: it has ended, or sent something invalid.
        """
        try:
            data = os.read(self.output.fileno(), _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise self._crash()
        self.active_at = monotonic()
        yield from self._inbox.take(data)

    def read_stderr(self) -> bool:
        """Keep the end of what its libraries print; return whether there may be more."""
        try:
            data = os.read(self.stderr.fileno(), _READ_BYTES)
        except BlockingIOError:
            return True
        self._stderr_tail = (self._stderr_tail + data)[-_MOST_STDERR_BYTES:]
        return bool(data)

    def kill(self) -> None:
        """Kill the process and every process that it started."""
        with suppress(ProcessLookupError, PermissionError):  # it may have ended already
            os.killpg(self.pid, signal.SIGKILL)
        with suppress(
            subprocess.TimeoutExpired
        ):  # it hangs in a system call, such as on a broken disk
            self._process.wait(_PATIENCE)
        for pipe in (self.input, self.output, self.stderr):
            with suppress(BrokenPipeError):
                pipe.close()

    def _crash(self) -> WorkerCrashedError:
        """Kill the process if it still runs, and return an error that says how it ended."""
        how = "closed its output but did not exit"
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_SHORT_PATIENCE)
            how = f"was killed by {_signal_name(-code)}" if code < 0 else f"exited with {code}"
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for _ in range(_MOST_STDERR_READS):
            if not self.read_stderr():
                break
        text = redacted(self._stderr_tail.decode(errors="replace")).strip()
        last = f"; its last output: {text.splitlines()[-1]}" if text else ""
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
    assert pipe is not None  # noqa: S101  all three pipes are requested
    return pipe

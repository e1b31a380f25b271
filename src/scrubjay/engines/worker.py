"""One worker process, seen from the run: started, spoken to, listened to, killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import IO

import msgspec

from scrubjay.engines.wire import MAX_LINE_BYTES, Command, Reply, to_reply
from scrubjay.errors import WorkerCrashedError
from scrubjay.model import encode
from scrubjay.place import redacted

__all__ = ["Worker"]

_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Slices run side by side, one core each: numpy's libraries must not start threads of their own."""

_GIVE_BACK = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(4 << 20))
"""For glibc: memory that is freed goes back to the system. Left to itself it raises these limits
with each larger block, and a worker grows for a dozen slices (mallopt(3), "dynamic mmap
threshold"). Much lower ones make numpy's intermediate results cost system time."""

_LAST_WORDS_BYTES = 4096


class Worker:
    """A worker process. It dies with the run, and can be killed at any moment.

    Args:
        memory_limit_bytes: what it may allocate.
    """

    def __init__(self, memory_limit_bytes: int) -> None:
        search_path = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
            # -P: a module of that name in the current folder must not stand in for another
            [sys.executable, "-P", "-m", "scrubjay.engines.child", str(memory_limit_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD, **_GIVE_BACK, "PYTHONPATH": search_path},
            start_new_session=True,  # Ctrl-C is for the run, which then ends its workers
        )
        self._unread = b""
        self._last_words = b""
        self.heard_at = monotonic()
        """When it last gave a sign of life, by the monotonic clock."""

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._process.pid

    @property
    def output(self) -> IO[bytes]:
        """Where replies come from: for `selectors`."""
        return _pipe(self._process.stdout)

    @property
    def complaints(self) -> IO[bytes]:
        """Where its libraries complain: for `selectors`."""
        return _pipe(self._process.stderr)

    def send(self, command: Command) -> None:
        """Tell it what to do.

        Raises:
            WorkerCrashedError: it is dead.
        """
        self.heard_at = monotonic()
        pipe = _pipe(self._process.stdin)
        try:
            pipe.write(encode(command) + b"\n")
            pipe.flush()
        except BrokenPipeError:
            raise self._crash() from None

    def replies(self) -> Iterator[Reply]:
        """Yield what it said since the last call; call it when `output` can be read.

        Raises:
            WorkerCrashedError: it is dead, or talks nonsense.
        """
        data = os.read(self.output.fileno(), MAX_LINE_BYTES)
        if not data:
            raise self._crash()
        self.heard_at = monotonic()
        *lines, self._unread = (self._unread + data).split(b"\n")
        if len(self._unread) > MAX_LINE_BYTES:
            raise WorkerCrashedError("the worker process said too much at once")
        for line in lines:
            try:
                yield to_reply(line)
            except msgspec.DecodeError as exc:
                raise WorkerCrashedError(f"the worker process talks nonsense: {exc}") from exc

    def listen_to_complaints(self) -> bool:
        """Keep the end of what its libraries wrote; return whether there may be more."""
        data = os.read(self.complaints.fileno(), MAX_LINE_BYTES)
        self._last_words = (self._last_words + data)[-_LAST_WORDS_BYTES:]
        return bool(data)

    def kill(self) -> None:
        """End it at once, with everything that it started."""
        with suppress(ProcessLookupError):  # it may be gone already
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):  # what was buffered for it is of no use now
                _pipe(pipe).close()

    def _crash(self) -> WorkerCrashedError:
        code = self._process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        while self.listen_to_complaints():
            pass  # up to what it said last
        words = redacted(self._last_words.decode(errors="replace")).strip()
        last = f"; its last words: {words.splitlines()[-1]}" if words else ""
        return WorkerCrashedError(f"the worker process {how}{last}")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101  all three were asked for
    return pipe

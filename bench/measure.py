"""What a command costs: processor time, wall time, memory, bytes read.

A finished process is looked at before it is reaped: Linux then still tells what it and all the
children that it waited for have used and read. Memory is sampled while it runs.
"""

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import IO

__all__ = ["BenchError", "Command", "Cost", "measure", "size_of"]

_SAMPLE_SECONDS = 0.1
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """The benchmark cannot go on; the text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to run, and the file that it reads on standard input."""

    argv: tuple[str, ...]
    stdin: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of a command took, with all its child processes."""

    cpu: float
    """User and system seconds."""
    own_cpu: float
    """Of these, those of the first process, to a hundredth."""
    wall: float
    """Seconds from start to end."""
    largest_bytes: int
    """Peak memory (RSS) of the largest process."""
    together_bytes: int
    """Peak of the memory of all processes together; shared pages count in each."""
    read_bytes: int
    """Read by system calls (`rchar` of /proc/PID/io), from files and pipes."""
    lines: list[tuple[float, str]] = field(repr=False)
    """What it wrote to standard output, and when, in seconds from its start."""


def measure(command: Command, *, stop_at: Callable[[str], bool] | None = None) -> Cost:
    """Run a command to its end and return what it took.

    Args:
        command: what to run.
        stop_at: told each line of output; when it says True, the command is sent SIGTERM.

    Raises:
        BenchError: the command failed by itself.
    """
    with tempfile.TemporaryFile() as complaints, _input(command) as stdin:
        began = monotonic()
        process = subprocess.Popen(
            command.argv, stdin=stdin, stdout=subprocess.PIPE, stderr=complaints
        )
        watch = _Watch(process, began, stop_at)
        try:
            watch.until_it_ends()
            wall = monotonic() - began
            own_cpu, read_bytes = _used(process.pid)
        except BaseException:
            process.terminate()
            raise
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode and not watch.stopped:
            complaints.seek(0)
            words = complaints.read()[-600:].decode(errors="replace").strip()
            raise BenchError(f"{command.argv[0]} exited with {process.returncode}: {words}")
    return Cost(
        cpu=usage.ru_utime + usage.ru_stime,
        own_cpu=own_cpu,
        wall=wall,
        largest_bytes=usage.ru_maxrss * 1024,
        together_bytes=max(watch.together_bytes, usage.ru_maxrss * 1024),
        read_bytes=read_bytes,
        lines=watch.lines,
    )


def size_of(folder: Path) -> tuple[int, int]:
    """Return how many files lie in a folder and those below it, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


class _Watch:
    """Listens to a process and samples its memory until it ends."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        began: float,
        stop_at: Callable[[str], bool] | None,
    ) -> None:
        self._process = process
        self._began = began
        self._stop_at = stop_at
        self._unread = b""
        self.lines: list[tuple[float, str]] = []
        self.together_bytes = 0
        self.stopped = False

    def until_it_ends(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        output, end = self._process.stdout.fileno(), os.pidfd_open(self._process.pid)
        poll = select.poll()
        poll.register(output, select.POLLIN)
        poll.register(end, select.POLLIN)
        due, ended = 0.0, False
        while not ended:
            ready = [fd for fd, _ in poll.poll(_SAMPLE_SECONDS * 1000)]
            if output in ready and not self._listen(output):
                poll.unregister(output)
            ended = end in ready
            if not ended and monotonic() >= due:
                self.together_bytes = max(self.together_bytes, _together(self._process.pid))
                due = monotonic() + _SAMPLE_SECONDS
        os.set_blocking(output, False)
        while self._listen(output):
            pass
        os.close(end)
        self._process.stdout.close()

    def _listen(self, output: int) -> bool:
        try:
            heard = os.read(output, 1 << 16)
        except BlockingIOError:
            return False
        now = monotonic() - self._began
        *lines, self._unread = (self._unread + heard).split(b"\n")
        for line in lines:
            self.lines.append((now, line.decode()))
            if self._stop_at and not self.stopped and self._stop_at(self.lines[-1][1]):
                self.stopped = True
                self._process.send_signal(signal.SIGTERM)
        return bool(heard)


def _input(command: Command) -> IO[bytes]:
    return Path(command.stdin or os.devnull).open("rb")


def _used(pid: int) -> tuple[float, int]:
    """Return a dead process's own CPU seconds, and the bytes that it and its children read."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    fields = _stat(pid)
    io = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return (int(fields[11]) + int(fields[12])) / _TICKS, int(io["rchar"])


def _stat(pid: int | str) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on (proc(5) calls it the third)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _together(root: int) -> int:
    """Return the memory of a process and all that descend from it, in bytes."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  ten times a second, beside what is measured
        if name.isdigit():
            try:
                children.setdefault(int(_stat(name)[1]), []).append(int(name))
            except (OSError, IndexError):
                continue  # it has just ended
    total, family = 0, [root]
    while family:
        pid = family.pop()
        family += children.get(pid, [])
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            continue
    return total

"""Worker processes of a cluster, each of which stands for a machine."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

__all__ = ["Host", "wait_until"]

_SCRUBJAY = Path(sys.executable).with_name("scrubjay")
_DEADLINE = 300
_LINE = re.compile(r"(?:slice (\d+)|finish) of \S+: (\w+)")


def wait_until(what: Callable[[], object], *, alive: "Host | None" = None) -> None:
    """Wait until something is true; fail after minutes, or if a host has ended."""
    deadline = time.monotonic() + _DEADLINE
    while not what():
        assert time.monotonic() < deadline, "it never happened"
        assert alive is None or alive.process.poll() is None, alive.text()
        time.sleep(0.05)


class Host:
    """A worker process.

    Args:
        database: the address of the queue's database.
        log: where its lines go; those of an earlier host stay.
        options: more of its options.
        program: what to start in place of the command, for workers that misbehave.
    """

    def __init__(
        self, database: str, log: Path, *options: str, program: tuple[str, ...] = (str(_SCRUBJAY),)
    ) -> None:
        self.log = log
        environ = os.environ | {"SCRUBJAY_DATABASE": database}
        with log.open("ab") as lines:
            self.process = subprocess.Popen(
                [*program, "worker", *options],
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=lines,
                env=environ,
                start_new_session=True,
            )

    def text(self) -> str:
        """Return what it has written."""
        return self.log.read_text(encoding="utf-8")

    def counts(self, word: str) -> Counter[int]:
        """Count the lines of each slice whose first word after the colon is `word`."""
        found = (_LINE.search(line) for line in self.text().splitlines())
        return Counter(int(each[1]) for each in found if each and each[1] and each[2] == word)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it, as a power cut does."""
        self.process.kill()
        self.process.wait(60)

    def end(self) -> int:
        """End it as `systemctl stop` does, and return its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(_DEADLINE)
        finally:
            self.process.kill()


_CHILD = """#!{python}
import os, signal, sys, time
import scrubjay.slices.renderer as renderer

made = renderer.SliceRenderer.make


def make(self, index, *arguments, **named):
    time.sleep({seconds})
    if index in {poisoned}:
        os.kill(os.getpid(), signal.SIGKILL)
    for first in {gates}:
        while index >= first and not os.path.exists({folder!r} + "/gate-" + str(first)):
            time.sleep(0.01)
    while index in {slow} and not os.path.exists({folder!r} + "/slow"):
        time.sleep(0.01)
    return made(self, index, *arguments, **named)


renderer.SliceRenderer.make = make
exec(sys.argv[-1])
"""

_HOST = """#!{python}
import sys
sys.executable = {child!r}
from scrubjay.cli.start import start
sys.argv[0] = "scrubjay"
start()
"""


class Misbehaving:
    """A worker whose processes die of some slices, or wait until the test says go.

    Args:
        folder: where its programs go.
        poisoned: the slices that kill their process.
        slow: the slices that wait for `let_go`.
        gates: the slices from which on all wait for `open`.
        seconds: how long every slice takes longer.
    """

    def __init__(
        self,
        folder: Path,
        *,
        poisoned: tuple[int, ...] = (),
        slow: tuple[int, ...] = (),
        gates: tuple[int, ...] = (),
        seconds: float = 0,
    ) -> None:
        self._folder = folder
        child = folder / "child"
        values = {"poisoned": poisoned, "slow": slow, "gates": gates}
        more = {"python": sys.executable, "folder": str(folder), "seconds": seconds}
        child.write_text(_CHILD.format(**values, **more))
        host = folder / "host"
        host.write_text(_HOST.format(python=sys.executable, child=str(child)))
        for each in (child, host):
            each.chmod(0o755)
        self.program = (str(host),)

    def let_go(self) -> None:
        """Let slow slices go on."""
        (self._folder / "slow").touch()

    def open(self, gate: int) -> None:
        """Let the slices from a gate on begin."""
        (self._folder / f"gate-{gate}").touch()

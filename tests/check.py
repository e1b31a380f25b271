"""Run the steps of `make check` in lanes side by side, and say what each one took.

A step's output is shown when it ends; that of the first lane's last step, the tests, comes last,
so that the whole closes with pytest's summary.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

_ROOT = Path(__file__).parents[1]
_LOGS = _ROOT / ".check"
"""Each step's output, to be read while it runs, and afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step that has ended; times in seconds."""

    step: str
    status: int
    wall: float
    cpu: float

    @property
    def output(self) -> str:
        """All that it printed."""
        return (_LOGS / f"{self.step}.log").read_text(errors="replace")


def _run(make: list[str], step: str) -> Done:
    """Run a target of the Makefile to its end."""
    began = time.monotonic()
    with (_LOGS / f"{step}.log").open("wb") as log:
        command = [*make, "--no-print-directory", step]
        process = subprocess.Popen(command, cwd=_ROOT, stdout=log, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Done(
        step=step,
        status=process.returncode,
        wall=time.monotonic() - began,
        cpu=used.ru_utime + used.ru_stime,
    )


def main() -> int:
    """Return 0 if every step succeeds, else 1; a step that fails stops no other one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--make", default="make", help="the program that runs a step")
    parser.add_argument("lanes", nargs="+", help="steps in order, with commas between them")
    given = parser.parse_args()
    make, lanes = shlex.split(given.make), [each.split(",") for each in given.lanes]
    last = lanes[0][-1]
    _LOGS.mkdir(exist_ok=True)
    _say(f"{' | '.join(' '.join(lane) for lane in lanes)}: their output so far is in .check/")
    printing, began = Lock(), time.monotonic()

    def drive(lane: list[str]) -> list[Done]:
        found = []
        for step in lane:
            found.append(done := _run(make, step))
            if step != last:
                with printing:
                    _say(_headed(done))
        return found

    with ThreadPoolExecutor(len(lanes)) as pool:
        ended = [done for lane in pool.map(drive, lanes) for done in lane]
    wall, cpu = time.monotonic() - began, sum(done.cpu for done in ended)
    rows = [("step", "wall s", "CPU s")]
    rows += [(done.step, f"{done.wall:.0f}", f"{done.cpu:.0f}") for done in ended]
    rows.append(("all", f"{wall:.0f}", f"{cpu:.0f}"))
    _say("\n".join(f"{step:<12}{walls:>8}{cpus:>8}" for step, walls, cpus in rows))
    _say(next(_headed(done) for done in ended if done.step == last))
    failed = [done.step for done in ended if done.status]
    if failed:
        _say(f"make check: failed: {', '.join(failed)}")
    return 1 if failed else 0


def _headed(done: Done) -> str:
    result = f"exit code {done.status}" if done.status else "passed"
    return f"\n--- make {done.step}: {result} ({done.wall:.0f} s) ---\n{done.output.rstrip()}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

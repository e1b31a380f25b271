import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scrubjay.events import Event, Planned, SliceStarted
from scrubjay.model import decode

Tree = Callable[[Path], dict[str, str]]
Workers = Callable[[int], list[int]]

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
RECIPE = ["--slice-length", "1", "--frame-interval", "1/12", "--animation-fps", "20"]
"""Twelve slices of the clip with many outputs: a run of a second."""

_DEADLINE = 60


def _start(clip: Path, folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [str(SCRUBJAY), "make", str(clip), "-o", str(folder), "--workers", "2", "--json", *RECIPE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _finish(clip: Path, folder: Path) -> list[Event]:
    """Run to the end, and return what was told."""
    with _start(clip, folder) as run:
        output, errors = run.communicate(timeout=_DEADLINE)
    assert (run.returncode, errors) == (0, b"")
    return [decode(line, Event) for line in output.splitlines()]  # type: ignore[arg-type]


def _wait_until_gone(pids: list[int]) -> None:
    """Wait for processes that are nobody's children of ours."""
    end = time.monotonic() + _DEADLINE
    while any((Path("/proc") / str(pid)).exists() for pid in pids):
        assert time.monotonic() < end, f"still running: {pids}"
        time.sleep(0.01)


def _wait_for_slice(run: "subprocess.Popen[bytes]") -> None:
    """Read events until the first slice is under way."""
    assert run.stdout is not None
    for line in run.stdout:
        if json.loads(line)["event"] == "slice_progress":
            return
    pytest.fail("no slice was begun")


@pytest.fixture(scope="module")
def undisturbed(
    clip: Path, tmp_path_factory: pytest.TempPathFactory, tree: Tree
) -> tuple[dict[str, str], float]:
    """The files of a run that nothing happened to, and the seconds that it took.

    It lies as deep as `tmp_path / "set"`, so that its page names the same way to the video.
    """
    folder = tmp_path_factory.mktemp("undisturbed") / "set"
    began = time.monotonic()
    _finish(clip, folder)
    return tree(folder), time.monotonic() - began


def test_kill_nine_at_any_moment_loses_nothing(
    clip: Path,
    tmp_path: Path,
    undisturbed: tuple[dict[str, str], float],
    tree: Tree,
    workers_of: Workers,
) -> None:
    """Ten runs of one set are killed with all their processes; the next one completes it."""
    files, seconds = undisturbed
    moments = random.Random(20_261_123)  # noqa: S311  no secret
    killed = 0
    for number in range(10):
        # one set is killed again and again; every third time a new one is begun
        folder = tmp_path / (f"fresh-{number}" if number % 3 == 2 else "one")
        with _start(clip, folder) as run:
            run_for = moments.uniform(0.1, seconds)
            select.select([], [], [], run_for)
            workers = workers_of(run.pid)
            killed += run.poll() is None
            for group in (run.pid, *workers):
                try:
                    os.killpg(group, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            run.communicate(timeout=_DEADLINE)
        _wait_until_gone(workers)
    assert killed >= 5
    for folder in sorted(tmp_path.iterdir()):
        _finish(clip, folder)
        assert tree(folder) == files


def test_a_lone_parent_killed_takes_its_workers_along(
    clip: Path,
    tmp_path: Path,
    undisturbed: tuple[dict[str, str], float],
    tree: Tree,
    workers_of: Workers,
) -> None:
    """Workers end by themselves when their run is killed, and a resume completes the set."""
    with _start(clip, tmp_path / "set") as run:
        _wait_for_slice(run)
        workers = workers_of(run.pid)
        assert len(workers) >= 1
        run.kill()
        run.communicate(timeout=_DEADLINE)
    _wait_until_gone(workers)
    _finish(clip, tmp_path / "set")
    assert tree(tmp_path / "set") == undisturbed[0]


@pytest.mark.parametrize(
    ("sign", "code", "name"),
    [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")],
)
def test_a_signal_stops_and_can_be_resumed(
    clip: Path,
    tmp_path: Path,
    undisturbed: tuple[dict[str, str], float],
    tree: Tree,
    workers_of: Workers,
    sign: signal.Signals,
    code: int,
    name: str,
) -> None:
    """Ctrl-C or SIGTERM ends the run at once, with a word on how to go on; a resume completes."""
    folder = tmp_path / "set"
    with _start(clip, folder) as run:
        _wait_for_slice(run)
        workers = workers_of(run.pid)
        os.killpg(run.pid, sign)
        output, errors = run.communicate(timeout=10)
    assert run.returncode == code
    assert errors == b"scrubjay: stopped; run the same command again to go on from here\n"
    last = json.loads(output.splitlines()[-1])
    assert (last["event"], last["error"], last["exit_code"]) == ("failed", name, code)
    assert not any((Path("/proc") / str(pid)).exists() for pid in workers)
    assert not (folder / "manifest.json").exists()
    assert not list(folder.rglob("*#*"))

    events = _finish(clip, folder)
    (planned,) = [event for event in events if isinstance(event, Planned)]
    started = [event for event in events if isinstance(event, SliceStarted)]
    assert len(started) == planned.slices - planned.done > 0
    assert tree(folder) == undisturbed[0]

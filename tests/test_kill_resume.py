import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from scrubjay.events import Event, Planned, SliceStarted
from scrubjay.model import decode

Tree = Callable[[Path], dict[str, str]]
Workers = Callable[[int], list[int]]

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
RECIPE = ["--slice-length", "1", "--frame-interval", "1/12", "--animation-fps", "20"]
"""Twelve slices of the clip with many outputs: a run of a second."""

BUSY = ["--slice-length", "1", "--animation-fps", "24", "--animation-width", "480"]
"""Twelve slices of the busy clip: a run that goes on for seconds after its first progress."""

_DEADLINE = 300


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """A shell lets what it starts in the background ignore SIGINT: runs must not inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _start(clip: Path, folder: Path, recipe: Sequence[str] = RECIPE) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [str(SCRUBJAY), "make", str(clip), "-o", str(folder), "--workers", "2", "--json", *recipe],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _finish(clip: Path, folder: Path, recipe: Sequence[str] = RECIPE) -> list[Event]:
    """Run to the end, and return what was told."""
    with _start(clip, folder, recipe) as run:
        output, errors = run.communicate(timeout=_DEADLINE)
    assert (run.returncode, errors) == (0, b"")
    return [decode(line, Event) for line in output.splitlines()]  # type: ignore[arg-type]


def _wait_until_gone(pids: list[int]) -> None:
    """Wait for processes that are nobody's children of ours."""
    end = time.monotonic() + _DEADLINE
    while not all(_is_gone(pid) for pid in pids):
        assert time.monotonic() < end, f"still running: {pids}"
        time.sleep(0.01)


def _is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked for its end yet (Z) has."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


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


@pytest.fixture(scope="module")
def busy_undisturbed(
    busy_clip: Path, tmp_path_factory: pytest.TempPathFactory, tree: Tree
) -> dict[str, str]:
    """The files of a longer run that nothing happened to, as deep as those of `undisturbed`."""
    folder = tmp_path_factory.mktemp("undisturbed") / "set"
    _finish(busy_clip, folder, BUSY)
    return tree(folder)


def test_kill_nine_at_any_moment_loses_nothing(
    clip: Path,
    tmp_path: Path,
    undisturbed: tuple[dict[str, str], float],
    tree: Tree,
    workers_of: Workers,
) -> None:
    """Ten runs are killed with all their processes; whichever is left to end completes its set.

    How long a run takes is never known: where one ended before its moment, its set is compared,
    and the next one begins a new set, whose run is taken to be as long as the last whole one.
    """
    files, seconds = undisturbed
    moments = random.Random(20_261_123)  # noqa: S311  no secret
    killed, sets, is_fresh = 0, 0, True
    for _ in range(60):
        folder, began = tmp_path / str(sets), time.monotonic()
        if _is_killed(clip, folder, moments.uniform(0.1, seconds), workers_of):
            killed, is_fresh = killed + 1, False
            if killed == 10:
                break
        else:
            assert tree(folder) == files
            seconds = time.monotonic() - began if is_fresh else seconds
            sets, is_fresh = sets + 1, True
    assert killed == 10
    _finish(clip, folder)
    assert tree(folder) == files


def _is_killed(clip: Path, folder: Path, run_for: float, workers_of: Workers) -> bool:
    """Kill a run with all its processes after some seconds; return False if it had ended well."""
    with _start(clip, folder) as run:
        try:
            run.communicate(timeout=run_for)
        except subprocess.TimeoutExpired:
            workers = workers_of(run.pid)
            for group in (run.pid, *workers):
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
            run.communicate(timeout=_DEADLINE)
            _wait_until_gone(workers)
    assert run.returncode in {0, -signal.SIGKILL}
    return run.returncode != 0


def test_a_lone_parent_killed_takes_its_workers_along(
    busy_clip: Path,
    tmp_path: Path,
    busy_undisturbed: dict[str, str],
    tree: Tree,
    workers_of: Workers,
) -> None:
    """Workers end by themselves when their run is killed, and a resume completes the set."""
    with _start(busy_clip, tmp_path / "set", BUSY) as run:
        _wait_for_slice(run)
        workers = workers_of(run.pid)
        assert len(workers) >= 1
        run.kill()
        run.communicate(timeout=_DEADLINE)
    assert run.returncode == -signal.SIGKILL
    _wait_until_gone(workers)
    _finish(busy_clip, tmp_path / "set", BUSY)
    assert tree(tmp_path / "set") == busy_undisturbed


@pytest.mark.parametrize(
    ("sign", "code", "name"),
    [
        (signal.SIGINT, 130, "Interrupted"),
        (signal.SIGTERM, 143, "Terminated"),
        (signal.SIGHUP, 129, "HungUp"),
    ],
)
def test_a_signal_stops_and_can_be_resumed(
    busy_clip: Path,
    tmp_path: Path,
    busy_undisturbed: dict[str, str],
    tree: Tree,
    workers_of: Workers,
    sign: signal.Signals,
    code: int,
    name: str,
) -> None:
    """A signal ends the run at once, with a word on how to go on; a resume completes."""
    folder = tmp_path / "set"
    with _start(busy_clip, folder, BUSY) as run:
        _wait_for_slice(run)
        workers = workers_of(run.pid)
        os.killpg(run.pid, sign)
        output, errors = run.communicate(timeout=_DEADLINE)
    assert run.returncode == code
    assert errors == b"scrubjay: stopped; run the same command again to continue\n"
    last = json.loads(output.splitlines()[-1])
    assert (last["event"], last["error"], last["exit_code"]) == ("failed", name, code)
    assert not any((Path("/proc") / str(pid)).exists() for pid in workers)
    assert not (folder / "manifest.json").exists()
    assert not list(folder.rglob("*#*"))

    events = _finish(busy_clip, folder, BUSY)
    (planned,) = [event for event in events if isinstance(event, Planned)]
    started = [event for event in events if isinstance(event, SliceStarted)]
    assert len(started) == planned.slices - planned.done > 0
    assert tree(folder) == busy_undisturbed

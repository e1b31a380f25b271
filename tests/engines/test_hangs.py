"""Nothing that a worker does, or leaves undone, makes the run wait without end."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

import scrubjay
from scrubjay import Store
from scrubjay.engines.base import Job
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    OutOfTimeError,
    WorkerCrashedError,
    WorkerStalledError,
)
from scrubjay.events import Event, Planned
from scrubjay.limits import Limits
from scrubjay.model import Plan, Recipe
from scrubjay.places.place import Place

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
_DEADLINE = 300

Workers = Callable[[int], list[int]]
Behave = Callable[[str], None]


@pytest.fixture
def workers_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Behave:
    """Start, in place of each worker, a process that does what a few lines of Python say."""

    def workers_do(code: str) -> None:
        program = tmp_path / "worker"
        program.write_text(f"#!{sys.executable}\nimport os, subprocess, sys, time\n{code}\n")
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))

    return workers_do


def test_a_worker_that_closes_its_output_and_lives_is_ended(workers_do: Behave, clip: Path) -> None:
    """It can say nothing any more, so it is of no use."""
    workers_do("os.close(1); time.sleep(3600)")
    engine = ProcessEngine(workers=1, attempts=1, stall_timeout=_DEADLINE)
    with engine, pytest.raises(WorkerCrashedError, match="closed its output but did not exit"):
        engine.probe(Place.of(clip))


def test_a_worker_is_ended_with_all_that_it_started(
    workers_do: Behave, clip: Path, tmp_path: Path
) -> None:
    """A process that a worker leaves behind is of its group, and dies with it."""
    note = tmp_path / "pid"
    workers_do(
        "child = subprocess.Popen(['sleep', '3600'], stdout=2)\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "os.close(1); time.sleep(3600)"
    )
    engine = ProcessEngine(workers=1, attempts=1, stall_timeout=_DEADLINE)
    with engine, pytest.raises(WorkerCrashedError):
        engine.probe(Place.of(clip))
    _wait_for_the_end_of(int(note.read_text()))


def test_an_interrupted_question_ends_its_worker(
    workers_do: Behave, clip: Path, workers_of: Workers
) -> None:
    """It might answer later, and the answer be taken for that to the next question."""
    workers_do("os.kill(os.getppid(), 2); time.sleep(3600)")
    with ProcessEngine(workers=1, stall_timeout=_DEADLINE) as engine:
        with pytest.raises(KeyboardInterrupt):
            engine.probe(Place.of(clip))
        assert workers_of(os.getpid()) == []


def test_a_worker_that_reads_no_job_stalls(
    workers_do: Behave, planned: Callable[..., Plan], clip: Path
) -> None:
    """A plan of 2,160 slices is larger than a pipe; a worker that does not read it costs a try."""
    workers_do("time.sleep(3600)")
    plan = planned(Fraction(2160), Recipe(slice_length=Fraction(1)))
    job = Job(plan, Place.of(clip), Store.in_memory())
    with ProcessEngine(workers=1, attempts=1, stall_timeout=1) as engine:
        names = tuple(output.name for output in plan.outputs)
        lost = engine.run(job, {0: names}, lambda _: None).lost
    assert isinstance(lost[0], WorkerStalledError)


def test_a_worker_that_reads_nothing_stalls(
    workers_do: Behave, planned: Callable[..., Plan], clip: Path
) -> None:
    """A plan that is larger than a pipe is sent as far as the worker reads, and not waited for."""
    workers_do("time.sleep(3600)")
    plan = planned(Fraction(12), Recipe())
    plan = replace(plan, source=replace(plan.source, name="x" * 200_000))
    engine = ProcessEngine(workers=1, attempts=1, stall_timeout=1)
    with engine, pytest.raises(WorkerStalledError):
        engine.explain(plan, Place.of(clip))


def test_who_holds_a_dead_workers_pipe_is_not_waited_for(
    workers_do: Behave, clip: Path, tmp_path: Path
) -> None:
    """A process that a worker started and that left its group may keep its standard error open."""
    note = tmp_path / "pid"
    workers_do(
        "child = subprocess.Popen(['sleep', '3600'], start_new_session=True, stdout=2)\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "os._exit(3)"
    )
    engine = ProcessEngine(workers=1, attempts=1, stall_timeout=_DEADLINE)
    try:
        with engine, pytest.raises(WorkerCrashedError, match="exited with 3"):
            engine.probe(Place.of(clip))
    finally:
        os.kill(int(note.read_text()), signal.SIGKILL)


def test_a_worker_that_writes_complaints_for_ever_is_ended(workers_do: Behave, clip: Path) -> None:
    """Complaints are no signs of life."""
    workers_do("while True: os.write(2, b'x' * 65536)")
    engine = ProcessEngine(workers=1, attempts=1, stall_timeout=1)
    with engine, pytest.raises(WorkerStalledError):
        engine.probe(Place.of(clip))


def test_a_question_has_a_deadline(workers_do: Behave, clip: Path) -> None:
    """Signs of life do not help a worker that never ends; it is not tried again."""
    workers_do('while True: os.write(1, b\'{"say":"progress","time":"0"}\\n\'); time.sleep(.1)')
    engine = ProcessEngine(workers=1, attempts=3, limits=Limits(probe_timeout=1))
    with engine, pytest.raises(OutOfTimeError, match="after 6 s"):
        engine.probe(Place.of(clip))


def test_a_slice_has_a_deadline(busy_clip: Path, tmp_path: Path) -> None:
    """A slice that takes longer than it may is given up, and not begun again."""
    engine = ProcessEngine(workers=1, attempts=3)

    def hurry(event: Event) -> None:
        if isinstance(event, Planned):
            engine._bounds = engine._bounds._replace(time_left=0.01)

    with engine, pytest.raises(OutOfTimeError, match="most that this slice may take"):
        scrubjay.make(busy_clip, tmp_path / "set", engine=engine, on_progress=hurry)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a stopped process")
def test_a_stopped_worker_ends_with_a_killed_run(
    busy_clip: Path, tmp_path: Path, workers_of: Workers
) -> None:
    """A worker that is stopped cannot see that its input has ended: the system ends it."""
    command = [SCRUBJAY, "make", busy_clip, "-o", tmp_path / "set", "--workers", "1", "--json"]
    with subprocess.Popen([str(each) for each in command], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if json.loads(line)["event"] == "slice_progress":
                break
        (worker,) = workers_of(run.pid)
        os.kill(worker, signal.SIGSTOP)
        run.kill()
    _wait_for_the_end_of(worker)


def _wait_for_the_end_of(pid: int) -> None:
    end = time.monotonic() + _DEADLINE
    while _is_running(pid):
        assert time.monotonic() < end, "the process lives on"
        time.sleep(0.01)


def _is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("files", [8, 12, 16])
def test_too_few_open_files_are_said(media: Path, tmp_path: Path, files: int) -> None:
    """Where the system allows hardly any open file, the command says so, and how to go on."""
    film = media / "real/film_720p24_120s.mp4"  # with 50 pictures a second, worth 8 workers
    command = [SCRUBJAY, "make", film, "-o", tmp_path / "set", "--workers", "8"]
    done = subprocess.run(
        [*map(str, command), "--slice-length", "1", "--animation-fps", "50"],
        check=False,
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
    )
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    assert "ulimit -n" in done.stderr
    assert done.returncode == 6

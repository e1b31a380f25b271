"""The engine on a real scheduler and workers, which are killed while they work."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from starting import started

import scrubjay
from scrubjay import InlineEngine
from scrubjay.cli.main import cli
from scrubjay.engines import dask, sending
from scrubjay.engines.dask import DaskEngine
from scrubjay.errors import TransportError
from scrubjay.events import Event, SliceDone
from scrubjay.model import Animation, Recipe, Sheet

_RECIPE = Recipe(
    slice_length=Fraction(3),
    animations=(Animation(width=64, fps=Fraction(4)),),
    frames=(),
    sheets=(Sheet(width=64),),
)
"""Four slices of the clip."""


class _Cluster:
    """A scheduler and its workers, each a process, on this machine alone."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.port = 0

    def start_scheduler(self) -> None:
        """Start the scheduler: on the port that it had, if it had one."""
        if self.port:
            self.processes["scheduler"] = self._scheduler(self.port)
        else:
            self.processes["scheduler"], self.port = started(self._scheduler, _answers)

    def start_worker(self, name: str) -> None:
        """Start a worker that makes one errand at a time and is not restarted."""
        flags = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        self.processes[name] = _run("worker", f"tcp://127.0.0.1:{self.port}", *flags)

    def kill(self, name: str) -> None:
        """Kill a process at once: it can tell nobody."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def _scheduler(self, port: int) -> "subprocess.Popen[bytes]":
        return _run("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")


def _run(*arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "dask", *arguments, "--dashboard-address", "127.0.0.1:0"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10):
            return True
    except OSError:
        return False


@pytest.fixture
def cluster() -> Iterator[_Cluster]:
    """A scheduler with two workers."""
    cluster = _Cluster()
    try:
        cluster.start_scheduler()
        for name in ("one", "two"):
            cluster.start_worker(name)
        yield cluster
    finally:
        for name in [*cluster.processes]:
            cluster.kill(name)


def _tree(folder: Path) -> dict[str, bytes]:
    """Return the files of a set, but not what a run notes of its usage."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name != "usage.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_workers_and_the_scheduler_are_killed(
    cluster: _Cluster, small_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker in the middle of an errand, then all of the cluster: the set is that of one run."""
    monkeypatch.setattr(sending, "_LEAST_WORK", 0.0)  # an errand for each slice
    monkeypatch.setattr(sending, "_ROUNDS", 100)
    done: list[int] = []

    def interfere(event: Event) -> None:
        if not isinstance(event, SliceDone):
            return
        done.append(event.index)
        if len(done) == 1:
            cluster.kill("one")
        if len(done) == 2:
            cluster.kill("scheduler")
            cluster.kill("two")
            cluster.start_scheduler()
            cluster.start_worker("three")

    with DaskEngine(f"tcp://127.0.0.1:{cluster.port}", local=InlineEngine()) as engine:
        made = scrubjay.make(
            small_clip, tmp_path / "dask", recipe=_RECIPE, engine=engine, on_progress=interfere
        )
    assert made.status == "complete"
    assert sorted(done) == list(range(4))
    scrubjay.make(small_clip, tmp_path / "serial", recipe=_RECIPE, engine=InlineEngine())
    assert _tree(tmp_path / "dask") == _tree(tmp_path / "serial")

    next((tmp_path / "dask/.scrubjay/slices").rglob("*.json")).unlink()
    words = ["make", str(small_clip), "-o", str(tmp_path / "dask"), "--slice-length", "3"]
    words += ["--animation-width", "64", "--animation-fps", "4", "--no-frames"]
    words += ["--sheet-width", "64", "--engine", f"dask=tcp://127.0.0.1:{cluster.port}"]
    again = CliRunner().invoke(cli, words)
    assert again.exit_code == 0, again.output
    assert "3 of 4 slices already existed" in again.output
    assert _tree(tmp_path / "dask") == _tree(tmp_path / "serial")


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a sentence, not a traceback."""
    monkeypatch.setattr(dask, "_CONNECT", 0.1)
    with pytest.raises(TransportError, match=r"at tcp://127\.0\.0\.1:1 cannot be reached"):
        DaskEngine("tcp://127.0.0.1:1", local=InlineEngine())
    with pytest.raises(TransportError, match="at nowhere://x cannot be reached"):
        DaskEngine("nowhere://x", local=InlineEngine())


@pytest.mark.parametrize("kind", ["dask", "dask=", "sparks"])
def test_an_engine_that_is_none(kind: str) -> None:
    """The message names those that there are."""
    done = CliRunner().invoke(cli, ["make", "x.mp4", "-o", "y", "--engine", kind])
    assert done.exit_code == 2
    assert "local, procrastinate, aws-lambda or dask=SCHEDULER" in " ".join(done.output.split())

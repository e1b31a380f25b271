import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    EngineError,
    IncompleteError,
    SourceChangedError,
    SourceNotFoundError,
    WorkerCrashedError,
    WorkerMemoryError,
)
from scrubjay.events import (
    Event,
    SliceDone,
    SliceFailed,
    SliceProgress,
    SliceRetried,
    SliceStarted,
)
from scrubjay.limits import Limits
from scrubjay.model import Animation, Manifest, Recipe, Still
from scrubjay.sets.store import Store

Tree = Callable[[Path], dict[str, str]]

BUSY = Recipe(
    slice_length=Fraction(3),
    animations=(Animation(fps=Fraction(24), width=480),),
    frames=(Still(interval=Fraction(1, 48)),),
)
"""A slice of the busy clip takes a second or more: long enough to be hit in the middle."""


@pytest.fixture(scope="module")
def undisturbed(
    busy_clip: Path, tmp_path_factory: pytest.TempPathFactory, tree: Tree
) -> dict[str, str]:
    """The files of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "set"
    scrubjay.make(busy_clip, folder, recipe=BUSY)
    return _previews(tree(folder))


def _previews(files: dict[str, str]) -> dict[str, str]:
    """Leave out the page: it names the way to the video, which differs by folder."""
    return {key: digest for key, digest in files.items() if key != "index.html"}


class _Killer:
    """Hits the worker that makes one slice, in the middle of it, a number of times.

    A worker that was stopped is missed after a second: only then, for until then it may be slow.
    """

    def __init__(self, engine: ProcessEngine, sign: signal.Signals, index: int, times: int) -> None:
        self.events: list[Event] = []
        self.victims: list[int] = []
        self._engine, self._sign, self._index, self._times = engine, sign, index, times
        self._patience = engine._crew._terms.stall_timeout

    def __call__(self, event: Event) -> None:
        """Take in an event of the run."""
        self.events.append(event)
        if isinstance(event, SliceRetried) and self._sign == signal.SIGSTOP:
            self._set_patience(self._patience)
        hit = isinstance(event, SliceProgress) and event.index == self._index
        if hit and len(self.victims) < self._times:
            assert isinstance(event, SliceProgress)
            worker = self._engine._crew.slots[event.worker].worker
            if worker is not None and worker.pid not in self.victims:
                self.victims.append(worker.pid)
                os.kill(worker.pid, self._sign)
                if self._sign == signal.SIGSTOP:
                    self._set_patience(1)

    def _set_patience(self, seconds: float) -> None:
        for slot in self._engine._crew.slots:
            slot.terms = slot.terms._replace(stall_timeout=seconds)

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def _run(
    clip: Path, folder: Path, engine: ProcessEngine, sign: signal.Signals, times: int
) -> tuple[_Killer, Manifest]:
    killer = _Killer(engine, sign, 1, times)
    with engine:
        return killer, scrubjay.make(clip, folder, recipe=BUSY, engine=engine, on_progress=killer)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
def test_a_crash_costs_one_try(
    busy_clip: Path, tmp_path: Path, undisturbed: dict[str, str], tree: Tree, sign: signal.Signals
) -> None:
    """A worker that dies in the middle of a slice is replaced, and nobody can tell afterwards."""
    with ProcessEngine(workers=2) as engine:
        killer, manifest = _run(busy_clip, tmp_path / "set", engine, sign, times=1)
    (retried,) = killer.of(SliceRetried)
    assert isinstance(retried, SliceRetried)
    assert (retried.index, retried.attempt, retried.error) == (1, 1, "WorkerCrashedError")
    assert sign.name in retried.message
    assert manifest.status == "complete"
    assert len(killer.of(SliceDone)) == 4
    assert _previews(tree(tmp_path / "set")) == undisturbed


@pytest.mark.parametrize("name", ["real/phone_360p_17s.mp4", "bad/packet_loss_2pct.ts"])
def test_idle_cores_change_no_byte(media: Path, tmp_path: Path, name: str, tree: Tree) -> None:
    """One slice for eight workers is decoded by eight threads, and comes out as by one."""
    recipe = Recipe(slice_length=Fraction(60), frames=(Still(interval=Fraction(1, 4)),))
    for workers in (1, 8):
        with ProcessEngine(workers=workers) as engine:
            scrubjay.make(media / name, tmp_path / str(workers), recipe=recipe, engine=engine)
    assert _previews(tree(tmp_path / "8")) == _previews(tree(tmp_path / "1"))


def test_modules_in_the_current_folder_are_not_run(clip: Path, tmp_path: Path) -> None:
    """A worker that is started where somebody put a `json.py` does not run it."""
    for name in ("json", "numpy", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')")
    command = [str(Path(sys.executable).with_name("scrubjay")), "probe", str(clip)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, timeout=120)


def test_a_video_that_is_replaced_ends_the_run(media: Path, tmp_path: Path, tree: Tree) -> None:
    """Of a file that becomes another one while it is read, no slice is taken for good."""
    video = tmp_path / "video.mp4"
    shutil.copy(media / "real" / "film_720p24_120s.mp4", video)
    recipe = Recipe(slice_length=Fraction(5))
    done: list[Event] = []

    def replace(event: Event) -> None:
        done.extend([event] if isinstance(event, SliceDone) else [])
        if isinstance(event, SliceDone) and len(done) == 2:
            shutil.copy(media / "real" / "film_1080p24_30s.mp4", video)

    with pytest.raises(SourceChangedError, match=r"video\.mp4"):
        scrubjay.make(video, tmp_path / "set", recipe=recipe, on_progress=replace)
    shutil.copy(media / "real" / "film_720p24_120s.mp4", video)
    recorded = set(tree(tmp_path / "set" / ".scrubjay" / "slices"))
    scrubjay.make(video, tmp_path / "fresh", recipe=recipe)
    made, fresh = tree(tmp_path / "set"), tree(tmp_path / "fresh")
    assert len(recorded) >= 2
    for name in recorded:
        key = f".scrubjay/slices/{name}"
        assert made[key] == fresh[key]


def test_a_video_that_is_merely_touched_is_the_same(clip: Path, tmp_path: Path) -> None:
    """A new date, or a copy in its place, is no other video."""
    video = tmp_path / "video.mp4"
    shutil.copy(clip, video)

    def touch(event: Event) -> None:
        if isinstance(event, SliceDone):
            video.touch()

    recipe = Recipe(slice_length=Fraction(2))
    assert scrubjay.make(video, tmp_path / "set", recipe=recipe, on_progress=touch).gaps == ()


def test_a_hang_is_ended(
    busy_clip: Path, tmp_path: Path, undisturbed: dict[str, str], tree: Tree
) -> None:
    """A worker that stands still is killed after the time that it may, and its slice made anew."""
    with ProcessEngine(workers=1, stall_timeout=120) as engine:
        killer, manifest = _run(busy_clip, tmp_path / "set", engine, signal.SIGSTOP, times=1)
    (retried,) = killer.of(SliceRetried)
    assert isinstance(retried, SliceRetried)
    assert (retried.index, retried.error) == (1, "WorkerStalledError")
    assert manifest.status == "complete"
    assert not any((Path("/proc") / str(pid)).exists() for pid in killer.victims)
    assert _previews(tree(tmp_path / "set")) == undisturbed


def test_a_slice_that_always_kills_its_worker_is_a_gap(
    busy_clip: Path, tmp_path: Path, undisturbed: dict[str, str], tree: Tree
) -> None:
    """Such a slice costs nothing but itself, is named, and a later run makes it."""
    with (
        ProcessEngine(workers=2, attempts=2) as engine,
        pytest.raises(IncompleteError, match=r"slice 1 \(0:03 to 0:06\)") as raised,
    ):
        _run(busy_clip, tmp_path / "set", engine, signal.SIGKILL, times=99)
    (cause,) = raised.value.causes
    assert isinstance(cause, WorkerCrashedError)
    written = scrubjay.model.decode((tmp_path / "set/manifest.json").read_bytes(), Manifest)
    assert written == raised.value.manifest
    assert written.status == "partial"
    assert [(gap.start, gap.end) for gap in written.gaps] == [(3, 6)]
    assert "SIGKILL" in written.gaps[0].reason
    assert [part.status for part in written.slices] == ["done", "failed", "done", "done"]
    assert not any(3 <= frame.time < 6 for frame in written.frames)

    events: list[Event] = []
    assert scrubjay.make(busy_clip, tmp_path / "set", recipe=BUSY, on_progress=events.append)
    assert [event.index for event in events if isinstance(event, SliceStarted)] == [1]
    assert _previews(tree(tmp_path / "set")) == undisturbed


def test_every_slice_lost_is_an_error_of_the_slice(busy_clip: Path, tmp_path: Path) -> None:
    """When nothing at all could be made, there is no manifest, and the first slice says why."""
    engine = ProcessEngine(workers=1, attempts=1)
    events: list[Event] = []

    def kill(event: Event) -> None:
        events.append(event)
        if isinstance(event, SliceProgress):
            worker = engine._crew.slots[event.worker].worker
            assert worker is not None
            os.kill(worker.pid, signal.SIGKILL)

    with engine, pytest.raises(WorkerCrashedError, match="slice 0"):
        scrubjay.make(busy_clip, tmp_path / "set", recipe=BUSY, engine=engine, on_progress=kill)
    assert sum(isinstance(event, SliceFailed) for event in events) == 4
    assert not (tmp_path / "set/manifest.json").exists()
    assert not list((tmp_path / "set").rglob("*#*"))


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="memory is bounded on Linux")
@pytest.mark.parametrize("limit_mib", [16, 64, 90])
def test_too_little_memory_is_said(media: Path, tmp_path: Path, limit_mib: int) -> None:
    """Memory that ends, in start-up, in probing or in decoding, is an error and not a dead run."""
    limits = Limits(memory_limit=limit_mib)
    engine = ProcessEngine(workers=1, attempts=2, stall_timeout=60, limits=limits)
    recipe = Recipe(slice_length=Fraction(15))
    video = media / "real" / "film_1080p24_30s.mp4"
    with engine, pytest.raises(EngineError, match=r"memory|worker process"):
        scrubjay.make(video, tmp_path / "set", recipe=recipe, engine=engine)
    assert not (tmp_path / "set/manifest.json").exists()


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="memory is bounded on Linux")
def test_a_decompression_bomb_is_defused(media: Path, tmp_path: Path) -> None:
    """A small file with a huge picture ends in an error that names memory."""
    limits = Limits(memory_limit=300, max_pixels=1 << 30)
    engine = ProcessEngine(workers=1, attempts=1, limits=limits)
    with engine, pytest.raises(WorkerMemoryError, match="memory"):
        scrubjay.make(media / "bad/bomb_png_16000x16000.mov", tmp_path / "set", engine=engine)
    assert not (tmp_path / "set").exists()


def test_a_dead_idle_worker_is_replaced(clip: Path, tmp_path: Path) -> None:
    """A worker that dies between probing and its first slice does no harm."""
    engine = ProcessEngine(workers=1)

    def kill(event: Event) -> None:
        if event.__class__.__name__ == "Probed":
            worker = engine._crew.slots[0].worker
            assert worker is not None
            os.kill(worker.pid, signal.SIGKILL)

    with engine:
        made = scrubjay.make(clip, tmp_path, engine=engine, on_progress=kill)
    assert made.status == "complete"


def test_workers_fill_a_store_in_memory(clip: Path) -> None:
    """Workers hand over what they make, so the destination may be in the memory of this process."""
    store = Store.in_memory()
    with ProcessEngine(workers=1) as engine:
        assert scrubjay.make(clip, store, engine=engine).status == "complete"
    assert len(store.sizes("animations/")) == 1


def test_a_video_that_vanishes_ends_the_run(clip: Path, tmp_path: Path) -> None:
    """A video that is gone when its slices are made is one clear error."""
    video = tmp_path / "video.mp4"
    video.write_bytes(clip.read_bytes())

    def remove(event: Event) -> None:
        if event.__class__.__name__ == "Planned":
            video.unlink()

    with (
        ProcessEngine(workers=1) as engine,
        pytest.raises(SourceNotFoundError, match=r"video\.mp4 does not exist any more"),
    ):
        scrubjay.make(video, tmp_path / "set", engine=engine, on_progress=remove)


def test_a_failed_callback_ends_the_workers(busy_clip: Path, tmp_path: Path) -> None:
    """An exception from the caller's own code comes through, and no worker outlives it."""

    def fail(event: Event) -> None:
        if isinstance(event, SliceProgress):
            raise LookupError(event.index)  # noqa: TRY004  any error will do

    with pytest.raises(LookupError):
        scrubjay.make(busy_clip, tmp_path / "set", recipe=BUSY, on_progress=fail)
    assert not list((tmp_path / "set").rglob("*#*"))


def test_the_parent_never_loads_ffmpeg(clip: Path, tmp_path: Path) -> None:
    """A run in worker processes keeps FFmpeg and numpy out of the process that started it."""
    code = (
        "import sys, scrubjay; scrubjay.make(*sys.argv[1:]); "
        "sys.exit(str({'av', 'numpy'} & set(sys.modules) or ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(clip), str(tmp_path / "set")],
        check=False,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stderr.strip() == ""

"""Videos, finished sets and ways to look at them, for every test."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image
from realtime import give_up_real_time

import scrubjay
from scrubjay.keys import MANIFEST, USAGE
from scrubjay.model import MediaInfo, Plan, Recipe, SourceRef
from scrubjay.planning import make_plan

give_up_real_time()
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # how long an example takes says how busy the machine is

_MEDIA = (Path(__file__).parents[1] / ".." / "shared" / "media").resolve()

_LONG = [
    "test_clocks.py",
    "test_players.py",
    "test_page.py",
    "test_chaos.py",
    "test_functions.py",
    "test_remote.py",
    "test_door.py",
    "test_cli.py",
    "test_frames.py",
    "test_secrets.py",
    "test_contract.py",
    "test_dask.py",
    "test_kill_resume.py",
    "test_generations.py",
    "test_overtaken.py",
    "test_pipeline.py",
    "test_docs.py",
    "test_damage.py",
    "test_matrix.py",
    "test_sent.py",
    "test_failures.py",
    "test_chain.py",
    "test_damaged_sets.py",
    "test_source.py",
]
"""Files of tests that take the longest, longest first."""

CLIP_FPS, CLIP_SECONDS = 24, 12
_CLIP_SIZE = (320, 180)
_SMALL_SIZE = (96, 54)
_BUSY_SIZE = (480, 270)
_NOBODY = 65534
"""A user without any right, on every system."""
_CELLS = 3
"""The clip's frame number is 3 x 3 squares: bit k is white or black, left to right, top down."""


def pytest_xdist_auto_num_workers() -> int:
    """Test processes for `-n auto`: two a processor, since many tests wait for other processes."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 2 * (here or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the longest files first: the last one to end is then a short one."""
    items.sort(key=lambda item: _LONG.index(name) if (name := item.path.name) in _LONG else 99)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let CI skip no test, whatever it lacks: there, everything has to be proven."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be left out: {report.longreprtext}"
    return report


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of real and hard videos."""
    if not _MEDIA.is_dir():
        pytest.skip(f"no media folder at {_MEDIA}")
    return _MEDIA


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s of 320 x 180 px H.264, 24 frames/s, with B-frames; each frame shows its number."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    _write_clip(path, map(_numbered, range(CLIP_FPS * CLIP_SECONDS)))
    return path


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`clip` in 96 x 54 px: for tests of what is done with slices, which make dozens of them."""
    path = tmp_path_factory.mktemp("small") / "clip.mp4"
    pictures = (_numbered(number, _SMALL_SIZE) for number in range(CLIP_FPS * CLIP_SECONDS))
    _write_clip(path, pictures, _SMALL_SIZE)
    return path


@pytest.fixture(scope="session")
def busy_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s of 480 x 270 px H.264 in all colours: each second of a GIF of it is a lot of work."""
    path = tmp_path_factory.mktemp("busy") / "clip.mp4"
    _write_clip(path, _coloured(CLIP_FPS * CLIP_SECONDS), _BUSY_SIZE)
    return path


@pytest.fixture(scope="session")
def other_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """5 s of video like `clip`, that counts down."""
    path = tmp_path_factory.mktemp("other") / "clip.mp4"
    _write_clip(path, map(_numbered, range(CLIP_FPS * 5 - 1, -1, -1)))
    return path


@pytest.fixture(scope="session")
def finished_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The complete classic set of two minutes of film; its page reaches the video.

    Where the media folder is absent, it is the film that `make demo` draws. The test process that
    needs the set first makes it for all of them.
    """
    of_run = tmp_path_factory.getbasetemp()
    of_run = of_run.parent if "PYTEST_XDIST_WORKER" in os.environ else of_run
    folder = of_run / "finished" / "set"
    with (of_run / "finished.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file lets go of it
        if not (folder / MANIFEST).exists():
            scrubjay.make(_film(folder.parent), folder)
    return folder


def _film(folder: Path) -> Path:
    """Return two minutes of film in 1280 x 720 px, drawn in a folder if need be."""
    film = _MEDIA / "real" / "film_720p24_120s.mp4"
    if film.exists():
        return film
    folder.mkdir(exist_ok=True)
    draw = "import sys, film, pathlib; film.make_film(pathlib.Path(sys.argv[1]), lambda _: None)"
    drawn = folder / "film.mp4"
    command = [sys.executable, "-c", draw, str(drawn)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[1] / "demo", timeout=1800)
    return drawn


@pytest.fixture(scope="session")
def planned() -> Callable[..., Plan]:
    """Plan a video that need not exist: `planned(duration, recipe, width=, height=)`."""

    def planned(
        duration: Fraction, recipe: Recipe | None = None, *, width: int = 1280, height: int = 720
    ) -> Plan:
        media = MediaInfo(
            container="mov",
            codec="h264",
            stream_index=0,
            duration=duration,
            declared_duration=None,
            first_picture=Fraction(0),
            origin=Fraction(3, 2),
            time_base=Fraction(1, 90_000),
            frame_rate=Fraction(24_000, 1001),
            width=width,
            height=height,
            coded_width=width,
            coded_height=height,
            sample_aspect_ratio=Fraction(1),
            rotation_deg=0,
            mirrored=False,
            pixel_format="yuv420p",
            color_space="bt709",
            color_range="limited",
            color_transfer="bt709",
            has_audio=True,
            packets=round(24 * duration),
        )
        source = SourceRef(name="film.mp4", size_bytes=1 << 30, fingerprint="0" * 32)
        return make_plan(source, media, recipe or Recipe())

    return planned


@pytest.fixture(scope="session")
def number_in() -> Callable[[npt.NDArray[np.uint8]], int]:
    """Read the frame number off a picture of a clip, (height, width, 3) RGB uint8 of any size."""

    def number_in(picture: npt.NDArray[np.uint8]) -> int:
        height, width = picture.shape[:2]
        middle = [(2 * k + 1) / (2 * _CELLS) for k in range(_CELLS)]
        bits = [
            picture[int(y * height), int(x * width)].mean() > 127 for y in middle for x in middle
        ]
        return sum(bit << k for k, bit in enumerate(bits))

    return number_in


@pytest.fixture(scope="session")
def picture_of() -> Callable[[bytes], npt.NDArray[np.uint8]]:
    """Decode a JPEG to (height, width, 3) RGB uint8."""

    def picture_of(data: bytes) -> npt.NDArray[np.uint8]:
        return np.asarray(Image.open(BytesIO(data)).convert("RGB"))

    return picture_of


@pytest.fixture(scope="session")
def tree() -> Callable[[Path], dict[str, str]]:
    """Every file below a folder: relative path to a digest of its bytes.

    What was used is left out: it is measured, so it differs each time.
    """

    def tree(folder: Path) -> dict[str, str]:
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.as_posix().endswith(USAGE)
        }

    return tree


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of an ordinary user, as whom the test runs where root runs the tests.

    What this process loads it can only read as root: a test imports it before.
    """
    is_root = os.geteuid() == 0
    with TemporaryDirectory() as folder:
        if is_root:
            os.chown(folder, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)
            Path(folder).chmod(0o700)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system in memory, with options such as `size=64k`, where that is allowed.

    Called again, it changes the options of the one that is mounted.
    """
    folder = tmp_path / "mounted"
    folder.mkdir()
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        options = f"remount,{options}" if mounted else options
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        try:
            done = subprocess.run(command, check=False, capture_output=True, timeout=60)
        except FileNotFoundError:
            pytest.skip("no mount program here")
        if done.returncode:
            pytest.skip("file systems may not be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for each in set(mounted):
        subprocess.run(["umount", str(each)], check=True, timeout=60)


@pytest.fixture(scope="session")
def failing() -> Callable[..., list[str]]:
    """Begin a command line in which system calls fail: `failing("link:error=EPERM", path=)`."""
    if not (strace := shutil.which("strace")):
        pytest.skip("no strace here to make system calls fail")
    traced = [strace, "-qq", "-o", os.devnull, "true"]
    if subprocess.run(traced, check=False, timeout=60).returncode:
        pytest.skip("processes may not be traced here")

    def failing(what: str, path: Path | None = None) -> list[str]:
        of_path = [] if path is None else ["-P", str(path)]
        return [strace, "-f", "-qq", "-o", os.devnull, *of_path, "-e", f"inject={what}"]

    return failing


@pytest.fixture(scope="session")
def workers_of() -> Callable[[int], list[int]]:
    """The worker processes that a process, given by its id, has now."""

    def workers_of(parent: int) -> list[int]:
        return [pid for pid, owner in _workers() if owner == parent]

    return workers_of


@pytest.fixture(autouse=True)
def _no_worker_is_left() -> Iterator[None]:
    """Whatever a test does, no worker process outlives it."""
    yield
    assert [pid for pid, owner in _workers() if owner == os.getpid()] == []


_PROGRAMS = (b"scrubjay.engines.child", b"scrubjay.verifying.decoding.child")


def _workers() -> Iterator[tuple[int, int]]:
    """Yield the id and the parent's id of each running worker process on this machine."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            if any(program in command for program in _PROGRAMS):
                status = (entry / "stat").read_text().rpartition(")")[2].split()
                yield int(entry.name), int(status[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended


def _write_clip(
    path: Path, pictures: Iterable[npt.NDArray[np.uint8]], size_px: tuple[int, int] = _CLIP_SIZE
) -> None:
    with av.open(str(path), "w") as container:
        options = {"g": "36", "bf": "2", "preset": "veryfast", "threads": "1"}
        stream = container.add_stream("libx264", rate=CLIP_FPS, options=options)
        (stream.width, stream.height), stream.pix_fmt = size_px, "yuv420p"
        stream.codec_context.time_base = Fraction(1, CLIP_FPS)
        for place, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, CLIP_FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _numbered(number: int, size_px: tuple[int, int] = _CLIP_SIZE) -> npt.NDArray[np.uint8]:
    width, height = size_px
    bits = np.array([number >> k & 1 for k in range(_CELLS**2)]).reshape(_CELLS, _CELLS)
    rows = np.arange(height) * _CELLS // height
    columns = np.arange(width) * _CELLS // width
    luma = np.where(bits[rows][:, columns] > 0, 235, 20).astype(np.uint8)
    picture = np.repeat(luma[:, :, None], 3, axis=2)
    picture[:6, :, 0] = (np.arange(width) + number) % 256  # something that moves and has colour
    return picture


def _coloured(count: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Squares of all colours, which wander to the left."""
    width, height = _BUSY_SIZE
    side, wandering = 6, 60
    rows, columns = height // side, width // side
    random = np.random.default_rng(1)
    colours = random.integers(0, 256, (rows, columns + wandering, 3), dtype=np.uint8)
    for number in range(count):
        left = number % wandering
        yield colours[:, left : left + columns].repeat(side, axis=0).repeat(side, axis=1)

"""What a slice costs in each way to use several processes or machines: prints a table in Markdown.

    .venv/bin/python bench/scaling.py            about six minutes on an idle machine
    .venv/bin/python bench/scaling.py --quick    a look in two

Each way makes the same film twice with one worker, once in few slices and once in many, and then
with two workers. CPU seconds are those of all processes: the command, schedulers, workers, and the
processes that decode. From the two films follow the cost of a start and that of one more slice.
PostgreSQL: bench/cluster.py.
"""

import argparse
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

import scrubjay
from scrubjay.engines.base import Engine
from scrubjay.engines.dask import DaskEngine
from scrubjay.model import Animation, Recipe, Sheet, Still

_RECIPE = Recipe(
    slice_length=Fraction(1),
    animations=(Animation(width=160),),
    frames=(Still(width=320),),
    sheets=(Sheet(),),
)
_FPS, _SIZE = 24, (640, 360)
_SCRUBJAY = Path(sys.executable).with_name("scrubjay")
_SLICES_A_SHARD = 12
_LOOPBACK = "127.0.0.1"


class Cost(NamedTuple):
    """What a set has cost, in seconds."""

    cpu: float
    wall: float
    """From the command to the set; servers that were started for it had started."""


Way = Callable[[Path, Path, int], float]
"""Makes the set of a film in a folder with so many workers; returns the wall time."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="films of a third of the length")
    parser.add_argument("ways", nargs="*", help=f"only these of {', '.join(_WAYS)}")
    given = parser.parse_args()
    few, many = (10, 40) if given.quick else (24, 120)
    with tempfile.TemporaryDirectory() as folder:
        films = {
            seconds: _film(Path(folder) / f"{seconds}.mp4", seconds) for seconds in (few, many)
        }
        costs: dict[str, tuple[float, float, float]] = {}
        for name in given.ways or _WAYS:
            way = _WAYS[name]
            small = _cost(way, films[few], Path(folder) / "set", 1)
            large = _cost(way, films[many], Path(folder) / "set", 1)
            double = _cost(way, films[many], Path(folder) / "set", 2)
            slope = (large.cpu - small.cpu) / (many - few)
            costs[name] = (slope, small.cpu - few * slope, large.wall / double.wall)
            print(f"{name}: {small} {large} {double}", file=sys.stderr, flush=True)
    _print(costs)


def _print(costs: Mapping[str, tuple[float, float, float]]) -> None:
    base = costs.get("processes", next(iter(costs.values())))[0]
    print("| way | CPU a slice | of it overhead | CPU to start | two workers are faster |")
    print("|---|---|---|---|---|")
    for name, (slope, start, gain) in costs.items():
        overhead = f"{1000 * (slope - base):+.0f} ms"
        print(f"| {name} | {1000 * slope:.0f} ms | {overhead} | {start:.1f} s | {gain:.2f} times |")


def _cost(way: Way, film: Path, folder: Path, workers: int) -> Cost:
    before = _cpu()
    wall = way(film, folder, workers)
    cost = Cost(round(_cpu() - before, 2), round(wall, 2))
    shutil.rmtree(folder)
    return cost


def _cpu() -> float:
    """Return the CPU seconds of this process and of all that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


# The ways -----------------------------------------------------------------------------------------


def _timed(film: Path, folder: Path, engine: Engine) -> float:
    began = time.monotonic()
    scrubjay.make(film, folder, recipe=_RECIPE, engine=engine)
    return time.monotonic() - began


def _inline(film: Path, folder: Path, workers: int) -> float:
    del workers  # it has one
    return _timed(film, folder, scrubjay.InlineEngine())


def _processes(film: Path, folder: Path, workers: int) -> float:
    with scrubjay.ProcessEngine(workers=workers) as engine:
        return _timed(film, folder, engine)


def _executor(executor: Executor, film: Path, folder: Path, workers: int) -> float:
    with executor, scrubjay.ExecutorEngine(executor, at_once=workers) as engine:
        return _timed(film, folder, engine)


def _threads(film: Path, folder: Path, workers: int) -> float:
    return _executor(ThreadPoolExecutor(workers), film, folder, workers)


def _pool(film: Path, folder: Path, workers: int) -> float:
    return _executor(ProcessPoolExecutor(workers), film, folder, workers)


def _dask(film: Path, folder: Path, workers: int) -> float:
    with _cluster(workers) as address, DaskEngine(address) as engine:
        return _timed(film, folder, engine)


def _steps(film: Path, folder: Path, workers: int) -> float:
    """Shards of a dozen slices, one process each, so many at once."""
    began = time.monotonic()
    plan = scrubjay.begin(film, folder, recipe=_RECIPE)
    shards = max(workers, len(plan.slices) // _SLICES_A_SHARD)

    def make(number: int) -> None:
        shard = ["--shard", f"{number}/{shards}", "--workers", "1", "--quiet"]
        command = [str(_SCRUBJAY), "slices", str(folder), "--source", str(film), *shard]
        subprocess.run(command, check=True)

    with ThreadPoolExecutor(workers) as several:
        list(several.map(make, range(1, shards + 1)))
    scrubjay.finish(folder)
    return time.monotonic() - began


_WAYS: Mapping[str, Way] = {
    "processes": _processes,
    "in this process": _inline,
    "executor: threads": _threads,
    "executor: processes": _pool,
    "Dask": _dask,
    "steps": _steps,
}


@contextmanager
def _cluster(workers: int) -> Iterator[str]:
    """Yield the address of a scheduler that has its workers, one thread each."""
    from distributed import Client  # noqa: PLC0415  slow to load, and an extra

    with socket.create_server((_LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    address, dashboard = f"tcp://{_LOOPBACK}:{port}", ["--dashboard-address", f"{_LOOPBACK}:0"]
    one = [address, "--nthreads", "1", "--no-nanny", "--host", _LOOPBACK]
    commands = [
        ["scheduler", "--host", _LOOPBACK, "--port", str(port)],
        *[["worker", *one]] * workers,
    ]
    nowhere = subprocess.DEVNULL
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *each, *dashboard], stdout=nowhere, stderr=nowhere
        )
        for each in commands
    ]
    try:
        client = Client(address, timeout=60, set_as_default=False, name="bench")
        while len(client.nthreads()) < workers:
            time.sleep(0.1)
        client.close(timeout=5)
        yield address
    finally:
        for process in reversed(processes):  # the scheduler last: workers say goodbye to it
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


# The film -----------------------------------------------------------------------------------------


def _film(path: Path, seconds: int) -> Path:
    """Draw a film: a moving pattern, with a keyframe every second."""
    width, height = _SIZE
    rows, columns = np.mgrid[:height, :width]
    with av.open(str(path), "w") as container:
        options = {"g": str(_FPS), "preset": "veryfast", "threads": str(os.cpu_count() or 1)}
        stream = container.add_stream("libx264", rate=_FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(seconds * _FPS):
            red = (columns + 3 * number) % 256
            green = (rows + 2 * number) % 256
            blue = (columns // 8 * rows // 8 + number) % 256
            picture = np.stack([red, green, blue], axis=2).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    main()

"""What a cluster costs, with a PostgreSQL of its own: prints a table in Markdown.

    .venv/bin/python bench/cluster.py            about six minutes on an idle machine
    .venv/bin/python bench/cluster.py --quick    a look in two

Machines are processes here, so more than two of them only help where a slice needs no processor:
there, each slice sleeps.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

import scrubjay
from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.engine import ProcrastinateEngine
from scrubjay.engines.cluster.letters import queue_status, take_out
from scrubjay.engines.cluster.schema import set_up
from scrubjay.engines.cluster.transport import ProcrastinateTransport
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.queue.orders import SliceOrder
from scrubjay.events import Event, Planned
from scrubjay.model import Recipe, Still
from scrubjay.places.place import Place

_TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(_TESTS / "servers"))

from hosts import Host, Misbehaving, wait_until  # noqa: E402  it needs the line above
from postgres import Postgres, running  # noqa: E402

_SLICES, _FPS = 345, 10
_TINY = Recipe(
    slice_length=Fraction(1, _FPS),
    animations=(),
    frames=(Still(width=16, interval=Fraction(1, _FPS)),),
    sheets=(),
    documents=(),
)
_SIMULATED_SECONDS = 0.25
"""How long a slice sleeps."""

Row = tuple[str, str]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once each, with fewer workers")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder, running() as server:
        bench = _Bench(server, Path(folder), repeats=1 if quick else 3)
        rows = [
            *bench.queueing(),
            *bench.overhead(),
            *bench.recovery(),
            *bench.memory(),
            *bench.real((1, 2)),
            *bench.simulated((1, 2, 4) if quick else (1, 2, 4, 8)),
        ]
    print("| what | measured |\n|---|---|")
    for what, found in rows:
        print(f"| {what} | {found} |")


class _Bench:
    """Measures one thing after another, each with a queue of its own.

    Args:
        server: where the queues are.
        folder: where films and sets are.
        repeats: how often each is measured; the median counts.
    """

    def __init__(self, server: Postgres, folder: Path, *, repeats: int) -> None:
        self._server = server
        self._folder = folder
        self._repeats = repeats
        self._film = _film(folder / "tiny.mp4", _SLICES, (64, 36))
        self._count = 0

    def queueing(self) -> Iterator[Row]:
        """How long it takes to queue a film."""
        database = Database(self._queue())
        where = Place.of("/mnt/previews/film")
        orders = [
            SliceOrder(
                video=Place.of("/mnt/films/film.mp4"),
                destination=where,
                plan="0" * 32,
                start=Fraction(0),
                end=Fraction(0),
                index=index,
            )
            for index in range(10_000)
        ]
        for count in (_SLICES, len(orders)):

            def send(count: int = count) -> float:
                take_out(database, where)
                return _seconds(lambda: ProcrastinateTransport(database).send(orders[:count]))

            yield f"queue {count:,} slices", f"{self._median(send):.2f} s"

    def overhead(self) -> Iterator[Row]:
        """What a slice costs more than in a local run, with one slot."""

        def local() -> float:
            with ProcessEngine(workers=1) as engine:
                began = self._began()
                scrubjay.make(
                    self._film, self._new(), recipe=_TINY, engine=engine, on_progress=began
                )
                return time.monotonic() - began.at

        alone, behind = self._median(local), self._median(lambda: self._tiny(1)[0])
        more = (behind - alone) / _SLICES * 1000
        yield (
            f"a slice of almost no work, of {_SLICES}: local, and behind the queue",
            f"{alone / _SLICES * 1000:.1f} ms, {behind / _SLICES * 1000:.1f} ms",
        )
        yield "overhead a slice", f"{more:.1f} ms"

    def recovery(self) -> Iterator[Row]:
        """How long nobody works on the slice of a worker that was killed."""

        def kill() -> float:
            queue, folder = self._queue(), self._new()
            folder.mkdir()
            trouble = Misbehaving(folder, slow=(0,))
            with (
                self._hosts(queue, 2, trouble.program) as hosts,
                _make_later(self._film, folder / "set", queue),
            ):
                wait_until(lambda: any(host.counts("begun")[0] for host in hosts))
                [first] = [host for host in hosts if host.counts("begun")[0]]
                [other] = [host for host in hosts if host is not first]
                first.kill()
                killed = time.monotonic()
                wait_until(lambda: other.counts("begun")[0])
                seconds = time.monotonic() - killed
                trouble.let_go()
                return seconds

        found = [kill() for _ in range(self._repeats)]
        yield (
            "a killed worker's slice begins again after",
            f"{min(found):.1f} to {max(found):.1f} s",
        )

    def memory(self) -> Iterator[Row]:
        """What a worker takes, alone and with the process of a video."""
        queue = self._queue()
        with self._hosts(queue, 1) as [host]:
            idle = _pss(host.process.pid)
            yield "memory of an idle worker (PSS)", f"{idle:.0f} MB"
            engine = ProcrastinateEngine(queue)
            with engine:
                scrubjay.make(self._film, self._new(), recipe=_TINY, engine=engine)
            yield "the same after a film, without its process", f"{_pss(host.process.pid):.0f} MB"

    def real(self, counts: tuple[int, ...]) -> Iterator[Row]:
        """How much faster more workers make a film."""
        film = _film(self._folder / "real.mp4", 24 * 60, (1280, 720), fps=24)
        recipe = Recipe(slice_length=Fraction(2))
        taken = {n: self._median(lambda n=n: self._made(n, film, recipe)[0]) for n in counts}  # type: ignore[misc]
        for n, seconds in taken.items():
            gain = taken[counts[0]] / seconds
            yield f"a minute of 720p, classic, {n} workers", f"{seconds:.1f} s ({gain:.2f} times)"

    def simulated(self, counts: tuple[int, ...]) -> Iterator[Row]:
        """How much faster more workers make slices that need no processor."""
        work = _SLICES * _SIMULATED_SECONDS
        for n in counts:
            seconds, _ = self._tiny(n, seconds=_SIMULATED_SECONDS)
            efficiency = work / n / seconds
            yield (
                f"{_SLICES} slices that sleep {_SIMULATED_SECONDS} s, {n} workers",
                f"{seconds:.1f} s ({efficiency:.0%} of the ideal)",
            )

    # -- helpers

    def _tiny(self, hosts: int, *, seconds: float = 0) -> tuple[float, list[Host]]:
        return self._made(hosts, self._film, _TINY, seconds=seconds)

    def _made(
        self, count: int, film: Path, recipe: Recipe, *, seconds: float = 0
    ) -> tuple[float, list[Host]]:
        """Make a film with some workers of one slot; return the seconds from sending to the end."""
        queue, folder = self._queue(), self._new()
        folder.mkdir()
        program = Misbehaving(folder, seconds=seconds).program if seconds else None
        with self._hosts(queue, count, program) as hosts, ProcrastinateEngine(queue) as engine:
            began = self._began()
            database = Database(queue)
            with _later(
                lambda: scrubjay.make(
                    film, folder / "set", recipe=recipe, engine=engine, on_progress=began
                )
            ):
                wait_until(lambda: began.at)
                wait_until(lambda: sum(host.counts("begun").total() for host in hosts))
                while (found := queue_status(database)).waiting or found.running:
                    time.sleep(0.1)
                return time.monotonic() - began.at, hosts

    @contextmanager
    def _hosts(
        self, queue: str, count: int, program: tuple[str, ...] | None = None
    ) -> Iterator[list[Host]]:
        folder = self._new()
        folder.mkdir()
        more = {"program": program} if program else {}
        hosts = [
            Host(queue, folder / f"{number}.log", "--slots", "1", **more) for number in range(count)
        ]
        try:
            for host in hosts:
                wait_until(lambda host=host: "taking slices" in host.text(), alive=host)  # type: ignore[misc]
            time.sleep(1)
            yield hosts
        finally:
            for host in hosts:
                host.end()

    def _median(self, measured: Callable[[], float]) -> float:
        return statistics.median(measured() for _ in range(self._repeats))

    def _queue(self) -> str:
        address = self._server.database()
        set_up(Database(address))
        return address

    def _new(self) -> Path:
        self._count += 1
        return self._folder / str(self._count)

    def _began(self) -> "_Began":
        return _Began()


class _Began:
    """Notes when a run begins to make slices."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Planned):
            self.at = time.monotonic()


@contextmanager
def _later(work: Callable[[], object]) -> Iterator[None]:
    """Do something in a thread, and wait for its end."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield
        done.result()


@contextmanager
def _make_later(film: Path, folder: Path, queue: str) -> Iterator[None]:
    engine = ProcrastinateEngine(queue)
    with engine, _later(lambda: scrubjay.make(film, folder, recipe=_TINY, engine=engine)):
        yield


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _pss(pid: int) -> float:
    """Return the memory of a process in MB, with its share of what others use too."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1000


def _film(path: Path, frames: int, size_px: tuple[int, int], fps: int = _FPS) -> Path:
    """Draw a film in which everything moves."""
    width, height = size_px
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (height // 4, 2 * width // 4, 3), dtype=np.uint8)
    wide = noise.repeat(4, axis=0).repeat(4, axis=1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            left = 2 * number % width
            picture = np.ascontiguousarray(wide[:height, left : left + width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    main()

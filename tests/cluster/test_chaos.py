"""A film of 345 slices, four machines, and all that may happen to them."""

import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from hosts import Host, Misbehaving, wait_until
from postgres import Postgres

import scrubjay
from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.engine import ProcrastinateEngine
from scrubjay.engines.cluster.letters import dead_letters, queue_status
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import IncompleteError, WorkerCrashedError
from scrubjay.keys import MANIFEST
from scrubjay.model import Manifest, Recipe, Still, decode
from scrubjay.sets.store import Store

SLICES, FPS = 345, 10
POISONED, SLOW = 222, 7
GATES, RESTART = (60, 120, 180, 240), 180

RECIPE = Recipe(
    slice_length=Fraction(1, FPS),
    animations=(),
    frames=(Still(width=16, interval=Fraction(1, FPS)),),
    sheets=(),
    documents=(),
)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """34.5 s of 64 x 36 px: a slice for each frame."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"g": "10", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for number in range(SLICES):
            picture = np.full((36, 64, 3), number % 256, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


class _Hosts:
    """Machines that are replaced when they die."""

    def __init__(self, queue: str, folder: Path, program: tuple[str, ...]) -> None:
        self._queue = queue
        self._folder = folder
        self._program = program
        self.all: list[Host] = []

    def start(self) -> Host:
        """Start one more."""
        host = Host(
            self._queue,
            self._folder / f"host-{len(self.all)}.log",
            *("--slots", "1", "--retry-delay", "0.5", "--stall-timeout", "600"),
            program=self._program,
        )
        self.all.append(host)
        wait_until(lambda: "taking slices" in host.text(), alive=host)
        return host

    def counts(self, word: str) -> Counter[int]:
        """Count the lines of all logs, by slice."""
        return sum((host.counts(word) for host in self.all), Counter[int]())

    def have_begun(self, least: int) -> bool:
        """Whether they have begun so many slices."""
        return self.counts("begun").total() >= least

    def kill(self) -> None:
        """Kill all of them."""
        for host in self.all:
            host.kill()

    def with_slice(self, first: int, last: int) -> Host | None:
        """Return a living machine that is in the middle of one of some slices."""
        for host in self.all:
            open_ = host.counts("begun") - host.counts("made")
            if host.process.poll() is None and any(first <= each < last for each in open_):
                return host
        return None


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is ended after the test."""
    with ExitStack() as stack:
        yield stack


def test_a_film_survives_all_that_may_happen(
    server: Postgres, queue: str, film: Path, tmp_path: Path, stack: ExitStack
) -> None:
    """The set has one gap, of the poisoned slice; the rest is as a local run makes it."""
    trouble = Misbehaving(tmp_path, poisoned=(POISONED,), slow=(SLOW,), gates=GATES)
    hosts = _Hosts(queue, tmp_path, trouble.program)
    stack.callback(hosts.kill)
    for _ in range(4):
        hosts.start()
    threads = stack.enter_context(ThreadPoolExecutor(1))
    engine = ProcrastinateEngine(queue, local=InlineEngine(), patience=300)
    making = threads.submit(scrubjay.make, film, tmp_path / "set", recipe=RECIPE, engine=engine)
    zombie = _make_trouble(server, hosts, trouble, making)
    with pytest.raises(IncompleteError) as caught:
        making.result(timeout=300)
    assert [type(each) for each in caught.value.causes] == [WorkerCrashedError]
    database = Database(queue)
    wait_until(lambda: queue_status(database).running == 0)
    alive = [host for host in hosts.all if host.process.poll() is None]
    assert [host.end() for host in alive] == [0] * 4
    _check_set(tmp_path / "set", film, tmp_path / "local")
    _check_tries(hosts)
    assert zombie.counts("made")[SLOW] == 1
    found = queue_status(database)
    assert (found.waiting, found.retrying, found.dead) == (0, 0, 1)
    [letter] = dead_letters(database)
    assert (letter.index, letter.error) == (POISONED, "WorkerCrashedError")


def _make_trouble(
    server: Postgres, hosts: _Hosts, trouble: Misbehaving, making: "Future[Manifest]"
) -> Host:
    """Stop, kill and restart what makes the film, and return the machine that came back late."""

    def found(first: int, last: int) -> Host:
        wait_until(lambda: making.done() or hosts.with_slice(first, last))
        host = hosts.with_slice(first, last)
        assert host, making.result()
        return host

    zombie = found(SLOW, SLOW + 1)
    zombie.signal(signal.SIGSTOP)  # it makes a slice, and falls silent
    for gate in GATES:
        victim = found(gate, SLICES)
        if gate == RESTART:  # slices end while the database is away
            server.stop()
            trouble.open(gate)
            begun = hosts.counts("begun").total()
            server.start()
            wait_until(partial(hosts.have_begun, begun + 1))
        else:  # a machine dies in the middle of a slice
            victim.kill()
            hosts.start()
            trouble.open(gate)
    wait_until(lambda: hosts.counts("begun")[SLOW] > 1)  # another has taken it over
    trouble.let_go()
    wait_until(lambda: hosts.counts("made")[SLOW])
    zombie.signal(signal.SIGCONT)  # its slice is ready, and it writes it late
    wait_until(lambda: zombie.counts("made")[SLOW])
    return zombie


def _check_set(folder: Path, film: Path, local: Path) -> None:
    """Check that nothing is missing but the poisoned slice, and that every byte is right."""
    manifest = decode(Store.open(folder).get(MANIFEST), Manifest)
    failed = [each.index for each in manifest.slices if each.status == "failed"]
    assert (len(manifest.slices), failed) == (SLICES, [POISONED])
    scrubjay.make(film, local, recipe=RECIPE, engine=InlineEngine())
    ours, theirs = _pictures(folder), _pictures(local)
    assert ours == {key: data for key, data in theirs.items() if key in ours}
    assert len(theirs) - len(ours) == 1


def _check_tries(hosts: _Hosts) -> None:
    """Check that a slice is begun once, and once more for each worker that it lost."""
    begun, rescued = hosts.counts("begun"), hosts.counts("rescued")
    assert begun.keys() == set(range(SLICES))
    assert {index for index in begun if begun[index] > 1 + rescued[index]} == {POISONED}
    assert begun[POISONED] <= 3 + rescued[POISONED]
    assert rescued.total() >= 4  # one for each machine that died or fell silent


def _pictures(folder: Path) -> dict[str, bytes]:
    store = Store.open(folder)
    return {key: store.get(key) for key in store.sizes("frames/")}

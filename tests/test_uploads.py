"""Artifacts on their way to the store."""

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from scrubjay.errors import DestinationError
from scrubjay.model import Artifact, Plan, PlannedOutput
from scrubjay.places.place import Place
from scrubjay.sets.folder import Folder
from scrubjay.sets.store import Store
from scrubjay.slices.encoding import Encoded
from scrubjay.slices.uploads import Uploads


@pytest.fixture(scope="module")
def output(planned: Callable[..., Plan]) -> PlannedOutput:
    """An output of stills."""
    plan: Plan = planned(Fraction(30))
    return next(each for each in plan.outputs if each.options.kind == "frames")


def _still(output: PlannedOutput, number: int, size: int = 10) -> Encoded:
    time = Fraction(number)
    artifact = Artifact(
        key=f"frames/{number}.jpg",
        media_type="image/jpeg",
        start=time,
        end=time + 1,
        pictures=1,
        source_times=(time,),
        size_bytes=size,
        blake2b="0" * 32,
    )
    return Encoded(output, bytes(size), artifact)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Whatever becomes of uploads, none of their threads outlives them."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def _put_all(store: Store, output: PlannedOutput, count: int) -> None:
    with Uploads(store) as uploads:
        for number in range(count):
            uploads.put(_still(output, number))


@pytest.mark.parametrize("lanes", [1, 4])
def test_all_are_there_afterwards(tmp_path: Path, output: PlannedOutput, lanes: int) -> None:
    """What was put is in the store when the uploads are left, however many go at once."""
    store = Store.open(tmp_path)
    store.lanes = lanes
    _put_all(store, output, 50)
    assert store.sizes() == {f"frames/{number}.jpg": 10 for number in range(50)}


@pytest.mark.parametrize("lanes", [1, 4])
def test_no_error_is_lost(tmp_path: Path, output: PlannedOutput, lanes: int) -> None:
    """An object that cannot be written, be it the first or the last, is an error."""
    for number in (0, 49):
        folder = tmp_path / str(number)
        (folder / "frames" / f"{number}.jpg").mkdir(parents=True)
        store = Store.open(folder)
        store.lanes = lanes
        with pytest.raises(DestinationError):
            _put_all(store, output, 50)


def test_memory_is_bounded(tmp_path: Path, output: PlannedOutput) -> None:
    """More than 64 MiB do not wait: rendering waits for the store instead."""
    store = Store.open(tmp_path)
    store.lanes = 2
    with Uploads(store) as uploads:
        for number in range(12):
            uploads.put(_still(output, number, 10 << 20))
            assert uploads._waiting_bytes <= 64 << 20
    assert len(store.sizes()) == 12


class _SlowLine(Store):
    """A folder that takes nothing until it is let."""

    is_let: threading.Event
    begun: threading.Semaphore
    """Released for each object that is on its way."""

    def let(self) -> None:
        self.is_let.set()

    def put(self, key: str, data: bytes, media_type: str) -> None:
        self.begun.release()
        assert self.is_let.wait(120)
        super().put(key, data, media_type)


def _slow_line(folder: Path) -> _SlowLine:
    store = _SlowLine(partial(Folder, folder), place=Place.of(folder))
    store.is_let = threading.Event()
    store.begun = threading.Semaphore(0)
    store.lanes = 2
    return store


def test_waiting_shows_signs_of_life(tmp_path: Path, output: PlannedOutput) -> None:
    """While the store is waited for, the caller is told that it is not stalled."""
    store = _slow_line(tmp_path)
    with Uploads(store, on_wait=store.let) as uploads:
        uploads.put(_still(output, 1))
    assert len(store.sizes()) == 1


def test_giving_up_shows_signs_of_life(tmp_path: Path, output: PlannedOutput) -> None:
    """So it is where rendering failed: what is on its way is waited for, the rest is not sent."""

    def fail() -> None:
        with Uploads(store, on_wait=store.let) as uploads:
            for number in range(50):
                uploads.put(_still(output, number))
            for _ in range(store.lanes):
                assert store.begun.acquire(timeout=120)
            raise ZeroDivisionError

    store = _slow_line(tmp_path)
    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(store.sizes()) == 2

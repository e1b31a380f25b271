"""When a run may begin another slice, and the lock of a library."""

import os
import subprocess
import sys
from datetime import time
from pathlib import Path

import pytest

from scrubjay.engines.shared import WorkerPool
from scrubjay.errors import DestinationError, RecipeError
from scrubjay.library.film import Film
from scrubjay.library.gate import Gate, Hours
from scrubjay.library.lock import locked
from scrubjay.library.notes import Request
from scrubjay.library.running import make_library
from scrubjay.model import PRESETS
from scrubjay.places.place import Place

_HOLD = (
    "import sys\nfrom scrubjay.library.lock import locked\n"
    "from scrubjay.places.place import Place\n"
    "with locked(Place.of(sys.argv[1])):\n print('held', flush=True)\n sys.stdin.read()"
)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("01:00-06:00", ["01:00", "05:59"], ["00:59", "06:00", "13:00"]),
        ("22:30-6:00", ["22:30", "00:00", "05:59"], ["22:29", "06:00", "12:00"]),
        ("20:00-24:00", ["20:00", "23:59"], ["00:00", "19:59"]),
    ],
)
def test_hours(text: str, inside: list[str], outside: list[str]) -> None:
    """Hours begin with their first minute and end before their last, also over midnight."""
    hours = Hours.of(text)
    assert all(hours.contain(time.fromisoformat(each)) for each in inside)
    assert not any(hours.contain(time.fromisoformat(each)) for each in outside)


@pytest.mark.parametrize("text", ["", "1-6", "01:00", "25:00-06:00", "01:60-02:00", "06:00-06:00"])
def test_wrong_hours(text: str) -> None:
    """Hours that nobody can mean are refused."""
    with pytest.raises(RecipeError, match="hours"):
        Hours.of(text)


def test_a_gate_opens_with_its_hours() -> None:
    """Outside its hours no slice begins, not even the first."""
    moment = [time(0, 30)]
    gate = Gate(hours=Hours.of("01:00-06:00"), now=lambda: moment[0])
    assert not gate(0)
    moment[0] = time(1)
    assert gate(0)
    assert gate(4)


def test_a_gate_looks_at_the_load() -> None:
    """At that load no slice begins beside others; one alone always may."""
    load = [2.0]
    gate = Gate(max_load=2, load=lambda: load[0])
    assert gate(0)
    assert not gate(1)
    load[0] = 1.9
    assert gate(1)
    assert Gate()(9)


def test_two_runs_on_one_library(tmp_path: Path) -> None:
    """The second is refused with the first's process, until that has ended, however it ends."""
    root = Place.of(tmp_path / "new" / "sets")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, root.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DestinationError, match=rf"process {other.pid}\); wait"), locked(root):
            pass
        other.kill()
    with locked(root):
        assert (Path(root.address) / ".scrubjay-library.lock").read_text() == f"{os.getpid()}\n"
    with locked(root):
        pass


def test_buckets_are_not_locked() -> None:
    """There, sets are safe by compare-and-swap."""
    with locked(Place.of("s3://sets")), locked(Place.of("s3://sets")):
        pass


def test_a_pool_asks_before_each_slice(other_clip: Path, tmp_path: Path) -> None:
    """While the gate is closed no slice begins, and when it opens the run goes on by itself."""
    asked: list[int] = []

    def may_begin(running: int) -> bool:
        asked.append(running)
        return len(asked) > 2

    place = Place.of(other_clip)
    finished = make_library(
        [Film(source=place, name="a.mp4")],
        lambda _: Place.of(tmp_path / "set"),
        request=Request(recipe=PRESETS["trickplay"]),
        pool=WorkerPool(workers=1, may_begin=may_begin),
    )
    assert finished.made == 1
    assert asked[:3] == [0, 0, 0]

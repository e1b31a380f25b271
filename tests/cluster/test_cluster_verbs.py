"""What people do with a cluster: look, try again, give up, stop a worker; with real workers."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from hosts import Host, Misbehaving, wait_until
from postgres import Postgres

import scrubjay
from scrubjay.cli.main import cli
from scrubjay.engines.base import Job
from scrubjay.engines.cluster.database import Database
from scrubjay.engines.cluster.engine import ProcrastinateEngine
from scrubjay.engines.cluster.letters import queue_status
from scrubjay.engines.cluster.schema import set_up
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import IncompleteError, OutOfTimeError, RefusedError, StoreError
from scrubjay.keys import MANIFEST
from scrubjay.model import Manifest, Recipe, Still, decode
from scrubjay.places.place import Place
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

RECIPE = Recipe(
    slice_length=Fraction(3), animations=(), frames=(Still(width=16),), sheets=(), documents=()
)
"""Four slices of the small clip."""

SCRUBJAY = Path(sys.executable).with_name("scrubjay")

Verb = Callable[..., str]


@pytest.fixture
def queue(server: Postgres) -> str:
    """The address of a database with an empty queue."""
    address = server.database()
    assert set_up(Database(address))
    return address


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Keep the test process's own handlers of signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def verb(queue: str) -> Verb:
    """Run `scrubjay cluster`, and return what it writes."""

    def verb(*arguments: str | Path) -> str:
        words = ["cluster", *map(str, arguments)]
        done = CliRunner().invoke(cli, words, env={"SCRUBJAY_DATABASE": queue})
        assert done.exit_code == 0, done.output
        return done.output

    return verb


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is ended after the test."""
    with ExitStack() as stack:
        yield stack


def _sent(queue: str, clip: Path, folder: Path) -> None:
    """Send a set while no worker is there."""
    engine = ProcrastinateEngine(queue, local=InlineEngine(), patience=0.001)
    with pytest.raises(OutOfTimeError, match=r"0 workers, .* 4 waiting"):
        scrubjay.make(clip, folder, recipe=RECIPE, engine=engine)


def _status(folder: Path) -> str:
    try:
        return decode(Store.open(folder).get(MANIFEST), Manifest).status
    except StoreError:
        return ""


def test_a_refused_order_is_explained_and_tried_again(
    queue: str, verb: Verb, small_clip: Path, tmp_path: Path, stack: ExitStack
) -> None:
    """`make` ends with the reason; another worker that may does what the first refused."""
    folder = tmp_path / "set"
    strict = Host(queue, tmp_path / "strict.log", "--slots", "1", "--allow", "/nothing")
    stack.callback(strict.kill)
    engine = ProcrastinateEngine(queue, local=InlineEngine())
    with pytest.raises(RefusedError, match=r"may not use the video .* not below /nothing"):
        scrubjay.make(small_clip, folder, recipe=RECIPE, engine=engine)
    assert strict.end() == 0
    text = verb("status")
    assert "0 workers, 0 slices being made" in text
    assert "     4  dead letters" in text
    assert f"{folder} slice 0: failed 1 times: RefusedError: this worker may not use" in text
    assert json.loads(verb("status", folder, "--json"))["queue"]["dead"] == 4
    assert f"{folder}: 4 slices to be sent again" in verb("redrive", "--dry-run")
    places = [part for path in (tmp_path, small_clip.parent) for part in ("--allow", str(path))]
    host = Host(queue, tmp_path / "host.log", "--slots", "1", *places)
    stack.callback(host.kill)
    assert f"{folder}: 4 slices sent again" in verb("redrive")
    wait_until(lambda: _status(folder) == "complete", alive=host)
    assert "There are no dead letters." in verb("redrive")
    assert host.end() == 0


def test_a_set_is_given_up_or_made_later(
    queue: str, verb: Verb, small_clip: Path, tmp_path: Path, stack: ExitStack
) -> None:
    """Orders are taken out; the set is published with gaps, and made whole when that is asked.

    While the videos are not mounted, slices wait for their next attempt.
    """
    folder, films = tmp_path / "set", tmp_path / "films"
    films.mkdir()
    film = Path(shutil.copy(small_clip, films))
    _sent(queue, film, folder)
    assert "4  waiting" in verb("status", folder)
    assert "4 orders removed" in verb("cancel", folder)
    assert queue_status(Database(queue)).waiting == 0
    assert f"{folder}: 4 slices sent again" in verb("redrive", folder)
    store = Store.open(folder)
    plan = load_plan(store)
    assert plan
    job = Job(plan, Place.of(film), store)
    assert InlineEngine().run(job, {1: ("frames",)}, lambda _: None).records.keys() == {1}
    text = verb("cancel", folder, "--publish")
    assert "4 orders removed" in text
    assert "3 slices are gaps now" in text
    host = Host(queue, tmp_path / "host.log", "--slots", "2", "--retry-delay", "0.1")
    stack.callback(host.kill)
    wait_until(lambda: _status(folder) == "partial", alive=host)
    films.rename(tmp_path / "unmounted")
    assert json.loads(verb("redrive", folder, "--json"))["sets"] == {str(folder): [0, 2, 3]}
    reason = f"SourceUnavailableError: the folder {films} is not on this"
    wait_until(lambda: reason in verb("status", folder), alive=host)
    (tmp_path / "unmounted").rename(films)
    wait_until(lambda: _status(folder) == "complete", alive=host)
    assert host.counts("made") == {0: 1, 2: 1, 3: 1}
    assert host.end() == 0


def test_a_stopped_worker_ends_its_slice_and_still_lives(
    queue: str, small_clip: Path, tmp_path: Path, stack: ExitStack
) -> None:
    """After SIGTERM it gives signs of life until its slice is made; the rest stays in the queue."""
    folder = tmp_path / "set"
    _sent(queue, small_clip, folder)
    trouble = Misbehaving(tmp_path, slow=(0,))
    host = Host(queue, tmp_path / "host.log", "--slots", "1", program=trouble.program)
    stack.callback(host.kill)
    wait_until(lambda: host.counts("begun")[0], alive=host)
    host.signal(signal.SIGTERM)
    wait_until(lambda: "stopping" in host.text(), alive=host)
    first = _heartbeat(queue)
    wait_until(lambda: _heartbeat(queue) != first, alive=host)
    trouble.let_go()
    assert host.process.wait(300) == 0
    assert host.counts("made") == host.counts("begun") == {0: 1}
    found = queue_status(Database(queue))
    assert (found.waiting, found.running, found.dead) == (3, 0, 0)


def test_what_cannot_pass_is_tried_thrice(
    queue: str, verb: Verb, small_clip: Path, tmp_path: Path, stack: ExitStack
) -> None:
    """A set without a plan ends as dead letters that say so; what a decoder dies of, as a gap."""
    lost, folder = tmp_path / "lost", tmp_path / "set"
    assert "orders removed" in verb("cancel", lost)
    _sent(queue, small_clip, lost)
    Store.open(lost).delete([".scrubjay/plan.json"])
    trouble = Misbehaving(tmp_path, poisoned=(2,))
    options = ("--slots", "1", "--retry-delay", "0.1")
    host = Host(queue, tmp_path / "host.log", *options, program=trouble.program)
    stack.callback(host.kill)
    engine = ProcrastinateEngine(queue, local=InlineEngine())
    with pytest.raises(IncompleteError, match="killed by SIGKILL"):
        scrubjay.make(small_clip, folder, recipe=RECIPE, engine=engine)
    wait_until(lambda: queue_status(Database(queue)).dead == 5, alive=host)
    text = verb("status", lost)
    assert f"{lost} slice 3: failed 3 times: RenderError: {lost} has no .scrubjay/plan.json" in text
    assert _status(folder) == "partial"
    assert host.counts("begun")[2] == 3 + 3
    assert host.end() == 0


def test_a_password_leaves_the_command_line(tmp_path: Path) -> None:
    """Everybody on a machine sees the command lines of its processes; few see environments."""
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nfrom scrubjay.cli.start import _hide_password\n"
        "_hide_password()\nprint(sys.argv[1:], os.environ.get('SCRUBJAY_DATABASE'))\n"
    )
    program.chmod(0o755)
    for address, is_hidden in (
        ("postgresql://me:S3CRET@db/x", True),
        ("host=db password=S3CRET", True),
        ("postgresql://me@db/x", False),
    ):
        for words in (["--database", address], [f"--database={address}"]):
            done = subprocess.run(
                [str(program), "worker", *words, "--slots", "1"],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "SCRUBJAY_DATABASE": "before"},
            )
            rest = ["worker", "--slots", "1"] if is_hidden else ["worker", *words, "--slots", "1"]
            assert done.stdout == f"{rest} {address if is_hidden else 'before'}\n"


def _heartbeat(queue: str) -> object:
    with psycopg.connect(queue) as connection:
        [row] = connection.execute("SELECT max(last_heartbeat) FROM procrastinate_workers")
        return row


def test_setting_up_and_looking(server: Postgres, verb: Verb, tmp_path: Path) -> None:
    """Before `setup`, every command says what to do; after it, there is an empty queue."""
    address = server.database()
    make = ["make", "film.mp4", "-o", str(tmp_path / "set"), "--engine", "procrastinate"]
    for words in (make, ["worker"], ["cluster", "status"], ["cluster", "upgrade"]):
        done = CliRunner().invoke(cli, [*words, "--database", address])
        assert done.exit_code == 6, done.output
        assert "run `scrubjay cluster setup` once" in done.output
    assert "the queue is ready" in verb("setup", "--database", address)
    assert "the queue exists" in verb("setup", "--database", address)
    assert "0 changes" in verb("upgrade", "--database", address)
    assert verb("status", "--database", address).startswith("0 workers, 0 slices being made\n")
    done = CliRunner().invoke(cli, ["cluster", "status", "--database", "host=/nowhere"])
    assert (done.exit_code, "/nowhere does not answer" in done.output) == (6, True)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks the extra is told its name, by every command that needs it."""
    monkeypatch.delitem(sys.modules, "scrubjay.engines.cluster.database")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    done = CliRunner().invoke(cli, ["worker"])
    assert done.exit_code == 6
    assert "psycopg is not installed" in done.output
    assert "pip install 'scrubjay[cluster]'" in done.output

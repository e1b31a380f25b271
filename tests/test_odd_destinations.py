"""Destinations where somebody has laid pipes, sockets, folders and links in our files' places."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import DestinationError, ObjectNotFoundError, ScrubjayError, StoreError
from scrubjay.keys import GENERATIONS, MANIFEST, PAGE, PLAN, RECORDS, is_ours
from scrubjay.model import Animation, Manifest, Recipe, Still
from scrubjay.places.place import Place
from scrubjay.sets.folder import Folder
from scrubjay.sets.store import Store

QUICK = Recipe(
    slice_length=Fraction(6),
    animations=(Animation(fps=Fraction(1), width=32),),
    frames=(Still(width=32),),
)
LONG = 120
"""Seconds after which a test that waits has failed."""


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            end.bind(f"/proc/self/fd/{folder}/{path.name}")  # their paths are short
        finally:
            os.close(folder)


LAID: dict[str, Callable[[Path], None]] = {
    "pipe": os.mkfifo,
    "socket": _socket,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "link": lambda path: path.symlink_to("/etc/hostname"),
}


def _attempt(clip: Path, folder: Path) -> Manifest | Exception:
    """Make a set in a thread, so that a hang fails the test and not the suite."""
    ended: list[Manifest | Exception] = []

    def run() -> None:
        try:
            ended.append(scrubjay.make(clip, folder, recipe=QUICK, engine=InlineEngine()))
        except Exception as error:  # noqa: BLE001  the test looks at it
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LONG)
    assert ended, "it hangs"
    return ended[0]


def _first_below(folder: Path, prefix: str) -> str:
    """Return the key of the first file below a folder of a set, or the key itself."""
    store = Store.open(folder)
    return min(store.sizes(prefix)) if prefix.endswith("/") else prefix


@pytest.mark.parametrize("kind", LAID)
@pytest.mark.parametrize("where", [PLAN, MANIFEST, PAGE, GENERATIONS, RECORDS, "frames/"])
def test_nothing_but_files_is_opened(clip: Path, tmp_path: Path, kind: str, where: str) -> None:
    """Whatever lies in a file's place: the run ends at once, with a set or with one sentence."""
    folder = tmp_path / "set"
    scrubjay.make(clip, folder, recipe=QUICK, engine=InlineEngine())
    key = _first_below(folder, where)
    (folder / key).unlink()
    LAID[kind](folder / key)
    ended = _attempt(clip, folder)
    if isinstance(ended, Exception):
        assert isinstance(ended, DestinationError), repr(ended)
        assert "\n" not in str(ended)
        assert key.rpartition("/")[2] in str(ended)
    else:
        assert ended.status == "complete"
        assert where == GENERATIONS or (folder / key).is_file()  # such a note is read in pruning
        assert where == GENERATIONS or not (folder / key).is_symlink()
    assert not list(tmp_path.rglob("*#*"))


@pytest.mark.parametrize(
    "name", ["frames", "frames/*", "animations", "sheets", ".scrubjay", ".scrubjay/slices/*"]
)
def test_a_linked_folder_is_refused(clip: Path, tmp_path: Path, name: str) -> None:
    """Nothing is read, written or deleted through a link in a folder's place."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "set"
    scrubjay.make(clip, folder, recipe=QUICK, engine=InlineEngine())
    linked = next(folder.glob(name))
    shutil.copytree(linked, elsewhere)
    (elsewhere / "000001.jpg#7").write_bytes(b"theirs")
    theirs = {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()}
    shutil.rmtree(linked)
    linked.symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(DestinationError, match="is a link"):
        scrubjay.make(clip, folder, recipe=QUICK, engine=InlineEngine(), remove_stale=True)
    store, below = Store.open(folder), linked.relative_to(folder).as_posix()
    for each in theirs:
        with pytest.raises(DestinationError, match="is a link"):
            store.delete([f"{below}/{each.relative_to(elsewhere).as_posix()}"])
    with pytest.raises(DestinationError, match="is a link"):
        store.sweep(["", below], is_ours)
    assert {path: path.read_bytes() for path in elsewhere.rglob("*") if path.is_file()} == theirs


def test_the_destination_itself_may_be_a_link(clip: Path, tmp_path: Path) -> None:
    """A link to a folder is a destination like any other."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    made = scrubjay.make(clip, tmp_path / "link", recipe=QUICK, engine=InlineEngine())
    assert made.status == "complete"
    assert (tmp_path / "real" / MANIFEST).is_file()


def test_a_folder_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    """Deleting while somebody swaps a folder for a link never leaves the set."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "000001.jpg").write_bytes(b"theirs")
    real = tmp_path / "set" / "frames"
    real.mkdir(parents=True)
    store, stop = Folder(tmp_path / "set"), threading.Event()

    def swap() -> None:
        while not stop.is_set():
            real.rename(tmp_path / "aside")
            real.symlink_to(elsewhere)
            real.unlink()
            (tmp_path / "aside").rename(real)

    swapper = threading.Thread(target=swap)
    swapper.start()
    outcomes: set[type] = set()
    for _ in range(300):
        try:
            store.delete("frames/000001.jpg")
        except StoreError as error:
            outcomes.add(type(error))
    stop.set()
    swapper.join()
    assert outcomes <= {DestinationError, ObjectNotFoundError}
    assert [path.name for path in elsewhere.iterdir()] == ["000001.jpg"]


@pytest.mark.parametrize("key", ["", "/", "../x", "a/../../x", "/etc/x", "a//b", "./a"])
def test_a_key_never_leaves_the_folder(tmp_path: Path, key: str) -> None:
    """Keys that are paths to elsewhere are refused by every action."""
    store = Store.open(tmp_path / "set")
    store.put("a/b", b"1", "x/y")
    for action in (
        lambda: store.put(key, b"1", "x/y"),
        lambda: store.put_if(key, b"1", "x/y", ""),
        lambda: store.get(key),
        lambda: store.delete([key]),
        lambda: store.has(key),
    ):
        with pytest.raises(DestinationError, match="not a valid key"):
            action()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def _written_first(folder: Folder, version: str, data: bytes) -> bool:
    return folder.put_if("manifest.json", data, version)


def test_a_file_is_never_seen_unfinished(tmp_path: Path) -> None:
    """Of many writers of one version one is first, and readers see its file whole or not at all."""
    folder, seen, stop = Folder(tmp_path), set[bytes](), threading.Event()
    data = [bytes([65 + k]) * 100_000 for k in range(4)]

    def watch() -> None:
        while not stop.is_set():
            try:
                seen.add(folder.get("manifest.json"))
            except ObjectNotFoundError:
                seen.add(b"")

    watcher = threading.Thread(target=watch)
    watcher.start()
    for turn in range(51):
        version = folder.version("manifest.json") if turn % 3 else ""
        write = partial(_written_first, folder, version)
        with ThreadPoolExecutor(4) as pool:
            firsts = list(pool.map(write, data))
        assert firsts.count(True) == 1
        assert folder.get("manifest.json") == data[firsts.index(True)]
        if turn % 3 == 2:
            folder.delete("manifest.json")
    stop.set()
    watcher.join()
    assert seen <= {b"", *data}
    assert list(tmp_path.iterdir()) == []


_HOLDS = """
import fcntl, os, sys
from scrubjay.sets.folder import Folder
lock = fcntl.flock
def hold(handle, kind):
    lock(handle, kind)
    print("held", flush=True)
    sys.stdin.read()
fcntl.flock = hold
Folder(sys.argv[1]).put_if("manifest.json", b"never", "")
"""


def test_a_killed_writer_holds_nobody_up(tmp_path: Path) -> None:
    """One that is killed between looking and writing leaves no lock, and what it left is swept."""
    command = [sys.executable, "-c", _HOLDS, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        process.kill()
    store = Store.open(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert store.sizes() == {}
    assert store.put_if("manifest.json", b"1", "x/y", "")
    store.sweep([""], is_ours)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_messages_name_the_file_and_the_reason(tmp_path: Path) -> None:
    """An error of the destination names the object, in words of the system, not of a library."""
    store = Store.open(tmp_path)
    (tmp_path / "manifest.json").mkdir()
    (tmp_path / "frames").write_bytes(b"a file")
    for key in ("manifest.json", "frames/000001.jpg"):
        with pytest.raises(ScrubjayError) as caught:
            store.put(key, b"1", "x/y")
        assert key in str(caught.value)
        assert "Generic" not in str(caught.value)
        assert "#" not in str(caught.value)


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def _endpoint(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


_LIST = """
import sys
from scrubjay.places.place import Place
from scrubjay.sets import bucket
from scrubjay.sets.store import Store
bucket._QUICK = 100_000  # nothing but a signal ends it
Store.open(Place.of("s3://films/set", endpoint=sys.argv[1])).sizes()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_silent_bucket_can_be_interrupted(
    silent_server: socket.socket, number: signal.Signals
) -> None:
    """A run that waits for a server of buckets hears signals meanwhile."""
    silent_server.settimeout(LONG)
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    command = [sys.executable, "-c", _LIST, _endpoint(silent_server)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            connection, _ = silent_server.accept()
            with connection:
                connection.settimeout(LONG)
                assert connection.recv(1)  # its request is here: it waits for the answer
                process.send_signal(number)
                assert process.wait(LONG) == -number
        finally:
            process.kill()


def test_a_silent_bucket_ends_in_an_error(
    silent_server: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of buckets that says nothing is an error that may pass, within a request's time."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr("scrubjay.sets.bucket._QUICK", 1)
    store = Store.open(Place.of("s3://films/set", endpoint=_endpoint(silent_server)))
    with pytest.raises(StoreError) as caught:
        store.get("manifest.json")
    assert caught.value.retryable

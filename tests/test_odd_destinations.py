"""Destinations where somebody has laid pipes, sockets, folders and links in our files' places."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from time import monotonic, sleep

import pytest

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import DestinationError, ObjectNotFoundError, ScrubjayError, StoreError
from scrubjay.keys import FOLDERS, MANIFEST, PAGE, PLAN, is_ours, record_key
from scrubjay.model import Animations, Frames, Manifest, Recipe
from scrubjay.places.place import Place
from scrubjay.sets.folder import Folder
from scrubjay.sets.store import Store

QUICK = Recipe(
    slice_length=Fraction(6),
    animations=Animations(fps=Fraction(1), width=32),
    frames=Frames(width=32),
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


@pytest.mark.parametrize("kind", LAID)
@pytest.mark.parametrize(
    "key", [PLAN, MANIFEST, PAGE, record_key(Fraction(6)), "frames/000007.jpg"]
)
def test_nothing_but_files_is_opened(clip: Path, tmp_path: Path, kind: str, key: str) -> None:
    """Whatever lies in a file's place: the run ends at once, with a set or with one sentence."""
    folder = tmp_path / "set"
    scrubjay.make(clip, folder, recipe=QUICK, engine=InlineEngine())
    (folder / key).unlink()
    LAID[kind](folder / key)
    ended = _attempt(clip, folder)
    if isinstance(ended, Exception):
        assert isinstance(ended, DestinationError), repr(ended)
        assert "\n" not in str(ended)
        assert key.rpartition("/")[2] in str(ended)
    else:
        assert ended.status == "complete"
        assert (folder / key).is_file()
        assert not (folder / key).is_symlink()
    assert not list(tmp_path.rglob("*#*"))


@pytest.mark.parametrize(
    "name", ["frames", "animations", "sheets", ".scrubjay", ".scrubjay/slices"]
)
def test_a_linked_folder_is_refused(clip: Path, tmp_path: Path, name: str) -> None:
    """Nothing is read, written or deleted through a link in a folder's place."""
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "set"
    theirs = ["000001.jpg", "000007.jpg", "000000.gif", "000000.json", "000001.jpg#7"]
    elsewhere.mkdir()
    for each in theirs:
        (elsewhere / each).write_bytes(b"theirs")
    scrubjay.make(clip, folder, recipe=QUICK, engine=InlineEngine())
    for path in sorted((folder / name).rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / name).rmdir()
    (folder / name).symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(DestinationError, match="is a link"):
        scrubjay.make(clip, folder, recipe=QUICK, engine=InlineEngine(), remove_stale=True)
    store = Store.open(folder)
    with pytest.raises(DestinationError, match="is a link"):
        store.delete([f"{name}/{each}" for each in theirs])
    with pytest.raises(DestinationError, match="is a link"):
        store.sweep(FOLDERS, is_ours)
    assert sorted(each.name for each in elsewhere.iterdir()) == sorted(theirs)
    assert {each.read_bytes() for each in elsewhere.iterdir()} == {b"theirs"}


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
        lambda: store.put_new(key, b"1", "x/y"),
        lambda: store.get(key),
        lambda: store.delete([key]),
        lambda: store.has(key),
    ):
        with pytest.raises(DestinationError, match="not a key"):
            action()
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_new_file_is_never_seen_unfinished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no hard links, of many writers one is first, and readers see it whole."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder, seen, stop = Folder(tmp_path), set[bytes](), threading.Event()

    def watch() -> None:
        while not stop.is_set():
            try:
                seen.add(folder.get("manifest.json")[:1])
            except ObjectNotFoundError:
                seen.add(b"none")

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(50):
        with ThreadPoolExecutor(4) as pool:
            data = [bytes([65 + k]) * 100_000 for k in range(4)]
            firsts = list(pool.map(lambda each: folder.put_new("manifest.json", each), data))
        assert firsts.count(True) == 1
        assert folder.get("manifest.json") == data[firsts.index(True)]
        folder.delete("manifest.json")
    stop.set()
    watcher.join()
    assert seen <= {b"A", b"B", b"C", b"D", b"none"}
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_a_killed_writer_left_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands beside a new file's name after its writer was killed stops nobody.

    Of the many writers that find it at once, one is first; sweeping removes it as well.
    """

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for _ in range(5):
        (tmp_path / "manifest.json#0").touch()
        with ThreadPoolExecutor(16) as pool:
            data = [bytes([65 + k]) for k in range(16)]
            firsts = list(
                pool.map(lambda each: Folder(tmp_path).put_new("manifest.json", each), data)
            )
        assert firsts.count(True) == 1
        assert Folder(tmp_path).get("manifest.json") == data[firsts.index(True)]
        Folder(tmp_path).delete("manifest.json")
    (tmp_path / "manifest.json#0").touch()
    Store.open(tmp_path).sweep(FOLDERS, is_ours)
    assert list(tmp_path.iterdir()) == []


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
def silent_server() -> Iterator[int]:
    """A server that takes connections and says nothing: its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


_LIST = """
import sys
from scrubjay.places.place import Place
from scrubjay.sets.store import Store
print("begun", flush=True)
Store.open(Place.of("s3://films/set", endpoint=sys.argv[1])).sizes()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_silent_bucket_can_be_interrupted(silent_server: int, number: signal.Signals) -> None:
    """A run that waits for a server of buckets hears signals meanwhile."""
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    command = [sys.executable, "-c", _LIST, f"http://127.0.0.1:{silent_server}"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        sleep(0.5)  # sooner, it would not have sent anything yet, which is no harm
        began = monotonic()
        process.send_signal(number)
        assert process.wait(LONG) != 0
        assert monotonic() - began < 20


def test_a_silent_bucket_ends_in_an_error(
    silent_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of buckets that says nothing is an error that may pass, within a request's time."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr("scrubjay.sets.bucket._QUICK", 1)
    store = Store.open(Place.of("s3://films/set", endpoint=f"http://127.0.0.1:{silent_server}"))
    with pytest.raises(StoreError) as caught:
        store.get("manifest.json")
    assert caught.value.retryable

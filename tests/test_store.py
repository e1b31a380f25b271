import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scrubjay.errors import DestinationError, ObjectNotFoundError, PlaceError, StoreFullError
from scrubjay.keys import is_ours
from scrubjay.places.place import Place
from scrubjay.sets.store import Store

JPEG = "image/jpeg"
ID = "0123456789ab"
STILL, RECORD = f"frames/{ID}/000001.jpg", f".scrubjay/slices/{ID}/000000-000030.json"
FOLDERS = ["", f"frames/{ID}", ".scrubjay", f".scrubjay/slices/{ID}"]


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Open an empty store of each kind."""
    return Store.in_memory() if request.param == "memory" else Store.open(tmp_path / "set")


def test_what_is_put_is_got(store: Store) -> None:
    """An object comes back byte for byte, and is listed with its size."""
    data = bytes(range(256)) * 999
    store.put(STILL, data, JPEG)
    store.put(RECORD, b"", "application/json")
    assert store.get(STILL) == data
    assert store.sizes() == {STILL: len(data), RECORD: 0}


def test_putting_again_replaces(store: Store) -> None:
    """A key holds what was put last, whole, even where that is shorter."""
    store.put(STILL, b"long and old", JPEG)
    store.put(STILL, b"new", JPEG)
    assert store.get(STILL) == b"new"
    assert store.sizes() == {STILL: 3}


def test_a_new_object_is_put_once(store: Store) -> None:
    """Of several writers of a new object one is told that it was first; the others change nothing.

    A deleted object can be new again.
    """
    with ThreadPoolExecutor(4) as pool:
        firsts = list(pool.map(lambda k: store.put_if("a/b", bytes([k]), JPEG, ""), range(4)))
    assert firsts.count(True) == 1
    assert store.get("a/b") == bytes([firsts.index(True)])
    store.delete(["a/b"])
    assert store.put_if("a/b", b"again", JPEG, "")
    assert store.sizes() == {"a/b": 5}


def test_an_object_is_replaced_once(store: Store) -> None:
    """Of several writers that saw the same version one replaces it; the others change nothing."""
    store.put("a/b", b"old", JPEG)
    seen = store.version("a/b")
    with ThreadPoolExecutor(4) as pool:
        firsts = list(pool.map(lambda k: store.put_if("a/b", bytes([k]), JPEG, seen), range(4)))
    assert firsts.count(True) == 1
    assert store.get("a/b") == bytes([firsts.index(True)])
    assert store.version("a/b") != seen
    assert store.put_if("a/b", b"newer", JPEG, store.version("a/b"))
    assert store.get("a/b") == b"newer"


def test_what_is_gone_is_not_replaced(store: Store) -> None:
    """A version of an object that was deleted meanwhile, or never was, is nobody's to replace."""
    store.put("a", b"old", JPEG)
    seen = store.version("a")
    store.delete(["a"])
    assert not store.put_if("a", b"new", JPEG, seen)
    assert not store.put_if("folder/b", b"new", JPEG, seen)
    assert store.sizes() == {}
    assert store.version("a") == store.version("folder/b") == ""


def test_what_is_put_meanwhile_is_not_replaced(store: Store) -> None:
    """Putting an object anew changes its version, even if not one byte of it."""
    store.put("a", b"same", JPEG)
    seen = store.version("a")
    store.put("a", b"same", JPEG)
    assert not store.put_if("a", b"new", JPEG, seen)
    assert store.get("a") == b"same"


def test_an_object_has_an_age(store: Store) -> None:
    """How long ago an object was written is known, and begins anew when it is put again."""
    store.put("a", b"1", JPEG)
    assert 0 <= store.age("a") < 60
    if store.place is not None:
        an_hour_ago = time.time() - 3600
        os.utime(Path(store.place.address) / "a", (an_hour_ago, an_hour_ago))
        assert 3600 <= store.age("a") < 3660
        store.put("a", b"1", JPEG)
        assert store.age("a") < 60
    with pytest.raises(ObjectNotFoundError):
        store.age("b")


def test_a_folder_of_keys_can_be_listed(store: Store) -> None:
    """Sizes can be asked for below a folder; a key that only begins like it is not below it."""
    for key in ("frames/1", "frames/2", "frames2/1", "manifest.json"):
        store.put(key, b"1", JPEG)
    assert set(store.sizes("frames/")) == {"frames/1", "frames/2"}


def test_a_missing_object_is_an_error_of_its_own(store: Store) -> None:
    """Getting what is not there names the key."""
    with pytest.raises(ObjectNotFoundError, match=r"frames/000009\.jpg"):
        store.get("frames/000009.jpg")


def test_a_new_store_is_empty(store: Store) -> None:
    """A destination that was never used holds nothing, and says so without an error."""
    assert store.sizes() == {}


def test_deleting_passes_over_what_is_gone(store: Store) -> None:
    """Deleting removes what is there and does not mind what is not."""
    store.put("a", b"1", JPEG)
    store.put("b", b"2", JPEG)
    store.delete(["a", "missing", "folder/missing", "a"])
    assert store.sizes() == {"b": 1}


def test_sweeping_keeps_every_object(store: Store) -> None:
    """Sweeping never touches a finished object."""
    store.put(STILL, b"1", JPEG)
    store.put("manifest.json", b"{}", "application/json")
    store.sweep(FOLDERS, is_ours)
    assert store.sizes() == {STILL: 1, "manifest.json": 2}


def test_sweeping_removes_what_a_killed_writer_left(tmp_path: Path) -> None:
    """Unfinished files of our keys go; files that merely look like them are other people's."""
    ours = ["manifest.json#1", "storyboard.vtt#7", f"{STILL}#12", f"{RECORD}#1"]
    theirs = ["take #2", "song#1", "movie.mp4#1", f"{STILL}#draft", f"frames/{ID}/me.jpg#1"]
    theirs += [f"frames/{ID}/#1", "frames/000001.jpg#1"]
    for name in (*ours, *theirs):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    Store.open(tmp_path).sweep(FOLDERS, is_ours)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).as_posix() for path in files} == set(theirs)


def test_sweeping_leaves_what_another_run_is_writing(tmp_path: Path) -> None:
    """An unfinished file that grows, or is only just begun, belongs to a writer that lives."""
    growing = tmp_path / "manifest.json#1"
    growing.write_bytes(b"half")
    stop = threading.Event()

    def grow() -> None:
        while not stop.wait(0.05):
            with growing.open("ab") as file:
                file.write(b"more")

    writer = threading.Thread(target=grow)
    writer.start()
    Store.open(tmp_path).sweep(FOLDERS, is_ours)
    stop.set()
    writer.join()
    assert growing.exists()


def test_an_object_is_there_or_not(store: Store) -> None:
    """Asking for an object reads nothing of it."""
    store.put(STILL, b"1", JPEG)
    assert store.has(STILL)
    assert not store.has("frames/000002.jpg")


def test_opening_writes_nothing(tmp_path: Path) -> None:
    """Opening a store does not make its folder: the run may yet find that there is no video."""
    Store.open(tmp_path / "new" / "set")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_known_to_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The place of a folder is absolute, so that a worker finds it from anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Store.open("set").place == Place(address=str(tmp_path / "set"))
    assert Store.open("~/set").place == Place(address=str(tmp_path / "home" / "set"))
    assert Store.open("~nobody.at-all").place == Place(address=str(tmp_path / "~nobody.at-all"))
    assert Store.in_memory().place is None


@pytest.mark.parametrize("below", ["", "set", "deep/er/set"])
def test_a_file_is_no_destination(tmp_path: Path, below: str) -> None:
    """A destination that is a file, or lies below one, is refused by name."""
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(DestinationError, match=r"file is a file"):
        Store.open(tmp_path / "file" / below)
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["x" * 300, "not-utf8-\udcff"])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    """A path that cannot be is an error of ours, not of the program."""
    with pytest.raises((DestinationError, PlaceError)):
        Store.open(tmp_path / name)


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    """A destination that is a broken link is an error of the destination."""
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    store = Store.open(tmp_path / "link")
    with pytest.raises(DestinationError):
        store.put("a", b"1", JPEG)


def test_a_folder_in_an_objects_place_is_an_error(tmp_path: Path) -> None:
    """An object whose key is a folder cannot be written, and leaves nothing half written."""
    (tmp_path / STILL).mkdir(parents=True)
    store = Store.open(tmp_path)
    with pytest.raises(DestinationError):
        store.put(STILL, b"1", JPEG)
    assert store.sizes() == {}


def test_a_full_disk_leaves_no_half_object(mount: Callable[[str], Path]) -> None:
    """What does not fit is not there at all, the object before it is, and space can be made."""
    folder = mount("size=256k")
    store = Store.open(folder)
    store.put(STILL, b"1" * 100_000, JPEG)
    with pytest.raises(StoreFullError, match=STILL):
        store.put(STILL, b"2" * 300_000, JPEG)
    with pytest.raises(StoreFullError, match=r"frames/000002\.jpg"):
        store.put("frames/000002.jpg", b"2" * 300_000, JPEG)
    store.sweep(FOLDERS, is_ours)
    assert store.get(STILL) == b"1" * 100_000
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["000001.jpg"]
    store.delete([STILL])
    store.put("frames/000002.jpg", b"2" * 100_000, JPEG)
    assert store.sizes() == {"frames/000002.jpg": 100_000}


def test_a_read_only_disk_is_an_error(mount: Callable[[str], Path]) -> None:
    """A destination on a file system that may not be written is refused."""
    folder = mount("size=64k,ro")
    store = Store.open(folder / "set")
    with pytest.raises(DestinationError):
        store.put("a", b"1", JPEG)


def test_a_forbidden_folder_is_an_error(ordinary_user: Path) -> None:
    """A destination that this user may not write is refused."""
    ordinary_user.chmod(0o500)
    store = Store.open(ordinary_user / "set")
    with pytest.raises(DestinationError, match="denied"):
        store.put("a", b"1", JPEG)
    ordinary_user.chmod(0o700)
    store.put("a", b"1", JPEG)


_PUTS = """
import sys
from scrubjay.sets.store import Store
store = Store.open(sys.argv[1])
print([store.put_if("a/b", data, "x/y", "") for data in (b"first", b"second")], store.get("a/b"))
print(store.put_if("a/b", b"third", "x/y", store.version("a/b")), store.get("a/b"))
"""


def test_a_new_object_needs_no_locks(tmp_path: Path, failing: Callable[..., list[str]]) -> None:
    """On file systems without locks (some shares) objects are put all the same.

    Two that write at the very same moment may then both be told that they did.
    """
    refuse = failing("flock:error=ENOLCK")
    command = [*refuse, sys.executable, "-c", _PUTS, str(tmp_path / "set")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)
    assert done.stdout == "[True, False] b'first'\nTrue b'third'\n"
    assert [path.name for path in (tmp_path / "set").rglob("*") if path.is_file()] == ["b"]


def test_an_object_is_deleted_in_the_version_that_is_meant(store: Store) -> None:
    """One that somebody has written since stays; one that is gone is no error."""
    store.put("a", b"1", JPEG)
    version = store.version("a")
    store.put("a", b"22", JPEG)
    store.delete_if("a", version)
    assert store.get("a") == b"22"
    store.delete_if("a", store.version("a"))
    store.delete_if("a", "gone")
    assert not store.has("a")

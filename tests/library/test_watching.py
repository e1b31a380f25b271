"""Following a library: what arrives, grows, moves and goes, by events and without."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import pytest

from scrubjay.library.changes import FolderEvents, NoEvents, changes_of, has_events
from scrubjay.library.film import Film
from scrubjay.library.passing import Passed
from scrubjay.library.patterns import Selection
from scrubjay.library.watching import Watch
from scrubjay.places.place import Place

MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(20)
PATIENCE = 60


class Followed:
    """A folder that is followed in a thread, and what was reported, in order."""

    def __init__(self, root: Path, *, is_polling: bool, settle: float) -> None:
        self.root = root
        self.reports = SimpleQueue[tuple[str, str]]()
        self.passed: list[Passed] = []
        place = Place.of(root)
        self._changes = changes_of(place, is_polling=is_polling)
        assert isinstance(self._changes, NoEvents if is_polling else FolderEvents)
        watch = Watch(
            place,
            self._changes,
            selection=Selection(exclude=["Extras"]),
            settle=settle,
            rescan=0.05 if is_polling else 3600,
            on_passed=self.passed.append,
            on_moved=lambda old, film: self.reports.put(("moved", f"{old} -> {film.name}")),
            on_gone=lambda names: self.reports.put(("gone", " ".join(names))),
        )
        self._thread = threading.Thread(target=self._follow, args=(watch.films(),), daemon=True)
        self._thread.start()

    def _follow(self, films: Iterator[Film]) -> None:
        for film in films:
            self.reports.put(("film", film.name))

    def next(self) -> tuple[str, str]:
        """Wait for the next report."""
        return self.reports.get(timeout=PATIENCE)

    def next_few(self, count: int) -> set[tuple[str, str]]:
        """Wait for some reports, in whatever order."""
        return {self.next() for _ in range(count)}

    def stop(self) -> None:
        """End the search."""
        self._changes.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


def _old(path: Path, data: bytes = MP4) -> Path:
    """Write a file that looks as if it had been there for an hour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(".new")
    hidden.write_bytes(data)
    status = hidden.stat()
    os.utime(hidden, (status.st_atime - 3600, status.st_mtime - 3600))
    return hidden.rename(path)


@pytest.fixture(params=["events", "polling"])
def follow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Followed]]:
    """Follow a folder, by events or by looking at it again and again."""
    running: list[Followed] = []

    def follow(*, settle: float = 0.3) -> Followed:
        root = tmp_path / "films"
        root.mkdir(exist_ok=True)
        running.append(Followed(root, is_polling=request.param == "polling", settle=settle))
        return running[-1]

    yield follow
    for each in running:
        each.stop()


def test_what_is_there_and_what_arrives(follow: Callable[..., Followed], tmp_path: Path) -> None:
    """Films that are there come first; then those that arrive, in new folders and moved in."""
    _old(tmp_path / "films" / "a.mkv")
    _old(tmp_path / "elsewhere" / "Season 1" / "e1.mkv")
    _old(tmp_path / "elsewhere" / "Season 1" / "notes", b"a text")
    followed = follow()
    assert followed.next() == ("film", "a.mkv")
    _old(followed.root / "Extras" / "no.mkv")
    _old(followed.root / "b" / "c" / "d.mkv")
    assert followed.next() == ("film", "b/c/d.mkv")
    (tmp_path / "elsewhere").rename(followed.root / "moved in")
    assert followed.next() == ("film", "moved in/Season 1/e1.mkv")
    followed.root.joinpath("new.mkv").write_bytes(MP4)  # written now, so it may grow
    assert followed.next() == ("film", "new.mkv")


def test_a_file_that_grows(follow: Callable[..., Followed]) -> None:
    """A file comes once, when it has not changed for a while, with its last size."""
    followed = follow(settle=3)
    with (followed.root / "a.mkv").open("wb") as file:
        for _ in range(20):
            file.write(MP4)
            file.flush()
            _old(followed.root / "tick.mkv", os.urandom(8))
            assert followed.next() == ("film", "tick.mkv")  # it was looked at, and waits
    assert followed.next() == ("film", "a.mkv")


def test_replaced_moved_and_removed(follow: Callable[..., Followed]) -> None:
    """A new version comes again, a moved film is known, and removed ones are reported together."""
    followed = follow()
    for name in ("a.mkv", "b.mkv", "s/c.mkv"):
        _old(followed.root / name)
        assert followed.next() == ("film", name)
    _old(followed.root / "a.mkv", MP4 * 2)
    assert followed.next() == ("film", "a.mkv")
    (followed.root / "a.mkv").rename(followed.root / "s" / "z.mkv")
    assert followed.next() == ("moved", "a.mkv -> s/z.mkv")
    assert followed.next() == ("film", "s/z.mkv")
    shutil.move(followed.root / "s", followed.root.parent / "away")
    assert followed.next() == ("gone", "s/c.mkv s/z.mkv")
    _old(followed.root / "b.mkv").unlink()
    reports = [followed.next()]
    if reports[-1] == ("film", "b.mkv"):  # its new version was seen just before it went
        reports.append(followed.next())
    assert reports[-1] == ("gone", "b.mkv")


def test_a_burst(follow: Callable[..., Followed]) -> None:
    """Hundreds of files in as many folders at once are all found, each once."""
    followed = follow()
    names = [f"{number % 150}/{number}.mkv" for number in range(900)]
    for name in names:
        _old(followed.root / name)
    assert followed.next_few(900) == {("film", name) for name in names}
    _old(followed.root / "last.mkv")
    assert followed.next() == ("film", "last.mkv")


def test_a_root_that_goes_away(tmp_path: Path) -> None:
    """While the folder cannot be read, no film counts as removed, and then all goes on."""
    root = tmp_path / "films"
    _old(root / "a.mkv")
    followed = Followed(root, is_polling=True, settle=0.3)
    assert followed.next() == ("film", "a.mkv")
    root.rename(tmp_path / "unplugged")
    while not any(each.reason == "unreadable" for each in followed.passed):
        threading.Event().wait(0.01)
    (tmp_path / "unplugged").rename(root)
    _old(root / "b.mkv")
    assert followed.next() == ("film", "b.mkv")
    followed.stop()


def test_where_events_are_to_be_had(tmp_path: Path) -> None:
    """Folders on disks have events, buckets have none; a folder that is missing is looked at."""
    assert has_events(Place.of(tmp_path))
    assert not has_events(Place.of("s3://films/"))
    assert isinstance(changes_of(Place.of(tmp_path / "missing")), NoEvents)


class _Clock:
    """A clock that only goes on while somebody waits, or looks at a slow folder."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    time = monotonic

    def wait(self, seconds: float) -> set[str] | None:
        """Note how long is waited, and report a change at once; end after some rounds."""
        self.waits.append(seconds)
        self.now += min(seconds, 1.0)
        return {""} if len(self.waits) < 200 else None

    def stop(self) -> None:
        """Do nothing."""


def test_looks_leave_most_of_the_time_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a look of 4 s there is none for 36 s, however many changes are reported."""
    clock, looks = _Clock(), list[float]()
    monkeypatch.setattr("scrubjay.library.watching.time", clock)

    def slow_find(*_: object, **__: object) -> Iterator[Film]:
        looks.append(clock.now)
        clock.now += 4
        return iter([])

    monkeypatch.setattr("scrubjay.library.watching.find", slow_find)
    watch = Watch(
        Place.of(tmp_path),
        clock,
        selection=Selection(),
        settle=1,
        rescan=1,
        on_passed=lambda _: None,
        on_moved=lambda *_: None,
        on_gone=lambda _: None,
    )
    assert list(watch.films()) == []
    assert len(looks) > 4
    assert {after - before for before, after in pairwise(looks)} == {40.0}


def test_what_is_passed_over_is_reported_once(tmp_path: Path) -> None:
    """Not at every look, but again if it goes and comes back."""
    root = tmp_path / "films"
    _old(root / "Extras" / "a.mkv")
    _old(root / "b.mkv")
    followed = Followed(root, is_polling=True, settle=0.3)
    assert followed.next() == ("film", "b.mkv")
    for number in range(2):
        _old(root / f"{number}.mkv")
        assert followed.next() == ("film", f"{number}.mkv")
    assert followed.passed == [Passed("Extras", "excluded")]
    (root / "Extras").rename(tmp_path / "away")
    _old(root / "c.mkv")
    assert followed.next() == ("film", "c.mkv")
    (tmp_path / "away").rename(root / "Extras")
    _old(root / "d.mkv")
    assert followed.next() == ("film", "d.mkv")
    assert followed.passed == [Passed("Extras", "excluded")] * 2
    followed.stop()

"""Many videos in one run: what is made, what is skipped, and what one video's failure costs."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from msgspec.structs import replace

import scrubjay
from scrubjay.engines.crew import Crew
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.shared import WorkerPool
from scrubjay.engines.slot import Slot
from scrubjay.engines.tasks import Task
from scrubjay.errors import SourceError, SourceUnavailableError, StoreFullError
from scrubjay.events import (
    Event,
    FilmEnded,
    FilmPassed,
    FilmsFound,
    FilmStarted,
    LibraryFinished,
    Planned,
    SliceDone,
    SliceStarted,
)
from scrubjay.keys import VIDEO
from scrubjay.library.film import Film, Stamp
from scrubjay.library.notes import Request
from scrubjay.library.passing import OnPassed, Passed
from scrubjay.library.running import make_library
from scrubjay.limits import Limits
from scrubjay.model import Animation, Recipe, Still
from scrubjay.places.place import Place

_PATIENCE = 120
"""Seconds in which every worker starts, however busy the machine is."""

Tree = Callable[[Path], dict[str, str]]

SMALL = Request(
    recipe=Recipe(
        slice_length=Fraction(1), animations=(), frames=(Still(width=32),), sheets=(), documents=()
    )
)
BUSY = Request(
    recipe=Recipe(
        slice_length=Fraction(3), animations=(Animation(fps=Fraction(24), width=480),), sheets=()
    )
)
"""Each of the busy clip's four slices takes half a second or more."""


class Library(NamedTuple):
    """A folder of videos, and one for their sets."""

    videos: Path
    sets: Path

    def films(self) -> list[Film]:
        """Return the videos, by name."""
        return [_film(path, self.videos) for path in sorted(self.videos.rglob("*.mp4"))]

    def destination(self, film: Film) -> Place:
        """Return where a film's set goes."""
        return Place.of(self.sets / film.name)


class Run(NamedTuple):
    """What a run over a library reported."""

    events: list[Event]
    finished: LibraryFinished

    def of(self, kind: type[Event]) -> list[Event]:
        """Return the events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def outcomes(self) -> dict[object, str]:
        """What became of each film."""
        return {each.film: each.outcome for each in self.events if isinstance(each, FilmEnded)}


def _film(path: Path, root: Path) -> Film:
    status = path.stat()
    return Film(
        source=Place.of(path),
        name=path.relative_to(root).as_posix(),
        stamp=Stamp(size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino),
    )


def _draw(path: Path, brightness: int, frames: int = 12) -> None:
    """Draw half a second of a brightening square."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(frames):
            picture = np.full((64, 64, 3), (brightness + 4 * number) % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def _run(library: Library, films: list[Film] | None = None, **options: object) -> Run:
    events: list[Event] = []
    options = {"request": SMALL, **options}
    finished = make_library(
        library.films() if films is None else films,
        library.destination,
        on_progress=events.append,
        **options,  # type: ignore[arg-type]
    )
    return Run(events, finished)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Two videos and a text, no sets."""
    library = Library(tmp_path / "videos", tmp_path / "sets")
    _draw(library.videos / "a.mp4", 40)
    _draw(library.videos / "deep/er/b.mp4", 120)
    (library.videos / "text.mp4").write_text("not a video")
    return library


def test_the_life_of_a_library(library: Library, tmp_path: Path, tree: Tree) -> None:
    """Each video gets the set of a run of its own; what is there or failed is not opened again."""
    threads: set[int] = set()
    events: list[Event] = []

    def take(event: Event) -> None:
        threads.add(threading.get_ident())
        events.append(event)

    finished = make_library(library.films(), library.destination, request=SMALL, on_progress=take)
    first = Run(events, finished)
    assert threads == {threading.get_ident()}
    assert first.outcomes == {"a.mp4": "made", "deep/er/b.mp4": "made", "text.mp4": "failed"}
    assert (finished.films, finished.made, finished.failed) == (3, 2, 1)
    assert finished.errors == {"SourceUnreadableError": 1}
    assert finished.duration == 1
    assert events[-1] is finished
    assert first.of(FilmsFound)[-1] == FilmsFound(
        films=3, size_bytes=sum(f.stamp.size_bytes or 0 for f in library.films()), is_all=True
    )
    named = {each.film for each in events if not isinstance(each, FilmsFound | LibraryFinished)}
    assert named == {"a.mp4", "deep/er/b.mp4", "text.mp4"}

    alone = tmp_path / "alone" / "b.mp4"
    scrubjay.make(
        library.videos / "deep/er/b.mp4", alone, recipe=SMALL.recipe, engine=InlineEngine()
    )
    made = tree(library.sets / "deep/er/b.mp4")
    del made[VIDEO]
    assert made == tree(alone)
    assert set(tree(library.sets / "text.mp4")) == {VIDEO}

    films = library.films()
    shutil.rmtree(library.videos)  # whoever opens a video now fails
    again = _run(library, films)
    assert again.outcomes == {"a.mp4": "already", "deep/er/b.mp4": "already", "text.mp4": "failed"}
    assert again.of(FilmStarted) == []
    assert not any(each.is_news for each in again.events if isinstance(each, FilmEnded))
    assert again.finished.errors == {"SourceUnreadableError": 1}


def test_sound_is_passed_over(library: Library) -> None:
    """A file with sound only is no failure, and is not opened again until it changes."""
    sound = library.videos / "a.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 8000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    films = library.films()[:1]
    first = _run(library, films, keep_going=False)
    [passed] = first.of(FilmPassed)
    assert passed == FilmPassed(
        film="a.mp4", reason="sound", message="a.mp4 has only audio (aac), no video"
    )
    assert first.outcomes == {"a.mp4": "passed"}
    assert (first.finished.films, first.finished.errors) == (0, {})
    assert first.finished.passed == {"sound": 1}
    sound.unlink()
    again = _run(library, films, retry_failed=True)
    assert again.of(FilmPassed) == [passed]
    assert again.of(FilmStarted) == []


def test_what_has_changed_is_made_again(library: Library) -> None:
    """Another date, another content, other limits, another request: each film by itself."""
    _run(library)
    a, b, text = (film.name for film in library.films())
    _draw(library.videos / a, 200)
    os.utime(library.videos / b, (1, 1))
    after = _run(library)
    assert after.outcomes == {a: "made", b: "already", text: "failed"}
    assert {each.film for each in after.of(FilmStarted)} == {a, b}
    assert {each.film for each in _run(library).of(FilmStarted)} == set()

    retried = _run(library, retry_failed=True)
    assert {each.film for each in retried.of(FilmStarted)} == {text}
    pool = WorkerPool(workers=2, limits=Limits(max_streams=99))
    assert {each.film for each in _run(library, pool=pool).of(FilmStarted)} == {text}

    (library.sets / a / "manifest.json").unlink()
    (library.sets / b / VIDEO).write_text("{")
    broken = _run(library)
    assert {each.film for each in broken.of(FilmStarted)} == {a, b, text}
    assert broken.outcomes == {a: "already", b: "already", text: "failed"}

    other = Request(recipe=Recipe(slice_length=Fraction(1), frames=(Still(width=16),)))
    assert _run(library, request=other).outcomes[a] == "made"
    scrubjay.make(library.videos / a, library.sets / a, recipe=SMALL.recipe, engine=InlineEngine())
    assert {each.film for each in _run(library, request=other).of(FilmStarted)} == {a}


def test_how_many_are_made(library: Library) -> None:
    """A dry run writes nothing; a limit counts only what is made."""
    dry = _run(library, dry_run=True)
    assert set(dry.outcomes.values()) == {"due"}
    assert dry.finished.due == 3
    assert not library.sets.exists()
    assert len(_run(library, limit=1).outcomes) == 1
    assert len(_run(library, limit=2).outcomes) == 3


def test_a_search_without_end(library: Library) -> None:
    """Films are made while others are still being found, and no more are listed than needed."""
    numbers = count()

    def films() -> Iterator[Film]:
        [first, *_] = library.films()
        for number in numbers:
            yield Film(source=first.source, name=f"{number}.mp4", stamp=first.stamp)

    assert make_library(films(), library.destination, request=SMALL, limit=1).made == 1
    assert next(numbers) < 1100


def test_a_search_waits_for_slow_readers(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is passed over, few reports wait at any time, however much it is."""
    monkeypatch.setattr("scrubjay.library.running._MOST_PASSED", 10)
    passed, read, most = 0, 0, 0

    def search(on_passed: OnPassed) -> Iterator[Film]:
        nonlocal passed
        for number in range(500):
            passed += 1
            on_passed(Passed(f"{number}.txt", "text"))
        yield from ()

    def take(event: Event) -> None:
        nonlocal read, most
        most = max(most, passed - read)
        read += isinstance(event, FilmPassed)

    finished = make_library(search, library.destination, on_progress=take)
    assert finished.passed == {"text": 500}
    assert most <= 12


def test_a_search_that_fails(library: Library) -> None:
    """What was found before is made; then the run ends with the error."""

    def films() -> Iterator[Film]:
        yield library.films()[0]
        raise SourceUnavailableError("the share is gone")

    events: list[Event] = []
    with pytest.raises(SourceUnavailableError, match="the share is gone"):
        make_library(films(), library.destination, request=SMALL, on_progress=events.append)
    [ended] = [each for each in events if isinstance(each, FilmEnded)]
    assert ended.outcome == "made"


def test_stopping_at_the_first_failure(library: Library) -> None:
    """Without `keep_going`, the error of the first video that fails ends the run."""
    with pytest.raises(SourceError, match=r"text\.mp4"):
        _run(library, library.films()[2:], keep_going=False)


def test_a_full_destination_ends_the_run(
    library: Library, mount: Callable[[str], Path], busy_clip: Path
) -> None:
    """It would fail for every other video; what was made stays, and the next run continues."""
    full = library._replace(sets=mount("size=200k"))
    shutil.copy(busy_clip, library.videos / "aa.mp4")
    with pytest.raises(StoreFullError, match="no space is left"):
        _run(full, request=BUSY)
    mount("size=100m")
    assert _run(full, full.films()[1:2], request=BUSY).finished.made == 1


def test_an_interrupted_run_leaves_nothing_running(library: Library, busy_clip: Path) -> None:
    """Workers and threads end at once; the next run makes what is missing."""
    shutil.copy(busy_clip, library.videos / "a.mp4")
    before = threading.active_count()

    def stop(event: Event) -> None:
        if isinstance(event, SliceDone):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_library(library.films()[:1], library.destination, request=BUSY, on_progress=stop)
    assert threading.active_count() == before
    resumed = _run(library, library.films()[:1], request=BUSY)
    assert resumed.finished.made == 1
    assert len(resumed.of(SliceDone)) < 4


def test_a_short_film_does_not_wait_for_a_long_one(library: Library, busy_clip: Path) -> None:
    """Also with one worker: between two slices of the long one, the short one gets its turn."""
    shutil.copy(busy_clip, library.videos / "a.mp4")
    run = _run(library, library.films()[:2], request=BUSY, pool=WorkerPool(workers=1))
    assert set(run.outcomes) == {"a.mp4", "deep/er/b.mp4"}
    planned = [isinstance(each, Planned) and each.film == "deep/er/b.mp4" for each in run.events]
    since = run.events[planned.index(True) :]
    begun = [each.film for each in since if isinstance(each, SliceStarted)]
    assert "deep/er/b.mp4" in begun[:2], "at most one slice is begun before it"


_AS_NAMED = """
import gc, os, time; gc.disable()
from scrubjay.slices.renderer import SliceRenderer
make = SliceRenderer.make
def make_as_named(self, index, *rest, **options):
    name = self._plan.source.name
    if name == "crash.mp4":
        os.kill(os.getpid(), 9)
    while name == "hang.mp4":
        time.sleep(60)
    return make(self, index, *rest, **options)
SliceRenderer.make = make_as_named
from scrubjay.engines.child import main; main()
"""


def test_what_one_film_does_costs_no_other(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One crashes its workers, one hangs; all others are made as if alone."""
    monkeypatch.setattr("scrubjay.engines.spawn._PROGRAM", _AS_NAMED)
    for number, name in enumerate(("crash.mp4", "hang.mp4", "z.mp4")):
        _draw(library.videos / name, 30 * number)
    pool = WorkerPool(workers=2, attempts=1, stall_timeout=_PATIENCE)
    events: list[Event] = []

    def take(event: Event) -> None:
        events.append(event)
        for slot in pool._crew.slots if event.film == "hang.mp4" else ():
            hangs = isinstance(event, SliceStarted) and event.worker == slot.number
            slot.terms = slot.terms._replace(stall_timeout=1 if hangs else _PATIENCE)

    finished = make_library(
        library.films(), library.destination, request=SMALL, pool=pool, on_progress=take
    )
    assert Run(events, finished).outcomes == {
        "a.mp4": "made",
        "crash.mp4": "failed",
        "deep/er/b.mp4": "made",
        "hang.mp4": "failed",
        "text.mp4": "failed",
        "z.mp4": "made",
    }
    assert finished.errors == {
        "SourceUnreadableError": 1,
        "WorkerCrashedError": 1,
        "WorkerStalledError": 1,
    }
    assert _run(library).of(FilmStarted) == []


def test_two_films_of_one_disk(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `per_disk=1`, no two workers read from one disk at once, neither to probe nor else."""
    most = 0
    engage = Crew._engage

    def watched(crew: Crew, slot: Slot, task: Task, begin: Callable[[Slot], None]) -> None:
        nonlocal most
        engage(crew, slot, task, begin)
        most = max(most, len(crew._busy()))

    monkeypatch.setattr(Crew, "_engage", watched)
    films = [replace(film, disk="sda") for film in library.films()]
    assert _run(library, films, pool=WorkerPool(workers=2, per_disk=1)).finished.made == 2
    assert most == 1

"""The index while films are made: how often it is written, and what a stop cannot take from it."""

import json
import sys
from fractions import Fraction
from itertools import count
from pathlib import Path
from threading import Event as Flag
from types import FrameType
from typing import Any

import pytest

from scrubjay.cli.library import both
from scrubjay.cli.many import with_index
from scrubjay.events import Event, FilmEnded, FilmOutcome, FilmStarted
from scrubjay.library.catalogue import Catalogue
from scrubjay.library.destinations import Destinations
from scrubjay.library.indexing import Indexing
from scrubjay.places.place import Place

_PATIENCE = 120
_TRACED = ("cli/library.py", "cli/many.py", "library/indexing.py", "library/catalogue.py")


class _StopError(BaseException):
    """A signal to stop arrived."""


def _ended(name: str, outcome: FilmOutcome = "failed") -> FilmEnded:
    return FilmEnded(
        film=name, outcome=outcome, is_news=False, destination="", size_bytes=1,
        duration=Fraction(0), message="why",
    )  # fmt: skip


def _listed(root: Path) -> set[str]:
    """The films of a library.json, if there is one."""
    file = root / "library.json"
    return (
        {each["name"] for each in json.loads(file.read_bytes())["films"]}
        if file.exists()
        else set()
    )


def _stopped(root: Path, line: int) -> tuple[set[object], bool]:
    """Tell of two films, and stop at a line; return those told of, and whether it came so far."""
    told: list[Event] = []
    left = [line]

    def trace(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ANN401
        if not frame.f_code.co_filename.endswith(_TRACED):
            return None
        left[0] -= event == "line"
        if event == "line" and left[0] < 0:
            sys.settrace(None)
            raise _StopError
        return trace

    def work(indexing: Indexing | None) -> None:
        tell = both(indexing, told.append)
        for name in ("a.mkv", "b.mkv"):
            tell(FilmStarted(film=name, source="", destination="", size_bytes=1))
            tell(_ended(name))

    destinations = Destinations(str(root), base=Place.of("."))
    try:
        sys.settrace(trace)
        with_index(destinations, {"index": True}, work, is_full=True)
    except _StopError:
        is_stopped = True
    else:
        is_stopped = False
    finally:
        sys.settrace(None)
    return {each.film for each in told if isinstance(each, FilmEnded)}, is_stopped


def test_a_stop_at_any_moment_loses_no_film_that_was_told(tmp_path: Path) -> None:
    """Wherever a signal arrives, the films whose end was told are in library.json."""
    for line in count():
        root = tmp_path / str(line)
        told, is_stopped = _stopped(root, line)
        assert told <= _listed(root), line
        if not is_stopped:
            break
    assert line > 15
    assert told == {"a.mkv", "b.mkv"}


def test_films_that_come_fast_are_written_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many films are found to be there, the index is written a few times."""
    begun, go = Flag(), Flag()
    write, sizes = Catalogue.write, list[int]()

    def slow_write(self: Catalogue) -> None:
        sizes.append(len(self.entries))
        begun.set()
        assert go.wait(_PATIENCE)
        write(self)

    monkeypatch.setattr(Catalogue, "write", slow_write)
    indexing = Indexing(Place.of(tmp_path))
    indexing(_ended("first.mkv"))
    assert begun.wait(_PATIENCE)
    for number in range(10_000):
        indexing(_ended(f"{number}.mkv"))
    go.set()
    indexing.close()
    assert sizes[0] == 1
    assert sizes[-1] == 10_001
    assert len(sizes) <= 3
    assert len(_listed(tmp_path)) == 10_001


def test_sound_leaves_the_list(tmp_path: Path) -> None:
    """A file that turns out to have only sound is not listed, even if it failed before."""
    indexing = Indexing(Place.of(tmp_path))
    indexing(_ended("film.mkv"))
    indexing(_ended("sound.mkv"))
    indexing(_ended("sound.mkv", "passed"))
    indexing.close()
    assert _listed(tmp_path) == {"film.mkv"}

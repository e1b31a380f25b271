"""`scrubjay watch`, and what it shares with `make` on many videos."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import pytest
from click.testing import CliRunner

from scrubjay.cli.exits import ExitCode
from scrubjay.cli.library import LibraryWatcher
from scrubjay.cli.main import cli
from scrubjay.cli.watch import Orphans
from scrubjay.events import Event, FilmEnded, FilmPassed
from scrubjay.library.destinations import Destinations
from scrubjay.library.film import Film
from scrubjay.library.lock import locked
from scrubjay.places.place import Place

SHORT = ["--recipe", "trickplay", "--workers", "1", "--documents", "page"]
_COMMAND = [sys.executable, "-c", "from scrubjay.cli.start import start; start()"]


@pytest.fixture
def films(tmp_path: Path, other_clip: Path) -> Path:
    """A folder with a film, a text, and a folder of extras."""
    folder = tmp_path / "films"
    (folder / "Extras").mkdir(parents=True)
    shutil.copy(other_clip, folder / "a.mp4")
    shutil.copy(other_clip, folder / "Extras" / "b.mp4")
    (folder / "notes").write_text("a text")
    return folder


def _made(*arguments: str) -> Any:  # noqa: ANN401  click's result
    return CliRunner().invoke(cli, ["make", *arguments, *SHORT])


def _listed(root: Path) -> dict[str, str]:
    """The films in a library.json, with their states."""
    films = json.loads((root / "library.json").read_bytes())["films"]
    return {film["name"]: film["status"] for film in films}


def test_make_chooses_and_lists(films: Path, tmp_path: Path) -> None:
    """`make` takes what is wanted, counts the rest, writes the index, and leaves no lock behind."""
    sets = tmp_path / "sets"
    done = _made(str(films), "-o", str(sets), "--exclude", "extras", "--per-disk", "1")
    assert done.exit_code == 0, done.stderr
    assert "Passed over: 1 excluded, 1 text." in done.stderr
    assert (sets / "a.mp4" / "manifest.json").is_file()
    assert _listed(sets) == {"a.mp4": "complete"}
    shutil.rmtree(sets / "a.mp4")
    (films / "a.mp4").write_bytes(b"no film")
    done = _made(str(films), "-o", str(sets), "--exclude", "extras")
    assert done.exit_code == ExitCode.SOURCE
    assert _listed(sets) == {"a.mp4": "failed"}
    (films / "a.mp4").unlink()
    done = _made(str(films), "-o", str(sets), "--exclude", "extras")
    assert done.exit_code == 0
    assert _listed(sets) == {}


def test_one_run_at_a_time(films: Path, tmp_path: Path) -> None:
    """While a run holds the lock of a library, another is refused; a dry run is not."""
    sets = tmp_path / "sets"
    with locked(Place.of(sets)):
        done = _made(str(films), "-o", str(sets))
        assert done.exit_code == ExitCode.DESTINATION
        assert f"another run is at work on {sets}" in done.stderr
        assert _made(str(films), "-o", str(sets), "--dry-run").exit_code == 0


def test_another_index_is_kept(films: Path, tmp_path: Path) -> None:
    """Somebody's index.html stays, and `--no-index` makes the sets all the same."""
    (tmp_path / "index.html").write_text("mine")
    done = _made(str(films), "-o", str(tmp_path))
    assert done.exit_code == ExitCode.DESTINATION
    assert "--no-index" in done.stderr
    assert _made(str(films), "-o", str(tmp_path), "--no-index", "--dry-run").exit_code == 0
    assert (tmp_path / "index.html").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only-between", "1-6"], "write them like 01:00-06:00"),
        (["--exclude", "/"], "the pattern is empty"),
        (["--output", "sets/{title}"], "no field {title}"),
    ],
)
def test_wrong_options(
    films: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    """They are refused in words, before anything is made."""
    monkeypatch.chdir(films)
    done = _made(str(films), "-o", "sets", *arguments)
    assert done.exit_code == ExitCode.USAGE
    assert words in done.stderr


def test_watch_refuses(films: Path) -> None:
    """A single video is nothing to watch, and films to come must not get the same set."""
    runner = CliRunner()
    done = runner.invoke(cli, ["watch", str(films / "a.mp4"), "-o", "sets"])
    assert done.exit_code == ExitCode.SOURCE
    assert "is not a folder" in done.stderr
    done = runner.invoke(cli, ["watch", str(films), "-o", "sets/{stem}"])
    assert done.exit_code == ExitCode.USAGE
    assert "{path}" in done.stderr


def _until(stream: IO[str], wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Read events until one is wanted."""
    for line in stream:
        if wanted(json.loads(line)):
            return
    raise AssertionError("it ended before that")


def _ended(film: str, outcome: str) -> Callable[[dict[str, Any]], bool]:
    def wanted(event: dict[str, Any]) -> bool:
        return (event["event"], event.get("film"), event.get("outcome")) == (
            "film_ended", film, outcome,
        )  # fmt: skip

    return wanted


@pytest.mark.parametrize("is_endless", [True, False])
def test_problems_without_a_terminal(
    capsys: pytest.CaptureFixture[str], *, is_endless: bool
) -> None:
    """`watch` prints a line for each at once; `make`, which has a summary, does not."""
    problems: list[Event] = [
        FilmPassed(film="locked", reason="unreadable", message="Permission denied"),
        FilmPassed(film="notes", reason="text"),
        FilmEnded(
            film="a.mp4", outcome="failed", is_news=True, destination="", size_bytes=0,
            duration=Fraction(0), error="RenderError", message="it\ncrashed",
        ),
    ]  # fmt: skip
    for quiet, as_json in ((False, False), (True, False), (False, True)):
        with LibraryWatcher(as_json=as_json, quiet=quiet, is_endless=is_endless) as watcher:
            for each in problems:
                watcher(each)
        shown = capsys.readouterr()
        lines = ["locked cannot be read: Permission denied", "a.mp4: it\\ncrashed"]
        is_said = is_endless and not (quiet or as_json)
        assert shown.err.splitlines() == (lines if is_said else [])
        assert len(shown.out.splitlines()) == (3 if as_json else 0)


def test_a_film_is_renamed_in_case_only(tmp_path: Path) -> None:
    """Where the sets' file system takes both names for one, the watch goes on all the same."""
    base, root = Place.of("."), Place.of(tmp_path / "films")
    destinations = Destinations(str(tmp_path / "sets"), base=base, roots=[root], folds_case=True)

    def film(name: str) -> Film:
        return Film(source=Place.of(tmp_path / "films" / name), name=name)

    for name in ("A.mp4", "c.mp4"):
        (tmp_path / "sets" / name).mkdir(parents=True)
        destinations(film(name))
    orphans = Orphans(root, destinations, None, prunes=False, is_quiet=True)
    orphans.move("A.mp4", film("a.mp4"))
    assert (tmp_path / "sets" / "a.mp4").is_dir()
    orphans.move("c.mp4", film("A.mp4"))  # its turn reports the clash with a.mp4
    assert (tmp_path / "sets" / "c.mp4").is_dir()
    orphans.remove(["a.mp4"])
    assert destinations(film("A.mp4")).name == "A.mp4"


def test_watch_follows(films: Path, tmp_path: Path) -> None:
    """What arrives is made, a moved film keeps its set, a removed one loses it; SIGTERM ends it."""
    sets = tmp_path / "sets"
    arguments = ["watch", str(films), "-o", str(sets), "--settle", "0.2", "--prune-orphans"]
    with subprocess.Popen(
        [*_COMMAND, *arguments, "--json", *SHORT],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    ) as run:
        assert run.stdout
        _until(
            run.stdout, lambda event: event.items() >= {"film": "notes", "reason": "text"}.items()
        )
        _until(run.stdout, _ended("a.mp4", "made"))
        shutil.copy(films / "a.mp4", films / "new.mp4")
        _until(run.stdout, _ended("new.mp4", "made"))
        (films / "new.mp4").rename(films / "Extras" / "moved.mp4")
        _until(run.stdout, _ended("Extras/moved.mp4", "already"))
        assert not (sets / "new.mp4").exists()
        (films / "a.mp4").unlink()
        shutil.copy(films / "Extras" / "b.mp4", films / "last.mp4")
        _until(run.stdout, _ended("last.mp4", "made"))
        run.send_signal(signal.SIGTERM)
        *_, last = run.stdout
        assert run.wait(timeout=120) == ExitCode.TERMINATED
    assert json.loads(last)["error"] == "Terminated"
    assert not (sets / "a.mp4").exists()
    assert set(_listed(sets)) == {"Extras/b.mp4", "Extras/moved.mp4", "last.mp4"}

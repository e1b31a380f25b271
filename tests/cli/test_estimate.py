"""`scrubjay estimate` on the command line: what it refuses, and what it says."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from scrubjay.cli.exits import ExitCode

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name a VIDEO or a FOLDER, or say how long a film is with --duration"),
        (["--duration", "soon"], "'soon' is not a length such as 3h, 1h30m, 90s or 1:30:00"),
        (["--duration", "0s"], "'0s' must be more than 0"),
        (["--duration", "3h", "--count", "0"], "0 is not in the range"),
        (["--duration", "3h", "--engine", "cloud"], "'cloud' is not one of"),
        (["--duration", "3h", "--prices", "mars"], "mars: no such file, and no prices of that"),
        (["--duration", "3h", "--prices", "wrong.toml"], "wrong.toml: storage: object missing"),
        (["--duration", "3h", "--recipe", "none"], "none"),
        (["--duration", "3h", "--html", "no/where.html"], "no/where.html: cannot be written"),
        (["folder", "--duration", "3h"], "--duration and --count are for one VIDEO, or for none"),
        (["--check", "set", "a.mp4", "b.mp4"], "--check compares one set with one VIDEO"),
        (["--seconds", "0", "a.mp4"], "0"),
    ],
)
def test_bad_input_is_one_sentence(
    run: Run, tmp_path: Path, arguments: list[str], told: str
) -> None:
    """Exit code 2, and a sentence that names the option, or the file and its field."""
    (tmp_path / "folder").mkdir()
    prices = (Path(__file__).parents[2] / "src/scrubjay/prices/aws-us-east-1.toml").read_text()
    (tmp_path / "wrong.toml").write_text(prices.replace("put = ", "# "))
    done = run("estimate", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_missing_is_the_source_s_or_the_destination_s(run: Run, tmp_path: Path) -> None:
    """No such video, no video in a folder, no set to check."""
    (tmp_path / "empty").mkdir()
    for arguments, code in (
        (["none.mp4"], ExitCode.SOURCE),
        (["empty"], ExitCode.SOURCE),
        (["--check", "empty"], ExitCode.DESTINATION),
    ):
        assert run("estimate", *arguments).returncode == code


def test_a_film_that_does_not_exist_yet(run: Run) -> None:
    """Without a video it says that it assumes one; JSON has ranges and the same numbers."""
    arguments = ("estimate", "--duration", "3h", "--count", "1000", "--engine", "aws-lambda")
    text = run(*arguments)
    assert text.returncode == ExitCode.OK
    assert "No video was given" in text.stdout
    assert "Cut it up: 1000 functions with 360 slices" in text.stdout
    found = json.loads(run(*arguments, "--json").stdout)
    estimate = found["estimate"]
    assert estimate["slices"] == 360_000
    assert estimate["cpu"]["p10"] < estimate["cpu"]["p50"] < estimate["cpu"]["p90"]
    assert estimate["cost"]["currency"] == "USD"
    assert found["cutting"]["pays"]


@pytest.mark.parametrize(
    ("text", "slices"), [("1h30m", 180), ("90s", 3), ("1:00:00", 120), ("45", 2)]
)
def test_lengths_are_written_as_people_do(run: Run, text: str, slices: int) -> None:
    """Units, clocks and plain seconds."""
    arguments = ("estimate", "--duration", text, "--no-frames", "--json")
    done = run(*arguments)
    assert json.loads(done.stdout)["estimate"]["slices"] == slices, done.stderr


def test_a_video_its_set_and_a_page(run: Run, small_clip: Path, tmp_path: Path) -> None:
    """An estimate, the set that is made after it, and how far off the estimate was."""
    options = ("--slice-length", "4", "--no-frames", "--animation-width", "60")
    done = run("estimate", small_clip, *options, "--no-choices", "--html", "page.html", "--json")
    assert done.returncode == ExitCode.OK, done.stderr
    estimated = json.loads(done.stdout)["estimate"]
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert {path.name for path in tmp_path.iterdir()} == {"page.html"}
    assert run("make", small_clip, "-o", "set", *options, "--quiet").returncode == ExitCode.OK
    made = [path for path in (tmp_path / "set").rglob("*") if path.is_file()]
    assert estimated["objects"] == len(made)
    checked = run("estimate", "--check", "set")
    assert "CPU of the slices" in checked.stdout
    assert "of the set's 3 slices, as they were made" in checked.stdout
    rows = json.loads(run("estimate", small_clip, "--check", "set", "--json").stdout)["rows"]
    assert {row["what"] for row in rows} >= {"CPU of the slices", "animations", "sheets"}


def test_a_folder(run: Run, small_clip: Path, tmp_path: Path) -> None:
    """All videos of a folder, of which there are two here."""
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "films").mkdir(exist_ok=True)
        (tmp_path / "films" / name).symlink_to(small_clip)
    recipe = ("--no-frames", "--no-animations")
    done = run("estimate", "films", *recipe, "--json", "--seconds", "300")
    found = json.loads(done.stdout)
    assert (found["films"], found["sampled"], found["unreadable"]) == (2, 2, 0)
    assert found["hours"]["p50"] == pytest.approx(24 / 3600, rel=0.01)

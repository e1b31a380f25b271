"""`scrubjay gif`, `frame` and `sheet` write one file, whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scrubjay.cli.exits import ExitCode
from scrubjay.cli.main import cli
from scrubjay.registry import FORMATS


@pytest.fixture
def run(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "CliRunner":
    """A runner of commands in a folder that has `movie.mp4`."""
    (tmp_path / "movie.mp4").write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def _run(runner: CliRunner, *arguments: str) -> Result:
    return runner.invoke(cli, arguments)


def test_the_suffix_says_the_format(run: CliRunner, tmp_path: Path) -> None:
    """The file's suffix decides its format; the summary names what was made."""
    done = _run(run, "gif", "movie.mp4", "--start", "0:02", "--duration", "0.5", "-o", "a/x.webp")
    assert (done.exit_code, done.stdout) == (0, "a/x.webp\n")
    assert done.stderr.startswith("Made 320 x 180 px, 5 pictures, ")
    assert "from 0:02 to 0:02.5" in done.stderr
    assert (tmp_path / "a" / "x.webp").read_bytes()[8:12] == b"WEBP"
    assert [each.name for each in (tmp_path / "a").iterdir()] == ["x.webp"]
    _run(run, "frame", "movie.mp4", "--at", "1", "-o", "x.JPEG", "-q")
    assert (tmp_path / "x.JPEG").read_bytes()[:2] == b"\xff\xd8"


def test_standard_output_gets_the_file(run: CliRunner) -> None:
    """With `-o -` the bytes go to standard output, and words to standard error."""
    done = _run(run, "frame", "movie.mp4", "--at", "0:07", "--format", "png", "-o", "-")
    assert done.stdout_bytes[:4] == b"\x89PNG"
    assert "the frame at 0:07, in " in done.stderr


def test_a_program_gets_json(run: CliRunner) -> None:
    """With --json, standard output has what the file is."""
    done = _run(run, "sheet", "movie.mp4", "--interval", "5", "-o", "x.jpg", "--json")
    facts = json.loads(done.stdout)
    assert facts["file"] == "x.jpg"
    assert (facts["pictures"], facts["source_times"]) == (3, [0.0, 5.0, 10.0])
    assert facts["size_bytes"] == Path("x.jpg").stat().st_size
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["frame", "--at", "1", "-o", "x.tiff"], ExitCode.USAGE, "suffix of x.tiff says no format"),
        (["frame", "--at", "1", "-o", "x"], ExitCode.USAGE, "use .jpg, .webp, .png"),
        (["frame", "--at", "1:60", "-o", "x.jpg"], ExitCode.USAGE, "'1:60' is not a time"),
        (["frame", "--at", "13", "-o", "x.jpg"], ExitCode.USAGE, "movie.mp4 lasts 0:12"),
        (["frame", "--at", "1", "-o", "movie.mp4"], ExitCode.DESTINATION, "is the video itself"),
        (["frame", "--at", "1", "-o", "."], ExitCode.DESTINATION, ". is not a file"),
        (["frame", "--at", "1", "-o", "/dev/null"], ExitCode.DESTINATION, "is not a file"),
        (["frame", "--at", "1", "-o", "-", "--json"], ExitCode.USAGE, "--json and -o - both"),
        (["gif", "--width", "0", "-o", "x.gif"], ExitCode.USAGE, "width: Expected a whole number"),
        (["gif", "--end", "3", "--duration", "3", "-o", "x.gif"], ExitCode.USAGE, "give one of"),
        (["sheet", "--interval", "2", "--rows", "2", "-o", "x.jpg"], ExitCode.USAGE, "leave out"),
    ],
)
def test_what_cannot_be_made_is_said(
    run: CliRunner, tmp_path: Path, arguments: list[str], code: ExitCode, message: str
) -> None:
    """A mistake ends in one sentence and an exit code, and nothing is written."""
    before = (tmp_path / "movie.mp4").read_bytes()
    done = _run(run, arguments[0], "movie.mp4", *arguments[1:])
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["movie.mp4"]
    assert (tmp_path / "movie.mp4").read_bytes() == before
    assert Path("/dev/null").is_char_device()


def test_a_terminal_gets_no_bytes(run: CliRunner) -> None:
    """A picture is not written to a terminal."""
    del run
    master, terminal = os.openpty()
    program = str(Path(sys.executable).with_name("scrubjay"))
    command = [program, "frame", "movie.mp4", "--at", "1"]
    done = subprocess.run(
        [*command, "-o", "-"], check=False, stdout=terminal, stderr=subprocess.PIPE, timeout=60
    )
    os.close(terminal)
    os.close(master)
    assert done.returncode == ExitCode.USAGE
    assert b"standard output is a terminal" in done.stderr


def test_every_format_is_an_option(run: CliRunner) -> None:
    """The help of a verb names every format of the registry that is a file by itself."""
    for verb, kind in (("gif", "animations"), ("frame", "frames"), ("sheet", "sheets")):
        text = " ".join(_run(run, verb, "--help").stdout.split())
        for name in FORMATS[kind]:
            assert name in text

"""`scrubjay make` with several videos, or a folder of them."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from scrubjay.cli.exits import ExitCode, worst_code
from scrubjay.cli.main import cli

SMALL = ["--no-animations", "--no-sheets", "--frame-width", "32", "--documents", ""]
SCRUBJAY = Path(sys.executable).with_name("scrubjay")


@pytest.fixture
def videos(clip: Path, tmp_path: Path) -> Path:
    """A folder with a video in a folder, and a text that is named like a video."""
    folder = tmp_path / "videos"
    (folder / "inner").mkdir(parents=True)
    shutil.copy(clip, folder / "inner/clip.mp4")
    (folder / "text.mp4").write_text("not a video")
    (folder / "notes").write_text("not a video")
    return folder


def test_a_folder(videos: Path, tmp_path: Path) -> None:
    """Each event names its video; what was made or failed is not tried again, and is counted."""
    command = ["make", str(videos), "-o", str(tmp_path / "sets"), *SMALL]
    done = CliRunner().invoke(cli, [*command, "--dry-run"])
    assert sorted(done.stdout.splitlines()) == [
        f"{name} -> {tmp_path}/sets/{name}" for name in ("inner/clip.mp4", "text.mp4")
    ]
    assert not (tmp_path / "sets").exists()

    done = CliRunner().invoke(cli, [*command, "--json"])
    assert done.exit_code == ExitCode.SOURCE
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["event"] == "library_finished"
    assert (events[-1]["made"], events[-1]["failed"]) == (1, 1)
    [passed] = [each for each in events if each["event"] == "film_passed"]
    assert passed == {"event": "film_passed", "film": "notes", "reason": "text"} | {"message": ""}
    assert events[-1]["passed"] == {"text": 1}
    unnamed = {each["event"] for each in events if "film" not in each}
    assert unnamed == {"films_found", "library_finished"}
    assert (tmp_path / "sets/inner/clip.mp4/manifest.json").exists()

    done = CliRunner().invoke(cli, command)
    assert done.exit_code == ExitCode.SOURCE
    assert done.stdout == f"{tmp_path}/sets\n"
    assert done.stderr.splitlines() == [
        "2 videos: 1 made before, 1 failed.",
        "  text.mp4 is too short to be a video: 11 bytes",
        "Videos that failed before are tried again when they change, or with --retry-failed.",
        "Passed over: 1 text.",
    ]


def test_several_videos(videos: Path, tmp_path: Path) -> None:
    """Each has a set under its name; only those that are new enough are made."""
    command = ["make", str(videos / "inner/clip.mp4"), str(videos / "text.mp4"), *SMALL]
    command += ["-o", str(tmp_path / "sets"), "--dry-run"]
    done = CliRunner().invoke(cli, command)
    assert len(done.stdout.splitlines()) == 2
    assert done.exit_code == ExitCode.OK
    done = CliRunner().invoke(cli, [*command, "--newer-than", "2100-01-01"])
    assert done.stderr == "No videos were found.\n"
    assert len(CliRunner().invoke(cli, [*command, "--newer-than", "1w"]).stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["clip.mp4", "--dry-run"], "--dry-run is for several videos, or a folder"),
        (["clip.mp4", "--no-keep-going"], "--no-keep-going is for several videos"),
        ([".", "--newer-than", "soon"], "'soon' is not a time such as 7d"),
        ([".", "--engine", "aws-lambda"], "aws-lambda makes one video at a time"),
        ([], "Missing argument 'VIDEO...'"),
    ],
)
def test_options_that_do_not_fit(arguments: list[str], words: str) -> None:
    """They are refused by name, with the code for usage."""
    done = CliRunner().invoke(cli, ["make", *arguments, "-o", "out"])
    assert done.exit_code == ExitCode.USAGE
    assert words in done.stderr


def test_the_worst_error_decides() -> None:
    """A bug is worse than a destination, that is worse than a video, and gaps are the least."""
    assert worst_code([]) == ExitCode.OK
    assert worst_code(["IncompleteError"]) == ExitCode.INCOMPLETE
    assert worst_code(["IncompleteError", "NoVideoError"]) == ExitCode.SOURCE
    assert worst_code(["NoVideoError", "WorkerCrashedError"]) == ExitCode.WORK
    assert worst_code(["WorkerCrashedError", "DestinationError"]) == ExitCode.DESTINATION
    assert worst_code(["DestinationError", "KeyError"]) == ExitCode.BUG


def test_a_signal_stops_all(videos: Path, busy_clip: Path, tmp_path: Path) -> None:
    """SIGTERM ends the run and its workers at once; the same command completes every set."""
    shutil.copy(busy_clip, videos / "busy.mp4")
    (videos / "text.mp4").unlink()
    command = [str(SCRUBJAY), "make", str(videos), "-o", str(tmp_path / "sets"), "--workers", "2"]
    command += ["--json", "--slice-length", "1", "--animation-width", "480"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout
        for line in run.stdout:
            if json.loads(line)["event"] == "slice_done":
                run.send_signal(signal.SIGTERM)
                break
        *_, last = run.stdout
        assert run.wait(timeout=300) == ExitCode.TERMINATED
    assert json.loads(last)["error"] == "Terminated"
    assert "the same command again" in json.loads(last)["message"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert (events[-1]["films"], events[-1]["failed"]) == (2, 0)
    assert sum(each["event"] == "slice_done" for each in events) < 24

"""`scrubjay verify`: its words, its JSON and its exit codes."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.usefixtures("movie")
def test_a_set_is_verified_and_repaired(run: Run, tmp_path: Path) -> None:
    """A whole set holds in one line; a damage is named with exit code 9, and repaired with 0."""
    done = run("make", "movie.mp4", "-o", "out", "--no-animations", "--slice-length", "6")
    assert done.returncode == 0, done.stderr
    done = run("verify", "out", "--source", "movie.mp4")
    assert done.returncode == 0, done.stderr
    assert "out holds: 14 objects (" in done.stdout
    assert "8 pictures compared with the video." in done.stdout
    [still] = (tmp_path / "out").glob("frames/*/000003.jpg")
    before = still.read_bytes()
    still.unlink()
    done = run("verify", "out")
    assert done.returncode == 9
    assert "out does not hold: 1 finding." in done.stdout
    assert "000003.jpg at 0:03: it is missing" in done.stdout
    done = run("verify", "out", "--json")
    assert done.returncode == 9
    [finding] = json.loads(done.stdout)["sets"][0]["findings"]
    assert (finding["check"], finding["start"]) == ("object", 3)
    done = run("verify", "out", "--source", "movie.mp4", "--repair")
    assert done.returncode == 0, done.stdout
    assert "Repaired: 1 object removed." in done.stderr
    assert still.read_bytes() == before


def test_an_empty_folder_has_no_set(run: Run, tmp_path: Path) -> None:
    """There is nothing to verify, which is an error of its own."""
    (tmp_path / "empty").mkdir()
    done = run("verify", "empty")
    assert (done.returncode, done.stdout) == (4, "")
    assert "empty contains no previews" in done.stderr


def test_ctrl_c_stops_it_and_its_processes(
    finished_set: Path, workers_of: Callable[[int], list[int]]
) -> None:
    """The command ends with 130 and one sentence, and the processes that decode end with it."""
    command = [str(SCRUBJAY), "verify", str(finished_set)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not workers_of(process.pid):
            assert process.poll() is None
            time.sleep(0.01)
        began = workers_of(process.pid)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, b"")
    assert errors == b"scrubjay: stopped\n"
    assert not any(Path(f"/proc/{pid}").exists() for pid in began)

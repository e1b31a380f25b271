import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scrubjay.cli.exits import ExitCode, code_of
from scrubjay.errors import (
    LostSlicesError,
    ScrubjayError,
    SourceDamagedError,
    StoreError,
    WorkerCrashedError,
)

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
RECIPE = ["--slice-length", "2", "--animation-width", "64", "--frame-width", "64"]
"""Six slices of the clip."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_shards_of_one_film(run: Run, small_clip: Path, tmp_path: Path) -> None:
    """Three shards, one of them killed, all run again: every byte is that of one `make`."""
    source = ["--source", str(small_clip)]
    begun = run("plan", small_clip, "-o", "steps", "--json", *RECIPE)
    assert begun.returncode == 0, begun.stderr
    assert len(json.loads(begun.stdout)["slices"]) == 6

    assert run("publish", "steps").returncode == ExitCode.UNFINISHED
    command = [
        str(SCRUBJAY),
        "slices",
        str(tmp_path / "steps"),
        *source,
        "--shard",
        "2/3",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout
        next(line for line in killed.stdout if '"slice_done"' in line)
        killed.kill()

    for number in (1, 2, 3):
        task = {"JOB_COMPLETION_INDEX": str(number - 1)}
        made = run("slices", "steps", *source, "--shards", "3", "--json", environ=task)
        assert made.returncode == 0, made.stderr
        events = _events(made.stdout)
        kinds = [each["event"] for each in events]
        assert (kinds[0], kinds[1], kinds[-1]) == ("probed", "planned", "shard_finished")
        planned, finished = events[1], events[-1]
        assert (finished["shard"], finished["shards"], finished["slices"]) == (number, 3, 2)
        assert finished["made"] == 2 - planned["done"] == kinds.count("slice_done")

    again = run("slices", "steps", *source, "--shard", "1/3")
    assert "Nothing to do, 2 slices of shard 1 of 3 already existed." in again.stderr
    published = run("publish", "steps")
    assert (published.returncode, published.stdout) == (0, "steps/index.html\n")
    assert run("publish", "steps", "--json").returncode == 0

    assert run("make", small_clip, "-o", "serial", *RECIPE).returncode == 0
    steps = _files(tmp_path / "steps")
    del steps[".scrubjay/origin.json"]
    serial = _files(tmp_path / "serial")
    del serial[".scrubjay/usage.json"]  # of what only `make` measures
    assert steps == serial


def test_how_steps_end(run: Run, clip: Path, other_clip: Path) -> None:
    """Each refusal has its exit code, and the sentence says what to do."""
    none = run("slices", "empty", "--source", clip, "--shard", "1/1")
    assert (none.returncode, "begin the set first" in none.stderr) == (ExitCode.DESTINATION, True)
    assert run("slices", "empty", "--source", clip).returncode == ExitCode.USAGE
    assert run("slices", "empty", "--source", clip, "--shard", "3/2").returncode == ExitCode.USAGE
    assert run("plan", other_clip, "-o", "set", "--json").returncode == 0
    changed = run("slices", "set", "--source", clip, "--shard", "1/1")
    assert changed.returncode == ExitCode.SOURCE
    missing = run("publish", "set", "--json")
    assert missing.returncode == ExitCode.UNFINISHED
    assert _events(missing.stdout)[-1]["error"] == "UnfinishedError"


@pytest.mark.parametrize(
    ("causes", "code"),
    [
        ([SourceDamagedError("a")], ExitCode.SOURCE),
        ([SourceDamagedError("a"), WorkerCrashedError("b")], ExitCode.WORK),
        ([WorkerCrashedError("b"), StoreError("c"), SourceDamagedError("a")], ExitCode.DESTINATION),
    ],
)
def test_a_shard_ends_with_its_worst_error(causes: list[ScrubjayError], code: ExitCode) -> None:
    """So an array may retry what can pass, and not what a damaged video cannot give."""
    assert code_of(LostSlicesError.of(causes)) == code

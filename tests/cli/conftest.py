"""The command line, and a video to give it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from scrubjay.cli.main import main

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Run a command line in this process, in an empty folder and with a clean environment.

    To start `scrubjay` costs more than most of what is tested; workers are processes as ever.
    """

    def run(
        *arguments: str | Path, environ: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        unset = {name: None for name in os.environ if name.startswith("SCRUBJAY_")}
        command, code = ["scrubjay", *map(str, arguments)], 0
        with (
            pytest.MonkeyPatch.context() as patch,
            CliRunner().isolation(env={**unset, **(environ or {})}) as (output, errors, _),
        ):
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", command)
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
            sys.stdout.flush()
            sys.stderr.flush()
            texts = [each.getvalue().decode() for each in (output, errors)]
        return subprocess.CompletedProcess(command, code, *texts)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def run_program(tmp_path: Path) -> Run:
    """Run the installed `scrubjay`, as `run` does, in a process of its own."""

    def run_program(
        *arguments: str | Path, environ: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        clean = {key: text for key, text in os.environ.items() if not key.startswith("SCRUBJAY_")}
        return subprocess.run(
            [str(SCRUBJAY), *map(str, arguments)],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**clean, **(environ or {})},
            timeout=180,
        )

    return run_program


@pytest.fixture
def movie(clip: Path, tmp_path: Path) -> Path:
    """A video in the folder where `scrubjay` runs, named as in the examples."""
    return Path(shutil.copy(clip, tmp_path / "movie.mp4"))

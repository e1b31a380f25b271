"""The installed command, and a video to give it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRUBJAY = Path(sys.executable).with_name("scrubjay")
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `scrubjay` in an empty folder, with a clean environment and a deadline."""

    def run(
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

    return run


@pytest.fixture
def movie(clip: Path, tmp_path: Path) -> Path:
    """A video in the folder where `scrubjay` runs, named as in the examples."""
    return Path(shutil.copy(clip, tmp_path / "movie.mp4"))

"""Find the Python that Lambda runs: 3.13, or 3.12 where there is no other."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

VERSIONS = ("3.13", "3.12")
"""Best first: the template's own runtime, then the other one that PyAV's wheels load on."""

_SAY = "import sys; print('%d.%d' % sys.version_info[:2])"


def find_python() -> str | None:
    """Return the path of a suitable Python, or None.

    `SCRUBJAY_LAMBDA_PYTHON` comes first, then what is on PATH, then pyenv's versions.
    """
    named = os.environ.get("SCRUBJAY_LAMBDA_PYTHON")
    candidates = [named] if named else list(_candidates())
    found = {version: path for path in reversed(candidates) if (version := _version(path))}
    return next((found[version] for version in VERSIONS if version in found), None)


def _candidates() -> Iterator[str]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for version in VERSIONS:
        on_path = shutil.which(f"python{version}")
        yield from [on_path] if on_path else []
        yield from sorted(map(str, root.glob(f"versions/{version}.*/bin/python")), reverse=True)


def _version(python: str) -> str:
    """Ask a program for its version: pyenv puts names on PATH that only say they are missing."""
    try:
        said = subprocess.run([python, "-c", _SAY], check=False, capture_output=True, text=True)
    except OSError:
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


if __name__ == "__main__":
    print(find_python() or "")  # noqa: T201

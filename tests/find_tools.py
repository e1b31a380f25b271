"""Make sure that tests have the programs they start: install Debian's, or say what to install."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_PACKAGES = {
    "strace": "strace",
    "mount": "mount",
    "ffprobe": "ffmpeg",
    "systemd-analyze": "systemd",
    "parallel": "parallel",
    "initdb": "postgresql",
}
"""What programs are called, and the packages that hold them."""


def main() -> None:
    """Find the programs; install those that are lacking, where root may."""
    missing = [package for name, package in _PACKAGES.items() if not _is_there(name)]
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {names} for the tests ...", flush=True)  # noqa: T201
        install = f"apt-get -qq update && apt-get -qq install -y {names}"
        if subprocess.run(["sh", "-c", install], capture_output=True, check=False).returncode == 0:
            return
    print(  # noqa: T201
        f"Tests that need {names} will be skipped, or fail if CI is set: install the packages.",
        file=sys.stderr,
    )


def _is_there(name: str) -> bool:
    """Whether a program is there; Debian does not link those of PostgreSQL's server."""
    return bool(shutil.which(name) or list(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))


if __name__ == "__main__":
    main()

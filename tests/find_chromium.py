"""Make sure that the browser tests have a Chromium: install Debian's, or say how to get one."""

import os
import shutil
import subprocess
import sys

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Find a Chromium; where there is none and root may install one, install it."""
    if os.environ.get("SCRUBJAY_CHROMIUM") or any(shutil.which(name) for name in _NAMES):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        print("Installing Chromium for the browser tests ...", flush=True)  # noqa: T201
        install = "apt-get -qq update && apt-get -qq install -y chromium"
        done = subprocess.run(["sh", "-c", install], capture_output=True, check=False)
        if done.returncode == 0:
            return
    print(  # noqa: T201
        "No Chromium: browser tests will be skipped, or fail if CI is set; install the package "
        "`chromium`, or name one in SCRUBJAY_CHROMIUM.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()

"""The demo: render the previews of a video with the real command line, and verify them.

It draws the video itself (`film`), unless it is given one.
"""

import argparse
import signal
import subprocess
import sys
from pathlib import Path
from shlex import join
from time import monotonic

from film import DURATION, make_film

_START = "from scrubjay.cli.start import start; start()"


def main() -> int:
    """Run the demo, and return the exit code of the last command."""
    parser = argparse.ArgumentParser(description="Render the previews of a video.")
    parser.add_argument("--output", type=Path, required=True, help="folder for the previews")
    parser.add_argument("--video", type=Path, help="a video of yours; without it, one is drawn")
    arguments = parser.parse_args()
    video = arguments.video or _film(arguments.output.parent / "demo.mp4")
    code, page = _run(
        "make", str(video), "-o", str(arguments.output), "--recipe", "web", "--remove-stale"
    )
    if not page:
        return code
    soundness, found = _run("verify", str(arguments.output), "--source", str(video))
    print(found)
    path = Path(page).resolve()
    print(f"\nThe previews are ready. Open this page in a browser:\n\n  {path.as_uri()}\n")
    print(f"The files are in {path.parent}")
    return code or soundness


def _film(path: Path) -> Path:
    """Draw the film, unless it is there."""
    if path.exists():
        print(f"The film is there already: {path}", flush=True)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    began = monotonic()

    def tell(second: int) -> None:
        if sys.stdout.isatty():
            print(f"\rDrawing a film of two minutes: {second * 100 // DURATION} % ", end="")
            sys.stdout.flush()

    if not sys.stdout.isatty():
        print("Drawing a film of two minutes.", flush=True)
    make_film(path, tell)
    start = "\r" if sys.stdout.isatty() else ""
    print(f"{start}Drew a film of two minutes in {monotonic() - began:.0f} s: {path}", flush=True)
    return path


def _run(*command: str) -> tuple[int, str]:
    """Run `scrubjay` as a person would; its progress goes to the terminal.

    Returns:
        The exit code, and what it wrote to standard output.
    """
    print(f"$ {join(['scrubjay', *command])}", flush=True)
    before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the command
    with subprocess.Popen(
        [sys.executable, "-c", _START, *command], stdout=subprocess.PIPE, text=True
    ) as process:
        output = process.communicate()[0].strip()
    signal.signal(signal.SIGINT, before)
    return process.returncode, output


if __name__ == "__main__":
    sys.exit(main())

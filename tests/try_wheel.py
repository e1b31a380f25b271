"""Build the wheel, install it in a clean environment, and use it there as a stranger would."""

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

_ROOT = Path(__file__).parents[1]

_TRY = """
import json, pathlib, sys
import av, numpy as np
folder = pathlib.Path(sys.argv[1])
with av.open(str(folder / "tiny.mp4"), "w") as container:
    stream = container.add_stream("libx264", rate=12)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for number in range(30):
        picture = np.full((48, 64, 3), number * 8, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode(None))
import scrubjay
manifest = scrubjay.make(folder / "tiny.mp4", folder / "previews")
assert manifest.status == "complete" and len(manifest.frames) == 3, manifest
assert (folder / "previews" / "index.html").stat().st_size > 10_000
"""


def main() -> None:
    """Raise `CalledProcessError` if a step fails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _run(sys.executable, "-m", "build", "--wheel", "--outdir", name, str(_ROOT))
        (wheel,) = folder.glob("*.whl")
        venv.create(folder / "clean", with_pip=True)
        python = str(folder / "clean" / "bin" / "python")
        _run(python, "-m", "pip", "install", "--quiet", str(wheel))
        _run(python, "-c", _TRY, name, cwd=folder)
        scrubjay = str(folder / "clean" / "bin" / "scrubjay")
        _run(scrubjay, "probe", "tiny.mp4", cwd=folder)
        _run(scrubjay, "make", "tiny.mp4", "-o", "again", "--frame-interval", "0.5", cwd=folder)
        print(f"{wheel.name}: built, installed in a clean environment, and used")  # noqa: T201


def _run(*command: str, cwd: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=cwd, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()

"""Every format of animations in one run of the command, in its confined workers."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from moving import read_video
from PIL import Image

from scrubjay.model import Manifest, decode
from scrubjay.registry import ANIMATION_FORMATS

_SCRUBJAY = [sys.executable, "-c", "from scrubjay.cli.start import start; start()"]


def test_one_run_makes_every_format(clip: Path, tmp_path: Path) -> None:
    """Each has the pictures and the times of its slice, and its own size and media type."""
    recipe = tmp_path / "every.toml"
    outputs = [
        f'[[animations]]\nname = "of-{name}"\nformat = "{name}"\nwidth = 121\n'
        for name in ANIMATION_FORMATS
    ]
    recipe.write_text("slice_length = 7\nframes = []\nsheets = []\n" + "\n".join(outputs))
    made = tmp_path / "made"
    command = [*_SCRUBJAY, "make", str(clip), "-o", str(made), "--recipe", str(recipe)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    manifest = decode((made / "manifest.json").read_bytes(), Manifest)
    assert len(manifest.animations) == 2 * len(ANIMATION_FORMATS)
    for entry in manifest.animations:
        about = ANIMATION_FORMATS[entry.output.removeprefix("of-")]
        assert entry.media_type == about.media_type
        data = (made / entry.key).read_bytes()
        length = entry.end - entry.start
        assert entry.frames == 10 * length == pytest.approx(70 if entry.start == 0 else 50)
        step = about.side_step_px
        assert (entry.width, entry.height) == (121 + 121 % step, 68)
        size, shown_for = _size_and_length(data, about.media_type)
        assert size == (entry.width, entry.height)
        assert shown_for == pytest.approx(length)


def _size_and_length(data: bytes, media_type: str) -> tuple[tuple[int, int], float]:
    """Return width and height in px, and seconds."""
    if media_type.startswith("video/"):
        video = read_video(data)
        height, width, _ = video.pictures[0].shape
        return (width, height), video.duration
    with Image.open(BytesIO(data)) as image:
        total = 0.0
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            total += float(image.info["duration"])
        return image.size, total / 1000

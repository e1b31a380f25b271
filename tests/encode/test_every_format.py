"""Every format of animations in one run of the command, in its confined workers."""

import subprocess
import sys
from contextlib import closing
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from moving import read_video
from PIL import Image

from scrubjay.encode.base import RgbPicture
from scrubjay.media.probe import probe_media
from scrubjay.model import Animation, Manifest, Recipe, decode
from scrubjay.places.place import Place
from scrubjay.planning import make_plan
from scrubjay.registry import ANIMATION_FORMATS
from scrubjay.slices.aside import Aside
from scrubjay.slices.renderer import SliceRenderer
from scrubjay.slices.versions import installed_versions

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


class _Kept:
    """A store in memory, for objects that nobody reads."""

    lanes = 1

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Keep an object."""
        assert media_type
        self.objects[key] = data


def test_threads_change_no_byte(clip: Path) -> None:
    """Encoders that run in threads of their own make what they make one after another."""
    recipe = Recipe(
        slice_length=Fraction(5),
        animations=tuple(
            Animation(name=f"of-{name}", format=name, width=120, max_bytes=most)
            for name, most in {**dict.fromkeys(ANIMATION_FORMATS, 0), "mp4": 9_000}.items()
        ),
    )
    place = Place.of(clip)
    found, media = probe_media(place)
    plan = make_plan(found, media, recipe, versions=installed_versions())
    made: list[dict[str, bytes]] = []
    for threads in (1, 2):
        store = _Kept()
        with SliceRenderer(plan, source=place, store=store, threads=threads) as renderer:
            renderer.make(1)
        made.append(store.objects)
    assert len(made[0]) == len(ANIMATION_FORMATS) + 5 + 1 + len(plan.outputs)
    assert made[0] == made[1]


class _Broken:
    """An encoder that fails at its second picture."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, picture: RgbPicture, time: Fraction) -> None:
        """Fail the second time."""
        del picture, time
        self.count += 1
        if self.count == 2:
            raise MemoryError

    def finish(self, end: Fraction) -> bytes:
        """Return what would be wrong."""
        del end
        return b"wrong"


def test_an_error_in_a_thread_is_raised() -> None:
    """No file comes of an encoder that failed at any picture."""
    encoder = _Broken()
    with closing(Aside(encoder, pictures=3, end=Fraction(3))) as aside:
        for k in range(3):
            aside.add(np.zeros((2, 2, 3), np.uint8), Fraction(k))
        with pytest.raises(MemoryError):
            aside.finish(Fraction(3))

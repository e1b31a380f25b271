"""Stills and sheets of every format, made by the command in confined workers."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from clips import FPS, number_of, write_clip
from PIL import Image

from scrubjay.model import Manifest, decode
from scrubjay.registry import SHEET_FORMATS, STILL_FORMATS

_SINGLE = [name for name, each in STILL_FORMATS.items() if not each.is_packed]


def _read(path: Path, name: str) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        assert (image.format or "").lower() == name
        return np.asarray(image.convert("RGB"))


def test_confined_workers_make_every_format(
    run: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    """The command makes all of them in one run; each picture is that of its time."""
    write_clip(tmp_path / "movie.mp4")
    added = [f"frames,name=f-{name},format={name},interval=4" for name in _SINGLE]
    added += [
        f"sheets,name=s-{name},format={name},width=256,interval=2,columns=3"
        for name in SHEET_FORMATS
    ]
    options = ("--no-animations", "--no-frames", "--no-sheets", "--documents", "")
    more = [text for each in added for text in ("--add-output", each)]
    done = run("make", "movie.mp4", "-o", "out", *options, *more)
    assert done.returncode == 0, done.stderr
    manifest = decode((tmp_path / "out/manifest.json").read_bytes(), Manifest)

    assert len(manifest.frames) == 3 * len(_SINGLE)
    for frame in manifest.frames:
        name = frame.output.removeprefix("f-")
        assert frame.media_type == STILL_FORMATS[name].media_type
        assert frame.key.endswith(f".{STILL_FORMATS[name].suffix}")
        picture = _read(tmp_path / "out" / frame.key, name)
        assert number_of(picture) == frame.time * FPS
    assert len(manifest.sheets) == len(SHEET_FORMATS)
    for sheet in manifest.sheets:
        name = sheet.output.removeprefix("s-")
        assert sheet.media_type == SHEET_FORMATS[name].media_type
        picture = _read(tmp_path / "out" / sheet.key, name)
        for place in range(sheet.count):
            row, column = divmod(place, sheet.columns)
            cell = picture[144 * row : 144 * row + 144, 256 * column : 256 * column + 256]
            assert number_of(cell) == place * 2 * FPS

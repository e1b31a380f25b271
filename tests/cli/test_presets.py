"""Each preset makes all that it names, by the command and in confined workers."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

import scrubjay
from scrubjay.model import (
    PRESETS,
    AnimationEntry,
    ClipEntry,
    FrameEntry,
    Manifest,
    SheetEntry,
    decode,
)

_Entries: TypeAlias = list[AnimationEntry | ClipEntry | FrameEntry | SheetEntry]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.usefixtures("movie")
def test_a_preset_makes_all_that_it_names(
    run: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path, name: str
) -> None:
    """The set is complete: something of every output, and every document."""
    done = run("make", "movie.mp4", "-o", "out", "--recipe", name)
    assert done.returncode == 0, done.stderr
    manifest = decode((tmp_path / "out/manifest.json").read_bytes(), Manifest)
    assert manifest.status == "complete"
    listed: _Entries = [*manifest.animations, *manifest.frames, *manifest.sheets]
    whole = manifest.whole
    once: _Entries = [*whole.animations, *whole.frames, *whole.sheets] if whole else []
    recipe = PRESETS[name]
    assert {each.output for each in listed} == {out.name for out in recipe.outputs_per("slice")}
    assert [each.output for each in once] == [out.name for out in recipe.outputs_per("video")]
    for entry in (*listed, *once):
        assert (tmp_path / "out" / entry.key).stat().st_size >= entry.size_bytes > 0
    assert recipe.documents
    assert all((tmp_path / "out" / key).is_file() for key in manifest.tracks.values())
    assert {re.split("[-.]", track)[0] for track in manifest.tracks} == set(recipe.documents)
    [report] = scrubjay.verify(tmp_path / "out", source=tmp_path / "movie.mp4", samples=30).sets
    assert report.findings == ()
    assert report.compared == 30 or recipe.tolerance

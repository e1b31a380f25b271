"""The deployed system makes the bytes that the local engine makes."""

from pathlib import Path

import pytest

from localaws.stack import Packaged, Stack, eventually
from localaws.tools import python, run

_STATE = ".scrubjay/"
_PAGE = "index.html"

_MAKE = """
import sys
import scrubjay
from scrubjay.settings import load_recipe
if __name__ == "__main__":
    recipe = load_recipe({"slice_length": 10})
    manifest = scrubjay.make(sys.argv[1], sys.argv[2], recipe=recipe)
    assert manifest.status == "complete"
"""


@pytest.fixture(scope="module")
def sets(
    packaged: Packaged, bundle: Path, media: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The same video's set twice: made here, with what the bundle holds; and by the functions."""
    folder = tmp_path_factory.mktemp("same")
    video = media / "real" / "camera_bottle_40s.mp4"
    script = folder / "make_set.py"
    script.write_text(_MAKE)
    env = {"PYTHONPATH": str(bundle), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    here = folder / "here"
    run(python("image"), str(script), str(video), str(here), env=env, cwd=folder)
    with packaged.deployed("same", Transport="lambda", SnippetSize=10) as stack:
        _make_there(stack, video)
        there = stack.download(video.name, folder / "there")
    return here, there


def _make_there(stack: Stack, video: Path) -> None:
    stack.upload(video, video.name)
    mark = f"{_STATE}announced"
    eventually("the set", lambda: mark in stack.set_of(video.name), fails=stack.all_logs)


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_both_sets_are_the_same(sets: tuple[Path, Path]) -> None:
    """Animations, stills, sheets, tracks and manifest are equal, byte for byte."""
    here, there = (_files(folder) for folder in sets)
    made = {key for key in here if not key.startswith(_STATE)} - {_PAGE}
    assert made == {key for key in there if not key.startswith(_STATE)} - {_PAGE}
    assert len(made) > 40
    assert [key for key in sorted(made) if here[key] != there[key]] == []


def test_both_plans_are_the_same(sets: tuple[Path, Path]) -> None:
    """The plan and the records hold nothing of where they were made.

    The functions add what only they need: which object it was, what was sent, and that they have
    told of it.
    """
    here, there = (_files(folder) for folder in sets)
    state = {key for key in here if key.startswith(_STATE)} - {f"{_STATE}usage.json"}
    assert [key for key in sorted(state) if here[key] != there[key]] == []
    extra = {key for key in there if key.startswith(_STATE)} - state
    assert extra == {f"{_STATE}{name}" for name in ("origin.json", "sent", "announced")}


def test_pages_differ_in_the_videos_address_alone(sets: tuple[Path, Path]) -> None:
    """A page made here plays the file; one made there has no address that a browser could open."""
    here, there = (_files(folder)[_PAGE].decode() for folder in sets)
    ours, theirs = here.splitlines(), there.splitlines()
    assert len(ours) == len(theirs)
    differing = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert all("<video" in a and "src=" in a and "src=" not in b for a, b in differing)
    assert len(differing) <= 1

"""A sandbox changes nothing in what is made."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import SandboxError
from scrubjay.events import Event, Unconfined
from scrubjay.model import Recipe
from scrubjay.sandbox.confinement import sandbox_support

Tree = Callable[[Path], dict[str, str]]

FILES = [
    "odd/av1.mkv",
    "odd/vp9_odd_161x121.webm",
    "odd/hdr_hlg10_hevc.mp4",
    "odd/s_theora.ogv",
    "odd/s_xvid_mp3.avi",
    "odd/s_rot90.mp4",
]
"""One of each: a decoder with threads of its own, and each family of codecs."""


@pytest.mark.parametrize("name", FILES)
def test_sets_are_the_same_with_and_without(
    media: Path, tmp_path: Path, tree: Tree, name: str
) -> None:
    """Byte for byte, whichever decoder runs, and with several threads."""
    if sandbox_support().missing:
        pytest.skip(f"this machine lacks {', '.join(sandbox_support().missing)}")
    recipe = Recipe(slice_length=Fraction(4))
    for sandbox in ("require", "off"):
        with ProcessEngine(workers=4, sandbox=sandbox) as engine:
            manifest = scrubjay.make(media / name, tmp_path / sandbox, recipe=recipe, engine=engine)
        assert manifest.status == "complete"
    confined, free = tree(tmp_path / "require"), tree(tmp_path / "off")
    assert {key: confined[key] for key in confined if key != "index.html"} == {
        key: free[key] for key in free if key != "index.html"
    }


def test_a_machine_that_lacks_a_sandbox_is_named(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel has no Landlock, a run says so once; with `require`, nothing is opened."""
    monkeypatch.setattr("scrubjay.sandbox.confinement.landlock_version", lambda: 0)
    events: list[Event] = []
    with ProcessEngine() as engine:
        scrubjay.make(clip, tmp_path / "set", engine=engine, on_progress=events.append)
    (note,) = [event for event in events if isinstance(event, Unconfined)]
    assert "Landlock" in note.missing[0]
    with (
        ProcessEngine(sandbox="require") as engine,
        pytest.raises(SandboxError, match="lacks Landlock"),
    ):
        scrubjay.make(clip, tmp_path / "other", engine=engine)
    assert not (tmp_path / "other").exists()

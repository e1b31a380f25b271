"""Several outputs of a kind, outputs that are added, and what earlier recipes leave."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from scrubjay.cli.exits import ExitCode
from scrubjay.model import AnimationEntry, FrameEntry, Manifest, decode

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SENTENCE = r"scrubjay: [^\n]+\n"


@pytest.mark.usefixtures("movie")
def test_stale_objects_go_when_asked(run: Run, tmp_path: Path) -> None:
    """A changed recipe says what it left over, and --remove-stale deletes just that."""
    run("make", "movie.mp4", "-o", "out", "--no-animations")
    (old,) = (tmp_path / "out/frames").iterdir()
    (tmp_path / "out/frames/mine.txt").write_text("mine")
    changed = ("make", "movie.mp4", "-o", "out", "--no-animations", "--frame-interval", "2")
    stale = "13 objects of an earlier plan are still there"  # 12 stills and their record
    assert stale in run(*changed).stderr
    assert len(list(old.iterdir())) == 12
    assert "Removed 13 objects" in run(*changed, "--remove-stale").stderr
    left = {path.name for path in (tmp_path / "out/frames").glob("**/*") if path.is_file()}
    assert left == {"mine.txt", *(f"{second:06}.jpg" for second in range(0, 12, 2))}
    assert len(list((tmp_path / "out/sheets").glob("*/*.jpg"))) == 1  # these did not change


@pytest.mark.usefixtures("movie")
def test_prune_removes_earlier_sets(run: Run, tmp_path: Path) -> None:
    """`scrubjay prune` leaves the last set as it is; with --keep-for it waits."""
    run("make", "movie.mp4", "-o", "out", "--no-animations")
    run("make", "movie.mp4", "-o", "out", "--no-animations", "--frame-width", "64")
    assert run("prune", "out", "--keep-for", "86400").stdout == (
        "Removed 0 objects of earlier sets.\n"
    )
    assert run("prune", "out", "--json").stdout == '{"removed":13}\n'
    manifest = decode((tmp_path / "out/manifest.json").read_bytes(), Manifest)
    named = {frame.key for frame in manifest.frames} | {sheet.key for sheet in manifest.sheets}
    pictures = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*.jpg")}
    assert pictures == named
    again = run("make", "movie.mp4", "-o", "out", "--no-animations", "--frame-width", "64")
    assert again.stderr.startswith("Nothing to do")


@pytest.mark.usefixtures("movie")
def test_prune_needs_a_finished_set(run: Run, tmp_path: Path) -> None:
    """Where there is no set, or one that readers may need, nothing is removed; the code is 4."""
    empty = run("prune", "nowhere")
    assert empty.returncode == ExitCode.DESTINATION
    assert re.fullmatch(SENTENCE, empty.stderr)
    run("make", "movie.mp4", "-o", "out", "--no-animations")
    (tmp_path / "out/manifest.json").unlink()
    unfinished = run("prune", "out")
    assert unfinished.returncode == ExitCode.DESTINATION
    assert "scrubjay make" in unfinished.stderr
    assert len(list((tmp_path / "out").rglob("*.jpg"))) == 13
    assert run("prune", "out", "--keep-for", "-1").returncode == ExitCode.USAGE


def _shown(path: Path) -> tuple[str | None, tuple[int, int], int]:
    """Return the format of a picture, its width and height in px, and how many frames it has."""
    with Image.open(path) as picture:
        return picture.format, picture.size, getattr(picture, "n_frames", 1)


def test_several_outputs_of_a_kind(run: Run, media: Path, tmp_path: Path) -> None:
    """Two animations and two stills, from a file and flags: each has its name, place and size."""
    (tmp_path / "my.toml").write_text(
        "slice_length = 7\nsheets = []\n"
        "[[animations]]\nname = 'wide'\nwidth = 320\nfps = 5\n"
        "[[frames]]\nname = 'full'\n"
        "[[frames]]\nname = 'thumbs'\nwidth = 96\ninterval = 2\n"
    )
    done = run(
        "make",
        media / "real" / "phone_360p_17s.mp4",
        *("-o", "out", "--recipe", "my.toml", "--documents", "page"),
        *("--add-output", "animations,name=narrow,width=120,fps=4"),
    )
    assert done.returncode == 0, done.stderr
    assert "Made 6 animations, 27 stills" in done.stderr
    manifest = decode((tmp_path / "out/manifest.json").read_bytes(), Manifest)
    assert manifest.status == "complete"
    assert manifest.tracks == {"page": "index.html"}
    assert not (tmp_path / "out/storyboard.vtt").exists()

    media_size = (manifest.media.width, manifest.media.height)
    animations = {(each.output, each.start): each for each in manifest.animations}
    assert sorted(animations) == [
        (name, start) for name in ("narrow", "wide") for start in (0, 7, 14)
    ]
    stills = {(each.output, each.time): each for each in manifest.frames}
    assert sorted(stills) == [
        *(("full", time) for time in range(18)),
        *(("thumbs", time) for time in range(0, 18, 2)),
    ]
    widths = {"wide": 320, "narrow": 120, "full": media_size[0], "thumbs": 96}
    entries: list[AnimationEntry | FrameEntry] = [*manifest.animations, *manifest.frames]
    for entry in entries:
        path = tmp_path / "out" / entry.key
        assert entry.key.startswith(f"{entry.output}/")
        assert path.stat().st_size == entry.size_bytes
        kind, size, count = _shown(path)
        assert size == (entry.width, entry.height)
        assert entry.width == widths[entry.output]
        assert entry.height == round(entry.width * media_size[1] / media_size[0])
        assert (entry.media_type, kind) in {("image/gif", "GIF"), ("image/jpeg", "JPEG")}
        assert (count > 1) == (entry.media_type == "image/gif")


@pytest.mark.usefixtures("movie")
def test_an_output_is_added_to_a_finished_set(run: Run, tmp_path: Path) -> None:
    """It alone is made: what was there stays, to the file."""
    make = ("make", "movie.mp4", "-o", "out", "--no-animations")
    run(*make)
    before = {path: path.stat() for path in (tmp_path / "out").rglob("*.jpg")}
    done = run(*make, "--add-output", "frames,name=small,width=64", "--json")
    assert done.returncode == 0
    (made,) = [line for line in done.stdout.splitlines() if "slice_done" in line]
    small = list((tmp_path / "out/small").glob("*/*.jpg"))
    assert len(small) == 12
    assert json.loads(made)["size_bytes"] == sum(path.stat().st_size for path in small)
    for path, status in before.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


@pytest.mark.usefixtures("movie")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--recipe", "two.toml", "--frame-width", "64"], "has 2 outputs of that kind"),
        (["--recipe", "trickplay", "--animation-width", "64"], "add --animations"),
        (["--add-output", "frames,name=frames"], "2 outputs have the name 'frames'"),
        (["--add-output", "stills,name=small"], "write a kind (animations, frames, sheets)"),
        (["--frame-format", "bmp"], "format is 'bmp'; stills can be jpeg"),
        (["--animation-format", "jpeg"], "format is 'jpeg'; animations can be gif"),
        (["--documents", "webvtt,pdf"], "unknown document 'pdf'"),
    ],
)
def test_an_output_that_cannot_be(
    run: Run, tmp_path: Path, arguments: list[str], words: str
) -> None:
    """A wrong output, format or document is one sentence and code 2; nothing is written."""
    (tmp_path / "two.toml").write_text("[[frames]]\nname = 'a'\n[[frames]]\nname = 'b'\n")
    done = run("make", "movie.mp4", "-o", "out", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert re.fullmatch(SENTENCE, done.stderr)
    assert words in done.stderr
    assert not (tmp_path / "out").exists()

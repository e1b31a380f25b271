"""A finished set under the names by which other programs find it."""

import json
import shutil
import struct
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import scrubjay
from scrubjay import Animation, InlineEngine, Recipe, Sheet, Still, Store
from scrubjay.cli.exits import ExitCode
from scrubjay.cli.main import cli
from scrubjay.errors import DestinationError, IncompleteError, RecipeError
from scrubjay.layouts import LAYOUTS, lay_out, recipe_for, target_for

_HERE = InlineEngine()
_SERVERS = Recipe(
    slice_length=Fraction(4),
    animations=(),
    frames=(Still(format="mjpg", interval=Fraction(1), width=64),),
    sheets=(
        Sheet(interval=Fraction(1), width=64, columns=2, rows=2),
        Sheet(name="wide", interval=Fraction(1), width=128, columns=2, rows=2),
    ),
    documents=("jellyfin", "emby"),
)
_CLASSIC = Recipe(
    slice_length=Fraction(5),
    animations=(Animation(width=64),),
    frames=(Still(width=64),),
    sheets=(),
    documents=(),
)
_WITH_GAPS = Recipe(
    slice_length=Fraction(2),
    animations=(),
    frames=(),
    sheets=(Sheet(interval=Fraction(1), width=64, columns=2, rows=1),),
    documents=("jellyfin",),
)


@pytest.fixture(scope="module")
def film(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film in a folder of its own, with the sets that these tests lay out beside that folder."""
    folder = tmp_path_factory.mktemp("library")
    film = folder / "Film (2008)" / "Film (2008).mkv.mp4"
    film.parent.mkdir()
    film.write_bytes(clip.read_bytes())
    scrubjay.make(film, folder / "servers", recipe=_SERVERS, engine=_HERE)
    scrubjay.make(film, folder / "classic", recipe=_CLASSIC, engine=_HERE)
    return film


def _lay_out(film: Path, layout: str, target: Path, *, replace: bool = False) -> int:
    name = "classic" if layout == "reference" else "servers"
    return lay_out(film.parents[1] / name, layout, target, replace=replace)


def _found_by_jellyfin(film: Path, asked: int, *, side: int) -> int:
    """Return how many sheets Jellyfin finds of a film of 320 px, for a width and a grid."""
    width = 2 * (min(asked, 320) // 2)
    folder = film.with_suffix(".trickplay") / f"{width} - {side}x{side}"
    count = len([*folder.iterdir()])
    for number in range(count):
        with Image.open(folder / f"{number}.jpg") as picture:
            assert picture.width == side * width
            assert picture.height % (width * 180 // 320) == 0
    return count


def test_jellyfin_finds_its_folders(film: Path, tmp_path: Path) -> None:
    """The server takes the folder of each width: `NAME.trickplay/WIDTH - COLUMNSxROWS`.

    As in its TrickplayManager: it asks for a width, made even and at most the video's, and for the
    grid of its options, and counts every file in that folder.
    """
    assert target_for("jellyfin", film, "elsewhere").address == str(film.parent)
    assert _lay_out(film, "jellyfin", tmp_path) == 6
    for asked in (64, 128):
        assert _found_by_jellyfin(tmp_path / film.name, asked, side=2) == 3
    assert [each.name for each in tmp_path.iterdir()] == [f"{film.stem}.trickplay"]
    sheet = tmp_path / f"{film.stem}.trickplay" / "64 - 2x2" / "0.jpg"
    assert sheet.stat().st_nlink > 1, "the sheets take no more space"
    assert _lay_out(film, "jellyfin", tmp_path) == 0


def test_what_a_server_made_stays(film: Path, tmp_path: Path) -> None:
    """Where a folder differs, nothing is touched, unless it is to be replaced."""
    theirs = tmp_path / f"{film.stem}.trickplay" / "128 - 2x2"
    theirs.mkdir(parents=True)
    (theirs / "0.jpg").write_bytes(b"theirs")
    with pytest.raises(DestinationError, match="is there already and differs"):
        _lay_out(film, "jellyfin", tmp_path)
    assert [each.name for each in tmp_path.rglob("*.jpg")] == ["0.jpg"]
    assert (theirs / "0.jpg").read_bytes() == b"theirs"
    assert _lay_out(film, "jellyfin", tmp_path, replace=True) == 6
    assert len(list(tmp_path.rglob("*"))) == 1 + 2 + 6
    assert (theirs / "0.jpg").read_bytes() != b"theirs"


def test_emby_finds_its_file(film: Path, tmp_path: Path) -> None:
    """The server takes `NAME-WIDTH-SECONDS.bif` beside the video, and it is a BIF."""
    assert _lay_out(film, "emby", tmp_path) == 1
    data = (tmp_path / f"{film.stem}-64-1.bif").read_bytes()
    assert data[:8] == b"\x89BIF\r\n\x1a\n"
    assert struct.unpack("<III", data[8:20]) == (0, 12, 1000)


def test_the_reference_finds_each_second(film: Path, tmp_path: Path) -> None:
    """Each second has its still, counted from 0 in its slice, and each slice its GIF."""
    assert target_for("reference", film, tmp_path).address == str(tmp_path)
    assert _lay_out(film, "reference", tmp_path) == 12 + 3
    base = "Film (2008)"  # what is before the first point
    for position in range(12):
        start = position - position % 5
        with Image.open(tmp_path / f"{base}-{start}-frame-{position - start}.jpg") as still:
            assert still.size == (64, 36)
        with Image.open(tmp_path / f"{base}-{start}.gif") as gif:
            assert gif.format == "GIF"
    assert _lay_out(film, "reference", tmp_path) == 0


def test_a_bucket_gets_copies(film: Path) -> None:
    """In a bucket, files are copied; one that differs is replaced only if it is to be."""
    bucket, store = Store.in_memory(), film.parents[1] / "classic"
    assert lay_out(store, "reference", bucket) == 15
    assert lay_out(store, "reference", bucket) == 0
    with Image.open(BytesIO(bucket.get("Film (2008)-0-frame-0.jpg"))) as still:
        assert still.size == (64, 36)
    bucket.put("Film (2008)-5.gif", b"theirs", "image/gif")
    with pytest.raises(DestinationError, match=r"Film \(2008\)-5.gif is there already"):
        lay_out(store, "reference", bucket)
    assert lay_out(store, "reference", bucket, replace=True) == 1


def test_a_set_in_memory_is_copied(clip: Path, tmp_path: Path) -> None:
    """A set that is not a folder is copied file by file."""
    store = Store.in_memory()
    scrubjay.make(clip, store, recipe=_CLASSIC, engine=_HERE)
    assert lay_out(store, "reference", tmp_path) == 15
    assert (tmp_path / "clip-0-frame-0.jpg").stat().st_nlink == 1


def test_what_cannot_be_laid_out(film: Path, tmp_path: Path, media: Path) -> None:
    """No set, a set without the outputs, and one with gaps for a server are refused."""
    with pytest.raises(DestinationError, match="no finished set"):
        lay_out(tmp_path / "nothing", "jellyfin", tmp_path)
    with pytest.raises(RecipeError, match="nothing for the layout jellyfin"):
        lay_out(film.parents[1] / "classic", "jellyfin", tmp_path)
    with pytest.raises(RecipeError, match="layout reference needs animations"):
        lay_out(film.parents[1] / "servers", "reference", tmp_path)
    with pytest.raises(DestinationError, match="puts files beside the video"):
        target_for("emby", "https://example.org/film.mp4", tmp_path)
    with pytest.raises(IncompleteError):
        scrubjay.make(
            media / "bad" / "garbage_after_30pct.mp4",
            tmp_path / "gaps",
            recipe=_WITH_GAPS,
            engine=_HERE,
        )
    with pytest.raises(DestinationError, match="has gaps"):
        lay_out(tmp_path / "gaps", "jellyfin", tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["gaps"]


@pytest.mark.parametrize("key", ["jellyfin/../../../evil.jpg", "jellyfin//etc/evil.jpg"])
def test_a_stranger_s_set_names_nothing_outside(film: Path, tmp_path: Path, key: str) -> None:
    """A manifest whose tracks lead out of its set is refused before anything is written."""
    stolen = tmp_path / "set"
    shutil.copytree(film.parents[1] / "servers", stolen)
    manifest = json.loads((stolen / "manifest.json").read_text())
    manifest["tracks"]["jellyfin-more"] = key
    (stolen / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "target").mkdir()
    with pytest.raises(DestinationError, match="outside the set"):
        lay_out(stolen, "jellyfin", tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


def test_a_recipe_gets_the_document(film: Path) -> None:
    """A layout adds the document that it needs, once."""
    assert recipe_for(Recipe(), "jellyfin").documents == ("page", "webvtt", "jellyfin")
    assert recipe_for(_SERVERS, "emby") == _SERVERS
    assert recipe_for(Recipe(), "reference") == Recipe()
    assert set(LAYOUTS) == {"jellyfin", "emby", "reference"}
    assert film.exists()


def test_make_lays_out(film: Path, tmp_path: Path) -> None:
    """`make --layout` puts the files beside the video, for several servers in one run."""
    movie = tmp_path / "movie.mp4"
    movie.write_bytes(film.read_bytes())
    arguments = ["make", str(movie), "-o", str(tmp_path / "set"), "--recipe", "trickplay", "-q"]
    arguments += ["--layout", "jellyfin", "--layout", "emby"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "movie.trickplay" / "320 - 10x10" / "0.jpg").is_file()
    assert (tmp_path / "movie-320-10.bif").is_file()
    (tmp_path / "movie-320-10.bif").unlink()
    (tmp_path / "movie-320-10.bif").write_bytes(b"theirs")
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == ExitCode.DESTINATION
    assert "use --replace-layout" in done.stderr
    assert CliRunner().invoke(cli, [*arguments, "--replace-layout"]).exit_code == 0


def test_a_library_is_laid_out(small_clip: Path, tmp_path: Path) -> None:
    """Every film's folder is beside it, and is put there again without opening the film."""
    films = [tmp_path / "films" / name for name in ("A (2008)/A (2008).mkv.mp4", "b.mp4")]
    for film in films:
        film.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(small_clip, film)
    arguments = ["make", str(tmp_path / "films"), "-o", str(tmp_path / "sets"), "--json"]
    arguments += ["--recipe", "trickplay", "--sheet-width", "96", "--layout", "jellyfin"]

    def ended(*more: str, code: int = 0) -> list[tuple[str, str]]:
        done = CliRunner().invoke(cli, [*arguments, *more])
        assert done.exit_code == code, done.stdout
        events = [json.loads(line) for line in done.stdout.splitlines()]
        assert bool([each for each in events if each["event"] == "film_started"]) == is_first
        ended = [each for each in events if each["event"] == "film_ended"]
        return sorted((each["outcome"], each["error"]) for each in ended)

    is_first = True
    assert ended() == [("made", ""), ("made", "")]
    is_first = False
    for film in films:
        [folder] = film.with_suffix(".trickplay").iterdir()
        assert folder.name == "96 - 10x10"
        assert [each.name for each in folder.iterdir()] == ["0.jpg"]
        with Image.open(folder / "0.jpg") as sheet:
            assert sheet.width == 960
    assert ended() == [("already", ""), ("already", "")]
    shutil.rmtree(films[0].with_suffix(".trickplay"))
    (films[1].with_suffix(".trickplay") / "96 - 10x10" / "0.jpg").unlink()
    (films[1].with_suffix(".trickplay") / "96 - 10x10" / "0.jpg").write_bytes(b"theirs")
    assert ended("--dry-run") == [("due", ""), ("due", "")]
    assert ended(code=ExitCode.DESTINATION) == [("already", "DestinationError"), ("made", "")]
    assert films[0].with_suffix(".trickplay").is_dir()
    library = json.loads((tmp_path / "sets" / "library.json").read_text())["films"]
    assert [each["status"] for each in library] == ["complete", "complete"]
    assert "is there already and differs" in library[1]["message"]
    assert ended("--replace-layout") == [("already", ""), ("made", "")]
    films[1].rename(films[1].with_name("new.mp4"))
    (tmp_path / "sets" / "b.mp4").rename(tmp_path / "sets" / "new.mp4")  # as `watch` does it
    assert ended() == [("already", ""), ("made", "")]
    assert [each.name for each in (tmp_path / "films" / "new.trickplay").iterdir()] == [
        "96 - 10x10"
    ]
    done = CliRunner().invoke(cli, ["make", "s3://films/", "-o", "x", "--layout", "emby"])
    assert done.exit_code == ExitCode.DESTINATION
    assert "beside the video, and s3://films/ is not on this machine" in done.stderr

"""What a library has: `library.json` and the index."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from scrubjay import pipeline
from scrubjay.documents.library import library_page
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import DestinationError
from scrubjay.library.catalogue import Catalogue, Entry, entry_of
from scrubjay.model import Animation, Recipe, Sheet, Still
from scrubjay.places.place import Place

SHEETS = Recipe(
    slice_length=Fraction(5), animations=(), frames=(), sheets=(Sheet(width=64),), documents=()
)
MOVING = Recipe(
    slice_length=Fraction(5),
    animations=(Animation(width=64, fps=Fraction(2)),),
    frames=(Still(width=64),),
    sheets=(),
    documents=("page",),
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, other_clip: Path) -> Path:
    """A folder with two sets of a clip of 5 s."""
    folder = tmp_path_factory.mktemp("library")
    for name, recipe in (("S 1/sheets.mkv", SHEETS), ("mo#ving.mkv", MOVING)):
        pipeline.make(other_clip, folder / name, recipe=recipe, engine=InlineEngine())
    return folder


def _catalogue(library: Path) -> Catalogue:
    catalogue = Catalogue(Place.of(library), title="Films")
    for name in ("S 1/sheets.mkv", "mo#ving.mkv"):
        catalogue.add(name, "complete", str(library / name), size_bytes=7)
    return catalogue


def test_an_entry_is_read_from_the_manifest(library: Path) -> None:
    """Each film has its facts, a poster, what it shows on hover, and addresses in quotes."""
    sheets, moving = _catalogue(library).entries
    assert (sheets.name, sheets.status, sheets.size_bytes) == ("S 1/sheets.mkv", "complete", 7)
    assert sheets.duration == 5
    assert sheets.page == ""
    assert sheets.poster
    assert sheets.poster == sheets.hover or sheets.poster.cell
    assert sheets.poster.href.startswith("S%201/sheets.mkv/sheets/")
    assert (sheets.poster.columns, sheets.poster.count, sheets.poster.cell) == (5, 5, 1)
    assert moving.page == "mo%23ving.mkv/index.html"
    assert moving.poster
    assert moving.poster.href.endswith("000001.jpg")
    assert moving.hover
    assert moving.hover.media_type == "image/gif"
    for preview in (sheets.poster, moving.poster, moving.hover):
        assert (library / preview.href.replace("%20", " ").replace("%23", "#")).is_file()


def test_failed_films_are_listed(library: Path) -> None:
    """A film without a set is there with its reason, and has no link."""
    catalogue = _catalogue(library)
    catalogue.add("bad.mkv", "failed", str(library / "bad.mkv"), message="it is text")
    assert catalogue.entries[1] == Entry(
        name="bad.mkv", status="failed", set=str(library / "bad.mkv"), message="it is text"
    )


def test_what_is_known_is_not_read_again(tmp_path: Path, library: Path) -> None:
    """After a second run that made nothing, the list is the same, though no manifest was read."""
    first = Catalogue(Place.of(tmp_path))
    first.add("mo#ving.mkv", "complete", str(library / "mo#ving.mkv"))
    first.add("gone.mkv", "failed", str(tmp_path / "gone.mkv"), message="why")
    first.write()
    second = Catalogue(Place.of(tmp_path))
    manifest = library / "mo#ving.mkv" / "manifest.json"
    hidden = manifest.rename(manifest.with_name("elsewhere"))
    second.add("mo#ving.mkv", "complete", str(library / "mo#ving.mkv"), is_news=False)
    hidden.rename(manifest)
    assert second.entries == first.entries
    assert second.unseen_without_set() == ["gone.mkv"]
    second.forget(["gone.mkv"])
    assert [each.name for each in second.entries] == ["mo#ving.mkv"]


def test_sets_elsewhere_have_relative_addresses(tmp_path: Path, library: Path) -> None:
    """Sets beside the films, or in another folder, are reached from the index."""
    catalogue = Catalogue(Place.of(tmp_path / "index"))
    catalogue.add("a.mkv", "complete", str(library / "mo#ving.mkv"))
    [entry] = catalogue.entries
    assert entry.page.startswith("../")
    assert entry.page.endswith("/mo%23ving.mkv/index.html")


def test_another_page_is_never_replaced(tmp_path: Path) -> None:
    """An index.html without library.json is somebody else's, so it stays."""
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(DestinationError, match="not the index of a library"):
        Catalogue(Place.of(tmp_path))


def test_the_page_contains_the_list(library: Path) -> None:
    """The page has the heading and library.json itself, and replaces those of an earlier run."""
    catalogue = _catalogue(library)
    catalogue.write()
    catalogue.write()
    data = (library / "library.json").read_bytes()
    assert json.loads(data)["format"] == "scrubjay-library/1"
    page = (library / "index.html").read_text()
    assert "<title>Films</title>" in page
    assert json.dumps(json.loads(data)["films"][0]["name"]) in page


def test_a_library_json_of_another_version_is_written_again(tmp_path: Path) -> None:
    """What cannot be read is no obstacle."""
    (tmp_path / "library.json").write_text('{"format": "scrubjay-library/9"}')
    (tmp_path / "index.html").write_text("old")
    assert list(Catalogue(Place.of(tmp_path)).entries) == []


def test_hostile_names_are_text() -> None:
    """Neither a name nor a title can end its element."""
    page = library_page(b'{"films": [{"name": "</script><b>"}]}', title="</title><b>").decode()
    assert "</script><b>" not in page
    assert "</title><b>" not in page


def test_what_is_missing_is_named(tmp_path: Path, library: Path) -> None:
    """A set that lacks only what is made of the whole video has no gaps, but no overview."""
    manifest = json.loads((library / "S 1/sheets.mkv/manifest.json").read_bytes())
    manifest["status"] = "partial"
    manifest["whole"] = {"status": "failed", "reason": "it crashed"}
    manifest["recipe"]["sheets"][0]["per"] = "video"
    (tmp_path / "a.mkv").mkdir()
    (tmp_path / "a.mkv" / "manifest.json").write_text(json.dumps(manifest))
    entry = entry_of("a.mkv", Place.of(tmp_path / "a.mkv"), Place.of(tmp_path))
    assert (entry.status, entry.gaps, entry.missing) == ("partial", 0, ("overview",))
    assert entry.message == "it crashed"

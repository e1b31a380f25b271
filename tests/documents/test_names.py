"""Names: every address in a document leads to a file, whatever the video is called."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import m3u8
import pytest
from bif_reader import read_bif
from numbered import number_in

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.keys import document_key, is_document, video_stem
from scrubjay.model import Recipe, Sheet, Still
from scrubjay.registry import DOCUMENTS

_FRAMES = (
    Still(format="mjpg", width=256, interval=Fraction(4)),
    Still(name="small", format="mjpg", width=64, interval=Fraction(3)),
    Still(name="worse", format="mjpg", width=256, interval=Fraction(4), quality=20),
    Still(name="poster", per="video", width=64),
)
_SHEETS = (
    Sheet(width=64, columns=3, interval=Fraction(2)),
    Sheet(name="master", width=64, columns=2, interval=Fraction(3)),
)


@pytest.fixture(scope="module")
def folder(clips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The set of a clip whose name has spaces, quotes and more, with every document."""
    folder = tmp_path_factory.mktemp("a set")
    recipe = Recipe(
        slice_length=Fraction(6),
        animations=(),
        frames=_FRAMES,
        sheets=_SHEETS,
        documents=tuple(DOCUMENTS),
    )
    scrubjay.make(clips["plain"], folder, recipe=recipe, engine=InlineEngine())
    return folder


def _addresses(folder: Path) -> Iterator[str]:
    """Yield every address that the documents have, as a player reads it."""
    for path in folder.glob("*.m3u8"):
        playlist = m3u8.loads(path.read_text())
        yield from (segment.uri for segment in playlist.segments)
        yield from (each.uri for each in (*playlist.segment_map, *playlist.image_playlists))
        yield from (each.uri for each in playlist.iframe_playlists)
    for path in folder.glob("*.vtt"):
        yield from re.findall(r"^(.+)#xywh=", path.read_text(), re.MULTILINE)
    for path in folder.glob("*.xml"):
        [media] = re.findall(r' media="(.+?)"', path.read_text())
        yield media.replace("$Time%06d$", "000006")
    for path in folder.glob("*.html"):
        yield from re.findall(r'<video[^>]* src="(.+?)"', path.read_text())


def test_every_address_leads_to_a_file(folder: Path) -> None:
    """Resolved as a browser does, against the document's own address."""
    found = set(_addresses(folder))
    assert len(found) >= 15
    for address in found:
        path = Path(unquote(urlsplit(urljoin(f"{folder.as_uri()}/", address)).path))
        assert path.is_file(), address


def test_emby_finds_its_files(folder: Path) -> None:
    """They have the video's name, a width and an interval; the first of one name has it."""
    assert {path.name for path in folder.glob("* ?nï-*.bif")} == {
        'my "film" #1 & ünï-256-4.bif',
        'my "film" #1 & ünï-64-3.bif',
    }
    for name, other in (("256-4", "index.bif"), ("64-3", "index-small.bif")):
        data = (folder / f'my "film" #1 & ünï-{name}.bif').read_bytes()
        assert data == (folder / other).read_bytes()
    pictures = read_bif((folder / "index.bif").read_bytes()).pictures
    assert [number_in(jpeg) for _, jpeg in pictures] == [0, 4 * 24, 8 * 24]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("Film (2008).mkv", "Film (2008)"),
        ("a.b.mp4", "a.b"),
        ("film", "film"),
        (".mp4", ".mp4"),
        ("..", "."),
        ("", "_"),
        ("a/b\\c\nd\x7f.mp4", "a_b_c_d_"),
        ("half\ud800.mp4", "half_"),
        (f"{'ö' * 200}.mp4", "ö" * 100),
    ],
)
def test_a_video_s_name_is_made_safe(name: str, stem: str) -> None:
    """It stays one part of a key, as servers expect it, and short enough for every file system."""
    assert video_stem(name) == stem
    for document in ("emby", "jellyfin"):
        key = document_key(
            DOCUMENTS[document].files[0],
            video=stem,
            width=320,
            interval=10,
            columns=10,
            rows=10,
            number=0,
        )
        assert is_document(key)
        assert {"", ".", ".."}.isdisjoint(key.split("/"))

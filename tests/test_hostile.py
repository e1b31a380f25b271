import os
import socket
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import IncompleteError, ScrubjayError, SourceError
from scrubjay.limits import Limits
from scrubjay.model import Animation, Recipe, Still
from scrubjay.places.place import Place

_BAD = (Path(__file__).parents[1] / ".." / "shared" / "media" / "bad").resolve()
FILES = sorted(path.name for path in _BAD.glob("*")) or ["(no media folder)"]

QUICK = Recipe(
    slice_length=Fraction(4),
    animations=(Animation(fps=Fraction(2), width=64),),
    frames=(Still(width=64),),
)

_DEADLINE = 300


class _Outcome:
    """How a run ended: with a manifest, or with an error."""

    manifest: object = None
    error: BaseException | None = None


def _attempt(video: Path, folder: Path) -> _Outcome:
    """Run in a thread, so that a hang fails the test and not the suite."""
    outcome = _Outcome()
    limits = Limits(memory_limit=512)

    def run() -> None:
        try:
            with ProcessEngine(workers=1, attempts=2, stall_timeout=60, limits=limits) as engine:
                outcome.manifest = scrubjay.make(video, folder, recipe=QUICK, engine=engine)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            outcome.error = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_DEADLINE)
    assert not thread.is_alive(), f"{video.name} still runs after {_DEADLINE} s"
    return outcome


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_ends_well(media: Path, tmp_path: Path, name: str) -> None:
    """Every damaged or hostile file ends as a set, with or without gaps, or as a clear error."""
    folder = tmp_path / "set"
    outcome = _attempt(media / "bad" / name, folder)
    manifest_there = (folder / "manifest.json").exists()
    if outcome.error is None or isinstance(outcome.error, IncompleteError):
        assert manifest_there
    else:
        assert isinstance(outcome.error, ScrubjayError), repr(outcome.error)
        assert name in str(outcome.error) or "slice" in str(outcome.error)
        assert "\n" not in str(outcome.error)
        assert not manifest_there
    assert not list(tmp_path.rglob("*#*"))


@pytest.fixture
def knocks() -> Iterator[tuple[int, Callable[[], int]]]:
    """Listen on a port of this machine; say which, and how often somebody has come."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)

        def count() -> int:
            try:
                server.accept()[0].close()
            except BlockingIOError:
                return 0
            return 1

        yield server.getsockname()[1], count


_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
_DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT9S"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>"
)
_CONCAT = "ffconcat version 1.0\nfile '{target}'\n"


@pytest.mark.parametrize("name", ["video.mp4", "video.ts", "list.m3u8", "list.mpd", "video"])
@pytest.mark.parametrize("script", [_HLS, _DASH, _CONCAT], ids=["hls", "dash", "concat"])
def test_a_playlist_opens_nothing_else(
    tmp_path: Path,
    clip: Path,
    knocks: tuple[int, Callable[[], int]],
    script: str,
    name: str,
) -> None:
    """A file that names other files or hosts is no video: neither is ever opened."""
    port, count = knocks
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(clip.read_bytes())
    os.utime(secret, ns=(0, 0))
    video = tmp_path / name
    with ProcessEngine(workers=1) as engine:
        for target in (str(secret), f"http://127.0.0.1:{port}/video.mp4", "secret.mp4"):
            video.write_text(script.format(target=target))
            with pytest.raises(SourceError, match=name):
                engine.probe(Place.of(video))
    assert secret.stat().st_atime_ns == 0
    assert count() == 0

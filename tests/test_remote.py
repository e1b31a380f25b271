"""Videos on web servers: what they cost to read, and what happens when servers misbehave."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from http.client import HTTPResponse
from pathlib import Path
from typing import NamedTuple

import av
import pytest
import trustme
from films import write_clip, write_film
from msgspec.structs import replace
from range_server import RangeServer

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import (
    LimitError,
    SourceChangedError,
    SourceError,
    SourceForbiddenError,
    SourceNotFoundError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.media.probe import probe_media
from scrubjay.media.source import identify, open_container
from scrubjay.media.web import web_options
from scrubjay.model import PRESETS, Plan, Recipe, Sheet
from scrubjay.places import ranges
from scrubjay.places.place import Place
from scrubjay.places.remote import RemoteFile, pinned, server_error
from scrubjay.planning import make_plan
from scrubjay.sets.store import Store
from scrubjay.slices.renderer import SliceRenderer

Set = dict[str, bytes]

SHORT = Recipe(slice_length=Fraction(5))
"""Slices of the clip: 5, 5 and 2 seconds."""


class Cost(NamedTuple):
    """What a slice cost to read."""

    requests: int
    amplification: float
    """Bytes sent, for each byte of the slice in the file, sound included."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make long films: `films("hour.mp4", 3600, movflags="")`."""
    folder = tmp_path_factory.mktemp("films")
    clip = folder / "clip.mp4"
    write_clip(clip)

    def films(name: str, seconds: int, movflags: str = "") -> Path:
        path = folder / name
        if not path.exists():
            write_film(clip, path, seconds, movflags=movflags)
        return path

    return films


@pytest.fixture
def web(clip: Path) -> Iterator[RangeServer]:
    """A web server that has the clip."""
    with RangeServer(clip.parent) as server:
        yield server


def _planned(place: Place, recipe: Recipe) -> Plan:
    found, media = probe_media(place)
    return make_plan(found, media, recipe)


def _slices(plan: Plan, place: Place, *indexes: int) -> Set:
    store = Store.in_memory()
    with SliceRenderer(plan, source=place, store=store) as bench:
        for index in indexes:
            bench.make(index)
    return {key: store.get(key) for key in store.sizes()}


def _own_bytes(path: Path, start: Fraction, end: Fraction) -> int:
    """Return how many bytes of a file belong to a stretch of time, sound included."""
    size = 0
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        base = video.time_base or Fraction(1)
        container.seek(int(start / base), stream=video)
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            time = packet.pts * packet.time_base
            if packet.stream is video and time >= end:
                break
            size += packet.size if start <= time < end else 0
    return size


def _cost(path: Path, recipe: Recipe) -> Cost:
    """Make the slice in the middle of a film on a server."""
    with RangeServer(path.parent) as server:
        place = pinned(Place.of(f"{server.url}/{path.name}"))
        plan = _planned(place, recipe)
        part = plan.slices[len(plan.slices) // 2]
        server.forget()
        _slices(plan, place, part.index)
        return Cost(len(server.requests), server.sent / _own_bytes(path, part.start, part.end))


@pytest.mark.parametrize(
    ("name", "seconds", "movflags", "requests", "amplification"),
    [
        ("hour.mp4", 3600, "", 5, 1.35),
        ("three_hours.mp4", 10800, "", 5, 1.7),
        ("faststart.mp4", 600, "faststart", 2, 1.25),
        ("fragments.mp4", 1200, "frag_keyframe+empty_moov+default_base_moof", 5, 1.35),
        ("film.mkv", 1200, "", 5, 1.3),
    ],
)
def test_a_slice_costs_little_more_than_itself(
    films: Callable[..., Path],
    name: str,
    seconds: int,
    movflags: str,
    requests: int,
    amplification: float,
) -> None:
    """30 s from the middle of a long film take a handful of requests and few other bytes.

    What is on its way when nobody wants it any more is counted, and depends on the machine's other
    work: it only adds, so the least of three costs tells.
    """
    path = films(name, seconds, movflags)
    for _ in range(3):
        cost = _cost(path, Recipe())
        if cost.requests <= requests and cost.amplification <= amplification:
            break
    assert cost.requests <= requests
    assert cost.amplification <= amplification


def test_sparse_pictures_are_sought(films: Callable[..., Path]) -> None:
    """A picture every 10 s takes a request for each, and not the film between them."""
    sheet = Sheet(interval=Fraction(10), width=320)
    recipe = replace(PRESETS["trickplay"], slice_length=Fraction(60), sheets=(sheet,))
    path = films("hour.mp4", 3600)
    cost = _cost(path, recipe)
    pictures = recipe.slice_length / recipe.sheets[0].interval
    assert cost.requests <= pictures + 4


@pytest.mark.parametrize("name", ["hour.mp4", "film.mkv"])
def test_a_probe_reads_little(films: Callable[..., Path], name: str) -> None:
    """What a film is, and how long, takes some samples and its end; as if it were a file."""
    path = films(name, 3600 if name == "hour.mp4" else 1200)
    with RangeServer(path.parent) as server:
        place = Place.of(f"{server.url}/{name}")
        found = probe_media(place)
        assert len(server.requests) <= 75
        assert server.sent <= 16 << 20
    assert found == probe_media(Place.of(path))


@pytest.mark.parametrize(("name", "requests"), [("hour.mp4", 5), ("film.mkv", 5), ("film.ts", 24)])
def test_a_frame_takes_few_requests(films: Callable[..., Path], name: str, requests: int) -> None:
    """In the middle of a film with an index, five at most; a transport stream has none."""
    seconds = 3600 if name == "hour.mp4" else 1200
    with RangeServer(films(name, seconds).parent) as server, InlineEngine() as engine:
        made = scrubjay.frame(f"{server.url}/{name}", at=seconds // 2 + 1, engine=engine)
        assert abs(made.source_times[0] - seconds // 2 - 1) < Fraction(1, 25)
        assert len(server.requests) <= requests


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 4 << 20, (4 << 20) + 1, 9_999_999])
def test_a_copy_on_a_server_is_the_same_video(tmp_path: Path, size: int) -> None:
    """A video is known by the same fingerprint wherever it lies."""
    path = tmp_path / "video.bin"
    path.write_bytes(bytes(k * k % 251 for k in range(size)))
    with RangeServer(tmp_path) as server:
        assert identify(Place.of(f"{server.url}/video.bin")) == identify(Place.of(path))


def test_a_set_is_the_same_from_anywhere(clip: Path, web: RangeServer) -> None:
    """Every byte that is made of a video on a server is made of the file as well."""
    local, there = Place.of(clip), pinned(Place.of(f"{web.url}/clip.mp4"))
    plan = _planned(there, SHORT)
    assert plan == _planned(local, SHORT)
    assert _slices(plan, there, 0, 1, 2) == _slices(plan, local, 0, 1, 2)


# Servers that misbehave -------------------------------------------------------------------------


def _drop(server: RangeServer) -> None:
    server.does.drop_after, server.does.drops = 40_000, 1


def _drop_always(server: RangeServer) -> None:
    server.does.drop_after, server.does.drops = 70_000, 99


def _fail_twice(server: RangeServer) -> None:
    server.does.errors = [503, 429]


def _expire_at_once(server: RangeServer) -> None:
    now = len(server.requests)
    server.does.is_expired = lambda number, _: number == now


def _expire_in_the_middle(server: RangeServer) -> None:
    _drop(server)
    now = len(server.requests)
    server.does.is_expired = lambda number, _: number == now + 1


def _fail_longer(server: RangeServer) -> None:
    server.does.errors = [503] * 5  # more than FFmpeg bears: the video is opened anew


@pytest.mark.parametrize(
    "trouble",
    [_drop, _drop_always, _fail_twice, _expire_at_once, _expire_in_the_middle, _fail_longer],
)
@pytest.mark.parametrize("name", ["faststart.mp4", "film.mkv"])
def test_trouble_on_the_way_changes_nothing(
    films: Callable[..., Path], name: str, trouble: Callable[[RangeServer], None]
) -> None:
    """Broken connections, busy servers, URLs that expire: the set is the same, byte for byte."""
    path = films(name, 600 if name == "faststart.mp4" else 1200, "faststart" * ("mp4" in name))
    plan, expected = _middle_of(path)
    with RangeServer(path.parent) as server:
        place = pinned(Place.of(f"{server.url}/{name}"))
        store = Store.in_memory()
        with SliceRenderer(plan, source=place, store=store) as bench:
            trouble(server)
            bench.make(len(plan.slices) // 2)
            server.does.drops = 0
    assert {key: store.get(key) for key in store.sizes()} == expected


@cache
def _middle_of(path: Path) -> tuple[Plan, Set]:
    """Plan a film in slices of 3 s, and make the one in the middle from the file itself."""
    plan = _planned(Place.of(path), Recipe(slice_length=Fraction(3)))
    return plan, _slices(plan, Place.of(path), len(plan.slices) // 2)


def _forbid(server: RangeServer) -> None:
    server.does.is_expired = lambda _number, _query: True


def _remove(server: RangeServer) -> None:
    server.folder = Path("/nowhere")


def _fail_always(server: RangeServer) -> None:
    server.does.errors = [503] * 99


@pytest.mark.parametrize(
    ("trouble", "error", "words"),
    [
        (_forbid, SourceForbiddenError, r"cannot be read: its server refuses access \(403\)"),
        (_remove, SourceNotFoundError, "does not exist"),
        (_fail_always, SourceUnavailableError, "its server answered 503"),
    ],
)
def test_what_a_server_refuses_is_said(
    clip: Path,
    web: RangeServer,
    trouble: Callable[[RangeServer], None],
    error: type[SourceError],
    words: str,
) -> None:
    """A video that cannot be read is one clear sentence, in probing and in the middle of a run."""
    place = Place.of(f"{web.url}/{clip.name}?token=SECRET")
    plan = _planned(place, SHORT)
    with SliceRenderer(plan, source=place, store=Store.in_memory()) as bench:
        trouble(web)
        with pytest.raises(error, match=words):
            bench._open_reader()  # as when a URL has expired
    with pytest.raises(error, match=words) as caught:
        pinned(Place.of(f"{web.url}/{clip.name}?token=SECRET"))
    assert "SECRET" not in str(caught.value)


def test_what_cannot_be_opened_again_is_opened_later(clip: Path, web: RangeServer) -> None:
    """After a server refused for a while, the same bench makes the slice after all."""
    place = Place.of(f"{web.url}/{clip.name}")
    plan = _planned(place, SHORT)
    with SliceRenderer(plan, source=place, store=Store.in_memory()) as bench:
        _forbid(web)
        for _ in range(2):
            with pytest.raises(SourceForbiddenError):
                bench._open_reader()
            with pytest.raises(SourceForbiddenError):
                bench.make(0)
        web.forget()
        assert [record.start for record in bench.make(0)] == [0] * len(plan.outputs)


@pytest.mark.parametrize(
    ("status", "error"), [(400, SourceUnavailableError), (403, SourceForbiddenError)]
)
def test_a_hiccup_in_opening_may_pass(
    clip: Path, web: RangeServer, status: int, error: type[SourceError]
) -> None:
    """What opened when it was planned, and does not now, is tried again; unless it is forbidden."""
    place = Place.of(f"{web.url}/{clip.name}")
    plan = _planned(place, SHORT)
    web.does.errors = [status] * 2
    with pytest.raises(error), SliceRenderer(plan, source=place, store=Store.in_memory()):
        pass
    web.forget()
    assert _slices(plan, place, 0)


def test_a_video_that_is_replaced_is_noticed(tmp_path: Path, clip: Path, other_clip: Path) -> None:
    """Bytes of two videos are never mixed: a new version ends the reading."""
    video = tmp_path / "video.mp4"
    video.write_bytes(clip.read_bytes())
    with RangeServer(tmp_path) as server:
        place = pinned(Place.of(f"{server.url}/video.mp4"))
        plan = _planned(place, SHORT)
        video.write_bytes(other_clip.read_bytes())
        with pytest.raises(SourceChangedError):
            _slices(plan, place, 0)
        server.does.has_etag = False
        with pytest.raises(SourceChangedError):
            _slices(plan, Place.of(place.address), 0)


def test_a_server_that_checks_no_version_is_checked(clip: Path, web: RangeServer) -> None:
    """Where `If-Match` is ignored, the version that the server names is compared here."""
    place = pinned(Place.of(f"{web.url}/{clip.name}"))
    web.does.checks_etag = False
    assert server_error(place) is None
    web.does.etag = '"another"'
    with pytest.raises(SourceChangedError):
        RemoteFile(place)


@pytest.mark.parametrize("etag", ['W/"weak"', "unquoted", '"', '""', '"\xe9"'])
def test_a_version_that_cannot_be_asked_for_is_none(
    clip: Path, web: RangeServer, etag: str
) -> None:
    """A version that would never match is not asked for."""
    web.does.etag = etag
    place = pinned(Place.of(f"{web.url}/{clip.name}"))
    assert not place.etag
    assert server_error(place) is None
    assert ranges.etag_header("of-an-event") == '"of-an-event"'


def test_a_server_that_sends_another_range_is_refused(clip: Path, web: RangeServer) -> None:
    """Bytes from elsewhere in the video are not taken for those that were asked for."""
    web.does.shift = 1
    with pytest.raises(SourceUnreadableError, match="another range than requested"):
        pinned(Place.of(f"{web.url}/{clip.name}"))


def test_an_address_that_no_server_can_have_is_said(web: RangeServer) -> None:
    """A host that cannot be looked up is no bug, neither at first nor after a redirect."""
    with pytest.raises(SourceUnreadableError, match="malformed"):
        pinned(Place.of("http://a..b/x.mp4"))
    web.does.redirect = "http://[::1/x.mp4"
    with pytest.raises(SourceUnreadableError, match="malformed"):
        pinned(Place.of(f"{web.url}/clip.mp4"))


def test_a_refused_answer_is_closed(web: RangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer that is not the one asked for, the connection does not stay open."""
    web.does.has_ranges = False
    answers: list[HTTPResponse] = []
    check = ranges._checked

    def checked(place: Place, response: HTTPResponse, start: int) -> object:
        answers.append(response)
        return check(place, response, start)

    monkeypatch.setattr(ranges, "_checked", checked)
    url = f"{web.url}/clip.mp4"
    with pytest.raises(SourceUnreadableError, match="range requests"):
        ranges.opened(Place.of(url), url, 0)
    assert [each.isclosed() for each in answers] == [True]


def test_a_server_without_ranges_is_refused(web: RangeServer) -> None:
    """A server that sends all or nothing is refused before it sends all, a slice at a time."""
    web.does.has_ranges = False
    with pytest.raises(SourceUnreadableError, match="download it first"):
        pinned(Place.of(f"{web.url}/clip.mp4"))


def test_an_empty_video_is_said(tmp_path: Path) -> None:
    """A video without any byte is named as that."""
    (tmp_path / "video.mp4").touch()
    with RangeServer(tmp_path) as server, pytest.raises(SourceUnreadableError, match="is empty"):
        pinned(Place.of(f"{server.url}/video.mp4"))


def test_nobody_answers() -> None:
    """A server that is not there is said in seconds."""
    with pytest.raises(SourceUnavailableError, match="refused"):
        pinned(Place.of("http://127.0.0.1:9/video.mp4"))


_NO_INDEX = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"


def test_fragments_without_an_index_are_read_in_one_pass(films: Callable[..., Path]) -> None:
    """A fragmented MP4 without an index is read on, not by a request for each of its fragments."""
    path = films("no_index_short.mp4", 80, _NO_INDEX)
    with RangeServer(path.parent) as server:
        place = Place.of(f"{server.url}/no_index_short.mp4")
        assert probe_media(place) == probe_media(Place.of(path))
        assert len(server.requests) <= 90  # of these, 64 are samples by which it is known
        assert server.sent <= 4 * path.stat().st_size
        engine = scrubjay.InlineEngine()
        remote, local = Store.in_memory(), Store.in_memory()
        recipe = scrubjay.Recipe(animations=(), frames=(scrubjay.Still(width=64),))
        assert scrubjay.make(place, remote, recipe=recipe, engine=engine).status == "complete"
        first = scrubjay.make(path, local, recipe=recipe, engine=engine).frames[0]
        assert first.time == 0  # FFmpeg loses the first packet where it asks for each jump
        assert remote.get(first.key) == local.get(first.key)


def test_large_fragments_without_an_index_are_refused(films: Callable[..., Path]) -> None:
    """One that is larger than may be fetched whole is refused after a few requests."""
    path = films("no_index.mp4", 1200, _NO_INDEX)
    with RangeServer(path.parent) as server:
        with pytest.raises(LimitError, match=r"--max-one-pass, or remux.* -movflags"):
            probe_media(Place.of(f"{server.url}/no_index.mp4"))
        assert len(server.requests) <= 75
        assert server.sent <= 8 << 20


@pytest.mark.parametrize("flags", ["+global_sidx+skip_trailer", ""])
def test_fragments_with_an_index_are_read(films: Callable[..., Path], flags: str) -> None:
    """An index at the start or at the end of a fragmented MP4 says how long it is."""
    name = f"indexed{len(flags)}.mp4"
    path = films(name, 1200, f"frag_keyframe+empty_moov+default_base_moof{flags}")
    with RangeServer(path.parent) as server:
        media = probe_media(Place.of(f"{server.url}/{name}"))[1]
        assert server.sent <= 16 << 20
    assert media.duration == probe_media(Place.of(path))[1].duration


# Whom to trust ----------------------------------------------------------------------------------


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """The only authority that is trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    ranges.ca_file.cache_clear()
    ranges._opener.cache_clear()
    yield authority
    ranges.ca_file.cache_clear()
    ranges._opener.cache_clear()


def _tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_a_certificate_is_checked(clip: Path, trusted: trustme.CA) -> None:
    """A server is read if its certificate is of its name and of an authority that is trusted."""
    plan = _planned(Place.of(clip), SHORT)
    with RangeServer(clip.parent, _tls(trusted, "127.0.0.1")) as server:
        place = pinned(Place.of(f"{server.url}/{clip.name}"))
        assert _slices(plan, place, 1) == _slices(plan, Place.of(clip), 1)
    for context in (_tls(trustme.CA(), "127.0.0.1"), _tls(trusted, "example.org")):
        with RangeServer(clip.parent, context) as server:
            place = Place.of(f"{server.url}/{clip.name}")
            with pytest.raises(SourceUnreadableError, match="certificate"):
                pinned(place)
            with pytest.raises(SourceUnreadableError, match="certificate"), open_container(place):
                pass
            assert not server.requests


def test_redirects_stay_encrypted(clip: Path, trusted: trustme.CA, web: RangeServer) -> None:
    """A redirect leads to another web server, but not from HTTPS to HTTP or to a file."""
    with RangeServer(clip.parent, _tls(trusted, "127.0.0.1")) as server:
        there = Place.of(f"{server.url}/{clip.name}")
        for target in (f"{web.url}/{clip.name}", clip.as_uri()):
            server.does.redirect = target
            with pytest.raises(SourceError):
                pinned(there)
            with pytest.raises(SourceError), open_container(there):
                pass
        assert not web.requests
        server.forget()
        web.does.redirect = f"{server.url}/{clip.name}"
        here = Place.of(f"{web.url}/{clip.name}")
        assert probe_media(here) == probe_media(Place.of(clip))


def test_a_playlist_on_a_server_opens_nothing(tmp_path: Path, web: RangeServer) -> None:
    """A playlist that calls itself a video is none, and what it names is not asked for."""
    target = f"{web.url}/clip.mp4"
    (tmp_path / "video.mp4").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
    )
    with RangeServer(tmp_path) as server, pytest.raises(SourceUnreadableError):
        probe_media(Place.of(f"{server.url}/video.mp4"))
    assert not web.requests


# Proxies ----------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment that names no proxy."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    ranges._opener.cache_clear()
    yield monkeypatch
    ranges._opener.cache_clear()


class _Tunnel(socketserver.StreamRequestHandler):
    """A proxy for HTTPS that leads everybody to one server."""

    server: "_Proxy"

    def handle(self) -> None:
        """Answer `CONNECT`, then hand on what is said."""
        asked = self.rfile.readline().decode()
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(asked)
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.target)) as there:
            back = threading.Thread(target=_pump, args=(there, self.connection))
            back.start()
            _pump(self.connection, there)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(64 << 10):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of them has hung up


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, target: int) -> None:
        self.target, self.asked = target, list[str]()
        super().__init__(("127.0.0.1", 0), _Tunnel)


def test_https_goes_through_a_proxy(
    clip: Path, trusted: trustme.CA, environment: pytest.MonkeyPatch
) -> None:
    """What is read here and what FFmpeg reads take the tunnel that `https_proxy` names."""
    with (
        RangeServer(clip.parent, _tls(trusted, "films.example")) as server,
        _Proxy(int(server.url.rpartition(":")[2])) as proxy,
    ):
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        environment.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
        place = pinned(Place.of(f"https://films.example/{clip.name}"))
        asked = len(proxy.asked)
        with open_container(place) as container:
            assert container.streams.video
        assert len(proxy.asked) > asked
        proxy.shutdown()
    assert all(each.startswith("CONNECT films.example:443 ") for each in proxy.asked)


def test_http_goes_through_a_proxy(
    clip: Path, web: RangeServer, environment: pytest.MonkeyPatch
) -> None:
    """A proxy is used for HTTP if it is named for that, also without its scheme."""
    environment.setenv("http_proxy", web.url.removeprefix("http://"))
    place = Place.of(f"http://films.example/{clip.name}")
    assert probe_media(place) == probe_media(Place.of(clip))


def test_ffmpeg_asks_whom_we_ask(
    clip: Path, web: RangeServer, environment: pytest.MonkeyPatch
) -> None:
    """A proxy for other addresses is not FFmpeg's, though it would take `http_proxy` for all."""
    environment.setenv("http_proxy", "http://127.0.0.1:9")
    assert web_options(Place.of("https://h/x"), "https://h/x")["http_proxy"] == ""
    environment.setenv("no_proxy", "127.0.0.0/8," + web.url.removeprefix("http://"))
    with open_container(Place.of(f"{web.url}/{clip.name}")) as container:
        assert container.streams.video

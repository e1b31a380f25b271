"""Web servers that drip, and addresses that lead into private networks."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from range_server import RangeServer

from scrubjay.errors import SourceError, SourceUnavailableError, SourceUnreadableError
from scrubjay.media.source import open_container
from scrubjay.media.web import web_request
from scrubjay.places import connecting, ranges
from scrubjay.places.connecting import is_public
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned

_HEAD = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 100000\r\n"
DRIPS = {
    "status": b"HTTP/1.1 2",
    "header": _HEAD + b"X-Slow: ",
    "body": _HEAD + b"Content-Range: bytes 0-99999/100000\r\n\r\n",
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 100000\r\n\r\n",
    "handshake": b"",
}


class _Dripping:
    """A server that sends a beginning, and then a byte now and then."""

    def __init__(self, begin: bytes, tls: ssl.SSLContext | None) -> None:
        self._begin, self._tls = begin, tls
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._drip, args=(client,)).start()

    def _drip(self, client: socket.socket) -> None:
        try:
            if self._tls and self._begin:
                client = self._tls.wrap_socket(client, server_side=True)
            client.sendall(self._begin)
            while not self._stop.wait(0.05):
                client.sendall(b"a" if self._begin else b"\x16")
        except OSError:
            pass
        finally:
            client.close()

    def close(self) -> None:
        """Stop serving."""
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def dripping() -> Iterator[Callable[..., int]]:
    """Start servers that drip: `dripping(begin, tls)` returns the port."""
    servers: list[_Dripping] = []

    def start(begin: bytes, tls: ssl.SSLContext | None = None) -> int:
        servers.append(_Dripping(begin, tls))
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """The only authority that is trusted."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    ranges.ca_file.cache_clear()
    ranges._opener.cache_clear()
    yield authority
    ranges.ca_file.cache_clear()
    ranges._opener.cache_clear()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("what", DRIPS)
def test_a_server_that_drips_is_left(
    dripping: Callable[..., int],
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    what: str,
) -> None:
    """A server that sends a byte now and then does not hold a request beyond its deadline."""
    monkeypatch.setattr(ranges, "_REQUEST_SECONDS", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    port = dripping(DRIPS[what], context if scheme == "https" else None)
    url = f"{scheme}://127.0.0.1:{port}/a.mp4"
    with pytest.raises(SourceError):
        ranges.fetch(Place.of(url), url, 0, 100, patient=False)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104  an address like the others
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d822", True),
        ("2002:a00:1::", False),
    ],
)
def test_addresses_are_public_or_not(address: str, expected: object) -> None:
    """Private, local, shared and embedded private addresses are not of the public internet."""
    assert is_public(address) is expected


def _public(url: str) -> Place:
    place = Place.of(url)
    return Place(address=place.address, public_only=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433"])
def test_a_private_address_is_refused(clip: Path, host: str) -> None:
    """Where only the public internet may be read, this machine is not connected to."""
    with RangeServer(clip.parent) as server:
        url = server.url.replace("127.0.0.1", host) + f"/{clip.name}"
        with pytest.raises(SourceUnreadableError, match="private network"):
            pinned(_public(url))
        with (
            pytest.raises(SourceUnreadableError, match="private network"),
            open_container(_public(url)),
        ):
            pass
        assert not server.requests
        assert pinned(Place.of(url)).etag


@pytest.fixture
def one_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take 127.0.0.1 for an address of the public internet, and only that."""
    monkeypatch.setattr(connecting, "is_public", lambda address: address == "127.0.0.1")


@pytest.mark.usefixtures("one_public")
def test_a_redirect_to_a_private_address_is_refused(clip: Path) -> None:
    """A public server cannot send us into a private network, nor FFmpeg."""
    with RangeServer(clip.parent) as server, socket.create_server(("127.0.0.2", 0)) as private:
        private.settimeout(0)
        server.does.redirect = f"http://127.0.0.2:{private.getsockname()[1]}/{clip.name}"
        place = _public(f"{server.url}/{clip.name}")
        with pytest.raises(SourceUnreadableError, match="private network"):
            pinned(place)
        with pytest.raises(SourceError, match="private network"), open_container(place):
            pass
        with pytest.raises(BlockingIOError):
            private.accept()


@pytest.mark.usefixtures("one_public")
def test_ffmpeg_is_given_the_address_that_was_checked(clip: Path) -> None:
    """Over HTTP the address stands in the URL, the name in `Host`, and no redirect is followed."""
    with RangeServer(clip.parent) as server, RangeServer(clip.parent) as other:
        port = server.url.rpartition(":")[2]
        place = _public(f"http://localhost:{port}/{clip.name}")
        url, options = web_request(place)
        assert url == f"http://127.0.0.1:{port}/{clip.name}"
        assert f"Host: localhost:{port}\r\n" in options["headers"]
        with open_container(place) as container:
            assert container.streams.video
        assert server.requests[-1].headers["Host"] == f"localhost:{port}"
        other.does.redirect = f"{server.url}/{clip.name}"
        with open_container(_public(f"{other.url}/{clip.name}")) as container:
            assert container.streams.video


@pytest.mark.usefixtures("one_public")
def test_ffmpeg_follows_no_redirect_of_its_own(clip: Path) -> None:
    """A server that answers our request, and sends FFmpeg elsewhere, leads nowhere."""
    with RangeServer(clip.parent) as server, RangeServer(clip.parent) as other:
        place = _public(f"{server.url}/{clip.name}")

        def answers_once(number: int, _: str) -> bool:
            if number:
                server.does.redirect = f"{other.url}/{clip.name}"
            return False

        server.does.is_expired = answers_once
        with pytest.raises(SourceError), open_container(place):
            pass
        assert len(server.requests) > 1
        assert {each.headers["User-Agent"] for each in other.requests} <= {"scrubjay"}  # checked


def test_a_bucket_s_server_may_send_nowhere_private() -> None:
    """What a cloud's own servers redirect to must be public; --endpoint's is trusted."""
    cloud, own = Place.of("s3://films/a.mp4"), Place.of("s3://films/a.mp4", endpoint="http://x")
    assert ranges._route(cloud, 1).redirects_public_only
    assert not ranges._route(cloud, 1).public_only
    assert not ranges._route(own, 1).redirects_public_only


def test_a_name_that_cannot_be_looked_up_may_pass() -> None:
    """A name without an address is an error that may pass."""
    url = "http://no-such-name.invalid/a.mp4"
    with pytest.raises(SourceUnavailableError):
        ranges.fetch(Place.of(url), url, 0, 1, patient=False)

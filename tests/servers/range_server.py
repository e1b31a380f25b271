"""A web server on this machine that counts what it sends, and misbehaves as it is told."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

_SPAN = re.compile(r"bytes=(\d+)-(\d*)")
_SEND_BUFFER = 64 << 10


@dataclass
class Behaviour:
    """How the server treats requests for files."""

    latency: float = 0.0
    """Seconds before each answer."""
    drop_after: int | None = None
    """Bytes after which an answer breaks off, as often as `drops` says."""
    drops: int = 0
    errors: list[int] = field(default_factory=list[int])
    """Statuses to answer next, each once."""
    is_expired: Callable[[int, str], bool] = lambda _number, _query: False
    """Whether to answer 403, by the number of the request, from 0, and its query."""
    has_etag: bool = True
    checks_etag: bool = True
    """Whether to know `If-Match`."""
    etag: str = ""
    """What to call every file, instead of a version that changes with it."""
    shift: int = 0
    """How many bytes too late every range begins."""
    has_ranges: bool = True
    redirect: str = ""
    """Where to send everybody."""
    is_silent: bool = False
    """Whether to take requests and say nothing."""


@dataclass
class Request:
    """What was asked and what was sent."""

    path: str
    query: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


class RangeServer:
    """Serves a folder over HTTP/1.1 with ranges; with a certificate, over HTTPS.

    Args:
        folder: whose files are served.
        tls: where it is given, HTTPS.
    """

    def __init__(self, folder: Path, tls: ssl.SSLContext | None = None) -> None:
        self.folder = folder
        self.does = Behaviour()
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._server = _Server(self)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "https" if tls else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.does.is_silent = False
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def sent(self) -> int:
        """How many bytes of files it has pushed."""
        return sum(each.sent for each in self.requests)

    def forget(self) -> None:
        """Count from here, and behave."""
        self.requests.clear()
        self.does = Behaviour()

    def note(self, request: Request) -> int:
        """Write a request down, and return its number."""
        with self._lock:
            self.requests.append(request)
            return len(self.requests) - 1

    def take_error(self) -> int | None:
        """Return the status to answer this time, if any."""
        with self._lock:
            return self.does.errors.pop(0) if self.does.errors else None

    def take_drop(self) -> int | None:
        """Return after how many bytes to break off this time, if at all."""
        with self._lock:
            if not self.does.drops:
                return None
            self.does.drops -= 1
            return self.does.drop_after


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: RangeServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up, or trust nobody, are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        super().setup()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        owner, parts = self.server.owner, urlsplit(self.path)
        does = owner.does
        request = Request(parts.path, parts.query, dict(self.headers))
        number = owner.note(request)
        while does.is_silent:
            time.sleep(0.05)
        time.sleep(does.latency)
        path = owner.folder / unquote(parts.path).lstrip("/")
        error = owner.take_error()
        if error is None and does.is_expired(number, parts.query):
            error = 403
        if error is None and not path.is_file():
            error = 404
        if error is None and does.redirect:
            error = 302
        etag = does.etag or _etag(path) if path.is_file() and does.has_etag else ""
        wanted = self.headers.get("If-Match") if does.checks_etag else None
        if error is None and wanted not in {None, etag}:
            error = 412
        if error is not None:
            self._refuse(request, error, does.redirect)
            return
        self._send(request, path, etag)

    def _refuse(self, request: Request, status: int, location: str) -> None:
        request.status = status
        self.send_response(status)
        if status == 302:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, request: Request, path: Path, etag: str) -> None:
        size = path.stat().st_size
        span = _SPAN.fullmatch(self.headers.get("Range", ""))
        start, end = 0, size - 1
        if span and self.server.owner.does.has_ranges:
            start, end = int(span[1]) + self.server.owner.does.shift, min(int(span[2] or end), end)
            if start >= size:
                self._refuse(request, 416, "")
                return
            request.status = 206
        else:
            request.status = 200
        self.send_response(request.status)
        if request.status == 206:
            self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
            self.send_header("Accept-Ranges", "bytes")
        if etag:
            self.send_header("ETag", etag)
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        self._push(request, path, start, end + 1)

    def _push(self, request: Request, path: Path, start: int, end: int) -> None:
        breaks_at = self.server.owner.take_drop()
        with path.open("rb") as file:
            file.seek(start)
            while start < end:
                piece = file.read(min(16 << 10, end - start))
                self.connection.sendall(piece)
                request.sent += len(piece)
                start += len(piece)
                if breaks_at is not None and request.sent >= breaks_at:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return


def _etag(path: Path) -> str:
    status = path.stat()
    text = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
    return f'"{md5(text.encode(), usedforsecurity=False).hexdigest()}"'

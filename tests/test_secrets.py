"""No secret of an address is ever shown or kept, however a run ends."""

import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av.error
import pytest
from range_server import RangeServer

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import DestinationError, SourceError, StoreError
from scrubjay.media.ffmpeg import source_errors
from scrubjay.places.place import Place
from scrubjay.sets.store import Store

SECRETS = ("S1GNATURE", "T0KEN", "PASSW0RD")
QUERY = "X-Amz-Signature=S1GNATURE&X-Amz-Security-Token=T0KEN"

Trouble = Callable[[RangeServer], None]


def _none(_server: RangeServer) -> None:
    """Nothing goes wrong."""


def _forbid(server: RangeServer) -> None:
    server.does.is_expired = lambda _number, _query: True


def _forbid_later(server: RangeServer) -> None:
    server.does.is_expired = lambda number, _query: number > 5


def _remove(server: RangeServer) -> None:
    server.folder = Path("/nowhere")


def _drop(server: RangeServer) -> None:
    server.does.drop_after, server.does.drops = 20_000, 9999
    server.does.is_expired = lambda number, _query: number > 9


def _fail(server: RangeServer) -> None:
    server.does.errors = [500] * 9999


TROUBLES = [_none, _forbid, _forbid_later, _remove, _drop, _fail]


@pytest.fixture(params=["clip", "damaged"])
def server(request: pytest.FixtureRequest, clip: Path, tmp_path: Path) -> Iterator[RangeServer]:
    """A server with a video, good or damaged."""
    folder = tmp_path / "web"
    folder.mkdir()
    data = bytearray(clip.read_bytes())
    if request.param == "damaged":
        data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    (folder / "video.mp4").write_bytes(data)
    with RangeServer(folder) as web:
        yield web


def _address(server: RangeServer) -> str:
    return f"{server.url.replace('//', '//user:PASSW0RD@')}/video.mp4?{QUERY}"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_run_shows_no_secret(server: RangeServer, tmp_path: Path, trouble: Trouble) -> None:
    """Neither what it prints, nor what it leaves in the destination, holds any."""
    trouble(server)
    out = tmp_path / "out"
    for form in (["--json"], []):
        done = subprocess.run(
            _command(),
            check=False,
            capture_output=True,
            timeout=180,
            env={**os.environ, "VIDEO": _address(server), "OUT": str(out), "FORM": " ".join(form)},
        )
        shown = done.stdout + done.stderr
        assert shown
        for secret in SECRETS:
            assert secret.encode() not in shown
    assert (out / "manifest.json").exists() == (trouble is _none)
    for path in out.rglob("*"):
        if path.is_file():
            assert not any(secret.encode() in path.read_bytes() for secret in SECRETS), path


def _command() -> list[str]:
    code = (
        "import os, sys; from scrubjay.cli.start import start; "
        "sys.argv[1:] = ['make', os.environ['VIDEO'], '-o', os.environ['OUT'], '--slice-length', "
        "'5', *os.environ['FORM'].split()]; start()"
    )
    return [sys.executable, "-c", code]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_an_exception_holds_no_secret(server: RangeServer, trouble: Trouble) -> None:
    """Neither an error, nor its traceback, nor what it came from, holds any."""
    (server.folder / "video.mp4").write_bytes((server.folder / "video.mp4").read_bytes()[:-20_000])
    trouble(server)
    with pytest.raises(SourceError) as caught:
        scrubjay.make(_address(server), Store.in_memory(), engine=InlineEngine(), strict=True)
    each: BaseException | None = caught.value
    while each is not None:
        text = "".join(traceback.format_exception(each)) + repr(each) + str(each)
        assert not any(secret in text for secret in SECRETS)
        each = each.__cause__ or each.__context__


@pytest.mark.parametrize("trouble", [_none, _forbid])
def test_ffmpeg_is_forgotten(server: RangeServer, trouble: Trouble) -> None:
    """An error of FFmpeg holds the URL: no error that follows keeps it, not even out of sight."""
    trouble(server)
    url = _address(server)
    for error in (av.error.HTTPForbiddenError, av.error.InvalidDataError):
        with pytest.raises(SourceError) as caught, source_errors(Place.of(url)):
            raise error(1, "sorry", url)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


XML = '<?xml version="1.0" encoding="UTF-8"?>'
FIELDS = "<Code>{code}</Code><Message>no</Message><Token-0>T0KEN</Token-0>"
BODIES = {
    "lines": f"{XML}\n<Error>{FIELDS}</Error>",
    "one line": f"{XML}<Error>{FIELDS}</Error>",
    "no head": f"<Error>{FIELDS}</Error>",
    "json": '{{"error": {{"code": "{code}", "token": "T0KEN"}}}}',
    "plain": "T0KEN: {code}",
}
ACTIONS: dict[str, Callable[[Store], object]] = {
    "put": lambda store: store.put("a", b"1", "x/y"),
    "put_if_new": lambda store: store.put_if("a", b"1", "x/y", ""),
    "put_if_old": lambda store: store.put_if("a", b"1", "x/y", "1 2"),
    "list": lambda store: store.sizes(),
    "get": lambda store: store.get("a"),
    "delete": lambda store: store.delete(["a"]),
}

Refuse = Callable[[int, str], Store]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Refuse]:
    """Return what opens a bucket whose server answers each request so: `refuse(status, body)`."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    keys = {"ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "PASSW0RD", "SESSION_TOKEN": "T0KEN"}
    for name, value in {**keys, "REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    answers: dict[str, tuple[int, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = answers["now"]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  as the library calls them

        def log_message(self, *about: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def opened(status: int, body: str) -> Store:
            answers["now"] = (status, body.encode())
            endpoint = f"http://127.0.0.1:{server.server_port}"
            return Store.open(Place.of("s3://films/set", endpoint=endpoint))

        yield opened
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("body", BODIES)
def test_a_store_s_error_holds_no_token(
    refuse: Refuse, action: str, status: int, body: str
) -> None:
    """A server that repeats the session's token, as S3 does, is not quoted, nor its error kept."""
    store = refuse(status, BODIES[body].format(code="SomeCode"))
    with pytest.raises(StoreError) as caught:
        ACTIONS[action](store)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    assert not any(secret in shown for secret in SECRETS)
    assert error.__cause__ is None
    assert error.__context__ is None
    if status == 400:
        said = str(error)
        assert "400 Bad Request" in said
        assert "Generic" not in said
        assert ("SomeCode" in said) == ("<Code>" in BODIES[body])


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidToken", "ExpiredTokenException"])
@pytest.mark.parametrize("status", [400, 403])
def test_an_expired_session_is_said(refuse: Refuse, action: str, code: str, status: int) -> None:
    """Credentials that have expired are named as the reason, and no retry is promised."""
    store = refuse(status, BODIES["one line"].format(code=code))
    with pytest.raises(DestinationError, match="the credentials have expired") as caught:
        ACTIONS[action](store)
    assert not caught.value.retryable

"""No secret of an address is ever shown or kept, however a run ends."""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import av.error
import pytest
from range_server import RangeServer

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import ScrubjayError, SourceError
from scrubjay.media.ffmpeg import source_errors
from scrubjay.place import Place
from scrubjay.store import Store

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
    trouble(server)
    try:
        scrubjay.make(_address(server), Store.in_memory(), engine=InlineEngine())
    except ScrubjayError as error:
        each: BaseException | None = error
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

"""Code that runs inside a worker can do what the worker is for, and nothing else."""

import os
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import pytest

from scrubjay.engines.spawn import worker_environment
from scrubjay.sandbox.confinement import Confinement, Sandbox, sandbox_support

ATTACKS = Path(__file__).with_name("attacks.py")

WORK = {"decode the video", "start a thread", "import a library"}
"""What a worker must be able to do."""

WITH_NETWORK = {"open a TCP socket", "open a UDP socket"}
"""What a worker may do as well whose video lies on a server."""

HARMLESS = {
    *("read the home folder", "read a neighbour of the video", "open a TCP socket", "fork"),
    "change how it is scheduled",
}
"""Attacks that do no harm where nothing stops them."""


@pytest.fixture(autouse=True)
def _needs_a_sandbox() -> None:
    if sandbox_support().missing:
        pytest.skip(f"this machine lacks {', '.join(sandbox_support().missing)}")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A TCP port of this machine that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """A home folder with a secret, and a video beside something private."""
    folder = tmp_path_factory.mktemp("machine")
    (folder / "home").mkdir()
    (folder / "home" / "secret").write_text("T0KEN")
    (folder / "private").write_text("T0KEN")
    (folder / "video.mp4").write_bytes(clip.read_bytes())
    return folder


def _attack(
    folder: Path,
    port: int,
    sandbox: Sandbox,
    ports: tuple[int, ...] = (),
    names: Collection[str] = (),
) -> dict[str, str]:
    """Run the attacks in the environment of a worker, and return what became of each."""
    video = folder / "video.mp4"
    terms = Confinement(
        sandbox=sandbox,
        parent=os.getpid(),
        memory_limit_bytes=1 << 30,
        readable=(str(video),),
        ports=ports,
    )
    text = msgspec.json.encode(terms).decode()
    done = subprocess.run(
        [sys.executable, "-P", str(ATTACKS), text, str(folder), str(video), str(port), *names],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=worker_environment(os.environ, network=bool(ports)),
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.fixture(scope="module")
def local(folder: Path, port: int) -> dict[str, str]:
    """What became of each attack in a worker whose video is a file."""
    return _attack(folder, port, "require")


def _names() -> list[str]:
    """Return what is tried, in order."""
    lines = ATTACKS.read_text().splitlines()
    return [line.strip().split('"')[1] for line in lines if line.startswith('        "')]


@pytest.mark.parametrize("name", _names())
def test_each_attack_is_refused(local: dict[str, str], name: str) -> None:
    """A worker decodes its video; everything else that it tries is refused."""
    assert (local[name] == "done") == (name in WORK), local[name]


def test_a_video_on_a_server_opens_its_ports_alone(folder: Path, port: int) -> None:
    """A worker that reads from a server may use TCP and UDP, but not to whatever port it likes."""
    outcomes = _attack(folder, port, "require", ports=(443,))
    done = {name for name, outcome in outcomes.items() if outcome == "done"}
    assert done == WORK | WITH_NETWORK
    outcomes = _attack(folder, port, "require", ports=(port,))
    assert outcomes["connect to this machine"] == "done"


def test_a_worker_inherits_no_secret() -> None:
    """Of the environment only what libraries need is handed down; no credentials ever."""
    secrets = {
        "AWS_SECRET_ACCESS_KEY": "T0KEN",
        "AWS_SESSION_TOKEN": "T0KEN",
        "GOOGLE_APPLICATION_CREDENTIALS": "/T0KEN",
        "AZURE_STORAGE_KEY": "T0KEN",
        "GITHUB_TOKEN": "T0KEN",
        "HOME": "/home/T0KEN",
        "DATABASE_URL": "T0KEN",
    }
    for network in (False, True):
        environ = worker_environment(secrets | {"LANG": "C.UTF-8"}, network=network)
        assert environ["LANG"] == "C.UTF-8"
        assert not any("T0KEN" in text for text in environ.values())


def test_without_a_sandbox_attacks_succeed(folder: Path, port: int) -> None:
    """What is refused above is refused by the sandbox, and not by the test."""
    outcomes = _attack(folder, port, "off", names=HARMLESS)
    assert set(outcomes.values()) == {"done"}

"""Servers in processes of their own, each on a port that was free."""

import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException

_TRIES = 3
_PATIENCE = 120
"""Seconds to start in, on a machine that is busy with other things."""


def started(
    start: Callable[[int], "subprocess.Popen[bytes]"], answers: Callable[[int], bool]
) -> "tuple[subprocess.Popen[bytes], int]":
    """Start a server on a free port, and wait until it answers; return it and its port.

    The port is free when it is chosen. If somebody takes it before the server does, the server
    ends by itself, and is started on another one.

    Args:
        start: starts it on a port.
        answers: whether a server answers on a port.

    Raises:
        AssertionError: it ends by itself, whatever the port.
        TimeoutError: it does not answer.
    """
    for _ in range(_TRIES):
        port = _free_port()
        process = start(port)
        try:
            if _is_up(process, port, answers):
                return process, port
        except BaseException:
            process.kill()
            process.wait()
            raise
    raise AssertionError(f"{process.args!r} ended {_TRIES} times: {process.returncode}")


def responds(url: str, trusting: ssl.SSLContext | None = None) -> bool:
    """Whether a server of ours answers a request for a URL with a success."""
    try:
        with urllib.request.urlopen(url, timeout=10, context=trusting):  # noqa: S310  ours
            return True
    except (OSError, HTTPException):
        return False


def _is_up(process: "subprocess.Popen[bytes]", port: int, answers: Callable[[int], bool]) -> bool:
    """Wait until a server answers, or has ended."""
    end = time.monotonic() + _PATIENCE
    while process.poll() is None:
        if answers(port) and process.poll() is None:
            return True
        if time.monotonic() > end:
            raise TimeoutError(f"{process.args!r} does not answer")
        time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""Starts the processes of workers; one may be started before anything else is loaded.

A process loads all that it needs before it reads its first command, `Begin`. So the command line
starts the first one at once, and both load their libraries side by side. Nothing is imported here
but the standard library.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["spawn_ahead", "spawned", "worker_environment"]

_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Slices run side by side, one core each: numpy's libraries must not start threads of their own."""

_GIVE_BACK = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(4 << 20))
"""For glibc: memory that is freed goes back to the system. Left to itself it raises these limits
with each larger block, and a worker grows for a dozen slices (mallopt(3), "dynamic mmap
threshold"). Much lower ones make numpy's intermediate results cost system time."""

_PROGRAM = "import gc; gc.disable(); from scrubjay.engines.child import main; main()"
"""What a worker runs. What is loaded stays: to look for garbage meanwhile would take a tenth of the
time."""

_HANDED_DOWN = (
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUTF8",
    "SYSTEMROOT",
)
"""Variables that every worker gets: where its libraries lie, and which language it writes."""

_HANDED_DOWN_FOR_SERVERS = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Variables that a worker gets as well if its video lies on a server: the way there."""

_ahead: "list[subprocess.Popen[bytes]]" = []
"""The process that waits for the first worker who needs one."""


def worker_environment(environ: Mapping[str, str], *, network: bool) -> dict[str, str]:
    """Return the environment of a worker: no secret of ours is in it.

    Args:
        environ: our own.
        network: whether its video lies on a server.
    """
    names = (*_HANDED_DOWN, *(_HANDED_DOWN_FOR_SERVERS if network else ()))
    kept = {name: environ[name] for name in names if name in environ}
    search_path = os.pathsep.join(path for path in sys.path if path)
    return kept | _ONE_THREAD | _GIVE_BACK | {"PYTHONPATH": search_path}


def spawn_ahead() -> None:
    """Start a process for the first worker of a video on this machine, if the system allows it."""
    with suppress(OSError):
        _ahead.append(_spawn(network=False))


def spawned(*, network: bool) -> "subprocess.Popen[bytes]":
    """Return a process that waits for its first command.

    Args:
        network: whether its video lies on a server.

    Raises:
        OSError: the system starts no more processes for us.
    """
    if _ahead and not network:
        return _ahead.pop()
    return _spawn(network=network)


def _spawn(*, network: bool) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  a constant, in this interpreter
        # -P: a module of that name in the current folder must not stand in for another
        [sys.executable, "-P", "-c", _PROGRAM],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=worker_environment(os.environ, network=network),
        start_new_session=True,  # Ctrl-C is for the run, which then ends its workers
    )

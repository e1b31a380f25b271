"""Starts the processes of workers; one may be started before anything else is loaded.

A process loads all that it needs before it reads its first command, `Begin`. So the command line
starts the first one at once, and both load their libraries at the same time. This module imports
only the standard library.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

__all__ = ["spawn_ahead", "spawned", "worker_environment"]

_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Slices run in parallel, one core each, so numpy's libraries must not start threads."""

_RETURN_MEMORY = {
    **dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(4 << 20)),
    "MALLOC_ARENA_MAX": "1",
}
"""For glibc: return freed memory to the system. By default it raises these thresholds with each
larger block, so a worker's memory grows for a dozen slices (mallopt(3), "dynamic mmap threshold").
Much lower thresholds make numpy's intermediate results cost system time.

The threads of a worker share one heap: with a heap each, what one has freed is of no use to the
others (75 MB with `everything` at 1080p). Most of their time is FFmpeg's, which keeps its memory.
"""

_PROGRAM = "import gc; gc.disable(); from scrubjay.engines.child import main; main()"
"""The program of a worker. Imports leave no garbage, and looking for some would take a tenth of the
time."""

_INHERITED = (
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
"""Variables that every worker gets: the paths of its libraries, and its language."""

_INHERITED_FOR_SERVERS = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""Variables that a worker also gets if its video is on a server: proxies and certificates."""

_ahead: "list[subprocess.Popen[bytes]]" = []
"""The process that was started in advance, until the first worker takes it."""


def worker_environment(environ: Mapping[str, str], *, network: bool) -> dict[str, str]:
    """Return the environment of a worker, which has no secrets.

    Args:
        environ: the environment of this process.
        network: whether its video is on a server.
    """
    names = (*_INHERITED, *(_INHERITED_FOR_SERVERS if network else ()))
    kept = {name: environ[name] for name in names if name in environ}
    search_path = os.pathsep.join(path for path in sys.path if path)
    return kept | _ONE_THREAD | _RETURN_MEMORY | {"PYTHONPATH": search_path}


def spawn_ahead() -> None:
    """Start a process in advance for the first worker, if the system allows it.

    Only a worker for a video on this machine can use it.
    """
    with suppress(OSError):
        _ahead.append(_spawn(network=False))


def spawned(*, network: bool) -> "subprocess.Popen[bytes]":
    """Return a process that waits for its first command.

    Args:
        network: whether its video is on a server.

    Raises:
        OSError: the system does not allow another process.
    """
    if _ahead and not network:
        return _ahead.pop()
    return _spawn(network=network)


def _spawn(*, network: bool) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  a constant, in this interpreter
        # -P: do not import modules from the current folder
        [sys.executable, "-P", "-c", _PROGRAM],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=worker_environment(os.environ, network=network),
        start_new_session=True,  # Ctrl-C is for the run, which then ends its workers
    )

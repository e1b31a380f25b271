"""What code would do that had taken over a worker: each try ends with `refused` or `done`.

It is no test: the tests start it, in the environment of a worker. It has no privileges, even where
the tests have; it gives up what a worker gives up; and then it tries.
"""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import av
import msgspec

from scrubjay.sandbox.confinement import Confinement, confine

_PTRACE_ATTACH, _DUMPABLE = 16, 4
_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> int:
    """Call the C library, and raise what it refuses with."""
    answer = int(getattr(_LIBC, name)(*map(ctypes.c_long, arguments)))
    if answer < 0:
        raise OSError(ctypes.get_errno(), name)
    return answer


def _connect(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def _speak(kind: int, family: int = socket.AF_INET) -> None:
    socket.socket(family, kind).close()


def _process_vm_readv() -> None:
    here = ctypes.create_string_buffer(8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(here), 8)
    address = ctypes.addressof(vector)
    _call("process_vm_readv", os.getppid(), address, 1, address, 1, 0)


def _decode(video: str) -> None:
    with av.open(f"file:{video}") as container:
        next(container.decode(video=0))


def _think() -> None:
    thread = threading.Thread(target=sum, args=((1, 2),))
    thread.start()
    thread.join()


def _tries(folder: Path, video: str, port: int) -> dict[str, Callable[[], object]]:
    parent = os.getppid()
    return {
        # what a worker is for
        "decode the video": lambda: _decode(video),
        "start a thread": _think,
        "import a library": lambda: __import__("xml.dom.minidom"),
        # reading
        "read the home folder": (folder / "home" / "secret").read_text,
        "list the home folder": lambda: list((folder / "home").iterdir()),
        "read a neighbour of the video": lambda: Path(video).with_name("private").read_text(),
        "read the machine's users": lambda: Path("/etc/passwd").read_text(),
        "read the parent's environment": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "read the parent's memory": lambda: Path(f"/proc/{parent}/mem").open("rb").close(),
        "read its own environment": lambda: Path("/proc/self/environ").read_bytes(),
        # writing
        "write a file": lambda: (folder / "new").write_text("x"),
        "write the video": lambda: Path(video).open("r+b").close(),
        "make a folder": (folder / "made").mkdir,
        "remove the video": lambda: Path(video).unlink(),
        "rename the video": lambda: Path(video).rename(folder / "moved"),
        "link to a secret": lambda: (folder / "link").symlink_to("/etc/passwd"),
        "open the video to all": lambda: Path(video).chmod(0o777),
        "empty the video": lambda: os.truncate(video, 0),
        # the network
        "open a TCP socket": lambda: _speak(socket.SOCK_STREAM),
        "open a UDP socket": lambda: _speak(socket.SOCK_DGRAM),
        "open a raw socket": lambda: _speak(socket.SOCK_RAW),
        "open a Unix socket": lambda: _speak(socket.SOCK_STREAM, socket.AF_UNIX),
        "open a netlink socket": lambda: _speak(socket.SOCK_RAW, socket.AF_NETLINK),
        "connect to this machine": lambda: _connect(port),
        # processes
        "fork": lambda: os.fork() or os._exit(0),
        "start a program": lambda: subprocess.run(["/bin/true"], check=True),
        "become a program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606  an attack
        "kill the parent": lambda: os.kill(parent, signal.SIGKILL),
        "kill everybody": lambda: os.kill(-1, signal.SIGKILL),
        "trace the parent": lambda: _call("ptrace", _PTRACE_ATTACH, parent, 0, 0),
        "read across processes": _process_vm_readv,
        "change the parent's limits": lambda: resource.prlimit(parent, resource.RLIMIT_CPU, (1, 1)),
        "lead a session": os.setsid,
        "slow the parent down": lambda: os.setpriority(os.PRIO_PROCESS, parent, 19),
        "change how it is scheduled": lambda: os.sched_setscheduler(
            0, os.SCHED_BATCH, os.sched_param(0)
        ),
        # the way out
        "be another user": lambda: _call("setuid", 12345),
        "enter a namespace": lambda: _call("unshare", 0x10000000),
        "mount": lambda: _call("mount", 0, 0, 0, 0, 0),
        "allow dumps again": lambda: _call("prctl", _DUMPABLE, 1, 0, 0, 0),
        "outlive the parent": lambda: _call("prctl", 1, 0, 0, 0, 0),
        "raise its memory": lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40)),
    }


def _drop_privileges() -> None:
    """Give up every capability (capget(2))."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _call("capset", ctypes.addressof(header), ctypes.addressof(nothing))


def main() -> None:
    """Give up, then try all, or what is named."""
    terms = msgspec.json.decode(sys.argv[1], type=Confinement)
    folder, video, port = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    _drop_privileges()
    confine(terms)
    for name, attempt in _tries(folder, video, port).items():
        if sys.argv[5:] and name not in sys.argv[5:]:
            continue
        try:
            attempt()
            outcome = "done"
        except (OSError, ValueError, ImportError, av.error.FFmpegError) as error:
            outcome = f"refused {type(error).__name__}"
        print(f"{name}: {outcome}", flush=True)  # noqa: T201  what the tests read


if __name__ == "__main__":
    main()

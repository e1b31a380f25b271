"""What a worker process permanently gives up before it opens an untrusted file."""

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from scrubjay.sandbox.kernel import control
from scrubjay.sandbox.landlock import confine_files, landlock_version
from scrubjay.sandbox.libraries import library_paths, network_paths
from scrubjay.sandbox.seccomp import confine_calls, filters_calls

__all__ = ["Confinement", "Sandbox", "SandboxSupport", "conceal", "confine", "sandbox_support"]

Sandbox: TypeAlias = Literal["auto", "require", "off"]
"""Whether workers are confined: `auto`, as far as possible; `require`, completely or the run fails;
`off`, not at all."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38

_FILES_OPEN = 64
_FILES_OPEN_WITH_NETWORK = 256


class Confinement(msgspec.Struct, frozen=True, kw_only=True):
    """What a confined process may still do: read one video, and answer its parent."""

    sandbox: Sandbox
    parent: int
    """Id of the process that it must not outlive."""
    memory_limit_bytes: int
    readable: tuple[str, ...] = ()
    """Files that it may read in addition to Python's libraries: the video."""
    ports: tuple[int, ...] = ()
    """TCP ports of other machines that it may connect to; without any, it has no network."""


class SandboxSupport(msgspec.Struct, frozen=True, kw_only=True):
    """How completely this machine can confine a process."""

    landlock: int
    """Version of Landlock, which restricts files and TCP; 0 if there is none."""
    seccomp: bool
    """Whether system calls can be filtered."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What this machine lacks, for people; empty if workers can be confined completely."""
        lacks: list[str] = []
        if not self.landlock:
            lacks.append("Landlock (it keeps workers from reading other files; Linux 5.13)")
        if not self.seccomp:
            lacks.append("seccomp filters (they keep workers from anything but reading)")
        return tuple(lacks)


def sandbox_support() -> SandboxSupport:
    """Return how completely this machine can confine a process; nothing is changed."""
    return SandboxSupport(landlock=landlock_version(), seccomp=filters_calls())


def conceal() -> None:
    """Keep processes of the same user from reading this one's memory and environment (Linux).

    It also dumps no core and can only be debugged by root.
    """
    with suppress(OSError):
        control(_PR_SET_DUMPABLE, 0)


def confine(terms: Confinement) -> None:
    """Confine this process permanently. Call this while there is only one thread.

    Raises:
        OSError: `sandbox` is "require", and this machine cannot confine completely.
        ProcessLookupError: the parent has already ended.
    """
    _limit(terms)
    with suppress(OSError):  # not Linux: the worker then ends with its input
        control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if terms.parent != os.getppid():  # it ended before the line above
        raise ProcessLookupError("the run that started this worker process has ended")
    conceal()
    if terms.sandbox == "off":
        return
    walls = (_no_new_privileges, partial(_shut_in, terms), partial(_hush, terms))
    for wall in walls:
        try:
            wall()
        except OSError:
            if terms.sandbox == "require":
                raise


def _no_new_privileges() -> None:
    control(_PR_SET_NO_NEW_PRIVS, 1)


def _shut_in(terms: Confinement) -> None:
    readable = {*terms.readable, *library_paths(), *(network_paths() if terms.ports else ())}
    confine_files(readable, terms.ports)


def _hush(terms: Confinement) -> None:
    confine_calls(network=bool(terms.ports))


def _limit(terms: Confinement) -> None:
    """Limit what this process may use, and make it the first to be killed if memory runs out."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  no such module on Windows

    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,  # it only writes to its parent
        resource.RLIMIT_NOFILE: _FILES_OPEN_WITH_NETWORK if terms.ports else _FILES_OPEN,
        resource.RLIMIT_DATA: terms.memory_limit_bytes,
    }
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # it is lower already, or the system lacks it
            resource.setrlimit(limit, (most, most))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")

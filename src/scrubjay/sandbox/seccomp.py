"""A filter on system calls: it allows threads and reading, and refuses what can do harm.

The filter is a program for the kernel's packet filter, which gets a call's number and arguments
(seccomp(2); `linux/filter.h` and `linux/seccomp.h` have the numbers).
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from scrubjay.sandbox.kernel import control
from scrubjay.sandbox.syscalls import NEWEST, PLATFORMS, Platform

__all__ = ["confine_calls", "filters_calls"]

_Step: TypeAlias = tuple[int, int, int, int]
"""One instruction: code, steps to jump if true, if false, and a number."""

_LOAD, _EQUAL, _ABOVE, _MASKED, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_PR_GET_SECCOMP, _PR_SET_SECCOMP, _FILTER = 21, 22, 2

_CLONE_THREAD = 0x10000
_INET, _INET6, _STREAM, _DATAGRAM = 2, 10, 1, 2
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_ITS_OWN_GUARDS = (1, 4, 0x59616D61)
"""PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER: what a worker must not undo."""
_SIGNALS_OTHERS = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to other processes through a file."""
_TERMINALS = (0x5412, 0x541C, 0x540E, 0x8901, 0x8902)
"""TIOCSTI, TIOCLINUX, TIOCSCTTY, FIOSETOWN, SIOCSPGRP: input to and signals to others."""


def filters_calls() -> bool:
    """Whether this machine can filter a process's system calls."""
    if not hasattr(os, "uname") or os.uname().machine not in PLATFORMS:
        return False
    try:
        control(_PR_GET_SECCOMP)
    except OSError:
        return False
    return True


def confine_calls(*, network: bool) -> None:
    """Permanently refuse this thread, and all that it starts, the calls that no worker needs.

    Call this while there is only one thread, after `PR_SET_NO_NEW_PRIVS`.

    Args:
        network: whether TCP and UDP to other machines are allowed.

    Raises:
        OSError: this machine cannot do that.
    """
    machine = os.uname().machine if hasattr(os, "uname") else ""
    if machine not in PLATFORMS:
        raise OSError(errno.ENOSYS, f"no filter for {machine!r} processors")
    steps = list(_program(PLATFORMS[machine], os.getpid(), network=network))
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(held)))
    control(_PR_SET_SECCOMP, _FILTER, ctypes.addressof(program))


def _program(platform: Platform, own: int, *, network: bool) -> Iterator[_Step]:
    yield _LOAD, 0, 0, _ARCHITECTURE_AT
    yield _EQUAL, 1, 0, platform.audit_arch
    yield _RETURN, 0, 0, _KILL  # a call by another processor's numbers
    yield _LOAD, 0, 0, _NUMBER_AT
    yield _ABOVE, 0, 1, NEWEST  # libraries use the older call instead; this includes x32's numbers
    yield _RETURN, 0, 0, _error(errno.ENOSYS)
    denied = platform.denied | ({} if network else platform.network)
    for number in denied.values():
        yield _EQUAL, 0, 1, number
        yield _RETURN, 0, 0, _error(errno.EPERM)
    for name, number in platform.filtered.items():
        yield from _for_call(number, _rules(name, own, network=network))
    yield _RETURN, 0, 0, _ALLOW


def _rules(name: str, own: int, *, network: bool) -> list[_Step]:
    """Return the steps for one call: they refuse it, or continue to the steps that allow it."""
    unsupported = [(_RETURN, 0, 0, _error(errno.ENOSYS))]
    sockets = [_refused()]
    if network:
        kinds = _refused_unless(1, [_STREAM, _DATAGRAM])
        kinds.insert(1, (_AND, 0, 0, 0xF))  # the other bits are SOCK_NONBLOCK and the like
        sockets = _refused_unless(0, [_INET, _INET6]) + kinds
    rules = {
        "open": _refused_if_any(1, _WRITING),
        "openat": _refused_if_any(2, _WRITING),
        "openat2": unsupported,  # its arguments are in memory; libraries use the older call
        "clone3": unsupported,
        "clone": [_argument(0), (_MASKED, 1, 0, _CLONE_THREAD), _refused()],
        "kill": _refused_unless(0, [own]),
        "tgkill": _refused_unless(0, [own]),
        "prlimit64": _refused_unless(0, [0, own]),
        "prctl": _refused_for(0, _ITS_OWN_GUARDS),
        "fcntl": _refused_for(1, _SIGNALS_OTHERS),
        "ioctl": _refused_for(1, _TERMINALS),
        "socket": sockets,
    }
    return rules[name]


def _for_call(number: int, rules: Sequence[_Step]) -> Iterator[_Step]:
    yield _EQUAL, 0, len(rules) + 1, number
    yield from rules
    yield _LOAD, 0, 0, _NUMBER_AT


def _argument(index: int) -> _Step:
    """Load the low half of an argument: all checked arguments have 32 bits."""
    return _LOAD, 0, 0, _ARGUMENTS_AT + 8 * index


def _refused_if_any(index: int, bits: int) -> list[_Step]:
    return [_argument(index), (_MASKED, 0, 1, bits), _refused(errno.EACCES)]


def _refused_for(index: int, values: Sequence[int]) -> list[_Step]:
    steps = [_argument(index)]
    for value in values:
        steps += [(_EQUAL, 0, 1, value), _refused()]
    return steps


def _refused_unless(index: int, values: Sequence[int]) -> list[_Step]:
    checks = [(_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [_argument(index), *checks, _refused()]


def _refused(number: int = errno.EPERM) -> _Step:
    return _RETURN, 0, 0, _error(number)


def _error(number: int) -> int:
    return 0x00050000 | number

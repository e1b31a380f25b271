"""Real-time priority, which an encoder takes where it may, and which nothing here needs."""

import ctypes
from collections.abc import Generator
from contextlib import contextmanager, suppress

from scrubjay.sandbox.kernel import capabilities

__all__ = ["ordinary_priority"]

_CAP_SYS_NICE = 23
_VERSION_3 = 0x20080522
"""The version of capget(2) that has two sets of 32 capabilities each."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    """32 capabilities: the effective ones, the permitted ones, those that are inherited."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inherited"))


@contextmanager
def ordinary_priority() -> Generator[None]:
    """Keep this thread, and all that it starts meanwhile, from real-time priority (Linux).

    A process of an ordinary user has no right to it in the first place. Where the kernel's filter
    refuses to change rights, it refuses to change priorities as well.
    """
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    try:
        capabilities("capget", header, sets)
    except OSError:  # not Linux
        yield
        return
    held = sets[0].effective
    try:
        with suppress(OSError):
            sets[0].effective = held & ~(1 << _CAP_SYS_NICE)
            capabilities("capset", header, sets)
        yield
    finally:
        with suppress(OSError):
            sets[0].effective = held
            capabilities("capset", header, sets)

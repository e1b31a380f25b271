"""Test processes stay ordinary ones: SVT-AV1 makes a process that root runs a real-time one.

It puts the thread that opens its encoder at the highest real-time priority, for good, and whatever
that thread starts afterwards inherits this: a browser that polls then takes the whole machine.
"""

import ctypes
import sys

_CAP_SYS_NICE = 23
_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    """32 capabilities: the effective ones, the permitted ones, those that are inherited."""

    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inherited"))


def give_up_real_time() -> None:
    """Take the right to real-time priority from this thread and from all threads that it starts.

    Only Linux has it to take; a process that is not root's lacks it already. Programs that root
    starts get it back: what they encode, Scrubjay encodes, and keeps them ordinary itself.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    if libc.capget(ctypes.byref(header), sets) == 0:
        for name in ("effective", "permitted", "inherited"):
            setattr(sets[0], name, getattr(sets[0], name) & ~(1 << _CAP_SYS_NICE))
        libc.capset(ctypes.byref(header), sets)

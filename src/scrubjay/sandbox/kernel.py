"""Kernel calls that Python has no function for, made with `ctypes`."""

import ctypes
import os
from functools import cache
from typing import Any

__all__ = ["capabilities", "control", "syscall"]


def control(option: int, first: int = 0, second: int = 0) -> int:
    """Call prctl(2).

    Raises:
        OSError: the kernel refuses, or there is no such call on this system.
    """
    return _called("prctl", option, first, second, 0, 0)


def syscall(number: int, *arguments: int) -> int:
    """Call the kernel by number (syscall(2)).

    Raises:
        OSError: the kernel refuses, or there is no such call on this system.
    """
    return _called("syscall", number, *arguments)


def capabilities(name: str, header: ctypes.Structure, sets: ctypes.Array[Any]) -> None:
    """Call capget(2) or capset(2).

    Args:
        name: of the call.
        header: which thread's capabilities, in which layout.
        sets: what is read or written.

    Raises:
        OSError: the kernel refuses, or there is no such call on this system.
    """
    _called(name, ctypes.addressof(header), ctypes.addressof(sets))


def _called(name: str, *arguments: int) -> int:
    answer = int(_function(name)(*map(ctypes.c_ulong, arguments)))
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


@cache
def _function(name: str) -> Any:  # noqa: ANN401  ctypes has no type for it
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (AttributeError, TypeError) as exc:  # macOS has no prctl, Windows no such library
        raise OSError(f"this system has no {name}") from exc
    function.restype = ctypes.c_long
    return function

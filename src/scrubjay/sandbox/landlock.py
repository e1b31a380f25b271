"""Landlock: the kernel restricts which files and TCP ports a process may use.

Source: https://docs.kernel.org/userspace-api/landlock.html; `linux/landlock.h` has the numbers,
which are the same on every processor.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress

from scrubjay.sandbox.kernel import syscall

__all__ = ["confine_files", "landlock_version"]

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION = 1
_BELOW_PATH, _PORT = 1, 2
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_CONNECT = 1 << 1

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights to files each version has: reading, writing, making, removing and so on."""
_HAS_PORTS, _HAS_SCOPES = 4, 6
_BIND_AND_CONNECT, _SOCKETS_AND_SIGNALS = 0b11, 0b11


def landlock_version() -> int:
    """Return the version of Landlock, 1 to 7 or newer; 0 if there is none."""
    with suppress(OSError):
        return syscall(_CREATE, 0, 0, _VERSION)
    return 0


def confine_files(readable: Iterable[str], ports: Iterable[int] = ()) -> None:
    """Let this thread, and all that it starts, only read some paths and connect to some ports.

    Nothing can be written, made or removed. Paths that do not exist are ignored. Call this while
    there is only one thread, after `PR_SET_NO_NEW_PRIVS`.

    Args:
        readable: files, and folders with everything below them.
        ports: of TCP.

    Raises:
        OSError: this machine cannot do that.
    """
    version = landlock_version()
    rights = max(count for since, count in _FILE_RIGHTS.items() if since <= max(version, 1))
    handled = [(1 << rights) - 1]
    if version >= _HAS_PORTS:
        handled.append(_BIND_AND_CONNECT)
    if version >= _HAS_SCOPES:
        handled.append(_SOCKETS_AND_SIGNALS)
    rules = _call(_CREATE, struct.pack(f"={len(handled)}Q", *handled), 8 * len(handled), 0)
    try:
        for path in readable:
            _allow_reading(rules, path)
        for port in ports if version >= _HAS_PORTS else ():
            _add(rules, _PORT, struct.pack("=QQ", _CONNECT, port))
        syscall(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow_reading(rules: int, path: str) -> None:
    try:
        entry = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # it does not exist
    try:
        is_folder = stat.S_ISDIR(os.fstat(entry).st_mode)
        rights = _READ_FILE | (_READ_DIR if is_folder else 0)
        _add(rules, _BELOW_PATH, struct.pack("=Qi", rights, entry))
    finally:
        os.close(entry)


def _add(rules: int, kind: int, rule: bytes) -> None:
    held = ctypes.create_string_buffer(rule, len(rule))
    syscall(_ADD_RULE, rules, kind, ctypes.addressof(held), 0)


def _call(number: int, value: bytes, *arguments: int) -> int:
    held = ctypes.create_string_buffer(value, len(value))
    return syscall(number, ctypes.addressof(held), *arguments)

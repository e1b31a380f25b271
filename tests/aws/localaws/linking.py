"""Starts the emulator so that it unpacks a package once: each environment gets links to its files.

An environment may write none of them, as on Lambda. The emulator's own Python runs this file.
"""

import os
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

from ministack.app import main

_unpack = zipfile.ZipFile.extractall
_unpacked: dict[int, Path] = {}
_one_at_a_time = threading.Lock()


def _extractall(package: zipfile.ZipFile, path: str) -> None:
    """Do as `ZipFile.extractall` does, with links to what was extracted before."""
    held = hash(tuple((each.filename, each.CRC, each.file_size) for each in package.infolist()))
    with _one_at_a_time:
        if held not in _unpacked:
            folder = Path(tempfile.mkdtemp(prefix="package-"))
            _unpack(package, folder)
            _unpacked[held] = folder
    origin = _unpacked[held]
    for at, _, names in os.walk(origin):
        here = Path(path) / Path(at).relative_to(origin)
        here.mkdir(parents=True, exist_ok=True)
        for name in names:
            os.link(Path(at) / name, here / name)


if __name__ == "__main__":
    zipfile.ZipFile.extractall = _extractall  # type: ignore[method-assign,assignment]
    sys.exit(main())

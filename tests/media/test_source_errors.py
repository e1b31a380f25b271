"""What an error of the system means for a video on this machine."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from scrubjay.errors import (
    SourceError,
    SourceForbiddenError,
    SourceNotFoundError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.media.source import _file_error, identify, stamp_of
from scrubjay.places.place import Place


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, SourceNotFoundError),
        (errno.ENOTDIR, SourceNotFoundError),
        (errno.EACCES, SourceForbiddenError),
        (errno.ELOOP, SourceUnreadableError),
        (errno.EIO, SourceUnavailableError),
        (errno.ESTALE, SourceUnavailableError),
        (errno.ETIMEDOUT, SourceUnavailableError),
        (errno.EMFILE, SourceUnavailableError),
        (errno.EINTR, SourceUnavailableError),
    ],
)
def test_only_what_is_gone_does_not_exist(number: int, kind: type[SourceError]) -> None:
    """A share that fails for a moment may come back, so that the slice is tried again."""
    error = _file_error(OSError(number, os.strerror(number)), "/films/a.mp4", "is gone")
    assert type(error) is kind
    assert error.retryable == (kind is SourceUnavailableError)
    assert "/films/a.mp4" in str(error)


_SHOWS = """
import sys
from scrubjay.errors import ScrubjayError
from scrubjay.media.source import identify, open_container, stamp_of
from scrubjay.places.place import Place
place = Place.of(sys.argv[2])
try:
    if sys.argv[1] == "open_container":
        with open_container(place):
            pass
    else:
        {"identify": identify, "stamp_of": stamp_of}[sys.argv[1]](place)
except ScrubjayError as error:
    print(type(error).__name__, error.retryable, error)
"""


@pytest.mark.parametrize(
    ("calls", "by"),
    [
        ("%%stat", "stamp_of"),
        ("%%stat", "identify"),
        ("read", "identify"),
        ("read", "open_container"),
    ],
)
def test_a_share_that_fails_is_not_gone(
    clip: Path, failing: Callable[..., list[str]], calls: str, by: str
) -> None:
    """Whether its file is looked at or read, by us or by FFmpeg: the slice may be tried again."""
    begin = failing(f"{calls}:error=ESTALE", clip)
    command = [*begin, sys.executable, "-c", _SHOWS, by, str(clip)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)
    assert done.stdout.startswith("SourceUnavailableError True ")
    assert "clip.mp4 cannot be read: Stale file handle" in done.stdout


def test_links_in_a_loop_are_not_gone(tmp_path: Path) -> None:
    """A link to itself is there, and cannot be read."""
    (tmp_path / "a.mp4").symlink_to("a.mp4")
    place = Place.of(tmp_path / "a.mp4")
    for look in (identify, stamp_of):
        with pytest.raises(SourceUnreadableError, match="cannot be read"):
            look(place)
    for look in (identify, stamp_of):
        with pytest.raises(SourceNotFoundError):
            look(Place.of(tmp_path / "b.mp4"))

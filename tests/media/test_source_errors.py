"""What an error of the system means for a video on this machine."""

import errno
import os
from pathlib import Path

import pytest

from scrubjay.errors import (
    SourceError,
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
        (errno.EACCES, SourceUnreadableError),
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

"""The objects of a bucket below a prefix, page by page."""

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from obstore.exceptions import (
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from scrubjay.errors import (
    SourceError,
    SourceForbiddenError,
    SourceNotFoundError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.places.clouds import first_line, open_bucket
from scrubjay.places.place import Place
from scrubjay.waiting import interruptible

if TYPE_CHECKING:
    from obstore import ListStream, ObjectMeta

__all__ = ["Listed", "Listing"]

_PAGE_OBJECTS = 1000
"""What one request of S3 returns at most."""

_LAST = "\U0010ffff"
"""Sorts after every other character."""

_NO_ACCESS = re.compile(
    r"403 Forbidden|credential|169\.254\.|metadata\.google|/oauth2/token", re.IGNORECASE
)
_NOT_FOUND = re.compile(r"404 Not Found")


class Listed(NamedTuple):
    """An object, as its store lists it."""

    key: str
    size_bytes: int
    etag: str
    modified: datetime


class Listing:
    """The objects of a bucket below a prefix, rising by key. Only one page is in memory.

    Args:
        place: the bucket and the prefix, which is a folder: `films` has `films/a`, not `films-b`.

    Raises:
        SourceError: they cannot be listed; iterating raises it as well.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._prefix = place.key.strip("/") or None
        self._skipped = ""
        self._page: Iterator[ObjectMeta] = iter(())
        with _source_errors(place):
            self._bucket = open_bucket(place)
            self._pages = self._opened(None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Listed:
        while True:
            for entry in self._page:
                if not (self._skipped and entry["path"].startswith(self._skipped)):
                    return Listed(
                        entry["path"], entry["size"], entry["e_tag"] or "", entry["last_modified"]
                    )
            with _source_errors(self._place):
                page = interruptible(lambda: next(self._pages, None))
            if page is None:
                raise StopIteration
            self._page = iter(page)

    def skip(self, folder: str) -> None:
        """Leave out the objects of a folder, without listing them where the store can do that.

        Args:
            folder: what their keys begin with, with `/` at its end.
        """
        self._skipped = folder
        rest = [each for each in self._page if not each["path"].startswith(folder)]
        self._page = iter(rest)
        if not rest and self._place.scheme != "az":  # Azure would list from the beginning
            with _source_errors(self._place):
                self._pages = self._opened(folder + _LAST)

    def _opened(self, offset: str | None) -> "ListStream[Sequence[ObjectMeta]]":
        return self._bucket.list(self._prefix, offset=offset, chunk_size=_PAGE_OBJECTS)


@contextmanager
def _source_errors(place: Place) -> Generator[None]:
    """Convert obstore's errors to ours; the original ones contain the server's whole answer."""
    try:
        yield
    except (BaseError, OSError) as exc:
        error = _source_error(exc, place)
    else:
        return
    try:
        raise error from None
    finally:
        error.__context__ = None  # `raise` has just set it to the original error


def _source_error(exc: BaseException, place: Place) -> SourceError:
    where, reason = place.shown, first_line(exc)
    if isinstance(exc, InvalidPathError):
        return SourceUnreadableError(
            f"{where} cannot be listed: an object below it has a key with an empty part, `.`, `..` "
            f"or a control character; rename it, or list another folder ({reason})"
        )
    is_refused = isinstance(exc, PermissionDeniedError | UnauthenticatedError)
    if is_refused or _NO_ACCESS.search(reason):
        return SourceForbiddenError(
            f"{where} cannot be listed: the credentials are missing or lack permission ({reason})"
        )
    if isinstance(exc, FileNotFoundError) or _NOT_FOUND.search(reason):
        return SourceNotFoundError(f"{where} does not exist")
    return SourceUnavailableError(f"{where} cannot be listed now: {reason}")

"""A bucket as a store: the objects of S3, Google Cloud or Azure under one prefix.

Every call may wait for a server. Requests have time limits, and signals work meanwhile.
"""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from scrubjay.errors import DestinationError, ObjectNotFoundError, StoreError
from scrubjay.keys import caching
from scrubjay.places.clouds import Bucket, first_line, open_bucket, refusal_code
from scrubjay.places.place import Place
from scrubjay.waiting import interruptible

if TYPE_CHECKING:
    from obstore import PutMode, UpdateVersion

__all__ = ["Objects", "remote_errors"]

R = TypeVar("R")

_QUICK, _PATIENT = 30, 120
"""Time limits of requests in seconds: for most, and for those that upload a large object."""

_LARGE_BYTES = 1 << 20

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidToken"}
"""AWS's codes for an expired session."""

_NO_BUCKET = "the destination cannot be used: the bucket or folder does not exist"
_NO_CREDENTIALS = re.compile(r"169\.254\.|metadata\.google|/oauth2/token|credential", re.IGNORECASE)
"""Found in obstore's errors if it has no credentials and asked the machine for some."""


class Objects:
    """The objects in a bucket below a prefix. It may be shared between threads.

    Args:
        place: the bucket and the prefix.

    Raises:
        DestinationError: a setting in the environment is wrong.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._prefix = place.key.strip("/") or None

    @cached_property
    def _bucket(self) -> Bucket:
        return self._opened(_QUICK)

    @cached_property
    def _patient(self) -> Bucket:
        return self._opened(_PATIENT)

    def _opened(self, timeout: int) -> Bucket:
        with remote_errors(self._place.shown):
            return open_bucket(self._place, prefix=self._prefix, timeout=timeout)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Write a whole object, replacing any of that key."""
        self._put(key, data, media_type, "overwrite")

    def put_if(self, key: str, data: bytes, media_type: str, version: str) -> bool:
        """Write a whole object if its version is still that one; return whether it was written."""
        e_tag, _, generation = version.partition(" ")
        known: UpdateVersion = {}
        if e_tag:
            known["e_tag"] = e_tag
        if generation:
            known["version"] = generation
        return self._put(key, data, media_type, known if version else "create")

    def _put(self, key: str, data: bytes, media_type: str, mode: "PutMode") -> bool:
        bucket = self._patient if len(data) > _LARGE_BYTES else self._bucket
        attributes = {"Content-Type": media_type, "Cache-Control": caching(key)}

        def put() -> bool:
            try:
                bucket.put(key, data, use_multipart=False, mode=mode, attributes=attributes)
            except (AlreadyExistsError, PreconditionError):
                return False
            return True

        return self._asked(put, key, is_writing=True)

    def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            ObjectNotFoundError: the object does not exist.
        """
        return self._asked(lambda: bytes(self._bucket.get(key).bytes()), key)

    def part(self, key: str, start: int, length: int) -> bytes:
        """Return some of an object's bytes; fewer if it ends before.

        Raises:
            ObjectNotFoundError: the object does not exist.
        """
        return self._asked(
            lambda: bytes(self._bucket.get_range(key, start=start, length=length)), key
        )

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the names of the objects and of the folders in one folder."""

        def listed() -> tuple[list[str], list[str]]:
            found = self._bucket.list_with_delimiter(folder or None)
            paths = [entry["path"] for entry in found["objects"]]
            names = [path.rpartition("/")[2] for path in paths]
            return names, [each.rpartition("/")[2] for each in found["common_prefixes"]]

        return self._asked(listed, "the list of objects", is_writing=True)

    def version(self, key: str) -> str:
        """Return the version of an object, which changes with each write; "" if it is missing."""
        try:
            found = self._asked(lambda: self._bucket.head(key), key)
        except ObjectNotFoundError:
            return ""
        return f"{found.get('e_tag') or ''} {found.get('version') or ''}"

    def age(self, key: str) -> float:
        """Return how many seconds ago an object was written."""
        found = self._asked(lambda: self._bucket.head(key), key)
        return (datetime.now(UTC) - found["last_modified"]).total_seconds()

    def delete(self, key: str) -> None:
        """Remove an object.

        Raises:
            ObjectNotFoundError: the object does not exist; not every server says so.
        """
        self._asked(lambda: self._bucket.delete(key), key)

    def delete_if(self, key: str, version: str) -> None:
        """Remove an object if its version is still that one: a check, and then the deletion."""
        if self.version(key) == version:
            self.delete(key)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of every object in a folder and below it, by key."""

        def listed() -> dict[str, int]:
            pages = self._bucket.list(prefix or None)
            return {entry["path"]: entry["size"] for page in pages for entry in page}

        return self._asked(listed, "the list of objects", is_writing=True)

    def _asked(self, call: Callable[[], R], what: str, *, is_writing: bool = False) -> R:
        """Make a call that waits for the server."""
        with remote_errors(what, is_writing=is_writing):
            return interruptible(call)


@contextmanager
def remote_errors(what: str, *, is_writing: bool = False) -> Generator[None]:
    """Convert obstore's errors about a bucket to ours.

    The original errors are dropped: they contain the server's whole answer, which may repeat the
    session's token.

    Args:
        what: the object.
        is_writing: whether "not found" means the bucket, not the object.
    """
    try:
        yield
    except (BaseError, OSError) as exc:
        error = _remote_error(exc, what, is_writing=is_writing)
    else:
        return
    try:
        raise error from None
    finally:
        error.__context__ = None  # `raise` has just set it to the original error


def _remote_error(exc: BaseError | OSError, what: str, *, is_writing: bool) -> StoreError:
    """Return our error for one of obstore's, judged by its class and text."""
    reason, code = first_line(exc), refusal_code(exc)
    has_no_credentials = _NO_CREDENTIALS.search(reason) is not None
    if isinstance(exc, FileNotFoundError):
        return _not_found(what, is_writing=is_writing)
    if code in _EXPIRED:
        return DestinationError(
            f"access to {what} in the destination was denied: the credentials have expired "
            f"({code}); sign in again, or use fresh credentials"
        )
    is_refused = isinstance(exc, PermissionDeniedError | UnauthenticatedError)
    if is_refused or ("403 Forbidden" in reason and not has_no_credentials):
        return DestinationError(
            f"access to {what} in the destination was denied: the credentials lack permission"
        )
    if "404 Not Found" in reason:  # from listing; other requests have their own error
        return DestinationError(_NO_BUCKET)
    if has_no_credentials:
        return DestinationError(f"no credentials were found for the destination: {reason}")
    return StoreError(f"the destination failed on {what}: {reason}")


def _not_found(what: str, *, is_writing: bool) -> StoreError:
    if is_writing:
        return DestinationError(_NO_BUCKET)
    return ObjectNotFoundError(f"{what} does not exist in the destination")

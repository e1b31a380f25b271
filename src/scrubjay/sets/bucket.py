"""A bucket as a store: objects of S3, Google's or Azure's, under one prefix.

Every call may wait for a server. A request ends after a while, and signals are heard meanwhile.
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
"""Seconds that a request may take: most are small; one may carry a large object up a slow line."""

_LARGE_BYTES = 1 << 20

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "InvalidToken"}
"""What Amazon calls a session that is over."""

_NO_BUCKET = "the destination cannot be used: there is no such bucket or folder"
_NO_CREDENTIALS = re.compile(r"169\.254\.|metadata\.google|/oauth2/token|credential", re.IGNORECASE)
"""What obstore's errors hold where it found no credentials and asked the machine for some."""


class Objects:
    """The objects in a bucket below a prefix. It may be shared between threads.

    Args:
        place: the bucket and the prefix.

    Raises:
        DestinationError: a setting in the environment makes no sense.
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
        """Write an object whole, over any that is there."""
        self._put(key, data, media_type, "overwrite")

    def put_if(self, key: str, data: bytes, media_type: str, version: str) -> bool:
        """Write an object whole, if there still is that version of it; return whether it was."""
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
            ObjectNotFoundError: there is none.
        """
        return self._asked(lambda: bytes(self._bucket.get(key).bytes()), key)

    def version(self, key: str) -> str:
        """Return what changes when an object is written; empty if there is none."""
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
            ObjectNotFoundError: there is none; not every server says so.
        """
        self._asked(lambda: self._bucket.delete(key), key)

    def delete_if(self, key: str, version: str) -> None:
        """Remove an object, if there still is that version of it: a look, and then the deletion."""
        if self.version(key) == version:
            self.delete(key)

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the size in bytes of every object in a folder and below it, by key."""

        def listed() -> dict[str, int]:
            pages = self._bucket.list(prefix or None)
            return {entry["path"]: entry["size"] for page in pages for entry in page}

        return self._asked(listed, "the list of objects", is_writing=True)

    def _asked(self, call: Callable[[], R], what: str, *, is_writing: bool = False) -> R:
        """Do something that waits for the server."""
        with remote_errors(what, is_writing=is_writing):
            return interruptible(call)


@contextmanager
def remote_errors(what: str, *, is_writing: bool = False) -> Generator[None]:
    """Turn what obstore raises of a bucket into our errors.

    Its own are forgotten: they hold the server's whole answer, which may repeat a session's token.

    Args:
        what: the object.
        is_writing: a "not found" then means the bucket, not the object.
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
        error.__context__ = None  # `raise` has just set it, to what is forgotten


def _remote_error(exc: BaseError | OSError, what: str, *, is_writing: bool) -> StoreError:
    """Return what an error means, as far as its text and its class say it."""
    reason, code = first_line(exc), refusal_code(exc)
    has_no_credentials = _NO_CREDENTIALS.search(reason) is not None
    if isinstance(exc, FileNotFoundError):
        return _not_found(what, is_writing=is_writing)
    if code in _EXPIRED:
        return DestinationError(
            f"the destination refuses {what}: these credentials have expired ({code}); sign in "
            "again, or take fresh ones"
        )
    is_refused = isinstance(exc, PermissionDeniedError | UnauthenticatedError)
    if is_refused or ("403 Forbidden" in reason and not has_no_credentials):
        return DestinationError(
            f"the destination refuses {what}: these credentials may not do that"
        )
    if "404 Not Found" in reason:  # what a list says; other requests have an error of their own
        return DestinationError(_NO_BUCKET)
    if has_no_credentials:
        return DestinationError(f"no credentials were found for the destination: {reason}")
    return StoreError(f"the destination failed on {what}: {reason}")


def _not_found(what: str, *, is_writing: bool) -> StoreError:
    if is_writing:
        return DestinationError(_NO_BUCKET)
    return ObjectNotFoundError(f"{what} does not exist in the destination")

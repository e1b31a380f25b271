"""The address of a video or of a destination.

A place may contain a secret (a signed URL). It is sent to workers, but never part of a plan, a
record, a manifest, an event or a message: people see `shown`.
"""

import os
import re
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from scrubjay.errors import PlaceError

__all__ = ["Place", "PlaceText", "redacted"]

PlaceText: TypeAlias = str | PathLike[str]
"""What people write: a path or a URL."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WEB = ("http", "https")
_KNOWN = (*_WEB, "s3", "gs", "az")

_WEB_URL = re.compile(
    r"([a-z][a-z0-9+.-]*://)(?:[^/?\s'\"<>]*@)?([^?\s'\"<>]*)(\?[^\s'\"<>]*)?", re.IGNORECASE
)
"""A URL in a text: its scheme; its host and path; its query. User and query may be secret."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a video or of a destination."""

    address: str
    """An absolute path, or a URL: `https://...`, `s3://bucket/key`, `gs://bucket/key`,
    `az://container/key`."""
    endpoint: str = ""
    """URL of an S3-compatible server that is not Amazon's; the store's own if empty."""
    etag: str = ""
    """The version of the video, as its server names it; any version if empty."""
    stream: int | None = None
    """Which stream of the file to use, 0-based; None means the one that browsers show."""
    public_only: bool = False
    """Whether a web address may only lead to the public internet, not to a private network."""
    few_requests: bool = False
    """Whether only a few pictures of the video are needed. It is then identified by its version,
    not by samples of it, and what was read of it is kept, so that nothing is requested twice."""
    url: str = ""
    """A signed URL to read it, for a process without credentials; empty if there is none."""

    @classmethod
    def of(
        cls, text: "PlaceText | Place", *, endpoint: str = "", stream: int | None = None
    ) -> "Place":
        """Parse what a person wrote; return a place as it is, with another stream if one is given.

        Raises:
            PlaceError: it is empty, a malformed URL, one of an unknown kind, or not UTF-8.
        """
        if isinstance(text, Place):
            return text if stream is None else msgspec.structs.replace(text, stream=stream)
        address = fspath(text)
        if not address:
            raise PlaceError("an address is empty; give a path or a URL")
        scheme = _SCHEME.match(address)
        if scheme is None:
            return cls(address=_absolute(address), stream=stream)
        kind = scheme[1].lower()
        if kind not in _KNOWN:
            known = ", ".join(f"{each}://" for each in _KNOWN)
            raise PlaceError(f"{kind}:// is not supported; give a path, or {known}")
        if not _is_well_formed(address):
            raise PlaceError(f"the address that begins with {kind}:// is malformed or not UTF-8")
        parts = urlsplit(address)
        if not (parts.hostname if kind in _WEB else parts.netloc):
            raise PlaceError(f"the address that begins with {kind}:// has no host or bucket")
        if "@" in parts.netloc and kind not in _WEB:
            raise PlaceError(
                f"an address that begins with {kind}:// cannot have a user or password"
            )
        address = kind + address[len(scheme[1]) :]
        return cls(address=address, endpoint=endpoint if kind == "s3" else "", stream=stream)

    @property
    def scheme(self) -> str:
        """`http`, `https`, `s3`, `gs`, `az`; empty for a path."""
        scheme = _SCHEME.match(self.address)
        return scheme[1] if scheme else ""

    @property
    def is_local(self) -> bool:
        """Whether it is a path on this machine."""
        return not self.scheme

    @property
    def bucket(self) -> str:
        """The bucket, container or host of a URL."""
        return urlsplit(self.address).netloc.rpartition("@")[2]

    @property
    def key(self) -> str:
        """The object's key in the bucket, not percent-encoded."""
        _, _, rest = self.address.partition("://")
        return rest.partition("/")[2]

    @property
    def name(self) -> str:
        """The last part of the address, for people."""
        if self.is_local:
            return Path(self.address).name
        if self.scheme in _WEB:
            parts = urlsplit(self.address)
            return unquote(parts.path).rstrip("/").rpartition("/")[2] or self.bucket
        return self.key.rstrip("/").rpartition("/")[2] or self.bucket

    @property
    def shown(self) -> str:
        """The address without its secrets, for people."""
        if self.scheme not in _WEB:
            return self.address
        # not `redacted`: in an address, a quote or a space does not end the URL
        kind, _, rest = self.address.partition("://")
        plain, _, query = rest.partition("#")[0].partition("?")
        host, slash, path = plain.partition("/")
        return f"{kind}://{host.rpartition('@')[2]}{slash}{path}" + ("?..." if query else "")

    @property
    def is_public(self) -> bool:
        """Whether it is a web address without user and query, so that anybody may see it."""
        plain = self.address.partition("#")[0]
        return self.scheme in _WEB and "?" not in plain and "@" not in urlsplit(plain).netloc

    def __repr__(self) -> str:
        """Hide secrets, because a place may appear in a traceback."""
        return f"Place({self.shown!r})"

    __str__ = __repr__


def redacted(text: str) -> str:
    """Return a text whose URLs have no user and query, which may be secret."""
    return _WEB_URL.sub(lambda url: url[1] + url[2] + ("?..." if url[3] else ""), text)


def _is_well_formed(address: str) -> bool:
    """Whether a URL can be parsed and sent; a reason could contain secrets."""
    try:
        address.encode()
        parts = urlsplit(address)
        port = parts.port if parts.scheme in _WEB else None
    except ValueError:
        return False
    return port != 0


def _absolute(path: str) -> str:
    # not `Path.expanduser`: it refuses names such as "~x.mp4"
    absolute = str(Path(os.path.expanduser(path)).absolute())  # noqa: PTH111
    try:
        absolute.encode()
    except UnicodeEncodeError:
        raise PlaceError(f"the path {absolute!a} is not UTF-8 text; rename it") from None
    return absolute

"""What a worker may do: which video it may read, and which ports it may connect to."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from scrubjay.places.place import Place
from scrubjay.places.remote import signed
from scrubjay.sandbox.confinement import Confinement, Sandbox

__all__ = ["confinement_for", "file_at", "readable_by_url"]

_DNS, _HTTP, _HTTPS = 53, 80, 443


def readable_by_url(source: Place) -> Place:
    """Return a place that can be read without credentials, with a signed URL if necessary.

    Raises:
        SourceUnreadableError: there are no credentials to sign a URL with.
    """
    if source.is_local or source.scheme in {"http", "https"}:
        return source
    return replace(source, url=signed(replace(source, url="")))


def confinement_for(
    source: Place, *, sandbox: Sandbox, parent: int, memory_limit_bytes: int
) -> Confinement:
    """Return what a worker that reads one video may do.

    Args:
        source: the video, readable by its URL.
        sandbox: how the worker is confined.
        parent: id of this process.
        memory_limit_bytes: most memory that it may allocate.
    """
    readable = (source.address,) if file_at(source) else ()
    return Confinement(
        sandbox=sandbox,
        parent=parent,
        memory_limit_bytes=memory_limit_bytes,
        readable=readable,
        ports=() if source.is_local else _ports_to(signed(source)),
    )


def file_at(source: Place) -> tuple[int, int] | None:
    """Return the identity of the file at a place (device and inode); None if there is no file.

    A worker may read only that file. If another file takes its place, another worker is needed.
    """
    if not source.is_local:
        return None
    try:
        status = Path(source.address).stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _ports_to(url: str) -> tuple[int, ...]:
    """Return the TCP ports that a URL needs: its own and those of redirects, proxies and DNS."""
    from scrubjay.places.ranges import proxy_to  # noqa: PLC0415  slow to load, and most videos are files

    parts = urlsplit(url)
    usual = {"http": _HTTP, "https": _HTTPS}
    ports = {_DNS, _HTTPS, parts.port or usual[parts.scheme]}
    if parts.scheme == "http":
        ports.add(_HTTP)
    for scheme in usual:
        proxy = urlsplit(proxy_to(parts._replace(scheme=scheme).geturl()))
        if proxy.hostname:
            ports.add(proxy.port or _HTTP)
    return tuple(sorted(ports))

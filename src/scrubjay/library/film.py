"""A video of a library: where it is, what it is called there, and how to see that it has changed.

Finding videos yields films; running makes a set of each. Neither opens a video to say what is here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from scrubjay.places.place import Place

__all__ = ["Destination", "Film", "Stamp", "is_library"]


class Stamp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a listing says about a video, without opening it. What it does not say is None or empty.

    A video whose stamp is unchanged is taken to be unchanged.
    """

    size_bytes: int | None = None
    mtime_ns: int | None = None
    """When it was last written, in nanoseconds since 1970; for objects, as their store says."""
    inode: int | None = None
    etag: str = ""
    """The version of an object, as its server names it."""

    @property
    def identifies(self) -> bool:
        """Whether a changed video would have another stamp."""
        return bool(self.etag) or None not in {self.size_bytes, self.mtime_ns}


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """A video of a library."""

    source: Place
    name: str
    """Its path relative to the root of the library, with `/`; unique in a run."""
    stamp: Stamp = Stamp()
    disk: str = ""
    """Which disk it is on; films with the same text share one. Empty if that is unknown."""


def is_library(place: Place) -> bool:
    """Whether an address is one of many videos: a folder, a bucket, or a prefix ending in `/`."""
    if place.is_local:
        return Path(place.address).is_dir()
    return place.scheme in {"s3", "gs", "az"} and (not place.key or place.key.endswith("/"))


Destination: TypeAlias = Callable[[Film], Place]
"""Returns where the set of a film goes; called in several threads."""

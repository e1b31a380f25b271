"""Reads HLS playlists, line by line.

Source: RFC 8216, section 4.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from scrubjay.timing import milliseconds

__all__ = ["Entry", "Playlist", "attributes", "lengths", "read_master", "read_playlist"]

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)')


class Entry(NamedTuple):
    """One resource of a media playlist."""

    uri: str
    duration: str
    is_gap: bool
    tags: Mapping[str, str]
    """The tags between EXTINF and the address, by name."""


class Playlist(NamedTuple):
    """A media playlist."""

    tags: Mapping[str, str]
    """The tags before the first resource, by name."""
    entries: Sequence[Entry]


def read_playlist(text: str) -> Playlist:
    """Read a media playlist.

    Raises:
        ValueError: it is none, or has no end; the text says which.
    """
    lines = _lines(text)
    head: dict[str, str] = {}
    entries: list[Entry] = []
    own: dict[str, str] = {}
    for line in lines:
        if not line.startswith("#"):
            duration = own.pop("EXTINF", "").partition(",")[0]
            is_gap = own.pop("EXT-X-GAP", None) is not None
            entries.append(Entry(line, duration, is_gap, own))
            own = {}
        else:
            name, _, value = line[1:].partition(":")
            is_of_entry = bool(own) or name in {"EXTINF", "EXT-X-GAP"}
            (own if is_of_entry and name != "EXT-X-ENDLIST" else head)[name] = value
    if "EXT-X-ENDLIST" not in head or own:
        raise ValueError("it does not end with EXT-X-ENDLIST")
    return Playlist(head, entries)


def _lines(text: str) -> list[str]:
    first, *rest = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if first != "#EXTM3U":
        raise ValueError("it does not begin with #EXTM3U")
    return rest


def read_master(text: str, tag: str) -> Iterator[Mapping[str, str]]:
    """Yield the attributes of each line of a multivariant playlist that has a tag.

    Raises:
        ValueError: it is no playlist.
    """
    for line in _lines(text):
        name, _, value = line.removeprefix("#").partition(":")
        if name == tag:
            yield attributes(value)


def attributes(text: str) -> dict[str, str]:
    """Read a list of attributes; the quotation marks around a value are left out."""
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def lengths(starts: Sequence[Fraction], end: Fraction) -> list[str]:
    """Return how long each of several resources is shown, as a playlist writes it.

    Args:
        starts: when each begins, in seconds, rising.
        end: when the last one ends.
    """
    edges = [milliseconds(each) for each in (*starts, end)]
    return [f"{(after - before) / 1000:.3f}" for before, after in pairwise(edges)]

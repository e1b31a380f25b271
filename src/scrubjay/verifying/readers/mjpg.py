"""Reads HLS I-frame playlists of packed stills, their header files and the lines to paste.

Sources: RFC 8216bis, EXT-X-I-FRAMES-ONLY; ISO/IEC 14496-12.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from math import ceil
from struct import unpack_from

from scrubjay.keys import document_key
from scrubjay.model import PlannedOutput
from scrubjay.registry import DOCUMENTS
from scrubjay.verifying.differences import Row
from scrubjay.verifying.readers.base import Picture, Reading, digest
from scrubjay.verifying.readers.playlist import (
    Entry,
    attributes,
    lengths,
    read_master,
    read_playlist,
)
from scrubjay.verifying.report import Finding

__all__ = ["check"]

_MASTER = document_key(DOCUMENTS["mjpg"].files[2])


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the playlists, what they point to, and the headers with the packed stills."""
    yield from reading.check_tracks({**reading.due_files((1, "header")), "mjpg.master": _MASTER})
    headers = [key for _, key in reading.each(1, "header")]
    variants: list[Row] = []
    for (output, key), header in zip(reading.each(), headers, strict=True):
        size = output.layout.size
        try:
            playlist = read_playlist(reading.text(key))
            where = attributes(playlist.tags.get("EXT-X-MAP", ""))
            found = [_found(reading, entry) for entry in playlist.entries]
            yield from _header(reading, output, header, where)
        except (ValueError, LookupError) as error:
            yield reading.wrong(key, str(error))
            continue
        yield from reading.compare(key, list(_expected(reading, output)), found, "picture")
        head = {"I-frames only": "EXT-X-I-FRAMES-ONLY" in playlist.tags, "header": where.get("URI")}
        due = {"I-frames only": True, "header": header}
        yield from reading.compare(key, [due], [head], "head")
        sizes = [_range_of(entry)[0] for entry in playlist.entries]
        variants.append(
            {
                "BANDWIDTH": str(ceil(8 * max(sizes, default=1) / output.spacing)),
                "RESOLUTION": f"{size.width}x{size.height}",
                "CODECS": "mjpg",
                "URI": key,
            }
        )
    try:
        lines = list(read_master(reading.text(_MASTER), "EXT-X-I-FRAME-STREAM-INF"))
    except (ValueError, LookupError) as error:
        yield reading.wrong(_MASTER, str(error))
        return
    yield from reading.compare(_MASTER, variants, lines, "line")


def _range_of(entry: Entry) -> tuple[int, int]:
    """Return the size and the place of the bytes that an entry names."""
    size, _, offset = entry.tags.get("EXT-X-BYTERANGE", "").partition("@")
    return int(size), int(offset)


def _found(reading: Reading, entry: Entry) -> Row:
    size, offset = _range_of(entry)
    if entry.uri not in reading.subject.sizes:
        raise ValueError(f"it names {entry.uri}, which does not exist")
    data = reading.subject.read(entry.uri)[offset : offset + size]
    return {"duration": entry.duration, "picture": digest(_payload(data)), "gap": entry.is_gap}


def _payload(fragment: bytes) -> bytes:
    """Return what is in the box `mdat` of a fragment: nothing if it is not one."""
    place = 0
    while place + 8 <= len(fragment):
        size, name = unpack_from(">I4s", fragment, place)
        if name == b"mdat" and place + size == len(fragment):
            return fragment[place + 8 :]
        place += max(size, 8)
    return b""


def _expected(reading: Reading, output: PlannedOutput) -> Iterator[Row]:
    shown = _shown(list(reading.packed(output)))
    starts = [time for time, _ in shown]
    durations = lengths(starts, reading.subject.plan.media.duration)
    for (_, picture), duration in zip(shown, durations, strict=True):
        if float(duration):
            yield {"duration": duration, "picture": digest(reading.jpeg(picture)), "gap": False}


def _shown(pictures: Sequence[Picture]) -> list[tuple[Fraction, Picture]]:
    """Return when each picture begins: over a gap, one stands for all that are missing."""
    shown = next((each for each in pictures if each.size_bytes), None)
    found: list[tuple[Fraction, Picture]] = []
    for is_made, run in groupby(pictures, lambda each: each.size_bytes > 0):
        own = list(run)
        if is_made:
            found += [(each.time, each) for each in own]
            shown = own[-1]
        elif shown:
            found.append((own[0].time, shown))
    return found


def _header(
    reading: Reading, output: PlannedOutput, key: str, where: dict[str, str]
) -> Iterator[Finding]:
    """Check the header: the size of its pictures, and that the playlist names all of it."""
    data = reading.data(key)
    size, _, offset = where.get("BYTERANGE", "").partition("@")
    head = data[int(offset or 0) :][: int(size or 0)]
    place = 0
    names: list[str] = []
    while place + 8 <= len(head):
        length, name = unpack_from(">I4s", head, place)
        names.append(name.decode("latin-1"))
        place += max(length, 8)
    at = head.find(b"mjpg")
    width, height = unpack_from(">HH", head, at + 28) if at >= 0 else (0, 0)
    found = {"boxes": names, "width": width, "height": height}
    sides = output.layout.size
    due = {"boxes": ["ftyp", "moov"], "width": sides.width, "height": sides.height}
    yield from reading.compare(key, [due], [found], "header")

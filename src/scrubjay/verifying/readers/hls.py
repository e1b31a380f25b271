"""Reads HLS image media playlists, and the lines for a multivariant playlist.

Source: "Image Media Playlist for HLS", version 0.4, https://github.com/image-media-playlist/spec.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from scrubjay.keys import document_key
from scrubjay.model import PlannedOutput
from scrubjay.registry import DOCUMENTS
from scrubjay.verifying.differences import Row
from scrubjay.verifying.readers.base import Reading
from scrubjay.verifying.readers.playlist import (
    Playlist,
    attributes,
    lengths,
    read_master,
    read_playlist,
)
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Placed

__all__ = ["check"]

_MASTER = document_key(DOCUMENTS["hls"].files[1])


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the playlists with the sheets."""
    yield from reading.check_tracks({**reading.due_files(), "hls.master": _MASTER})
    variants: list[Row] = []
    for output, key in reading.each():
        sheets = list(reading.subject.placed(output))
        variants.append(_variant(reading, output, key, sheets))
        try:
            playlist = read_playlist(reading.text(key))
        except ValueError as error:
            yield reading.wrong(key, str(error))
            continue
        expected = list(_entries(reading, output, sheets))
        yield from reading.compare(key, expected, list(_found(playlist)), "sheet")
        head = {name: playlist.tags.get(name) for name in _HEAD}
        yield from reading.compare(key, [_head(expected)], [head], "head")
    try:
        lines = list(read_master(reading.text(_MASTER), "EXT-X-IMAGE-STREAM-INF"))
    except (ValueError, LookupError) as error:
        yield reading.wrong(_MASTER, str(error))
        return
    yield from reading.compare(_MASTER, variants, lines, "line")


_HEAD = ("EXT-X-IMAGES-ONLY", "EXT-X-TARGETDURATION", "EXT-X-PLAYLIST-TYPE")


def _head(expected: list[Row]) -> Row:
    longest = max((ceil(Fraction(str(row["duration"]))) for row in expected), default=1)
    return dict(zip(_HEAD, ("", str(longest), "VOD"), strict=True))


def _entries(reading: Reading, output: PlannedOutput, sheets: list[Placed]) -> Iterator[Row]:
    layout = output.layout
    tiles = {
        "RESOLUTION": f"{layout.size.width}x{layout.size.height}",
        "LAYOUT": f"{layout.columns}x{layout.rows}",
        "DURATION": f"{float(output.spacing):.3f}",
    }
    starts = [placed.due.start for placed in sheets]
    durations = lengths(starts, reading.subject.plan.media.duration)
    for placed, duration in zip(sheets, durations, strict=True):
        if float(duration):  # the last may be shown for less than a millisecond
            yield {
                "address": placed.due.key,
                "duration": duration,
                "gap": placed.artifact is None,
                "tiles": tiles,
            }


def _found(playlist: Playlist) -> Iterator[Row]:
    for entry in playlist.entries:
        yield {
            "address": entry.uri,
            "duration": entry.duration,
            "gap": entry.is_gap,
            "tiles": attributes(entry.tags.get("EXT-X-TILES", "")),
        }


def _variant(reading: Reading, output: PlannedOutput, key: str, sheets: list[Placed]) -> Row:
    sizes = [placed.artifact.size_bytes for placed in sheets if placed.artifact]
    starts = [placed.due.start for placed in sheets]
    longest = max(map(Fraction, lengths(starts, reading.subject.plan.media.duration)))
    size = output.layout.size
    return {
        "BANDWIDTH": str(ceil(8 * max(sizes, default=1) / longest)),
        "RESOLUTION": f"{size.width}x{size.height}",
        "CODECS": output.options.format,
        "URI": key,
    }

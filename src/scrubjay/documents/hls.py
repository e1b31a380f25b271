"""Sheets as an HLS image media playlist, and the line that a multivariant playlist has for it.

Source: "Image Media Playlist for HLS", version 0.4, by Disney, Roku and WarnerMedia
(https://github.com/image-media-playlist/spec); it is no part of RFC 8216. A sheet in a
gap of the set is marked with EXT-X-GAP.
"""

from collections.abc import Iterator, Mapping

from scrubjay.documents.base import File, FinishedSet, each_track
from scrubjay.documents.playlist import (
    MEDIA_TYPE,
    bandwidth,
    decimal,
    durations,
    master_playlist,
    media_playlist,
)
from scrubjay.keys import document_key
from scrubjay.model import Plan, PlannedOutput, Size
from scrubjay.registry import DOCUMENTS

__all__ = ["tracks", "write"]

_MASTER = document_key(DOCUMENTS["hls"].files[1])


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the playlist of each output of sheets, and the lines to paste."""
    playlists = each_track(plan, "hls")
    return {**playlists, "hls.master": _MASTER} if playlists else {}


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a playlist for each output of sheets, and the lines to paste; times begin at 0."""
    keyed = finished.keyed("hls")
    variants: list[tuple[int, Size, str, str]] = []
    for key, output in keyed:
        sheets = list(finished.planned(output))
        lengths = durations([each.start for each, _ in sheets], finished.plan.media.duration)
        bits = bandwidth((made.size_bytes for _, made in sheets if made), max(lengths))
        variants.append((bits, output.layout.size, output.options.format, key))
        tiles = _tiles(output)
        resources = [
            (length, made is not None, (tiles, planned.key))
            for (planned, made), length in zip(sheets, lengths, strict=True)
        ]
        yield File(key, media_playlist(["#EXT-X-IMAGES-ONLY"], resources), MEDIA_TYPE)
    if keyed:
        data = master_playlist("EXT-X-IMAGE-STREAM-INF", variants)
        yield File(_MASTER, data, MEDIA_TYPE)


def _tiles(output: PlannedOutput) -> str:
    """Say how each sheet is cut; the size is a thumbnail's."""
    layout, interval = output.layout, output.spacing
    size, grid = layout.size, f"{layout.columns}x{layout.rows}"
    return (
        f"#EXT-X-TILES:RESOLUTION={size.width}x{size.height},LAYOUT={grid},"
        f"DURATION={decimal(interval)}"
    )

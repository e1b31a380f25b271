"""Packed stills as an HLS I-frame playlist, and the line that a multivariant playlist has for it.

The codec `mjpg` means that each I-frame is a JPEG: hls.js and Shaka show them as thumbnails. The
playlist names parts of the packed files, and a small header that lies beside it. A picture that
lies in a gap of the set is marked with EXT-X-GAP.

Source: RFC 8216bis, EXT-X-I-FRAMES-ONLY; Apple's HLS authoring specification, appendices.
"""

from collections.abc import Iterator, Mapping

from scrubjay.documents.base import File, FinishedSet, each_key, each_track
from scrubjay.documents.playlist import (
    MEDIA_TYPE,
    bandwidth,
    durations,
    master_playlist,
    media_playlist,
)
from scrubjay.fragments import HEAD_BYTES, header
from scrubjay.keys import document_key
from scrubjay.model import Plan, Size
from scrubjay.registry import DOCUMENTS

__all__ = ["tracks", "write"]

_HEADER = 1
_MASTER = document_key(DOCUMENTS["mjpg"].files[2])


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return a playlist and a header of each output of packed stills, and the lines to paste."""
    playlists = each_track(plan, "mjpg")
    headers = each_track(plan, "mjpg", _HEADER, "header")
    return {**playlists, **headers, "mjpg.master": _MASTER} if playlists else {}


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a playlist and a header for each output, and the lines to paste; times begin at 0."""
    variants: list[tuple[int, Size, str, str]] = []
    headers = each_key(finished.plan, "mjpg", _HEADER)
    for (key, output), header_key in zip(finished.keyed("mjpg"), headers, strict=True):
        stills, size = list(finished.packed(output)), output.layout.size
        lengths = durations([still.time for still in stills], finished.plan.media.duration)
        bits = bandwidth((HEAD_BYTES + still.size_bytes for still in stills), lengths)
        variants.append((bits, size, "mjpg", key))
        kind = ["#EXT-X-I-FRAMES-ONLY", f'#EXT-X-MAP:URI="{header_key}"']
        resources = [
            (
                length,
                still.size_bytes > 0,
                (*_range(still.byte_offset, still.size_bytes), still.key),
            )
            for still, length in zip(stills, lengths, strict=True)
        ]
        yield File(key, media_playlist(kind, resources), MEDIA_TYPE)
        yield File(header_key, header(size.width, size.height), "video/mp4")
    if variants:
        data = master_playlist("EXT-X-I-FRAME-STREAM-INF", variants)
        yield File(_MASTER, data, MEDIA_TYPE)


def _range(byte_offset: int, size_bytes: int) -> tuple[str, ...]:
    """Say where the fragment of a picture lies; nothing for one that is missing."""
    if not size_bytes:
        return ()
    return (f"#EXT-X-BYTERANGE:{HEAD_BYTES + size_bytes}@{byte_offset - HEAD_BYTES}",)

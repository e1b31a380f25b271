"""Packed stills as an HLS I-frame playlist, and the line that a multivariant playlist has for it.

The codec `mjpg` means that each I-frame is a JPEG: hls.js and Shaka show them as thumbnails. The
playlist names parts of the packed files, and a header file beside it. Over a gap of the set,
the picture before it is shown (at the start, the one after), from a fragment behind the header:
hls.js 1.7.4 shows no picture any more once it has met EXT-X-GAP, and every later one at a wrong
time if EXTINF is not the fragment's own duration.

Source: RFC 8216bis, EXT-X-I-FRAMES-ONLY; Apple's HLS authoring specification, appendices.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

from scrubjay.documents.base import File, FinishedSet, PackedStill, each_key, each_track
from scrubjay.documents.playlist import (
    MEDIA_TYPE,
    bandwidth,
    durations,
    master_playlist,
    media_playlist,
)
from scrubjay.fragments import HEAD_BYTES, fragment, header
from scrubjay.keys import document_key
from scrubjay.model import Plan, PlannedOutput, Size
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
        size = output.layout.size
        head = header(size.width, size.height)
        where = f'#EXT-X-MAP:URI="{header_key}",BYTERANGE="{len(head)}@0"'
        pictures, beside = _with_gaps(finished, output, File(header_key, head, "video/mp4"))
        lengths = durations([each.time for each in pictures], finished.plan.media.duration)
        bits = bandwidth((HEAD_BYTES + each.size_bytes for each in pictures), output.spacing)
        variants.append((bits, size, "mjpg", key))
        resources = [
            (length, True, (_range(each), each.key))
            for each, length in zip(pictures, lengths, strict=True)
        ]
        yield File(key, media_playlist(["#EXT-X-I-FRAMES-ONLY", where], resources), MEDIA_TYPE)
        yield beside
    if variants:
        lines = master_playlist("EXT-X-I-FRAME-STREAM-INF", variants)
        yield File(_MASTER, lines, MEDIA_TYPE)


def _with_gaps(
    finished: FinishedSet, output: PlannedOutput, beside: File
) -> tuple[list[PackedStill], File]:
    """Return an output's pictures, and a file with a fragment more for each gap.

    Args:
        finished: the set.
        output: of packed stills.
        beside: the file as it is without any.
    """
    stills = list(finished.packed(output))
    shown = next((still for still in stills if still.size_bytes), None)
    found: list[PackedStill] = []
    runs = [list(run) for _, run in groupby(stills, lambda still: still.size_bytes > 0)]
    ends = [*(run[0].time for run in runs[1:]), finished.plan.media.duration]
    for run, end in zip(runs, ends, strict=True):
        if run[0].size_bytes:
            found, shown = [*found, *run], run[-1]
        elif shown:
            begin = shown.byte_offset
            jpeg = finished.read(shown.key)[begin : begin + shown.size_bytes]
            number, start = int(run[0].time / output.spacing), run[0].time
            offset = len(beside.data) + HEAD_BYTES
            found.append(PackedStill(start, beside.key, offset, len(jpeg)))
            more = fragment(jpeg, number, start, end)
            beside = beside._replace(data=beside.data + more)
    return found, beside


def _range(still: PackedStill) -> str:
    """Return the byte range of a picture's fragment."""
    size_bytes, offset = HEAD_BYTES + still.size_bytes, still.byte_offset - HEAD_BYTES
    return f"#EXT-X-BYTERANGE:{size_bytes}@{offset}"

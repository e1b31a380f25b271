"""What all HLS playlists have in common (RFC 8216)."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil

from scrubjay.model import Size
from scrubjay.timing import milliseconds

__all__ = ["MEDIA_TYPE", "bandwidth", "decimal", "durations", "master_playlist", "media_playlist"]

MEDIA_TYPE = "application/vnd.apple.mpegurl"


def durations(starts: Sequence[Fraction], end: Fraction) -> list[Fraction]:
    """Return how long each of several pictures is shown, in whole milliseconds.

    They add up to the whole: what is rounded is the times, not the durations.

    Args:
        starts: when each begins, in seconds, rising.
        end: when the last one ends.
    """
    times = [milliseconds(time) for time in (*starts, end)]
    return [Fraction(after - before, 1000) for before, after in pairwise(times)]


def decimal(seconds: Fraction) -> str:
    """Write seconds to the millisecond."""
    return f"{float(seconds):.3f}"


def bandwidth(sizes_bytes: Iterable[int], length: Fraction) -> int:
    """Return the most bits a second that files need, loaded as fast as they are shown.

    The last one may be shown for less time, but what is averaged over less than half a target
    duration is no peak (RFC 8216, section 4.3.4.2).

    Args:
        sizes_bytes: of each that is there.
        length: how long each is shown, in seconds.
    """
    return ceil(8 * max(sizes_bytes, default=1) / length)


def media_playlist(
    kind: Sequence[str], resources: Iterable[tuple[Fraction, bool, Sequence[str]]]
) -> bytes:
    """Write a playlist of pictures.

    Args:
        kind: the tags that say what the pictures are.
        resources: for each its duration in seconds, whether it is there, and its lines after
            EXTINF, last its address.
    """
    listed = [each for each in resources if each[0]]  # the last may be shown for no millisecond
    longest = max((ceil(duration) for duration, _, _ in listed), default=1)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{longest}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        *kind,
    ]
    for duration, is_there, rest in listed:
        gap = [] if is_there else ["#EXT-X-GAP"]
        lines += [*gap, f"#EXTINF:{decimal(duration)},", *rest]
    return _joined([*lines, "#EXT-X-ENDLIST"])


def master_playlist(tag: str, variants: Iterable[tuple[int, Size, str, str]]) -> bytes:
    """Write the lines that a multivariant playlist has for playlists of pictures.

    Args:
        tag: that each line begins with.
        variants: for each its bits a second, the size of a picture, its codec and its address.
    """
    lines = [
        f'#{tag}:BANDWIDTH={bits},RESOLUTION={size.width}x{size.height},CODECS="{codec}",URI="{key}"'
        for bits, size, codec, key in variants
    ]
    return _joined(["#EXTM3U", "#EXT-X-VERSION:7", *lines])


def _joined(lines: Sequence[str]) -> bytes:
    return "\n".join([*lines, ""]).encode()

"""The I-frame playlist of packed stills: other readers find the picture of each time."""

from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path

import av
import m3u8
from numbered import Made, make_set, number_in, plainly, recipe_of


def _range(made: Made, segment: m3u8.Segment) -> bytes:
    """Return the part of a file that a playlist names."""
    size, _, offset = segment.byterange.partition("@")
    return made.store.get(segment.uri)[int(offset) : int(offset) + int(size)]


def test_each_time_has_its_picture(made: Made) -> None:
    """FFmpeg decodes the header and a fragment, and shows the right picture; in a gap, the last."""
    playlist = m3u8.loads(made.store.get("iframes.m3u8").decode())
    assert playlist.is_i_frames_only
    [where] = playlist.segment_map
    header, start = _header(made, where), Fraction(0)
    for segment in playlist.segments:
        end = start + Fraction(str(segment.duration))
        with av.open(BytesIO(header + _range(made, segment)), "r") as file:
            [frame] = file.decode(video=0)
        assert (frame.width, frame.height) == (256, 144)
        assert frame.time == start
        assert frame.duration * (frame.time_base or 0) == end - start
        [jpeg] = _payloads(_range(made, segment))
        shown = [made.before(time) for time in made.times() if start <= time < end]
        assert shown == [number_in(jpeg)] * len(shown)
        start = end
    assert start == made.plan.media.duration
    assert len(playlist.segments) == len(made.manifest.frames) + len(made.gaps)


def _header(made: Made, where: m3u8.model.InitializationSection) -> bytes:
    size, _, offset = where.byterange.partition("@")
    return made.store.get(where.uri)[int(offset) : int(offset) + int(size)]


def test_a_gap_at_the_start(clips: dict[str, Path]) -> None:
    """The first picture that there is stands for what is missing before it."""
    made = make_set(clips["plain"], recipe_of(4, Fraction(2), 2), plainly, gaps=(0,))
    playlist = m3u8.loads(made.store.get("iframes.m3u8").decode())
    assert [segment.duration for segment in playlist.segments] == [4, 2, 2, 2, 2]
    [jpeg] = _payloads(_range(made, playlist.segments[0]))
    assert number_in(jpeg) == plainly(Fraction(4))


def _payloads(data: bytes) -> list[bytes]:
    """Return what is in the boxes `mdat`, as players cut it out."""
    found, place = [], 0
    while place < len(data):
        size = int.from_bytes(data[place : place + 4])
        if data[place + 4 : place + 8] == b"mdat":
            found.append(data[place + 8 : place + size])
        place += size
    return found


def test_a_file_is_all_of_a_slice(made: Made) -> None:
    """Behind the header, FFmpeg reads every picture of the slice at its time, and no more."""
    [where] = m3u8.loads(made.store.get("iframes.m3u8").decode()).segment_map
    header, frames = _header(made, where), made.manifest.frames
    for key in {frame.key for frame in frames}:
        with av.open(BytesIO(header + made.store.get(key)), "r") as file:
            times = [frame.time for frame in file.decode(video=0)]
        assert times == [frame.time for frame in frames if frame.key == key]


def test_the_manifest_says_where_each_picture_is(made: Made) -> None:
    """Every picture has an entry, whose bytes are a JPEG of the right picture."""
    for frame in made.manifest.frames:
        data = made.store.get(frame.key)[frame.byte_offset :][: frame.size_bytes]
        assert number_in(data) == made.expected(Fraction(str(frame.time)))
    starts = [k * made.interval for k in range(ceil(made.plan.media.duration / made.interval))]
    there = [float(start) for start in starts if made.expected(start) is not None]
    assert [frame.time for frame in made.manifest.frames] == there


def test_the_lines_to_paste(made: Made) -> None:
    """They name the playlist, its codec, the pictures' size, and the bits of the largest one."""
    master = m3u8.loads(made.store.get("iframes.master.m3u8").decode())
    [variant] = master.iframe_playlists
    about = variant.iframe_stream_info
    assert variant.uri == "iframes.m3u8"
    assert about.codecs == "mjpg"
    assert about.resolution == (256, 144)
    playlist = m3u8.loads(made.store.get(variant.uri).decode())
    largest = max(len(_range(made, each)) for each in playlist.segments)
    assert about.bandwidth == ceil(8 * largest / made.interval)

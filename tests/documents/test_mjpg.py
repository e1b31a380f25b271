"""The I-frame playlist of packed stills: other readers find the picture of each time."""

from fractions import Fraction
from io import BytesIO
from math import ceil

import av
import m3u8
from numbered import Made, number_in


def _range(made: Made, segment: m3u8.Segment) -> bytes:
    """Return the part of a file that a playlist names."""
    size, _, offset = segment.byterange.partition("@")
    return made.store.get(segment.uri)[int(offset) : int(offset) + int(size)]


def test_each_time_has_its_picture(made: Made) -> None:
    """FFmpeg decodes the header and a fragment, and shows the right picture at the right time."""
    playlist = m3u8.loads(made.store.get("iframes.m3u8").decode())
    assert playlist.is_i_frames_only
    [where] = playlist.segment_map
    header = made.store.get(where.uri)
    start = Fraction(0)
    for segment in playlist.segments:
        length = Fraction(str(segment.duration))
        expected = made.expected(start)
        assert (segment.gap_tag is not None) == (expected is None)
        if expected is not None:
            with av.open(BytesIO(header + _range(made, segment)), "r") as file:
                [frame] = file.decode(video=0)
            assert frame.time == start
            assert (frame.width, frame.height) == (256, 144)
            [jpeg] = _payloads(_range(made, segment))
            assert number_in(jpeg) == expected
        start += length
    assert start == made.plan.media.duration
    assert len(playlist.segments) == ceil(start / made.interval)


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
    header = made.store.get("iframes.header.mp4")
    frames = made.manifest.frames
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
    largest = max(len(_range(made, each)) for each in playlist.segments if not each.gap_tag)
    assert about.bandwidth == ceil(8 * largest / made.interval)

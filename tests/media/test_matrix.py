"""Whatever the container, codec, reordering, GOPs and fields: what is shown is what players show.

Pictures stand in the order in which the decoder puts them out, the k-th at the k-th of the times.
The clips have 25 pictures a second, so picture k of a plain decode of the whole file stands at k/25
seconds; however a clip is read (in slices, with jumps, sparsely, by several threads), that holds.
"""

import zlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.decoders import VideoDecoder
from scrubjay.media.probe import probe_media
from scrubjay.places.place import Place
from scrubjay.slices.reading import open_frames
from scrubjay.timing import Target

_RATE, _PICTURES = 25, 90
_WIDTH, _HEIGHT = 160, 96


class _Coding(NamedTuple):
    encoder: str
    options: dict[str, str]
    pix_fmt: str = "yuv420p"
    flags: int = 0


_X264 = {"preset": "veryfast", "threads": "1"}
_X265 = {"preset": "ultrafast"}
_VPX = {"threads": "1"}
_ON_ONE = "pools=none:frame-threads=1:log-level=none"
_INTERLACED = 0x40000 | 0x20000000  # AV_CODEC_FLAG_INTERLACED_DCT and _ME

_CODINGS = {
    "h264-no-reordering": _Coding("libx264", _X264 | {"bf": "0", "g": "20"}),
    "h264-one-b": _Coding("libx264", _X264 | {"bf": "1", "g": "20"}),
    "h264-pyramid": _Coding(
        "libx264", _X264 | {"bf": "7", "g": "25", "x264-params": "b-adapt=0:b-pyramid=normal"}
    ),
    "h264-open-gop": _Coding(
        "libx264", _X264 | {"x264-params": "open-gop=1:keyint=20:min-keyint=20:bframes=3"}
    ),
    "h264-intra-refresh": _Coding(
        "libx264", _X264 | {"x264-params": "intra-refresh=1:keyint=20:bframes=0"}
    ),
    "h264-interlaced": _Coding("libx264", _X264 | {"x264-params": "tff=1:keyint=20:bframes=2"}),
    "hevc-no-reordering": _Coding(
        "libx265", _X265 | {"x265-params": f"{_ON_ONE}:keyint=20:bframes=0"}
    ),
    "hevc-pyramid": _Coding(
        "libx265", _X265 | {"x265-params": f"{_ON_ONE}:keyint=20:bframes=4:b-adapt=0:open-gop=0"}
    ),
    "hevc-open-gop": _Coding(
        "libx265", _X265 | {"x265-params": f"{_ON_ONE}:keyint=20:bframes=4:b-adapt=0:open-gop=1"}
    ),
    "mpeg4": _Coding("mpeg4", {"g": "20", "bf": "0"}),
    "mpeg4-b": _Coding("mpeg4", {"g": "20", "bf": "2"}),
    "mpeg2": _Coding("mpeg2video", {"g": "15", "bf": "0"}),
    "mpeg2-b": _Coding(
        "mpeg2video", {"g": "15", "bf": "2", "flags": "+cgop", "sc_threshold": "1000000000"}
    ),
    "mpeg2-open-gop": _Coding("mpeg2video", {"g": "15", "bf": "2", "flags": "-cgop"}),
    "mpeg2-interlaced": _Coding("mpeg2video", {"g": "15", "bf": "2"}, flags=_INTERLACED),
    "mpeg1-b": _Coding("mpeg1video", {"g": "15", "bf": "2"}),
    "vp8": _Coding("libvpx", _VPX | {"deadline": "realtime", "cpu-used": "8", "g": "20"}),
    "vp9": _Coding(
        "libvpx-vp9", _VPX | {"deadline": "good", "cpu-used": "5", "g": "30", "lag-in-frames": "12"}
    ),
    "av1": _Coding("libsvtav1", {"preset": "12", "g": "30", "svtav1-params": "lp=1"}),
    "mjpeg": _Coding("mjpeg", {}, "yuvj420p"),
    "ffv1": _Coding("ffv1", {}),
    "flv1": _Coding("flv", {"g": "20"}),
    "wmv2": _Coding("wmv2", {"g": "20"}),
}

_CONTAINERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "mp4": ("mp4", ("h264", "hevc", "mpeg4", "av1", "vp9", "mpeg2-b")),
    "mp4-without-ctts": ("mp4", ("h264", "hevc", "mpeg4-b", "mpeg2-b")),
    "mp4-fragmented": ("mp4", ("h264", "hevc-pyramid")),
    "mov": ("mov", ("h264-pyramid", "mjpeg")),
    "mkv": ("matroska", ("h264", "hevc", "mpeg", "vp", "av1", "mjpeg", "ffv1")),
    "avi": ("avi", ("h264", "mpeg4", "mpeg2-b", "mjpeg", "ffv1", "wmv2", "vp8")),
    "ts": ("mpegts", ("h264", "hevc", "mpeg4-b", "mpeg2", "mpeg1-b")),
    "ts-one-stamp-in-five": ("mpegts", ("h264", "hevc-pyramid", "mpeg2-b")),
    "ps": ("vob", ("mpeg2", "mpeg1-b", "h264-pyramid")),
    "flv": ("flv", ("h264", "flv1")),
    "nut": ("nut", ("h264-pyramid", "mpeg4-b")),
    "asf": ("asf", ("mpeg4", "wmv2", "h264-pyramid")),
    "mxf": ("mxf", ("mpeg2-b", "mpeg2-interlaced")),
    "ivf": ("ivf", ("vp8", "vp9", "av1")),
    "raw-h264": ("h264", ("h264",)),
    "raw-hevc": ("hevc", ("hevc",)),
    "raw-m4v": ("m4v", ("mpeg4",)),
    "raw-mpeg2": ("mpeg2video", ("mpeg2",)),
    "raw-mpeg1": ("mpeg1video", ("mpeg1-b",)),
    "raw-av1": ("obu", ("av1",)),
}
"""Of each container: FFmpeg's name for it, and how the names of what lies in it begin."""

_CASES = [
    (container, coding)
    for container, (_, prefixes) in _CONTAINERS.items()
    for coding in _CODINGS
    if coding.startswith(prefixes)
]


def _moving(number: int) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    picture = np.stack([x + 3 * number, y * 2 - number, x * y // 64 + 5 * number], axis=-1)
    picture[20:60, (number * 3) % 120 : (number * 3) % 120 + 30] = (250, 30, number % 200)
    return (picture % 256).astype(np.uint8)


def _write(path: Path, container: str, coding: _Coding) -> None:
    """Write a clip of moving pictures."""
    if coding.encoder not in av.codec.codecs_available:
        pytest.skip(f"this FFmpeg has no {coding.encoder}")
    options = {"movflags": "frag_keyframe+empty_moov"} if container == "mp4-fragmented" else {}
    with av.open(str(path), "w", format=_CONTAINERS[container][0], options=options) as output:
        stream = output.add_stream(coding.encoder, rate=_RATE, options=_repeatable(coding))
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, coding.pix_fmt
        stream.codec_context.time_base = Fraction(1, _RATE)
        stream.codec_context.flags |= coding.flags
        for number, packet in enumerate(_packets(stream, coding)):
            if container == "mp4-without-ctts":
                packet.pts = packet.dts = number
            output.mux(packet)
    if container == "ts-one-stamp-in-five":
        path.write_bytes(_without_most_stamps(path.read_bytes()))


def _repeatable(coding: _Coding) -> dict[str, str]:
    """Return options with which each run writes the same clip: x264's assembler code does not."""
    if coding.encoder != "libx264":
        return coding.options
    given = coding.options.get("x264-params")
    return coding.options | {"x264-params": ":".join(filter(None, (given, "no-asm=1")))}


def _packets(stream: VideoStream, coding: _Coding) -> Iterator["Packet[VideoStream]"]:
    for number, frame in enumerate(_pictures(coding.pix_fmt)):
        frame.pts, frame.time_base = number, Fraction(1, _RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


@cache
def _pictures(pix_fmt: str) -> list[av.VideoFrame]:
    return [
        av.VideoFrame.from_ndarray(_moving(number), format="rgb24").reformat(format=pix_fmt)
        for number in range(_PICTURES)
    ]


def _without_most_stamps(data: bytes) -> bytes:
    """Take the times out of four of five PES packets of a transport stream's video.

    A PES header without times is as long: what the times took is stuffing (ISO 13818-1, 2.4.3.6).
    """
    packets = [bytearray(data[at : at + 188]) for at in range(0, len(data), 188)]
    count = 0
    for packet in packets:
        starts, has_fields = packet[1] & 0x40, packet[3] & 0x20
        at = 5 + packet[4] if has_fields else 4
        if not starts or packet[at : at + 3] != b"\0\0\1" or packet[at + 3] & 0xF0 != 0xE0:
            continue
        if count % 5:
            packet[at + 7] &= 0x3F
            packet[at + 9 : at + 9 + packet[at + 8]] = b"\xff" * packet[at + 8]
        count += 1
    return b"".join(packets)


def _sum(frame: av.VideoFrame) -> int:
    """Sum up what can be seen of a picture."""
    return zlib.crc32(frame.to_ndarray().tobytes())


@cache
def _whole(path: Path) -> list[int]:
    """Sums of all pictures of a plain decode of a whole file, in the order of output."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        return [_sum(frame) for packet in container.demux(stream) for frame in packet.decode()]


def _targets(times: Iterable[Fraction]) -> list[Target]:
    padded = [None, *times, None]
    return [
        Target(before, time, after)
        for before, time, after in zip(padded, padded[1:], padded[2:], strict=False)
        if time is not None
    ]


def _wrong(
    path: Path, step: Fraction, slice_length: int, *, threads: int = 1, is_sparse: bool = False
) -> list[str]:
    """Read a clip slice by slice, each begun with a jump or read on to, and say what is wrong."""
    media = probe_media(Place.of(path))[1]
    whole = _whole(path)
    length = Fraction(len(whole), _RATE)
    wrong = [] if media.duration == length else [f"lasts {media.duration} s and not {length}"]
    first = Fraction(1, 4 * _RATE)
    times = [first + k * step for k in range(int((length - first) / step) + 1)]
    times = [time for time in times if time < length]
    count = 0
    with open_frames(
        media, Place.of(path), partial(VideoDecoder, threads=threads), is_sparse=is_sparse
    ) as reader:
        for number, start in enumerate(range(0, int(length) + 1, slice_length)):
            if number % 3 != 1:
                reader.start(_targets(time for time in times if time >= start))
            for shown in reader.until(Fraction(start + slice_length)):
                count += 1
                right = int(shown.time * _RATE)
                found = _sum(shown.frame)
                if found != whole[right]:
                    at = whole.index(found) if found in whole else None
                    wrong.append(f"at {float(shown.time)} picture {at}, not {right}")
                elif abs(shown.source_time - Fraction(right, _RATE)) > Fraction(1, 500):
                    wrong.append(f"at {float(shown.time)} time {float(shown.source_time)}")
    return wrong if count == len(times) else [*wrong, f"{count} pictures of {len(times)}"]


@pytest.mark.parametrize(("container", "coding"), _CASES)
def test_every_way_of_reading_shows_what_a_plain_decode_shows(
    container: str, coding: str, tmp_path: Path
) -> None:
    """In slices, with jumps, sparsely or by threads, picture k stands at k/25 seconds."""
    path = tmp_path / f"{container}-{coding}"
    _write(path, container, _CODINGS[coding])
    assert _wrong(path, Fraction(1, 10), 1) == []
    assert _wrong(path, Fraction(1, 10), 2, threads=3) == []
    assert _wrong(path, Fraction(3, 2), 1, is_sparse=True) == []


@pytest.mark.parametrize("crf", range(10, 50, 3))
@pytest.mark.parametrize("deepest", [3, 7])
def test_small_pictures_share_a_packet_s_time(crf: int, deepest: int, tmp_path: Path) -> None:
    """Of several pictures in a packet of a program stream, FFmpeg gives the time to any."""
    options = _CODINGS["h264-pyramid"].options | {"crf": str(crf), "bf": str(deepest)}
    path = tmp_path / "small"
    _write(path, "ps", _Coding("libx264", options))
    assert _wrong(path, Fraction(1, 10), 1) == []

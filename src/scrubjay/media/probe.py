"""What is in a video: read from its packets and its first picture, not believed from its header."""

import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Literal

import av.error
from av import VideoFrame
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.video.stream import VideoStream

from scrubjay.errors import NoVideoError, UnsupportedVideoError
from scrubjay.media.ffmpeg import DECODE_ERRORS, ffmpeg_errors
from scrubjay.media.source import (
    as_fraction,
    identify,
    open_container,
    origin_of,
    read_only,
    rewind,
    time_base_of,
    video_streams,
)
from scrubjay.model import MediaInfo, SourceRef
from scrubjay.timing import Timeline

__all__ = ["probe_media"]

_FIRST_PICTURE_PACKETS = 1000
"""Packets read, at most, in search of a stream's first picture."""

_TAIL = 10
"""Seconds before the declared end from which packets are read: MPEG-TS seeks land late, and the
last packet in the file is seldom the last in time."""

_COLOR_SPACES = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m",
                 9: "bt2020nc", 10: "bt2020c"}  # fmt: skip
_TRANSFERS = {1: "bt709", 6: "smpte170m", 8: "linear", 13: "srgb", 14: "bt2020-10",
              15: "bt2020-12", 16: "pq", 18: "hlg"}  # fmt: skip
_RANGES = {1: "limited", 2: "full"}


def probe_media(
    location: str, *, on_packet: Callable[[], None] = lambda: None
) -> tuple[SourceRef, MediaInfo]:
    """Look into the video at a path: which it is, and what it holds.

    Args:
        location: the path.
        on_packet: called for each packet that is read in search of the end.

    Raises:
        SourceError: it cannot be opened, has no video, or gives no picture.
    """
    source = identify(location)
    with open_container(location) as container, ffmpeg_errors(source.name):
        streams = video_streams(container)
        for stream in streams:
            read_only(container, stream)
            picture = _first_picture(container, stream)
            if picture is not None:
                return source, _describe(container, stream, picture, on_packet)
    codec = _codec_name(streams[0])
    if all(_has_no_decoder(stream) for stream in streams):
        raise UnsupportedVideoError(f"no decoder here for the {codec} video in {source.name}")
    raise NoVideoError(f"{source.name} has a {codec} video stream, but no picture in it decodes")


def _has_no_decoder(stream: VideoStream) -> bool:
    # PyAV leaves it None where FFmpeg has no decoder, though its types do not say so
    return getattr(stream, "codec_context", None) is None


def _codec_name(stream: VideoStream) -> str:
    return "unknown" if _has_no_decoder(stream) else stream.codec_context.name


def _first_picture(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """Return the first picture of a stream that has a time, or None if none decodes early on."""
    if _has_no_decoder(stream):
        return None
    rewind(container, stream)
    stream.codec_context.thread_count = 1
    for number, packet in enumerate(container.demux(stream)):
        if number > _FIRST_PICTURE_PACKETS:
            break
        try:
            frames = packet.decode()
        except (av.error.MemoryError, MemoryError):
            raise
        except DECODE_ERRORS:
            continue
        for frame in frames:
            if frame.pts is not None:
                return frame
    return None


def _describe(
    container: InputContainer,
    stream: VideoStream,
    picture: VideoFrame,
    on_packet: Callable[[], None],
) -> MediaInfo:
    timeline = Timeline(time_base=time_base_of(stream), origin=origin_of(container))
    declared = Fraction(container.duration, 1_000_000) if container.duration else None
    end = _measured_end(container, stream, timeline, declared, on_packet)
    first = timeline.seconds(picture.pts or 0)
    duration = max(end, first + _usual_length(stream))
    rotation_deg, mirrored = _orientation(picture)
    aspect = _picture_aspect(stream)
    width, height = _displayed(picture.width, picture.height, aspect)
    turned = rotation_deg in {90, 270}
    return MediaInfo(
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        stream_index=stream.index,
        duration=duration,
        declared_duration=declared,
        first_picture=first,
        origin=timeline.origin,
        time_base=timeline.time_base,
        frame_rate=as_fraction(stream.average_rate),
        width=height if turned else width,
        height=width if turned else height,
        coded_width=picture.width,
        coded_height=picture.height,
        sample_aspect_ratio=aspect,
        rotation_deg=rotation_deg,
        mirrored=mirrored,
        pixel_format=picture.format.name,
        color_space=_COLOR_SPACES.get(picture.colorspace, "unspecified"),
        color_range=_RANGES.get(picture.color_range, "unspecified"),
        color_transfer=_TRANSFERS.get(picture.color_trc, "unspecified"),
        has_audio=bool(container.streams.audio),
        warnings=tuple(_warnings(container, duration, declared)),
    )


def _warnings(
    container: InputContainer, duration: Fraction, declared: Fraction | None
) -> Iterator[str]:
    claimed = "" if declared is None else f"{float(declared):.2f}"
    if declared is None:
        yield "its header gives no duration; it was measured by reading the file"
    elif declared > duration + 1 and not container.streams.audio:
        yield f"its header claims {claimed} s, but its pictures end at {float(duration):.2f} s"
    elif declared > duration + 1:
        yield f"its pictures end at {float(duration):.2f} s of {claimed} s"


def _measured_end(
    container: InputContainer,
    stream: VideoStream,
    timeline: Timeline,
    declared: Fraction | None,
    on_packet: Callable[[], None],
) -> Fraction:
    """Return when the last picture ends, by reading the last packets; all of them if need be."""
    end = None
    if declared:
        try:
            container.seek(timeline.last_pts_at(declared - _TAIL), stream=stream)
            end = _end_of_packets(container, stream, on_packet)
        except av.error.FFmpegError:
            end = None  # no way to the end but reading all of it
    if end is None:
        rewind(container, stream)
        end = _end_of_packets(container, stream, on_packet)
    return Fraction(0) if end is None else timeline.seconds(end)


def _end_of_packets(
    container: InputContainer, stream: VideoStream, on_packet: Callable[[], None]
) -> int | None:
    """Return the tick at which the packets from here on end; None if there are none."""
    usual = _usual_length(stream) / time_base_of(stream)
    end: int | None = None
    try:
        for packet in container.demux(stream):
            on_packet()
            stamp = packet.pts if packet.pts is not None else packet.dts
            if packet.size and stamp is not None and not packet.is_discard:
                after = stamp + (packet.duration or round(usual))
                end = after if end is None else max(end, after)
    except DECODE_ERRORS:
        return end  # a damaged end: what was read before it counts
    return end


def _usual_length(stream: VideoStream) -> Fraction:
    """Return how long a picture of the stream is shown on average, in seconds."""
    rate = as_fraction(stream.average_rate) or as_fraction(stream.guessed_rate) or Fraction(25)
    return 1 / rate if rate > 0 else Fraction(1, 25)


def _picture_aspect(stream: VideoStream) -> Fraction:
    """Return how wide a coded pixel is to its height; 1 where that is not said."""
    return as_fraction(stream.sample_aspect_ratio) or Fraction(1)


def _displayed(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return the size in square pixels as browsers give it: never smaller than the coded one."""
    if aspect > 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def _orientation(picture: VideoFrame) -> tuple[Literal[0, 90, 180, 270], bool]:
    """Return the clockwise turn that puts a picture upright, and whether to flip it before that.

    FFmpeg's display matrix (libavutil/display.h) maps a coded point (x, y) to
    (a x + c y, b x + d y) as displayed; y grows downwards.
    """
    matrix = picture.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, SideData):
        return 0, False
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(matrix))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        mirrored = (a < 0) != (d < 0)
        return (180 if d < 0 else 0), mirrored
    mirrored = (b < 0) == (c < 0)
    return (90 if c < 0 else 270), mirrored

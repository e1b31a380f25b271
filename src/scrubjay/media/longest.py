"""Which shape most pictures of a video have, if it changes midway."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av.error
from av import VideoFrame
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.ffmpeg import DECODE_ERRORS
from scrubjay.media.heads import HeadReader
from scrubjay.media.shape import AspectReader, displayed
from scrubjay.media.video import Video
from scrubjay.timing import Timeline

__all__ = ["most_shown"]

_SMALL_BYTES = 8 << 20
"""A file up to this size is searched completely for changes of shape; a larger one at samples."""

_SAMPLES = 6
"""Positions in a large file at which the shape is checked, besides its start."""

_START = -(1 << 62)
"""A tick before every video."""

_MOST_KINDS = 64
"""Most different headers for which a picture is decoded to see its shape."""


class _Sample(NamedTuple):
    """A keyframe, and for how long pictures like it are shown from there on."""

    packet: "Packet[VideoStream]"
    ticks: int


def most_shown(
    video: Video,
    first: VideoFrame,
    aspects: AspectReader,
    timeline: Timeline,
    duration: Fraction,
    on_packet: Callable[[], None],
) -> VideoFrame:
    """Return a picture of the shape that is shown longest; the first if none changes."""
    reader = HeadReader(video.stream)
    kinds: dict[bytes, list[_Sample]] = {}
    try:
        for sample in _samples(video, reader, timeline, duration, on_packet):
            kinds.setdefault(reader.head(sample.packet), []).append(sample)
    except DECODE_ERRORS:
        pass  # damaged further on: what was read so far counts
    if len(kinds) < 2:  # noqa: PLR2004  it never changes
        return first
    shown: dict[tuple[int, ...], tuple[int, VideoFrame]] = {}
    for samples in list(kinds.values())[:_MOST_KINDS]:
        picture = _decoded(video.stream, samples)
        if picture is None:
            continue
        shape = *displayed(picture.width, picture.height, aspects.read(picture)), picture.rotation
        ticks, known = shown.get(shape, (0, picture))
        shown[shape] = ticks + sum(each.ticks for each in samples), known
    return max(shown.values(), key=lambda each: each[0])[1] if shown else first


def _samples(
    video: Video,
    reader: HeadReader,
    timeline: Timeline,
    duration: Fraction,
    on_packet: Callable[[], None],
) -> Iterator[_Sample]:
    """Yield keyframes: all of a small file, some of a large one, none if they have no headers."""
    container = video.container
    is_local = container.name.startswith("file:")
    if not is_local and "mov" in container.format.name:
        return  # its headers are in its index, and each read costs a request
    _rewind(video)
    container = video.container
    is_small = is_local and container.size <= _SMALL_BYTES
    key: Packet[VideoStream] | None = None
    start = last = 0
    for packet in video.read():
        on_packet()
        stamp = packet.dts if packet.dts is not None else packet.pts
        last = last if stamp is None else max(last, stamp)
        if not packet.is_keyframe or stamp is None:
            continue
        head = reader.head(packet)
        if key is None and not head:
            return
        if not is_small:
            yield _Sample(packet, 1)
            break
        if key is None or head:
            if key is not None:
                yield _Sample(key, stamp - start)
            key, start = packet, stamp
    if is_small and key is not None:
        yield _Sample(key, max(1, last - start))
    elif not is_small:
        yield from _sought(video, reader, timeline, duration, on_packet)


def _rewind(video: Video) -> None:
    """Go back to the start; in an MP4 with its index, without opening it again."""
    if "mov" not in video.container.format.name or not video.seek(_START):
        video.at_start()


def _sought(
    video: Video,
    reader: HeadReader,
    timeline: Timeline,
    duration: Fraction,
    on_packet: Callable[[], None],
) -> Iterator[_Sample]:
    """Yield keyframes at positions spread over a video."""
    for place in range(1, _SAMPLES + 1):
        if not video.seek(timeline.last_pts_at(duration * place / (_SAMPLES + 1))):
            return
        for packet in video.read():
            on_packet()
            if packet.is_keyframe and reader.head(packet):
                yield _Sample(packet, 1)
                break


def _decoded(stream: VideoStream, samples: list[_Sample]) -> VideoFrame | None:
    """Return the picture of the first keyframe that can be decoded alone."""
    codec = stream.codec_context
    for sample in samples[:3]:
        codec.flush_buffers()
        try:
            frames = [*codec.decode(sample.packet), *codec.decode(None)]
        except (av.error.MemoryError, MemoryError):
            raise
        except DECODE_ERRORS:
            frames = []
        codec.flush_buffers()
        if frames:
            return frames[0]
    return None

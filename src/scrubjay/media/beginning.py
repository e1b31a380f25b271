"""The beginning of a video, read packet by packet: its first picture, its clock, whether it seeks.

A container may have no presentation times, or guess where a seek lands. Its claims are tested here,
once, so that every slice is read in the same way.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import av.error
from av import VideoFrame
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.clocks import Clock, ClockName, Timed, clock_for
from scrubjay.media.ffmpeg import DECODE_ERRORS
from scrubjay.media.kinds import KindReader
from scrubjay.media.protection import is_encrypted, scheme_of
from scrubjay.media.source import usual_ticks
from scrubjay.media.stitching import JUMPING_CONTAINERS, Stitcher
from scrubjay.media.video import Video

__all__ = ["Beginning", "Search", "read_beginning"]

_ELEMENTARY = frozenset(
    {"h264", "hevc", "obu", "m4v", "mpegvideo", "h263", "vc1", "avs2", "avs3", "dirac"}
)
"""Formats that are a bare stream: they have no times, so FFmpeg's are guesses."""

_SEEKS_WELL = ("mov", "matroska", "mpegts", "mpeg", "nut", "ogg", "webm", "flv")
"""Formats whose packets or index have times, so that seeks land where they should."""

_FIRST_PICTURE_PACKETS = 1000
"""Most packets to read in search of a stream's first picture."""

_CLOCK_PACKETS = 32
"""Packets that show which times a stream has: twice the deepest reordering."""

_TRIAL_PACKETS = 1000
_TRIAL_KEYFRAMES = 4
"""How far to read at most to test seeks: up to the fourth keyframe."""


class _Note(NamedTuple):
    """The fields of a packet."""

    pts: int | None
    dts: int | None
    pos: int | None
    is_key: bool


class Search:
    """Notes taken while searching for the first picture, in case there is none."""

    def __init__(self) -> None:
        self.packets = 0
        self.is_damaged = False
        """Whether anything could not be decoded, or was marked as corrupt."""
        self.scheme: str | None = None
        """How the video is encrypted, if a packet was encrypted."""


class Beginning(NamedTuple):
    """What the first packets of a stream show."""

    first: Timed[VideoFrame]
    """The first picture, and its time by the stream's clock."""
    clock: ClockName
    seeks: bool
    """Whether seeks land where they should, as far as tested."""
    read: int
    """Packets read so far; the video is positioned just after them."""


def read_beginning(video: Video, search: Search, on_packet: Callable[[], None]) -> Beginning | None:
    """Read the beginning of a stream that has just been opened; None if no picture decodes.

    Args:
        video: the open video.
        search: takes the notes.
        on_packet: called for each packet that is read.
    """
    looked = _look(video, search, on_packet)
    if looked is None:
        return None
    picture, clock, count = looked
    seeks = clock != "count" and not _has_palette(picture)
    has_moved = seeks and not video.container.format.name.startswith(_SEEKS_WELL)
    if has_moved:
        seeks = _lands_well(video, on_packet)
    if clock in {"pts", "gaps"} and picture.pts is not None:
        first: Timed[VideoFrame] | None = Timed(picture.pts, picture)
    else:
        first, has_moved = _first_timed(video, clock, search, on_packet), True
    if first is None:
        return None
    if has_moved:
        video.at_start()
    return Beginning(first, clock, seeks, 0 if has_moved else count)


def _look(
    video: Video, search: Search, on_packet: Callable[[], None]
) -> tuple[VideoFrame, ClockName, int] | None:
    """Return the first picture of a stream, its clock, and how many packets were read."""
    stream = video.stream
    stream.codec_context.thread_count = 1
    notes: list[_Note] = []
    picture: VideoFrame | None = None
    clock: ClockName | None = None
    for packet in _packets(video, on_packet):
        notes.append(_Note(packet.pts, packet.dts, packet.pos, packet.is_keyframe))
        if picture is None:
            search.packets += 1
            picture = next(iter(_decoded(stream, packet, search)), None)
        clock = clock or _clock_of(stream, video.container.format.name, notes)
        if (picture and clock) or len(notes) > _FIRST_PICTURE_PACKETS:
            break
    if picture is None:
        picture = next(iter(_decoded(stream, None, search)), None)
    if picture is None:
        return None
    search.is_damaged = search.is_damaged or picture.is_corrupt
    clock = clock or _last_clock(stream, notes)
    if clock == "pts" and any(note.pts is None for note in notes):
        clock = "gaps"
    return picture, clock, len(notes)


def _packets(video: Video, on_packet: Callable[[], None]) -> Iterator["Packet[VideoStream]"]:
    """Yield the packets of a stream from its start, as later readers will see them."""
    video.at_start()
    jumps = video.container.format.name in JUMPING_CONTAINERS
    stitcher = Stitcher(video.stream) if jumps else None
    for packet in video.read():
        on_packet()
        if stitcher:
            stitcher.shift(packet)
        yield packet


def _decoded(
    stream: VideoStream, packet: "Packet[VideoStream] | None", search: Search
) -> list[VideoFrame]:
    if packet is not None and is_encrypted(packet):
        search.scheme = scheme_of(packet)
        return []
    try:
        return stream.codec_context.decode(packet)
    except (av.error.MemoryError, MemoryError):
        raise
    except DECODE_ERRORS:
        search.is_damaged = True
        return []


def _clock_of(stream: VideoStream, container: str, notes: list[_Note]) -> ClockName | None:
    """Return which times a stream has; None if it is not clear yet."""
    if container in _ELEMENTARY:
        return "count"
    if any(note.pts is not None for note in notes):
        stamps = [note.pts for note in notes if note.pts is not None]
        is_own = any(note.pts is not None and note.pts != note.dts for note in notes)
        # times in another order than the packets are presentation times, and so are those of a
        # codec that does not reorder
        if is_own or stamps != sorted(stamps) or not stream.codec_context.reorder_depth:
            return "pts"
    return _last_clock(stream, notes) if len(notes) >= _CLOCK_PACKETS else None


def _last_clock(stream: VideoStream, notes: list[_Note]) -> ClockName:
    """Return which times a stream has whose times are in the order of its packets."""
    if all(note.pts is None and note.dts is None for note in notes):
        return "count"
    has_pts = any(note.pts is not None for note in notes)
    return "pts" if has_pts and not stream.codec_context.reorder_depth else "order"


def _has_palette(picture: VideoFrame) -> bool:
    """Whether the colours may come from an earlier packet, which a seek would skip."""
    return bool(picture.format.has_palette)


def _first_timed(
    video: Video, name: ClockName, search: Search, on_packet: Callable[[], None]
) -> Timed[VideoFrame] | None:
    """Return the first picture with the time that a clock gives it."""
    clock: Clock[VideoFrame] = clock_for(name, usual_ticks(video.stream))
    kinds: KindReader | None = None
    for number, packet in enumerate(_packets(video, on_packet)):
        kinds = kinds or KindReader(video.stream)
        clock.stamp(packet, is_second_field=kinds.is_second_field(packet))
        frames = _decoded(video.stream, packet, search)
        if first := next(clock.times(frames), None):
            return first
        if number > _FIRST_PICTURE_PACKETS:
            break
    return next(clock.times(_decoded(video.stream, None, search), is_end=True), None)


def _lands_well(video: Video, on_packet: Callable[[], None]) -> bool:
    """Whether seeks land on packets with the same fields as when reading in order.

    Without an index, some demuxers guess the position of a time, or the time of a position.
    """
    known: dict[int, _Note] = {}
    keys: list[_Note] = []
    for packet in _packets(video, on_packet):
        note = _Note(packet.pts, packet.dts, packet.pos, packet.is_keyframe)
        if note.pos is not None:
            known[note.pos] = note
        if note.is_key:
            keys.append(note)
        if len(keys) >= _TRIAL_KEYFRAMES or len(known) >= _TRIAL_PACKETS:
            break
    return len(keys) > 1 and all(_lands_on(video, key, known) for key in keys[1:])


def _lands_on(video: Video, key: _Note, known: dict[int, _Note]) -> bool:
    """Whether a seek to a keyframe's time lands on a known packet, not after that keyframe."""
    time = key.pts if key.pts is not None else key.dts
    if time is None or not video.seek(time):
        return False
    packet = next(video.read(), None)
    if packet is None or packet.pos is None or packet.pos > (key.pos or 0):
        return False
    note = known.get(packet.pos)
    return note is not None and (note.pts, note.dts) == (packet.pts, packet.dts)

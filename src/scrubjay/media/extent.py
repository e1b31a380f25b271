"""Where the pictures of a video end: measured from its last packets, not read from its header."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import pairwise

import av.error
from av import VideoFrame
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.errors import SourceUnreadableError
from scrubjay.media.beginning import Beginning
from scrubjay.media.clocks import Clock, clock_for
from scrubjay.media.ffmpeg import DECODE_ERRORS, NETWORK_ERRORS
from scrubjay.media.kinds import KindReader
from scrubjay.media.source import name_of, time_base_of, usual_ticks
from scrubjay.media.stitching import JUMPING_CONTAINERS, Stitcher
from scrubjay.media.video import Video
from scrubjay.timing import Timeline

__all__ = ["Extent"]

_TAIL = 10
"""Seconds before the declared end from which packets are read: MPEG-TS seeks land late, and the
last packet in the file is seldom the last in time."""

_TAIL_BYTES = 8 << 20
"""The same for formats whose header has no duration."""

_FAR = 1 << 62
"""A tick after the end of every video."""

_MOST_READ_BYTES = 64 << 20
"""Largest video on a server that is read completely just to measure its duration."""

_SAMPLES, _REMOTE_SAMPLES = 24, 6
"""Positions at which a long transport stream is checked for jumps of its clock."""

_STEADY, _JUMP_SECONDS = 4, 10
"""A step between two such positions may be `_STEADY` times the usual step, plus `_JUMP_SECONDS`."""

_DEEPEST_REORDER = 32
"""Pictures by which decoding order may differ from the order of time, generously."""


class Extent:
    """Finds where the pictures of a video end.

    Args:
        video: the opened video.
        beginning: what its first packets show.
        declared: the duration in its header, in seconds.
        jumps_to_end: whether to seek to the very end, because its header only covers its beginning.
        is_remote: whether it is on a server.
        on_packet: called for each packet that is read.
    """

    def __init__(
        self,
        video: Video,
        beginning: Beginning,
        *,
        declared: Fraction | None,
        jumps_to_end: bool,
        is_remote: bool,
        on_packet: Callable[[], None],
    ) -> None:
        self._video = video
        self._beginning = beginning
        self._jumps_to_end = jumps_to_end
        self._is_remote = is_remote
        self._on_packet = on_packet
        self._declared = declared
        self.is_stitched = False
        """Whether the clock jumps; set by `measure`."""

    def measure(self, timeline: Timeline) -> Fraction:
        """Return when the last picture ends, by reading the last packets, or all if necessary.

        Raises:
            SourceUnreadableError: all of a large video on a server would have to be read.
        """
        if self._may_jump():
            self._refuse_to_read_all()
            stitcher = Stitcher(self._video.stream)
            whole = self._read_whole(stitcher)
            self.is_stitched = stitcher.jumps > 0
            return timeline.seconds(whole)
        end = self._end_of_tail(timeline) if self._beginning.seeks else None
        if end is None:
            self._refuse_to_read_all()
            end = self._read_whole(None)
        return timeline.seconds(end)

    def _end_of_tail(self, timeline: Timeline) -> int | None:
        """Return the tick at which the last packets end; None if they cannot be reached."""
        if not self._jump_to_tail(timeline):
            return None
        if self._beginning.clock != "gaps":
            return self._end_of_packets()
        clock: Clock[VideoFrame] = clock_for("pts", usual_ticks(self._video.stream))
        clock.restart(is_start=False)
        return self._end_by_clock(clock, None)

    def _jump_to_tail(self, timeline: Timeline) -> bool:
        """Seek to the last packets; return whether that is possible."""
        container = self._video.container
        if container.format.name in JUMPING_CONTAINERS:  # their headers have no duration
            return self._jump_to_byte(max(0, container.size - _TAIL_BYTES))
        if self._jumps_to_end:
            return self._video.seek(_FAR)
        return self._declared is not None and self._video.seek(
            timeline.last_pts_at(self._declared - _TAIL)
        )

    def _jump_to_byte(self, position: int) -> bool:
        self._video.is_fresh = False
        try:
            self._video.container.seek(position, unsupported_byte_offset=True)
        except av.error.FFmpegError as exc:
            self._check(exc)
            return False
        return True

    def _read_whole(self, stitcher: Stitcher | None) -> int:
        """Return the tick at which the pictures end, by reading all packets."""
        self._video.at_start()
        name = self._beginning.clock
        end: int | None
        if name == "count":
            end = self._count()
        elif name == "gaps":
            end = self._end_by_clock(clock_for(name, usual_ticks(self._video.stream)), stitcher)
        else:
            end = self._end_of_packets(stitcher)
        return self._beginning.first.pts + 1 if end is None else end

    def _count(self) -> int:
        """Return how many pictures there are."""
        kinds = KindReader(self._video.stream)
        return sum(not kinds.is_second_field(packet) for packet in self._packets(None))

    def _end_of_packets(self, stitcher: Stitcher | None = None) -> int | None:
        """Return the tick at which the packets from here on end, by their own times."""
        order = self._beginning.clock == "order"
        last, length = None, 0
        stamps: deque[int] = deque(maxlen=_DEEPEST_REORDER)
        is_reordered = False
        for packet in self._packets(stitcher):
            stamp = packet.dts if order or packet.pts is None else packet.pts
            if stamp is None or packet.is_discard:
                continue
            is_reordered = is_reordered or (not order and packet.dts not in {None, packet.pts})
            stamps.append(stamp)
            if last is None or stamp >= last:
                last, length = stamp, packet.duration or 0
        if last is None:
            return None
        return last + (length if length and not is_reordered else self._last_step(last, stamps))

    def _last_step(self, last: int, stamps: Iterable[int]) -> int:
        """Return how long the last picture is shown if its packet does not say.

        The length of a reordered packet is that of a decoding step. An edit list has the end;
        without one, the last picture is shown for as long as those before it.
        """
        stream = self._video.stream
        rising = sorted(set(stamps))
        steps = sorted(after - before for before, after in pairwise(rising))
        step = steps[len(steps) // 2] if steps else usual_ticks(stream)
        start = stream.start_time
        if stream.duration and start is not None and self._video.container.format.name[:3] == "mov":
            end = start + stream.duration
            if last < end <= last + 2 * step:
                return end - last
        return step

    def _end_by_clock(self, clock: Clock[VideoFrame], stitcher: Stitcher | None) -> int | None:
        """Return where the last picture ends, by decoding from here on."""
        stream = self._video.stream
        kinds = KindReader(stream)
        usual = usual_ticks(stream)
        end = None
        for packet in self._packets(stitcher):
            clock.stamp(packet, is_second_field=kinds.is_second_field(packet))
            try:
                frames = stream.codec_context.decode(packet)
            except (av.error.MemoryError, MemoryError):
                raise
            except DECODE_ERRORS:
                continue
            for timed in clock.times(frames):
                end = timed.pts + usual
        try:
            rest = stream.codec_context.decode(None)
        except DECODE_ERRORS:
            rest = []
        for timed in clock.times(rest, is_end=True):
            end = timed.pts + usual
        return end

    def _packets(self, stitcher: Stitcher | None) -> Iterator["Packet[VideoStream]"]:
        """Yield packets from here on; a damaged end is the end."""
        try:
            for packet in self._video.read():
                self._on_packet()
                if stitcher:
                    stitcher.shift(packet)
                yield packet
        except av.error.FFmpegError as exc:
            self._check(exc)  # otherwise, what was read so far counts

    # Clocks that jump ---------------------------------------------------------------------------

    def _may_jump(self) -> bool:
        """Whether the clock may jump somewhere, so that all packets must be read."""
        container = self._video.container
        if container.format.name not in JUMPING_CONTAINERS or self._beginning.clock not in {
            "pts",
            "gaps",
        }:
            return False
        if container.size <= _MOST_READ_BYTES and not self._is_remote:
            return True
        count = _REMOTE_SAMPLES if self._is_remote else _SAMPLES
        places = (container.size * k // count for k in range(count))
        stamps = [stamp for stamp in map(self._stamp_at, places) if stamp is not None]
        steps = [after - before for before, after in pairwise(stamps)]
        if not steps:
            return False
        jump = _JUMP_SECONDS / time_base_of(self._video.stream)
        longest = _STEADY * sorted(steps)[len(steps) // 2] + jump
        return any(not 0 <= step <= longest for step in steps)

    def _stamp_at(self, position: int) -> int | None:
        """Return the first time found after a byte of the file."""
        if not self._jump_to_byte(position):
            return None
        found = (packet.dts for packet in self._packets(None) if packet.dts is not None)
        return next(found, None)

    def _check(self, exc: Exception) -> None:
        """Raise an error if it is the network's: then this is not the end of the video."""
        if self._is_remote and isinstance(exc, NETWORK_ERRORS):
            raise exc

    def _refuse_to_read_all(self) -> None:
        if self._is_remote and self._video.container.size > _MOST_READ_BYTES:
            raise SourceUnreadableError(
                f"{name_of(self._video.container)} has no duration and no index, so all of it "
                "would be read; remux it: ffmpeg -i in -c copy out"
            )

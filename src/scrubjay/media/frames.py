"""Decoding: the frame that a player shows at each instant, from the fewest decoded frames."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av.error
from av import VideoFrame
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.clocks import ClockName, Timed, clock_for
from scrubjay.media.decoders import decoder_of
from scrubjay.media.ffmpeg import DECODE_ERRORS
from scrubjay.media.kinds import KindReader
from scrubjay.media.picking import LOOKAHEAD, Instant, Instants, Near, Seen
from scrubjay.media.protection import is_encrypted
from scrubjay.media.source import usual_ticks
from scrubjay.media.stitching import Stitcher
from scrubjay.media.video import Video
from scrubjay.timing import Target, Timeline

__all__ = ["SKIPPING_CODECS", "BeginAnewError", "Counts", "FrameReader", "Shown"]

SKIPPING_CODECS = frozenset({"h264", "hevc", "mpeg2video", "mpeg4"})
"""Codecs whose decoders can skip a frame that no other refers to without changing any other;
`tests/media/test_frames.py` checks it, bit by bit. For the others, all frames are decoded."""

_THREADED_CODECS = frozenset({"h264", "hevc", "vp9", "mpeg4", "libdav1d"})
"""Decoders that give the same pictures with several threads as with one, and that report damage.
VP8's does not: for a damaged video, its pictures depend on the number of threads."""

_BACK_OFF = (0, 2, 8, 30, 120)
"""Seconds before an instant to which seeks are tried, in turn; after these, the very start."""

_HVCC_LAYERS = 21
"""The byte of hvcC with `numTemporalLayers`."""

_DEEPEST_DELAY = 2
"""Most seconds from a frame's DTS to its PTS: 16 frames at 8 a second."""


class BeginAnewError(Exception):
    """The video is damaged: pictures may depend on where reading began, and on threads.

    A skipped frame may also be the only one that decodes. So that a slice's pictures do not depend
    on any of this, it is started again: the video is newly opened, and read from the slice's own
    keyframe with one thread and without skipping.
    """


class Shown(NamedTuple):
    """The frame that is shown for one instant."""

    time: Fraction
    """The instant, in exact seconds."""
    frame: VideoFrame
    source_time: Fraction
    """When the source first shows this frame, in exact seconds."""


class Counts:
    """What reading cost so far."""

    def __init__(self) -> None:
        self.read = 0
        """Packets read, some of them more than once."""
        self.skipped = 0
        """Of these, packets that the decoder was allowed to skip."""
        self.decoded = 0
        """Frames that the decoder put out, lead-ins included."""
        self.seeks = 0


class FrameReader:
    """Reads one video's frames in order of time.

    `start` seeks and decodes the lead-in from the keyframe before. `until` continues from there, as
    often as it is called, at no extra cost. Not thread-safe.

    Args:
        video: the opened video.
        timeline: how its stream's ticks map to seconds.
        clock: how its pictures get their times.
        seeks: whether seeks land where they should; if not, the video is read from its start.
        is_stitched: whether its clock jumps, so that its stretches must be joined.
        tolerance: seconds by which a picture may miss its instant if that is cheaper.
        is_sparse: whether instants are so far apart that seeking from one to the next may pay.
        threads: how many the decoder may use. No picture depends on it: damaged videos, and those
            too large for several threads' memory, are decoded by one.

    Raises:
        BeginAnewError: while reading: damage was found, with several threads or `stops_at_damage`.
    """

    def __init__(
        self,
        video: Video,
        timeline: Timeline,
        *,
        clock: ClockName = "pts",
        seeks: bool = True,
        is_stitched: bool = False,
        tolerance: Fraction = Fraction(0),
        is_sparse: bool = False,
        threads: int = 1,
    ) -> None:
        self._video = video
        self._threads = threads
        self._timeline = timeline
        self._clock = clock_for(clock, usual_ticks(video.stream))
        self._has_pts = clock == "pts"
        self._seeks = seeks
        self._stitcher = Stitcher(video.stream) if is_stitched else None
        self._tolerance = tolerance
        self._is_sparse = is_sparse
        self.on_packet: Callable[[], None] = lambda: None
        """Called for each packet that is read, so that long lead-ins report progress."""
        self._instants = Instants(timeline, (), tolerance)
        self._frames: Iterator[Timed] | None = None
        self._current: Timed | None = None
        self._ahead: Timed | None = None
        self._read_to: int | None = None
        self._leaves_out = True
        self._set_up()
        self._tick: int | None = None
        self._is_second_field = False
        self.counts = Counts()
        self.stops_at_damage = False
        """Whether damage raises `BeginAnewError`, because damaged pictures would depend on what was
        read before them, or on what was skipped."""
        self.is_damaged = False
        """Whether anything that was read since `start` was damaged."""
        self.is_encrypted = False
        """Whether any packet was encrypted. Encrypted packets are skipped and count as damaged."""
        self.damaged: set[Fraction] = set()
        """Times, in exact seconds, of the packets since `start` that could not be decoded, that are
        marked as corrupt, or whose frame the decoder calls corrupt or has guessed."""

    def _set_up(self) -> None:
        """Prepare the decoder of the stream, which has just been opened."""
        self._stream = stream = self._video.stream
        self._decoder = codec = decoder_of(stream)
        self._threads = self._threads if codec.name in _THREADED_CODECS else 1
        codec.thread_count = self._threads
        self._is_intra_only = codec.codec.intra_only
        codec.thread_type = "FRAME"  # with slice threads, damaged pictures would differ
        self._may_skip = self._leaves_out and self._has_pts and _can_leave_out(stream)
        self._kinds = KindReader(stream)
        # MP4 and AVI have an index; what FFmpeg collects for others while it reads is incomplete
        self._has_index = self._seeks and len(stream.index_entries) > 1

    @property
    def can_leave_out(self) -> bool:
        """Whether the decoder can skip frames that no other refers to."""
        return self._may_skip

    @property
    def has_index(self) -> bool:
        """Whether the file has an index of its keyframes."""
        return self._has_index

    @property
    def frames_in_video(self) -> int | None:
        """The number of frames in the file's header; None if it has none."""
        return self._stream.frames or None

    def decode_all(self) -> None:
        """Skip no frame from here on: in a damaged video, a skipped frame may be needed."""
        self._leaves_out = self._may_skip = False

    def start(self, targets: Iterable[Target]) -> None:
        """Prepare to read the pictures for some instants, in rising order."""
        self._instants = Instants(self._timeline, targets, self._tolerance)
        self.damaged.clear()
        self.is_damaged = False
        self._frames = None

    def until(self, end: Fraction) -> Generator[Shown]:
        """Yield the frame for each instant before `end`; stop early if no more can be decoded.

        A frame is shown until the next one; before the first, the first is shown.
        """
        while (instant := self._instants.peek()) is not None and instant.time < end:
            found = self._keyframe_for(instant) or self._frame_for(instant)
            if found is None:
                return
            self._instants.take()
            yield Shown(instant.time, found.frame, self._timeline.seconds(found.pts))

    # One frame after the other ------------------------------------------------------------------

    def _frame_for(self, instant: Instant) -> Timed | None:
        """Read on, or seek, to the frame that an instant shows."""
        if self._frames is None or self._skips_a_gop(instant):
            self._jump(instant)
        while self._ahead is not None and (
            self._current is None or self._ahead.pts <= _last_pts(instant)
        ):
            if self._current is None or self._ahead.pts >= self._current.pts:
                self._current = self._ahead
            self._ahead = next(self._frames or iter(()), None)
        # if the rest cannot be read, the last picture must not be shown for all of it
        return None if self._video.is_broken and self._ahead is None else self._current

    def _skips_a_gop(self, instant: Instant) -> bool:
        """Whether the file's index has a keyframe between what was read and an instant."""
        may_jump = self._is_sparse and self._has_index and self._has_pts
        if not may_jump or self._read_to is None:
            return False
        index = self._stream.index_entries
        place = index.search_timestamp(instant.limit, backward=True)
        return place >= 0 and index[place].timestamp > self._read_to

    def _jump(self, instant: Instant) -> None:
        """Start reading at a keyframe at or before the frame that an instant shows."""
        start = self._timeline.last_pts_at(Fraction(0))
        for back in _BACK_OFF if self._seeks else ():
            pts = self._timeline.last_pts_at(instant.time - back)
            if pts <= start:
                break
            self._seek(pts)
            if self._ahead is not None and self._ahead.pts <= instant.limit:
                return
        self._seek(None)

    def _seek(self, pts: int | None) -> None:
        """Start reading at the keyframe at or before a tick; None means the start of the video."""
        self.counts.seeks += 1
        self._current = self._ahead = self._read_to = None
        self._instants.forget()
        self._frames = iter(())
        if pts is None:
            if self._video.at_start():
                self._set_up()
        elif not self._video.seek(pts):
            return
        if self._decoder is not self._stream.codec_context:  # which a seek has flushed
            self._decoder.flush_buffers()
        self._frames = self._decode(is_start=pts is None)
        self._ahead = next(self._frames, None)

    def _decode(self, *, is_start: bool) -> Iterator[Timed]:
        """Decode from here on, skipping frames that no instant shows and no frame refers to.

        Args:
            is_start: whether this is the start of the video.
        """
        codec = self._decoder
        self._clock.restart(is_start=is_start)
        if self._stitcher:
            self._stitcher.restart()
        for packet, near, is_second_field in self._judged():
            if not is_second_field:  # the second field of a picture is needed if the first is
                may_skip = (
                    self._may_skip
                    and packet.pts is not None
                    and not self._instants.are_shown_by(packet.pts, near)
                )
                codec.skip_frame = "NONREF" if may_skip else "DEFAULT"
            self.counts.skipped += codec.skip_frame == "NONREF"
            self._is_second_field = is_second_field
            self._tick = self._clock.stamp(packet, is_second_field=is_second_field)
            yield from self._clock.times(self._decoded(packet))
        yield from self._clock.times(self._decoded(None), is_end=True)

    def _judged(self) -> Iterator[tuple["Packet[VideoStream]", Near, bool]]:
        """Yield each packet, what is known of those around it, and whether it is a second field."""
        coming: deque[tuple[Packet[VideoStream], Near, bool]] = deque()
        near = Near()
        for packet in self._packets():
            is_second_field = self._kinds.is_second_field(packet)
            coming.append((packet, near, is_second_field))
            # packets that an edit list hides are decoded, but never shown
            if self._may_skip and not (packet.is_discard or is_second_field):
                near.add(Seen(packet.pts, self._kinds.kind(packet)))
            self._read_to = packet.dts
            if len(coming) > LOOKAHEAD:
                yield coming.popleft()
        near.end()
        yield from coming

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        if packet is not None and is_encrypted(packet):
            self._note_damage(self._tick)
            self.is_encrypted = True
            return []
        if packet is not None and packet.is_corrupt:
            self._note_damage(self._tick)
            if self._is_intra_only:
                return []  # in a cut-off raw picture, FFmpeg leaves arbitrary memory content
            packet.is_corrupt = False  # so that its frame's flag comes from the decoder
        try:
            frames = self._decoder.decode(packet)
        except (av.error.MemoryError, MemoryError):
            if self._threads > 1:
                raise BeginAnewError from None
            raise
        except DECODE_ERRORS:
            self._note_damage(None if packet is None else self._tick)
            return []
        for frame in frames:
            if frame.is_corrupt:
                self._note_damage(frame.pts if self._has_pts else self._tick)
        self.counts.decoded += len(frames)
        return frames

    def _note_damage(self, tick: int | None) -> None:
        if self._threads > 1 or self.stops_at_damage:
            raise BeginAnewError
        self.is_damaged = True
        if tick is not None:
            self.damaged.add(self._timeline.seconds(tick))

    def _packets(self) -> Iterator["Packet[VideoStream]"]:
        """Read packets up to the end of the file."""
        for packet in self._video.read(on_unreadable=lambda: self._note_damage(None)):
            self.counts.read += 1
            self.on_packet()
            if self._stitcher:
                self._stitcher.shift(packet)
            yield packet

    # Keyframes alone ----------------------------------------------------------------------------

    def _keyframe_for(self, instant: Instant) -> Timed | None:
        """Seek to a keyframe within the tolerance of an instant; None if there is none."""
        if not (self._is_sparse and self._tolerance and self._seeks and self._has_pts):
            return None
        ways = (self._key_packets(instant, backward=way) for way in self._ways(instant))
        packets = next((each for each in ways if each), None)
        if packets is None:
            return None
        codec = self._decoder
        codec.flush_buffers()
        codec.skip_frame = "DEFAULT"
        self._tick = packets[0].pts
        frames = [frame for packet in (*packets, None) for frame in self._decoded(packet)]
        codec.flush_buffers()
        timed = (Timed(frame.pts, frame) for frame in frames if frame.pts is not None)
        return next(timed, None)

    def _ways(self, instant: Instant) -> list[bool]:
        """Return in which direction to look for a keyframe, the nearer first: True is backward.

        An index shows which is nearer; its times are DTS, a few frames before the PTS.
        """
        if not self._has_index:
            return [True, False]
        index = self._stream.index_entries
        places = {way: index.search_timestamp(instant.limit, backward=way) for way in (True, False)}
        delay = round(_DEEPEST_DELAY / self._timeline.time_base)
        near = {
            way: abs(index[place].timestamp - instant.limit)
            for way, place in places.items()
            if place >= 0 and instant.earliest - delay <= index[place].timestamp <= instant.latest
        }
        return sorted(near, key=lambda way: near[way])

    def _key_packets(self, instant: Instant, *, backward: bool) -> "list[Packet[VideoStream]]":
        """Read the last keyframe at or before an instant, or the first one after it.

        Returns:
            Its packet, or the two of its fields; none if it is outside the tolerance.
        """
        self.counts.seeks += 1
        self._frames = None  # reading cannot continue after this seek
        if not self._video.seek(instant.limit, backward=backward):
            return []
        found: list[Packet[VideoStream]] = []
        for packet in self._packets():
            is_second_field = self._kinds.is_second_field(packet)
            if found:
                return [*found, packet] if is_second_field else found
            if packet.is_keyframe and packet.pts is not None and not packet.is_discard:
                ends = packet.pts + (packet.duration or 0)
                if not instant.may_show(packet.pts, ends):
                    return []
                found = [packet]
                if not self._kinds.may_have_fields:
                    return found
            elif packet.dts is not None and packet.dts > instant.latest:
                return []
        return found


def _can_leave_out(stream: VideoStream) -> bool:
    """Whether the stream's decoder may skip frames.

    Not with temporal sub-layers in H.265: there, a "non-reference" frame is one that its own
    sub-layer does not refer to (ITU-T H.265, 7.4.2.2). hvcC has their number (ISO 14496-15).
    """
    codec = stream.codec_context
    if codec.name == "hevc":
        extradata = codec.extradata or b""
        return len(extradata) > _HVCC_LAYERS and extradata[_HVCC_LAYERS] >> 3 & 7 == 1
    return codec.name in SKIPPING_CODECS


def _last_pts(instant: Instant) -> int:
    """Return the last tick at which the frame that an instant shows may start."""
    return instant.limit if instant.pick is None else instant.pick

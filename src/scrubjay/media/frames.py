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
from scrubjay.media.picking import LOOKAHEAD, Instants, Near, Seen, Wanted
from scrubjay.media.protection import is_encrypted
from scrubjay.media.source import usual_ticks
from scrubjay.media.stitching import Stitcher
from scrubjay.media.video import Video
from scrubjay.timing import Target, Timeline

__all__ = ["SKIPPING_CODECS", "BeginAnewError", "Counts", "FrameReader", "Shown"]

SKIPPING_CODECS = frozenset({"h264", "hevc", "mpeg2video", "mpeg4"})
"""Codecs whose decoders can leave out a frame that nothing refers to without changing any other;
`tests/media/test_frames.py` holds them to it, bit by bit. The others are decoded whole."""

_THREADED_CODECS = frozenset({"h264", "hevc", "vp9", "mpeg4", "libdav1d"})
"""Decoders of which several threads make the same pictures as one, and which say where a video is
damaged. VP8's does not: of a damaged video each number of threads makes other pictures."""

_BACK_OFF = (0, 2, 8, 30, 120)
"""Seconds before the wanted instant to which a seek is tried; after these, the very start."""

_HVCC_LAYERS = 21
"""The byte of hvcC that holds `numTemporalLayers`."""

_DEEPEST_DELAY = 2
"""Seconds by which a frame's PTS may be after its DTS: 16 frames of 8 a second."""


class BeginAnewError(Exception):
    """The video is damaged: pictures may depend on where reading began, and on threads.

    A frame that was left out may be the only one that decodes, too. So that a slice's pictures
    depend on none of that, it is begun anew: with one thread, all of it decoded, in the video
    opened afresh, at the slice's own keyframe.
    """


class Shown(NamedTuple):
    """The frame that stands for one instant."""

    time: Fraction
    """The instant, in exact seconds."""
    frame: VideoFrame
    source_time: Fraction
    """When the source shows this frame first, in exact seconds."""


class Counts:
    """What reading has cost so far."""

    def __init__(self) -> None:
        self.read = 0
        """Packets read, some of them more than once."""
        self.skipped = 0
        """Of these, offered to the decoder as ones that it may leave out."""
        self.decoded = 0
        """Frames that the decoder gave, lead-ins included."""
        self.seeks = 0


class FrameReader:
    """Reads one video's frames in order of time.

    `start` jumps: a seek, and the lead-in from the keyframe before. `until` goes on from there, as
    often as it is called, at no extra cost. Not safe to share between threads.

    Args:
        video: the opened video.
        timeline: how its stream's ticks map to seconds.
        clock: how its pictures get their times.
        seeks: whether jumps land where they should; else the video is read from its start.
        is_stitched: whether its clock jumps, so that its stretches are put one after the other.
        tolerance: by how many seconds a picture may miss its instant if that is cheaper.
        is_sparse: whether instants are so far apart that it may pay to jump from one to the next.
        threads: how many the decoder may use. No picture depends on it: of damaged videos, and of
            those too large for the memory there is, only one gives pictures.

    Raises:
        BeginAnewError: while reading: there is damage, and several threads or `stops_at_damage`.
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
        """Called for each packet that is read, so that long lead-ins show signs of life."""
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
        """Whether pictures are read that, if they are damaged, depend on what was read before them,
        or on what was left out."""
        self.is_damaged = False
        """Whether anything that was read since `start` was damaged."""
        self.is_encrypted = False
        """Whether any packet was encrypted: such are left out, and count as damaged."""
        self.damaged: set[Fraction] = set()
        """Times, in exact seconds, of the packets since `start` that could not be decoded, that
        the container calls corrupt, or whose frame the decoder calls corrupt or has guessed."""

    def _set_up(self) -> None:
        """Get the decoder of the stream, which has just been opened, ready."""
        self._stream = stream = self._video.stream
        self._decoder = codec = decoder_of(stream)
        self._threads = self._threads if codec.name in _THREADED_CODECS else 1
        codec.thread_count = self._threads
        self._is_intra_only = codec.codec.intra_only
        codec.thread_type = "FRAME"  # threads of slices let other pictures stand for damaged ones
        self._may_skip = self._leaves_out and self._has_pts and _can_leave_out(stream)
        self._kinds = KindReader(stream)
        # MP4 and AVI bring an index; what FFmpeg gathers of others while it reads has holes
        self._has_index = self._seeks and len(stream.index_entries) > 1

    @property
    def can_leave_out(self) -> bool:
        """Whether the decoder can leave out frames that nothing refers to."""
        return self._may_skip

    @property
    def has_index(self) -> bool:
        """Whether the file brought an index of its keyframes."""
        return self._has_index

    @property
    def frames_in_video(self) -> int | None:
        """How many frames the file's header counts, if it does."""
        return self._stream.frames or None

    def decode_all(self) -> None:
        """Leave out no frame from here on: of a damaged video, what is left out may be needed."""
        self._leaves_out = self._may_skip = False

    def start(self, targets: Iterable[Target]) -> None:
        """Make ready for the rising instants at which pictures will be wanted."""
        self._instants = Instants(self._timeline, targets, self._tolerance)
        self.damaged.clear()
        self.is_damaged = False
        self._frames = None

    def until(self, end: Fraction) -> Generator[Shown]:
        """Yield the frame for each wanted instant before `end`; stops short if none decodes.

        A frame stays shown until the next one; before the first, the first is shown.
        """
        while (wanted := self._instants.peek()) is not None and wanted.time < end:
            found = self._keyframe_for(wanted) or self._frame_for(wanted)
            if found is None:
                return
            self._instants.take()
            yield Shown(wanted.time, found.frame, self._timeline.seconds(found.pts))

    # One frame after the other ------------------------------------------------------------------

    def _frame_for(self, wanted: Wanted) -> Timed | None:
        """Read on, or jump, to the frame that an instant shows."""
        if self._frames is None or self._skips_a_gop(wanted):
            self._jump(wanted)
        while self._ahead is not None and (
            self._current is None or self._ahead.pts <= _last_pts(wanted)
        ):
            if self._current is None or self._ahead.pts >= self._current.pts:
                self._current = self._ahead
            self._ahead = next(self._frames or iter(()), None)
        # where the rest cannot be read, the last picture must not stand for all of it
        return None if self._video.is_broken and self._ahead is None else self._current

    def _skips_a_gop(self, wanted: Wanted) -> bool:
        """Whether the file's index knows a keyframe between what was read and an instant."""
        may_jump = self._is_sparse and self._has_index and self._has_pts
        if not may_jump or self._read_to is None:
            return False
        index = self._stream.index_entries
        place = index.search_timestamp(wanted.limit, backward=True)
        return place >= 0 and index[place].timestamp > self._read_to

    def _jump(self, wanted: Wanted) -> None:
        """Start reading at a keyframe at or before the frame that an instant shows."""
        start = self._timeline.last_pts_at(Fraction(0))
        for back in _BACK_OFF if self._seeks else ():
            pts = self._timeline.last_pts_at(wanted.time - back)
            if pts <= start:
                break
            self._seek(pts)
            if self._ahead is not None and self._ahead.pts <= wanted.limit:
                return
        self._seek(None)

    def _seek(self, pts: int | None) -> None:
        """Start reading at the keyframe at or before a tick; None is the start of the video."""
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
        """Decode from here on, leaving out frames that nothing shows and nothing refers to.

        Args:
            is_start: whether this is the start of the video.
        """
        codec = self._decoder
        self._clock.restart(is_start=is_start)
        if self._stitcher:
            self._stitcher.restart()
        for packet, near, is_second_field in self._judged():
            if not is_second_field:  # the second field of a picture is needed where the first is
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
        """Yield each packet, what is known of those around it, and if it is a second field."""
        coming: deque[tuple[Packet[VideoStream], Near, bool]] = deque()
        near = Near()
        for packet in self._packets():
            is_second_field = self._kinds.is_second_field(packet)
            coming.append((packet, near, is_second_field))
            # what an edit list hides is decoded, but never shown
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
                return []  # raw video has no code in it: what is cut off is any memory's content
            packet.is_corrupt = False  # so that its frame's flag is the decoder's own
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

    def _keyframe_for(self, wanted: Wanted) -> Timed | None:
        """Jump to the keyframe that may stand for an instant; None if there is none so near."""
        if not (self._is_sparse and self._tolerance and self._seeks and self._has_pts):
            return None
        ways = (self._key_packets(wanted, backward=way) for way in self._ways(wanted))
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

    def _ways(self, wanted: Wanted) -> list[bool]:
        """Return where to look for a keyframe, the nearer first: backward (True) or forward.

        Where the file has an index, it knows; its times are DTS, a few frames before the PTS.
        """
        if not self._has_index:
            return [True, False]
        index = self._stream.index_entries
        places = {way: index.search_timestamp(wanted.limit, backward=way) for way in (True, False)}
        delay = round(_DEEPEST_DELAY / self._timeline.time_base)
        near = {
            way: abs(index[place].timestamp - wanted.limit)
            for way, place in places.items()
            if place >= 0 and wanted.earliest - delay <= index[place].timestamp <= wanted.latest
        }
        return sorted(near, key=lambda way: near[way])

    def _key_packets(self, wanted: Wanted, *, backward: bool) -> "list[Packet[VideoStream]]":
        """Read the last keyframe at or before an instant, or the first one after it.

        Returns:
            Its packet, or the two of its fields; none if it may not stand for the instant.
        """
        self.counts.seeks += 1
        self._frames = None  # what was being read goes no further from here
        if not self._video.seek(wanted.limit, backward=backward):
            return []
        found: list[Packet[VideoStream]] = []
        for packet in self._packets():
            is_second_field = self._kinds.is_second_field(packet)
            if found:
                return [*found, packet] if is_second_field else found
            if packet.is_keyframe and packet.pts is not None and not packet.is_discard:
                ends = packet.pts + (packet.duration or 0)
                if not wanted.may_show(packet.pts, ends):
                    return []
                found = [packet]
                if not self._kinds.may_have_fields:
                    return found
            elif packet.dts is not None and packet.dts > wanted.latest:
                return []
        return found


def _can_leave_out(stream: VideoStream) -> bool:
    """Whether the stream's decoder may be offered frames to leave out.

    Not with temporal sub-layers in H.265: there a "non-reference" frame is one that its own
    sub-layer does not refer to (ITU-T H.265, 7.4.2.2); hvcC says how many there are (ISO 14496-15).
    """
    codec = stream.codec_context
    if codec.name == "hevc":
        extradata = codec.extradata or b""
        return len(extradata) > _HVCC_LAYERS and extradata[_HVCC_LAYERS] >> 3 & 7 == 1
    return codec.name in SKIPPING_CODECS


def _last_pts(wanted: Wanted) -> int:
    """Return the last tick at which the frame that an instant shows may start."""
    return wanted.limit if wanted.pick is None else wanted.pick

"""Decoding: the frame that a player shows at each instant, from the fewest decoded frames."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av.error
from av import VideoFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.ffmpeg import DECODE_ERRORS
from scrubjay.media.kinds import KindReader
from scrubjay.media.packets import packets_of
from scrubjay.media.picking import LOOKAHEAD, Instants, Near, Seen, Wanted
from scrubjay.media.protection import is_encrypted
from scrubjay.media.source import read_only, rewind
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

_UNREADABLE = (av.error.InvalidDataError, UnicodeDecodeError)
"""Errors of damaged packets; others, such as a disk's, end the reading."""

_MOST_READ_ERRORS = 100
"""Unreadable packets in a row after which the rest of the file is given up."""


class BeginAnewError(Exception):
    """The video is damaged: what follows may depend on where reading began, and on threads.

    So that a slice's pictures depend on neither, it is begun anew: with one thread, in the video
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
        container: the opened video.
        stream: its video stream.
        timeline: how that stream's ticks map to seconds.
        tolerance: by how many seconds a picture may miss its instant if that is cheaper.
        is_sparse: whether instants are so far apart that it may pay to jump from one to the next.
        threads: how many the decoder may use. No picture depends on it: of damaged videos, and of
            those too large for the memory there is, only one gives pictures.

    Raises:
        BeginAnewError: while reading: there is damage, and several threads or `trusts_the_past`.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream,
        timeline: Timeline,
        *,
        tolerance: Fraction = Fraction(0),
        is_sparse: bool = False,
        threads: int = 1,
    ) -> None:
        read_only(container, stream)
        codec = stream.codec_context
        self._threads = threads if codec.name in _THREADED_CODECS else 1
        codec.thread_count = self._threads
        codec.thread_type = "FRAME"  # threads of slices let other pictures stand for damaged ones
        self._container = container
        self._stream = stream
        self._timeline = timeline
        self._tolerance = tolerance
        self._is_sparse = is_sparse
        self._may_skip = _can_leave_out(stream)
        self._is_broken = False
        self.on_packet: Callable[[], None] = lambda: None
        """Called for each packet that is read, so that long lead-ins show signs of life."""
        self._kinds = KindReader(stream)
        # MP4 and AVI bring an index; what FFmpeg gathers of others while it reads has holes
        self._has_index = len(stream.index_entries) > 1
        self._instants = Instants(timeline, (), tolerance)
        self._frames: Iterator[VideoFrame] | None = None
        self._current: VideoFrame | None = None
        self._ahead: VideoFrame | None = None
        self._read_to: int | None = None
        self.counts = Counts()
        self.trusts_the_past = False
        """Whether pictures are read that must not depend on what was read before them."""
        self.is_damaged = False
        """Whether anything that was read since `start` was damaged."""
        self.is_encrypted = False
        """Whether any packet was encrypted: such are left out, and count as damaged."""
        self.damaged: set[Fraction] = set()
        """Times, in exact seconds, of the packets since `start` that could not be decoded, that
        the container calls corrupt, or whose frame the decoder calls corrupt or has guessed."""

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
            frame = self._keyframe_for(wanted) or self._frame_for(wanted)
            if frame is None:
                return
            self._instants.take()
            yield Shown(wanted.time, frame, self._timeline.seconds(_pts(frame)))

    # One frame after the other ------------------------------------------------------------------

    def _frame_for(self, wanted: Wanted) -> VideoFrame | None:
        """Read on, or jump, to the frame that an instant shows."""
        if self._frames is None or self._skips_a_gop(wanted):
            self._jump(wanted)
        while self._ahead is not None and (
            self._current is None or _pts(self._ahead) <= _last_pts(wanted)
        ):
            if self._current is None or _pts(self._ahead) >= _pts(self._current):
                self._current = self._ahead
            self._ahead = next(self._frames or iter(()), None)
        # where the rest cannot be read, the last picture must not stand for all of it
        return None if self._is_broken and self._ahead is None else self._current

    def _skips_a_gop(self, wanted: Wanted) -> bool:
        """Whether the file's index knows a keyframe between what was read and an instant."""
        if not (self._is_sparse and self._has_index) or self._read_to is None:
            return False
        index = self._stream.index_entries
        place = index.search_timestamp(wanted.limit, backward=True)
        return place >= 0 and index[place].timestamp > self._read_to

    def _jump(self, wanted: Wanted) -> None:
        """Start reading at a keyframe at or before the frame that an instant shows."""
        start = self._stream.start_time or 0
        for back in _BACK_OFF:
            pts = self._timeline.last_pts_at(wanted.time - back)
            if pts <= start:
                break
            self._seek(pts)
            if self._ahead is not None and _pts(self._ahead) <= wanted.limit:
                return
        self._seek(None)

    def _seek(self, pts: int | None) -> None:
        """Start reading at the keyframe at or before a tick; None is the start of the video."""
        self.counts.seeks += 1
        self._current = self._ahead = self._read_to = None
        self._is_broken = False
        self._instants.forget()
        self._frames = iter(())
        try:
            if pts is None:
                rewind(self._container, self._stream)
            else:
                self._container.seek(pts, stream=self._stream)
        except av.error.FFmpegError:
            return
        self._frames = self._decode(after_keyframe=pts is not None)
        self._ahead = next(self._frames, None)

    def _decode(self, *, after_keyframe: bool) -> Iterator[VideoFrame]:
        """Decode from here on, leaving out frames that nothing shows and nothing refers to.

        Args:
            after_keyframe: drop what comes before the first keyframe in time: it refers to frames
                that were not read.
        """
        codec = self._stream.codec_context
        for packet, near in self._judged():
            may_skip = (
                self._may_skip
                and packet.pts is not None
                and not self._instants.are_shown_by(packet.pts, near)
            )
            codec.skip_frame = "NONREF" if may_skip else "DEFAULT"
            self.counts.skipped += may_skip
            for frame in self._decoded(packet):
                if after_keyframe and not frame.key_frame:
                    continue
                after_keyframe = False
                yield frame
        yield from self._decoded(None)

    def _judged(self) -> Iterator[tuple["Packet[VideoStream]", Near]]:
        """Yield each packet with what is known of those around it, itself included."""
        coming: deque[Packet[VideoStream]] = deque()
        near = Near()
        for packet in self._packets():
            coming.append(packet)
            if not packet.is_discard:  # an edit list hides it: it is decoded, but never shown
                near.add(Seen(packet.pts, packet.dts, self._kinds.kind(packet)))
            self._read_to = packet.dts
            if len(coming) > LOOKAHEAD:
                yield coming.popleft(), near
        while coming:
            yield coming.popleft(), near

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        if packet is not None and is_encrypted(packet):
            self._note_damage(packet.pts)
            self.is_encrypted = True
            return []
        if packet is not None and packet.is_corrupt:
            self._note_damage(packet.pts)
            packet.is_corrupt = False  # so that its frame's flag is the decoder's own
        try:
            frames = self._stream.codec_context.decode(packet)
        except (av.error.MemoryError, MemoryError):
            if self._threads > 1:
                raise BeginAnewError from None
            raise
        except DECODE_ERRORS:
            self._note_damage(None if packet is None else packet.pts)
            return []
        for frame in frames:
            if frame.is_corrupt:
                self._note_damage(frame.pts)
        self.counts.decoded += len(frames)
        return [frame for frame in frames if frame.pts is not None]

    def _note_damage(self, pts: int | None) -> None:
        if self._threads > 1 or self.trusts_the_past:
            raise BeginAnewError
        self.is_damaged = True
        if pts is not None:
            self.damaged.add(self._timeline.seconds(pts))

    def _packets(self) -> Iterator["Packet[VideoStream]"]:
        """Read packets up to the end of the file, past those that cannot be read."""
        errors = 0
        while errors < _MOST_READ_ERRORS:
            try:
                for packet in packets_of(self._container, self._stream):
                    errors = 0
                    if packet.size:  # an empty one is PyAV's sign to flush
                        self.counts.read += 1
                        self.on_packet()
                        yield packet
            except _UNREADABLE:
                self._note_damage(None)
                errors += 1
            else:
                return
        self._is_broken = True

    # Keyframes alone ----------------------------------------------------------------------------

    def _keyframe_for(self, wanted: Wanted) -> VideoFrame | None:
        """Jump to the keyframe that may stand for an instant; None if there is none so near."""
        if not (self._is_sparse and self._tolerance):
            return None
        packets = (self._key_packet(wanted, backward=way) for way in self._ways(wanted))
        packet = next((each for each in packets if each is not None), None)
        if packet is None:
            return None
        codec = self._stream.codec_context
        codec.flush_buffers()
        codec.skip_frame = "DEFAULT"
        frames = [*self._decoded(packet), *self._decoded(None)]
        codec.flush_buffers()
        return frames[0] if frames else None

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

    def _key_packet(self, wanted: Wanted, *, backward: bool) -> "Packet[VideoStream] | None":
        """Read the last keyframe's packet at or before an instant, or the first one after it.

        Returns:
            The packet, or None if there is none that may stand for the instant.
        """
        self.counts.seeks += 1
        self._frames = None  # what was being read goes no further from here
        try:
            self._container.seek(wanted.limit, stream=self._stream, backward=backward)
        except av.error.FFmpegError:
            return None
        for packet in self._packets():
            if packet.is_keyframe and packet.pts is not None and not packet.is_discard:
                ends = packet.pts + (packet.duration or 0)
                return packet if wanted.may_show(packet.pts, ends) else None
            if packet.dts is not None and packet.dts > wanted.latest:
                return None
        return None


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


def _pts(frame: VideoFrame) -> int:
    """Return a frame's time in ticks; those without one were passed over."""
    return frame.pts if frame.pts is not None else 0

"""Reading on: the frame that a player shows at each instant, from the fewest decoded frames."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from typing import Generic, NamedTuple

from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.clocks import Clock, F, Timed, clock_for
from scrubjay.media.decoders import Coded, DecoderFor
from scrubjay.media.keyframes import KeyframeReader
from scrubjay.media.picking import LOOKAHEAD, Instant, Instants, Near, Seen
from scrubjay.media.source import usual_ticks
from scrubjay.media.stream_reader import StreamReader
from scrubjay.media.video import Video
from scrubjay.model import MediaInfo
from scrubjay.timing import Target

__all__ = ["FrameReader", "Manner", "Shown"]

_BACK_OFF = (0, 2, 8, 30, 120)
"""Seconds before an instant to which seeks are tried, in turn; after these, the very start."""


class Shown(NamedTuple, Generic[F]):
    """The frame that is shown for one instant."""

    time: Fraction
    """The instant, in exact seconds."""
    frame: F
    source_time: Fraction
    """When the source first shows this frame, in exact seconds."""


class Manner(NamedTuple):
    """How the pictures for some instants are looked for."""

    tolerance: Fraction = Fraction(0)
    """Seconds by which a picture may miss its instant if that is cheaper."""
    is_sparse: bool = False
    """Whether instants are so far apart that seeking from one to the next may pay."""
    keys_only: bool = False
    """Whether instants without a keyframe within the tolerance are passed over."""
    jumps: bool = True
    """Whether keyframes within the tolerance are looked for; each failure ends reading on."""


class FrameReader(Generic[F]):
    """Reads one video's frames in order of time.

    `start` sets the instants; the first call of `until` seeks and decodes the lead-in from the
    keyframe before. Each further call continues from there, at no extra cost. Not thread-safe.

    Args:
        video: the opened video.
        media: what probing found in it.
        decoder_for: returns the decoder of its stream.
        tolerance: seconds by which a picture may miss its instant if that is cheaper.
        is_sparse: whether instants are so far apart that seeking from one to the next may pay.

    Raises:
        StartAgainError: while reading: damage was found, with several threads or `damage.raises`.
    """

    def __init__(
        self,
        video: Video,
        media: MediaInfo,
        decoder_for: DecoderFor[F],
        *,
        tolerance: Fraction = Fraction(0),
        is_sparse: bool = False,
    ) -> None:
        self.stream = stream = StreamReader(video, media, decoder_for)
        self._timeline = stream.timeline
        self._manner = Manner(tolerance, is_sparse)
        self._clock: Clock[F] = clock_for(media.clock, usual_ticks(video.stream))
        self._keyframes: KeyframeReader[F] | None = None
        self._may_skip_gops = False
        self._keys_only = False
        self._instants = Instants(self._timeline, (), tolerance)
        self._frames: Iterator[Timed[F]] | None = None
        self._current: Timed[F] | None = None
        self._ahead: Timed[F] | None = None
        self._read_to: int | None = None

    def start(self, targets: Iterable[Target], manner: Manner | None = None) -> None:
        """Prepare to read the pictures for some instants.

        Args:
            targets: rising.
            manner: how they are looked for; None is what the reader was created with.
        """
        tolerance, is_sparse, self._keys_only, jumps = manner or self._manner
        may_seek = is_sparse and self.stream.seeks and self.stream.has_pts
        may_jump = may_seek and tolerance and jumps
        self._keyframes = KeyframeReader(self.stream) if may_jump else None
        self._may_skip_gops = may_seek
        self._instants = Instants(self._timeline, targets, tolerance)
        self.stream.damage.clear()
        self._frames = None

    def until(self, end: Fraction) -> Generator[Shown[F]]:
        """Yield the frame for each instant before `end`; stop early if no more can be decoded.

        A frame is shown until the next one; before the first, the first is shown.
        """
        while (instant := self._instants.peek()) is not None and instant.time < end:
            found = self._keyframe_for(instant)
            if found is None and self._keys_only:
                self._instants.take()
                continue
            found = found or self._frame_for(instant)
            if found is None:
                return
            self._instants.take()
            yield Shown(instant.time, found.frame, self._timeline.seconds(found.pts))

    def _keyframe_for(self, instant: Instant) -> Timed[F] | None:
        """Jump to a keyframe within the tolerance of an instant; None if there is none."""
        if self._keyframes is None or not (directions := self._keyframes.directions(instant)):
            return None
        self._frames = None  # reading cannot continue after a jump
        return self._keyframes.jump(instant, directions)

    def _frame_for(self, instant: Instant) -> Timed[F] | None:
        """Read on, or seek, to the frame that an instant shows."""
        if self._frames is None or self._skips_a_gop(instant):
            self._seek_to(instant)
        while self._ahead is not None and (
            self._current is None or self._ahead.pts <= _last_pts(instant)
        ):
            if self._current is None or self._ahead.pts >= self._current.pts:
                self._current = self._ahead
            self._ahead = next(self._frames or iter(()), None)
        # if the rest cannot be read, the last picture must not be shown for all of it
        return None if self.stream.is_broken and self._ahead is None else self._current

    def _skips_a_gop(self, instant: Instant) -> bool:
        """Whether the file's index has a keyframe between what was read and an instant."""
        if not (self._may_skip_gops and self.stream.has_index) or self._read_to is None:
            return False
        key = self.stream.indexed(instant.limit)
        return key is not None and key > self._read_to

    def _seek_to(self, instant: Instant) -> None:
        """Start reading at a keyframe at or before the frame that an instant shows."""
        start = self._timeline.last_pts_at(Fraction(0))
        for back in _BACK_OFF if self.stream.seeks else ():
            pts = self._timeline.last_pts_at(instant.time - back)
            if pts <= start:
                break
            self._read_from(pts)
            if self._ahead is not None and self._ahead.pts <= instant.limit:
                return
        self._read_from(None)

    def _read_from(self, pts: int | None) -> None:
        """Start reading at the keyframe at or before a tick; None means the start of the video."""
        self._current = self._ahead = self._read_to = None
        self._instants.forget()
        self._frames = iter(())
        if pts is None:
            self.stream.rewind()
        elif not self.stream.seek(pts):
            return
        self._frames = self._decode(is_start=pts is None)
        self._ahead = next(self._frames, None)

    def _decode(self, *, is_start: bool) -> Iterator[Timed[F]]:
        """Decode from here on, skipping frames that no instant shows and no frame refers to.

        Args:
            is_start: whether this is the start of the video.
        """
        stream, clock = self.stream, self._clock
        clock.restart(is_start=is_start)
        may_skip = False
        for packet, near, is_second_field in self._judged():
            if not is_second_field:  # the second field of a picture is needed if the first is
                may_skip = (
                    stream.can_leave_out
                    and packet.pts is not None
                    and not self._instants.are_shown_by(packet.pts, near)
                )
            tick = clock.stamp(packet, is_second_field=is_second_field)
            coded = Coded(packet, tick, is_second_field, may_skip)
            yield from clock.times(stream.decode(coded))
        yield from clock.times(stream.decode(None), is_end=True)

    def _judged(self) -> Iterator[tuple["Packet[VideoStream]", Near, bool]]:
        """Yield each packet, what is known of those around it, and whether it is a second field."""
        coming: deque[tuple[Packet[VideoStream], Near, bool]] = deque()
        near = Near()
        stream = self.stream
        kinds = stream.kinds
        for packet in stream.packets():
            is_second_field = kinds.is_second_field(packet)
            coming.append((packet, near, is_second_field))
            # packets that an edit list hides are decoded, but never shown
            if stream.can_leave_out and not (packet.is_discard or is_second_field):
                near.add(Seen(packet.pts, kinds.kind(packet)))
            self._read_to = packet.dts
            if len(coming) > LOOKAHEAD:
                yield coming.popleft()
        near.end()
        yield from coming


def _last_pts(instant: Instant) -> int:
    """Return the last tick at which the frame that an instant shows may start."""
    return instant.limit if instant.pick is None else instant.pick

"""Decoding: the frame that a player shows at each instant, in one pass over the packets."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av.error
from av import VideoFrame
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.ffmpeg import DECODE_ERRORS
from scrubjay.media.picking import Instants, with_next_pts
from scrubjay.media.source import read_only, rewind
from scrubjay.timing import Timeline

__all__ = ["SKIPPING_CODECS", "FrameReader", "Shown"]

SKIPPING_CODECS = frozenset({"h264", "hevc", "mpeg2video", "mpeg4", "vp8"})
"""Codecs whose decoders can leave out a frame that nothing refers to without changing any other;
`tests/media/test_frames.py` holds them to it, bit by bit. The others are decoded whole."""

_BACK_OFF = (0, 2, 8, 30, 120)
"""Seconds before the wanted instant to which a seek is tried; after these, the very start."""

_MOST_READ_ERRORS = 100
"""Unreadable packets in a row after which the rest of the file is given up."""


class Shown(NamedTuple):
    """The frame on screen at one instant."""

    time: Fraction
    """The instant, in exact seconds."""
    frame: VideoFrame
    source_time: Fraction
    """When the source shows this frame first, in exact seconds."""


class FrameReader:
    """Reads one video's frames in order of time.

    `start` jumps: a seek, and the lead-in from the keyframe before. `until` goes on from there, as
    often as it is called, at no extra cost. Not safe to share between threads.

    Args:
        container: the opened video.
        stream: its video stream.
        timeline: how that stream's ticks map to seconds.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, timeline: Timeline) -> None:
        read_only(container, stream)
        stream.codec_context.thread_count = 1  # slices run side by side, one core each
        self._container = container
        self._stream = stream
        self._timeline = timeline
        self._may_skip = stream.codec_context.name in SKIPPING_CODECS
        self._instants = Instants(timeline, ())
        self._frames: Iterator[VideoFrame] = iter(())
        self._current: VideoFrame | None = None
        self._ahead: VideoFrame | None = None
        self.decoded = 0
        """Frames that the decoder gave, lead-ins included."""
        self.damaged: list[Fraction] = []
        """Times of the packets that could not be decoded since `start`, in exact seconds."""

    def start(self, times: Iterable[Fraction]) -> None:
        """Jump to the first of the rising `times` at which pictures will be wanted."""
        self._instants = Instants(self._timeline, times)
        first = self._instants.peek()
        if first is None:
            return
        for back in _BACK_OFF:
            self._seek(self._timeline.last_pts_at(first.time - back))
            if self._ahead is not None and _pts(self._ahead) <= first.limit:
                return
        self._seek(None)

    def until(self, end: Fraction) -> Iterator[Shown]:
        """Yield the frame shown at each wanted instant before `end`; stops short if none decodes.

        A frame stays shown until the next one; before the first, the first is shown.
        """
        while (instant := self._instants.peek()) is not None and instant.time < end:
            self._advance(instant.limit)
            if self._current is None:
                return
            self._instants.take()
            source_time = self._timeline.seconds(_pts(self._current))
            yield Shown(instant.time, self._current, source_time)

    def _advance(self, limit: int) -> None:
        """Read on until the frame shown at tick `limit` is the current one."""
        while self._ahead is not None and (self._current is None or _pts(self._ahead) <= limit):
            if self._current is None or _pts(self._ahead) >= _pts(self._current):
                self._current = self._ahead
            self._ahead = next(self._frames, None)

    def _seek(self, pts: int | None) -> None:
        """Start reading at the keyframe at or before a tick; None is the start of the video."""
        at_start = pts is None or pts <= (self._stream.start_time or 0)
        self.damaged.clear()
        self._current = self._ahead = None
        try:
            if pts is None or at_start:
                rewind(self._container, self._stream)
            else:
                self._container.seek(pts, stream=self._stream)
        except av.error.FFmpegError:
            return
        self._frames = self._decode(after_keyframe=not at_start)
        self._ahead = next(self._frames, None)

    def _decode(self, *, after_keyframe: bool) -> Iterator[VideoFrame]:
        """Decode from here on, leaving out frames that nothing shows and nothing refers to.

        Args:
            after_keyframe: drop what comes before the first keyframe in time: it refers to frames
                that were not read.
        """
        codec = self._stream.codec_context
        for packet, next_pts in with_next_pts(self._packets()):
            shown = (
                packet.pts is None
                or next_pts is None
                or self._instants.any_in(packet.pts, next_pts)
            )
            codec.skip_frame = "DEFAULT" if shown or not self._may_skip else "NONREF"
            for frame in self._decoded(packet):
                if after_keyframe and not frame.key_frame:
                    continue
                after_keyframe = False
                yield frame
        yield from self._decoded(None)

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        try:
            frames = self._stream.codec_context.decode(packet)
        except (av.error.MemoryError, MemoryError):
            raise
        except DECODE_ERRORS:
            if packet is not None and packet.pts is not None:
                self.damaged.append(self._timeline.seconds(packet.pts))
            return []
        self.decoded += len(frames)
        return [frame for frame in frames if frame.pts is not None]

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """Read packets up to the end of the file, past those that cannot be read."""
        errors = 0
        while errors < _MOST_READ_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    errors = 0
                    if packet.size:  # an empty one is PyAV's sign to flush
                        yield packet
            except (av.error.MemoryError, MemoryError):
                raise
            except DECODE_ERRORS:
                errors += 1
            else:
                return


def _pts(frame: VideoFrame) -> int:
    """Return a frame's time in ticks; those without one were passed over."""
    return frame.pts if frame.pts is not None else 0

"""Clocks that jump: carelessly joined recordings, restarted transmitters.

Players show the stretches of such a stream one after the other, and so does this.
"""

from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.source import time_base_of, usual_ticks

__all__ = ["JUMPING_CONTAINERS", "Stitcher"]

JUMPING_CONTAINERS = frozenset({"mpegts", "mpeg"})
"""Formats whose clock may be reset in the middle (ISO 13818-1, 2.4.3.5)."""

_LONGEST_SECONDS = 10
"""A step of the clock longer than this, forward or back, is a jump; ffmpeg has the same limit."""


class Stitcher:
    """Shifts the times of a stream's packets, read from its start, so that its clock is continuous.

    Args:
        stream: the video stream.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._longest = round(_LONGEST_SECONDS / time_base_of(stream))
        self._usual = usual_ticks(stream)
        self.restart()

    def restart(self) -> None:
        """Reset, at the start of the stream."""
        self.jumps = 0
        """How often the clock has jumped."""
        self._offset = 0
        self._last: int | None = None
        self._since = 0

    def shift(self, packet: "Packet[VideoStream]") -> None:
        """Shift one packet's times."""
        self._since += 1
        due = None if self._last is None else self._last + self._usual * self._since
        self._drop_false_time(packet, due)
        own = packet.dts if packet.dts is not None else packet.pts
        if own is not None:
            if due is not None and abs(own + self._offset - due) > self._longest:
                self.jumps += 1
                self._offset = due - own
            self._last, self._since = own + self._offset, 0
        if packet.pts is not None:
            packet.pts += self._offset
        if packet.dts is not None:
            packet.dts += self._offset

    def _drop_false_time(self, packet: "Packet[VideoStream]", due: int | None) -> None:
        """If a packet's two times contradict each other, remove the wrong one.

        Args:
            packet: the packet.
            due: when it is due, if known; if not, its presentation time is kept.
        """
        pts, dts = packet.pts, packet.dts
        if pts is None or dts is None or abs(pts - dts) <= self._longest:
            return
        self.jumps += 1
        if due is not None and abs(dts + self._offset - due) < abs(pts + self._offset - due):
            packet.pts = None
        else:
            packet.dts = None

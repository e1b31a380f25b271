"""Jumping to keyframes: pictures far apart, each from the one keyframe near its instant."""

from collections.abc import Sequence
from typing import Generic

from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.clocks import F, Timed
from scrubjay.media.decoders import Coded
from scrubjay.media.picking import Instant
from scrubjay.media.stream_reader import StreamReader

__all__ = ["KeyframeReader"]

_DEEPEST_DELAY = 2
"""Most seconds from a frame's DTS to its PTS: 16 frames at 8 a second."""


class KeyframeReader(Generic[F]):
    """Finds a keyframe within the tolerance of an instant and decodes nothing else.

    Args:
        reader: of the stream, whose packets have presentation times and whose seeks work.
    """

    def __init__(self, reader: StreamReader[F]) -> None:
        self._reader = reader

    def directions(self, instant: Instant) -> list[bool]:
        """Return in which directions a keyframe may lie, the nearer first: True is backward.

        An index shows which is nearer; its times are DTS, a few frames before the PTS. So the
        keyframe just after an instant may be before it there: the other direction comes second.
        """
        if not self._reader.has_index:
            return [True, False]
        delay = round(_DEEPEST_DELAY / self._reader.timeline.time_base)
        near: dict[bool, int] = {}
        for backward in (True, False):
            key = self._reader.indexed(instant.limit, backward=backward)
            if key is not None and instant.earliest - delay <= key <= instant.latest:
                near[backward] = abs(key - instant.limit)
        first = min(near, key=lambda backward: near[backward], default=None)
        return [] if first is None else [first, not first]

    def jump(self, instant: Instant, directions: Sequence[bool]) -> Timed[F] | None:
        """Seek to a keyframe within the tolerance of an instant; None if there is none.

        Args:
            instant: the instant.
            directions: where to look, from `directions`.
        """
        found = (self._packets(instant, backward=direction) for direction in directions)
        packets = next((each for each in found if each), None)
        if packets is None:
            return None
        tick = packets[0].pts
        fields = [Coded(packet, tick, packet is not packets[0]) for packet in packets]
        frames = (frame for each in (*fields, None) for frame in self._reader.decode(each))
        timed = [Timed(frame.pts, frame) for frame in frames if frame.pts is not None]
        return timed[0] if timed else None

    def _packets(self, instant: Instant, *, backward: bool) -> "list[Packet[VideoStream]]":
        """Read the last keyframe at or before an instant, or the first one after it.

        Returns:
            Its packet, or the two of its fields; none if it is outside the tolerance.
        """
        if not self._reader.seek(instant.limit, backward=backward):
            return []
        kinds = self._reader.kinds
        found: list[Packet[VideoStream]] = []
        for packet in self._reader.packets():
            is_second_field = kinds.is_second_field(packet)
            if found:
                return [*found, packet] if is_second_field else found
            if packet.is_keyframe and packet.pts is not None and not packet.is_discard:
                ends = packet.pts + (packet.duration or 0)
                if not instant.may_show(packet.pts, ends):
                    return []
                found = [packet]
                if not kinds.may_have_fields:
                    return found
            elif packet.dts is not None and packet.dts > instant.latest:
                return []
        return found

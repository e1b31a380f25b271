"""How much of a video is read to probe it, and how many packets it holds."""

from collections.abc import Callable
from time import monotonic

from scrubjay.errors import LimitError, SourceDamagedError
from scrubjay.limits import Limits, option_of
from scrubjay.media.video import Video

__all__ = ["ProbeMeter", "packets_in"]

_SAMPLE_PACKETS = 256
_SAMPLE_BYTES, _LEAST_SAMPLE_PACKETS = 1 << 20, 32
"""How much is read to learn how large a packet is: so many packets, or so many bytes of fewer."""

_LEAST_HELD = 10_000
"""Packets that any file may have: parts of it are read twice."""

_CLOCK_EVERY = 64
"""Packets between two looks at the clock."""


class ProbeMeter:
    """Counts what probing reads, and ends it where a limit is passed.

    Packets are signs of life, so that no stall timer ends a file of millions of empty ones.

    Args:
        name: of the video.
        limits: how much may be read, and how long that may take.
        on_packet: called for whatever has been read, as a sign of life.
    """

    def __init__(self, name: str, limits: Limits, on_packet: Callable[[], None]) -> None:
        self._name = name
        self._limits = limits
        self._on_packet = on_packet
        self._began = monotonic()
        self._read = 0
        self._most_held = limits.probe_packets

    def knows_size(self, size_bytes: int) -> None:
        """Learn how large the file is: each packet of it takes a byte at least."""
        self._most_held = max(_LEAST_HELD, size_bytes)

    def __call__(self) -> None:
        """Count a packet, or anything else that has been read.

        Raises:
            SourceDamagedError: more packets than the file has bytes: its index names some again.
            LimitError: that is more than is allowed, or it took too long.
        """
        self._read += 1
        self._on_packet()
        if self._read > self._limits.probe_packets:
            raise LimitError(
                f"{self._name} was probed up to packet {self._limits.probe_packets} and has more; "
                f"{option_of('probe_packets')} raises that"
            )
        if self._read > self._most_held:
            raise SourceDamagedError(
                f"{self._name} names more packets than it has bytes: its index is damaged"
            )
        if not self._read % _CLOCK_EVERY and self._seconds() > self._limits.probe_timeout:
            raise LimitError(
                f"{self._name} could not be probed in {self._limits.probe_timeout:g} s; "
                f"{option_of('probe_timeout')} raises that"
            )

    def _seconds(self) -> float:
        return monotonic() - self._began


def packets_in(video: Video, size_bytes: int, meter: ProbeMeter) -> int:
    """Return about how many packets hold a stream's pictures, from the next few that it has.

    All are counted if they are few. Else those that were read stand for the rest of the file: a
    header may claim anything, but the bytes of a file are there.

    Args:
        video: the opened video.
        size_bytes: of the file.
        meter: called for each packet that is read.
    """
    count = packet_bytes = 0
    first = last = 0
    for packet in video.read():
        meter()
        count += 1
        packet_bytes += packet.size
        if packet.pos is not None and packet.pos >= 0:
            first = min(first or packet.pos, packet.pos)
            last = max(last, packet.pos + packet.size)
        is_enough = packet_bytes >= _SAMPLE_BYTES and count >= _LEAST_SAMPLE_PACKETS
        if count >= _SAMPLE_PACKETS or is_enough:
            return max(count, count * size_bytes // max(packet_bytes, last - first))
    return max(1, count)

"""How much of a video is read to probe it, and how many packets it has."""

from collections.abc import Callable
from time import monotonic

from scrubjay.errors import LimitError, SourceDamagedError
from scrubjay.limits import Limits, option_of
from scrubjay.media.video import Video

__all__ = ["ProbeMeter", "packets_in"]

_SAMPLE_PACKETS = 256
_SAMPLE_BYTES, _LEAST_SAMPLE_PACKETS = 1 << 20, 32
"""How much is read to estimate the size of packets: so many packets, or so many bytes of fewer."""

_LEAST_HELD = 10_000
"""Packets that any file may have, since some are read twice."""

_CLOCK_EVERY = 64
"""Packets between two checks of the time."""


class ProbeMeter:
    """Counts what probing reads, and ends it at a limit.

    Each packet counts as progress, so no stall timer would end a file of millions of empty ones.

    Args:
        name: of the video.
        limits: on how much may be read, and how long that may take.
        on_packet: called for everything that is read, to report progress.
    """

    def __init__(self, name: str, limits: Limits, on_packet: Callable[[], None]) -> None:
        self._name = name
        self._limits = limits
        self._on_packet = on_packet
        self._began = monotonic()
        self._read = 0
        self._most_held = limits.probe_packets

    def knows_size(self, size_bytes: int) -> None:
        """Set the size of the file: each packet takes at least a byte of it."""
        self._most_held = max(_LEAST_HELD, size_bytes)

    def __call__(self) -> None:
        """Count a packet, or anything else that was read.

        Raises:
            SourceDamagedError: there are more packets than bytes: its index repeats some.
            LimitError: this is more than allowed, or it took too long.
        """
        self._read += 1
        self._on_packet()
        if self._read > self._limits.probe_packets:
            raise LimitError(
                f"{self._name} has more than {self._limits.probe_packets} packets to probe; raise "
                f"the limit with {option_of('probe_packets')}"
            )
        if self._read > self._most_held:
            raise SourceDamagedError(
                f"{self._name} has an index of more packets than it has bytes: it is damaged"
            )
        if not self._read % _CLOCK_EVERY and self._seconds() > self._limits.probe_timeout:
            raise LimitError(
                f"{self._name} could not be probed in {self._limits.probe_timeout:g} s; raise the "
                f"limit with {option_of('probe_timeout')}"
            )

    def _seconds(self) -> float:
        return monotonic() - self._began


def packets_in(video: Video, size_bytes: int, meter: ProbeMeter) -> int:
    """Estimate how many packets hold a stream's pictures, from the next few.

    Few packets are all counted. Otherwise the number is estimated from the size of those that were
    read and of the file, because a header may declare anything.

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

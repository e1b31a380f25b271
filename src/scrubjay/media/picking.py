"""Which frames are shown at all: known from packets, before anything is decoded. Pure.

A frame is shown at an instant if it is the last whose PTS is not after it. Packets come in decoding
order, so the frame that follows in time may be several packets ahead; codecs reorder by at most 16
frames (H.264 A.3.1, H.265 A.4.2: `max_dec_frame_buffering`).
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from scrubjay.timing import Timeline

__all__ = ["LOOKAHEAD", "Instant", "Instants", "with_next_pts"]

LOOKAHEAD = 34
"""Packets looked at on each side of the one that is judged: twice the deepest reordering."""


class _Stamped(Protocol):
    @property
    def pts(self) -> int | None: ...


P = TypeVar("P", bound=_Stamped)


class Instant(NamedTuple):
    """One time at which a picture is wanted."""

    time: Fraction
    """In exact seconds."""
    limit: int
    """The last tick at which a frame that is shown then may start."""


class Instants:
    """The times at which pictures are wanted, in order; read only as far as it is needed.

    Args:
        timeline: how ticks map to seconds.
        times: rising, in exact seconds.
    """

    def __init__(self, timeline: Timeline, times: Iterable[Fraction]) -> None:
        self._rest = (Instant(time, timeline.last_pts_at(time)) for time in times)
        self._waiting: deque[Instant] = deque()

    def peek(self) -> Instant | None:
        """Return the next instant without taking it; None after the last."""
        if not self._waiting:
            self._waiting.extend(islice(self._rest, 1))
        return self._waiting[0] if self._waiting else None

    def take(self) -> None:
        """Drop the next instant: its picture has been found."""
        self._waiting.popleft()

    def any_in(self, start: int, end: int) -> bool:
        """Whether a waiting instant shows the frame that is on from tick `start` up to `end`."""
        while not self._waiting or self._waiting[-1].limit < end:
            following = list(islice(self._rest, 16))
            if not following:
                break
            self._waiting.extend(following)
        return any(start <= instant.limit < end for instant in self._waiting)


def with_next_pts(packets: Iterable[P]) -> Iterator[tuple[P, int | None]]:
    """Pair each packet with the PTS of the frame that follows it in time.

    It is None where that is not known: a packet nearby has no PTS, or none nearby is later.
    """
    coming: deque[P] = deque()
    near: deque[int | None] = deque(maxlen=2 * LOOKAHEAD + 1)
    """The PTS of the packets around the one that is judged, those before it included: what follows
    it in time may well have come earlier, as the P frame does that its B frames lead up to."""
    for packet in packets:
        coming.append(packet)
        near.append(packet.pts)
        if len(coming) > LOOKAHEAD:
            yield _judged(coming.popleft(), near)
    while coming:
        yield _judged(coming.popleft(), near)


def _judged(packet: P, near: Collection[int | None]) -> tuple[P, int | None]:
    known = [pts for pts in near if pts is not None]
    if packet.pts is None or len(known) < len(near):
        return packet, None
    return packet, min((pts for pts in known if pts > packet.pts), default=None)

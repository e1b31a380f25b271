"""When each picture is shown: packets have the times, pictures get them in the order of output.

A decoder puts pictures out in the order in which they are shown. So the k-th picture gets the k-th
of its packets' sorted times. If packets have presentation times (PTS), that is the PTS of the
picture's own packet. If they have only decoding times (AVI, ASF, an MP4 without `ctts`), or none
(elementary streams), pictures are counted.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from av.packet import Packet
from av.video.stream import VideoStream

__all__ = ["Clock", "ClockName", "F", "Frame", "Timed", "clock_for"]

ClockName: TypeAlias = Literal["pts", "gaps", "order", "count"]
"""`pts`: packets have presentation times. `gaps`: some of them do. `order`: they have only decoding
times. `count`: they have none, and the n-th picture is shown at n / rate."""

_MOST_HELD = 32
"""Most pictures without a time to keep until one with a time follows."""

_DEEPEST = 64
"""Pictures by which output and decoding order may differ: more than any codec reorders."""


class Frame(Protocol):
    """What reading uses of a decoded frame: PyAV's have it, and so have those of a rehearsal."""

    @property
    def pts(self) -> int | None:
        """Of its packet."""
        ...

    @property
    def key_frame(self) -> bool:
        """Whether it refers to no other frame."""
        ...


F = TypeVar("F", bound=Frame)


class Timed(NamedTuple, Generic[F]):
    """A decoded picture and when it is shown."""

    pts: int
    """In ticks of the stream, or in pictures if these are counted."""
    frame: F


class Clock(Protocol[F]):
    """Gives times to the pictures of one stream."""

    def restart(self, *, is_start: bool) -> None:
        """Reset: reading continues at the start of the stream, or anywhere else."""
        ...

    def stamp(self, packet: "Packet[VideoStream]", *, is_second_field: bool) -> int | None:
        """Note a packet just before it is decoded, and return its tick, if it has one."""
        ...

    def times(self, frames: Iterable[F], *, is_end: bool = False) -> Iterator[Timed[F]]:
        """Yield the decoder's next pictures with their times; some only when later ones come.

        After a seek, pictures without a known time, or with missing references, are left out.
        """
        ...


def clock_for(name: ClockName, usual: int) -> Clock[F]:  # pyright: ignore[reportInvalidTypeVarUse]
    """Return the clock of a stream, for the frames that the caller has.

    Args:
        name: which one.
        usual: the usual duration of a picture in ticks, at least 1.
    """
    if name == "pts":
        return PtsClock(usual)
    if name == "gaps":
        return GapsClock(usual)
    return OrderClock(is_counted=name == "count")


class PtsClock(Generic[F]):
    """Times from the PTS of each picture's packet.

    Pictures without one (a PES packet may hold several pictures and has one PTS) are spread evenly
    between those that have one.

    Args:
        usual: the usual duration of a picture in ticks.
    """

    def __init__(self, usual: int) -> None:
        self._usual = max(1, usual)
        self._held: list[F] = []
        self._last: int | None = None
        self._is_placed = True

    def restart(self, *, is_start: bool) -> None:
        """Reset; after a seek, pictures count from the first keyframe with a time."""
        self._held = []
        self._last = None
        self._is_placed = is_start

    def stamp(self, packet: "Packet[VideoStream]", *, is_second_field: bool) -> int | None:
        """Return the packet's own tick."""
        del is_second_field
        return packet.dts if packet.pts is None else packet.pts

    def times(self, frames: Iterable[F], *, is_end: bool = False) -> Iterator[Timed[F]]:
        """Yield pictures with their times."""
        for frame in frames:
            if not self._is_placed and (not frame.key_frame or frame.pts is None):
                continue  # it refers to pictures that were not read
            self._is_placed = True
            if frame.pts is None:
                self._held.append(frame)
                if len(self._held) >= _MOST_HELD and self._last is not None:
                    yield from self._spread(None)
                continue
            yield from self._spread(frame.pts)
            self._last = frame.pts
            yield Timed(frame.pts, frame)
        if is_end:
            yield from self._spread(None)

    def _spread(self, end: int | None) -> Iterator[Timed[F]]:
        """Yield the pictures kept so far, spread evenly up to a tick, or at the usual distance."""
        count = len(self._held)
        if end is None or self._last is None or end <= self._last:
            start = self._last if self._last is not None else (end or 0) - self._usual * (count + 1)
            stamps = [start + self._usual * (k + 1) for k in range(count)]
        else:
            span = end - self._last
            stamps = [self._last + span * (k + 1) // (count + 1) for k in range(count)]
        for pts, frame in zip(stamps, self._held, strict=True):
            self._last = pts
            yield Timed(pts, frame)
        self._held = []


class GapsClock(PtsClock[F]):
    """Times of streams in which some pictures have none, and some have their neighbour's.

    A PES packet's time is that of the first picture that begins in it (ISO 13818-1, 2.4.3.7). Where
    several small pictures share one, FFmpeg sometimes gives it to the picture before or after. So
    each picture with a time waits for the next one: its time does not count if both have the same,
    or if it alone does not fit pictures at the usual distance.

    Args:
        usual: the usual duration of a picture in ticks.
    """

    def __init__(self, usual: int) -> None:
        super().__init__(usual)
        self._waiting: list[F] = []

    def restart(self, *, is_start: bool) -> None:
        """Reset; after a seek, pictures count from the first keyframe with a time."""
        super().restart(is_start=is_start)
        self._waiting = []

    def times(self, frames: Iterable[F], *, is_end: bool = False) -> Iterator[Timed[F]]:
        """Yield pictures with their times."""
        for frame in frames:
            if self._waiting and frame.pts is not None:
                if not self._fits(self._waiting[0].pts, frame.pts):
                    timeless = self._waiting.pop(0)
                    self._held += [timeless] if self._is_placed else []
                yield from super().times(self._waiting)
                self._waiting = []
            if self._waiting or (frame.pts is not None and (self._is_placed or frame.key_frame)):
                self._waiting.append(frame)
            else:
                yield from super().times([frame])
        if is_end:
            yield from super().times(self._waiting, is_end=True)
            self._waiting = []

    def _fits(self, pts: int | None, after: int) -> bool:
        """Whether the time of the picture that waits may be its own, given the next one's."""
        if pts is None or pts == after:
            return False
        if self._last is None:
            return True
        own = self._last + (len(self._held) + 1) * self._usual
        next_own = own + len(self._waiting) * self._usual
        nearly = self._usual // 4
        return abs(pts - own) <= nearly or abs(after - next_own) > nearly


class OrderClock(Generic[F]):
    """Times by counting: the k-th picture of the output gets the k-th of its packets' times.

    Each packet gets a number in place of its PTS, and its picture has the same number. So a
    keyframe's position is known even after pictures were lost: it follows all pictures of packets
    before it, and those that come later in decoding order but earlier in the output. After a
    seek, this is true from the second keyframe on, whose earlier pictures were all read.

    Args:
        is_counted: whether a picture's time is its number; if not, packets have decoding times.
    """

    def __init__(self, *, is_counted: bool) -> None:
        self._is_counted = is_counted
        self.restart(is_start=True)

    def restart(self, *, is_start: bool) -> None:
        """Reset."""
        self._count = 0
        self._next = 0
        self._ticks: list[int] = []
        self._taken: deque[int] = deque()
        self._keys: set[int] = set()
        self._recent: deque[int] = deque(maxlen=_DEEPEST)
        self._is_placed = is_start
        self._first_key: int | None = None

    def stamp(self, packet: "Packet[VideoStream]", *, is_second_field: bool) -> int | None:
        """Give a packet its number, and store its time."""
        if is_second_field:
            packet.pts = packet.dts = max(0, self._count - 1)
            return None
        number = self._count
        tick = number if self._is_counted else packet.dts if packet.dts is not None else packet.pts
        if packet.is_discard:  # it is decoded, but never in the output
            packet.pts = packet.dts = number
            return tick
        if tick is None:
            tick = self._ticks[-1] + 1 if self._ticks else 0
        if packet.is_keyframe:
            self._keys.add(number)
            self._first_key = number if self._first_key is None else self._first_key
        heappush(self._ticks, tick)
        self._count += 1
        packet.pts = packet.dts = number
        return tick

    def times(self, frames: Iterable[F], *, is_end: bool = False) -> Iterator[Timed[F]]:
        """Yield pictures with their times."""
        del is_end
        for frame in frames:
            number = frame.pts
            if number in self._keys:
                self._place_keyframe(number)
            if number is not None:
                self._recent.append(number)
            if not self._is_placed:
                continue
            tick = self._take()
            if tick is not None:
                yield Timed(tick, frame)

    def _place_keyframe(self, number: int) -> None:
        """Continue counting at a keyframe's own position."""
        self._keys.remove(number)
        place = number + sum(other > number for other in self._recent)
        if not self._is_placed and number != self._first_key:
            self._is_placed = True
        if place > self._next:
            for _ in range(place - self._next):
                self._take()

    def _take(self) -> int | None:
        """Take the next of the packets' times."""
        self._next += 1
        return heappop(self._ticks) if self._ticks else None

"""Which frame is shown at each instant: known from packets, before anything is decoded. Pure.

The exact frame of an instant is the last whose PTS is not after it. Within a tolerance, another
frame may be shown instead if that is cheaper: a keyframe, or else one that others refer to. Each
instant's choice is limited by its neighbours, so that no two instants with different frames ever
pick the same.

Packets come in decoding order, so the next frame in time may come earlier or later; codecs reorder
by at most 16 frames (H.264 A.3.1, H.265 A.4.2: `max_dec_frame_buffering`).
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import islice
from typing import NamedTuple

from scrubjay.media.kinds import Kind
from scrubjay.timing import Target, Timeline

__all__ = ["LOOKAHEAD", "Instant", "Instants", "Near", "Seen"]

LOOKAHEAD = 34
"""Packets considered on each side of the current one: twice the deepest reordering."""

_FAR = 1 << 62
"""A tick after the end of every video."""

_DEEPEST_REORDER = 16
"""Pictures by which decoding order may differ from the order of time."""

_CHEAP = frozenset({Kind.KEY, Kind.REFERENCE})
"""The kinds of frames that may replace an exact one: others are not cheaper than any."""


class Seen(NamedTuple):
    """What is known about a packet that was read."""

    pts: int | None
    kind: Kind


class Near:
    """The packets around the current one."""

    def __init__(self) -> None:
        self._seen: deque[Seen] = deque()
        self._stamps: list[int] = []
        self._untimed = 0
        self._is_end = False
        self.kinds: dict[int, Kind] = {}
        """The kind of each frame, by its PTS."""

    @property
    def newest(self) -> int | None:
        """A PTS that all later packets are at or after, since codecs reorder by so much at most.

        None if it is not known: a packet nearby has no PTS, or too few have been read.
        """
        if self._is_end and not self._untimed:
            return _FAR
        if self._untimed or len(self._stamps) <= _DEEPEST_REORDER:
            return None
        return self._stamps[-1 - _DEEPEST_REORDER]

    def end(self) -> None:
        """Note that no more packets will come."""
        self._is_end = True

    def add(self, seen: Seen) -> None:
        """Add the packet read last, and drop the oldest."""
        self._seen.append(seen)
        if len(self._seen) > 2 * LOOKAHEAD + 1:
            oldest = self._seen.popleft().pts
            if oldest is None:
                self._untimed -= 1
            else:
                self.kinds.pop(oldest, None)
                del self._stamps[bisect_left(self._stamps, oldest)]
        if seen.pts is None:
            self._untimed += 1
        else:
            self.kinds[seen.pts] = seen.kind
            insort(self._stamps, seen.pts)


class Instant:
    """An instant for which a picture is requested, in ticks.

    Args:
        timeline: how ticks map to seconds.
        target: the instant and its neighbours.
        tolerance: how far another frame may be from the instant, in seconds.
    """

    __slots__ = ("_next_limit", "earliest", "latest", "limit", "pick", "time")

    def __init__(self, timeline: Timeline, target: Target, tolerance: Fraction) -> None:
        time, before, after = target.time, target.before, target.after
        self.time = time
        self.limit = timeline.last_pts_at(time)
        """The last tick at which the exact frame may start."""
        self.earliest, self.latest = self.limit + 1, self.limit
        """Frames that start from `earliest` to `latest` may replace the exact one."""
        if tolerance:
            earliest, latest = time - tolerance, time + tolerance
            if before is not None:
                earliest = max(earliest, (before + time) / 2)
            if after is not None:
                latest = min(latest, (time + after) / 2)
            self.earliest = timeline.last_pts_at(earliest) + 1
            self.latest = timeline.last_pts_at(latest)
        self._next_limit = None if after is None else timeline.last_pts_at(after)
        self.pick: int | None = None
        """The PTS of the frame to show, once that is known."""

    def choose(self, stamps: list[int], kinds: Mapping[int, Kind]) -> None:
        """Pick the cheapest frame; of equally cheap ones the exact one, or else the nearest.

        Args:
            stamps: the PTS of all frames nearby, rising.
            kinds: the kind of each.
        """
        place = bisect_right(stamps, self.limit) - 1
        if place < 0:
            self.pick = self.limit  # nothing is shown yet: the first frame will be
            return
        exact = stamps[place]
        cheapest, self.pick = (max(kinds[exact], Kind.REFERENCE), 0), exact
        if kinds[exact] is Kind.KEY or self.earliest > self.latest:
            return
        for index, pts in enumerate(stamps):
            rank = kinds[pts], abs(pts - self.limit)
            ends = stamps[index + 1] if index + 1 < len(stamps) else None
            if kinds[pts] in _CHEAP and self.may_show(pts, ends) and rank < cheapest:
                cheapest, self.pick = rank, pts

    def is_exact(self, pts: int, kinds: Mapping[int, Kind]) -> bool:
        """Whether a frame is the last one nearby that starts at or before the instant."""
        return pts <= self.limit and not any(pts < other <= self.limit for other in kinds)

    def may_pick(self, pts: int, kinds: Mapping[int, Kind]) -> bool:
        """Whether `choose` may pick a frame, as far as that is known; if in doubt, yes.

        Args:
            pts: when it starts.
            kinds: the kind of each frame nearby, itself included.
        """
        return self.is_exact(pts, kinds) or (pts >= self.earliest and kinds[pts] in _CHEAP)

    def may_show(self, pts: int, ends: int | None) -> bool:
        """Whether a frame may replace the exact one.

        Args:
            pts: when it starts.
            ends: when the frame after it starts; None if that is not known.
        """
        if not self.earliest <= pts <= self.latest:
            return False
        if pts <= self.limit or self._next_limit is None:
            return True
        # a later frame must not be the exact one of the next instant
        return ends is not None and ends <= self._next_limit


class Instants:
    """The instants for which pictures are requested, in order; read only as far as necessary.

    For example, ten frames a second: a keyframe, then disposable and reference frames in turn.
    Pictures are requested at 0.15 s and 0.4 s; they show the frames at 0.1 s and 0.4 s:

    >>> kinds = [Kind.KEY, Kind.DISPOSABLE, Kind.REFERENCE, Kind.DISPOSABLE, Kind.REFERENCE]
    >>> near = Near()
    >>> for pts in (0, 2, 1, 4, 3):  # in the order of decoding
    ...     near.add(Seen(pts, kinds[pts]))
    >>> near.end()
    >>> timeline = Timeline(time_base=Fraction(1, 10), origin=Fraction(0))
    >>> first, second = Fraction("0.15"), Fraction("0.4")
    >>> targets = [Target(None, first, second), Target(first, second, None)]
    >>> exact = Instants(timeline, targets, tolerance=Fraction(0))
    >>> [pts for pts in range(5) if exact.are_shown_by(pts, near)]
    [1, 4]

    With a tolerance of 0.1 s, the first shows the reference frame at 0.2 s, which is cheaper:

    >>> cheaper = Instants(timeline, targets, tolerance=Fraction("0.1"))
    >>> [pts for pts in range(5) if cheaper.are_shown_by(pts, near)]
    [2, 4]

    Args:
        timeline: how ticks map to seconds.
        targets: rising.
        tolerance: how far a cheaper frame may be from an instant, in seconds.
    """

    def __init__(self, timeline: Timeline, targets: Iterable[Target], tolerance: Fraction) -> None:
        self._rest = (Instant(timeline, target, tolerance) for target in targets)
        self._waiting: deque[Instant] = deque()

    def peek(self) -> Instant | None:
        """Return the next instant without taking it; None after the last."""
        self._waiting.extend(islice(self._rest, 0 if self._waiting else 1))
        return self._waiting[0] if self._waiting else None

    def take(self) -> None:
        """Drop the next instant, because its picture has been found."""
        self._waiting.popleft()

    def forget(self) -> None:
        """Forget all choices, because packets will be read from another position."""
        for instant in self._waiting:
            instant.pick = None

    def are_shown_by(self, pts: int, near: Near) -> bool:
        """Whether any instant shows the frame with this PTS; if in doubt, yes.

        Args:
            pts: of the current packet.
            near: the packets around it, itself included.
        """
        if near.newest is None:
            return True
        self._choose(pts, near.newest, near.kinds)
        for instant in self._waiting:
            if instant.pick is not None:
                if instant.pick == pts:
                    return True
            elif pts <= max(instant.limit, instant.latest):
                # if this instant may not show it, the frames in between exclude all later ones, too
                return instant.may_pick(pts, near.kinds)
        return False

    def _choose(self, pts: int, newest: int, kinds: Mapping[int, Kind]) -> None:
        """Choose the frame of each instant whose exact frame is known.

        Where frames that were not read yet may still be cheaper, the choice waits; but not beyond
        the exact frame itself, which would be skipped. So no choice depends on how many frames the
        decoder holds back.
        """
        self._look_ahead(newest)
        stamps: list[int] = []
        for instant in self._waiting:
            if instant.limit >= newest:
                return
            if instant.pick is not None:
                continue
            if instant.latest < newest:
                stamps = stamps or sorted(kinds)
                instant.choose(stamps, kinds)
            elif instant.is_exact(pts, kinds):
                instant.pick = pts

    def _look_ahead(self, newest: int) -> None:
        """Take up all instants whose exact frame is known."""
        while not self._waiting or self._waiting[-1].limit <= newest:
            following = list(islice(self._rest, 16))
            if not following:
                return
            self._waiting.extend(following)

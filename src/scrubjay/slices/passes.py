"""Reading a whole video several times, each time for a few instants."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Generic, TypeVar

from scrubjay.errors import SourceDamagedError
from scrubjay.media.clocks import F
from scrubjay.media.damage import StartAgainError
from scrubjay.media.frames import FrameReader, Manner, Shown
from scrubjay.timing import Target

__all__ = ["NOTHING", "Passes", "filled"]

P = TypeVar("P")

NOTHING = "no picture of the whole video can be decoded"

_MOST_FAILURES = 3
"""Instants in a row that may give no picture before a pass ends: each may cost a look at all that
follows it."""


class Passes(Generic[F]):
    """Yields the pictures of a video at some instants, as often as one asks.

    Pictures don't depend on earlier passes: at the first damage, the whole job starts again with
    `is_damaged` and a new reader for each pass, and skips times that give no picture.

    Args:
        reader: returns what the next pass reads with.
        end: of the video, in seconds.
        is_damaged: whether the video is known to be damaged.
        on_shown: called with the time of each picture.
        on_missing: called for each picture that is skipped; may raise the reason.
    """

    def __init__(
        self,
        reader: Callable[[], FrameReader[F]],
        *,
        end: Fraction,
        is_damaged: bool,
        on_shown: Callable[[Fraction], None],
        on_missing: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._end = end
        self._is_damaged = is_damaged
        self._on_shown = on_shown
        self._on_missing = on_missing
        self.damaged: set[Fraction] = set()
        """Times of the packets that were found damaged."""

    def pictures(
        self, times: Sequence[Fraction], tolerance: Fraction = Fraction(0)
    ) -> Iterator[Shown[F]]:
        """Yield the picture at each time that has one.

        Args:
            times: rising, in seconds.
            tolerance: by how many seconds a picture may miss its time; frames that others refer to
                are preferred then. `keyframes` finds cheaper ones first.

        Raises:
            StartAgainError: a picture cannot be decoded, and no damage was known before.
        """
        manner = Manner(tolerance, is_sparse=tolerance > 0, jumps=False)
        rest, failures = list(times), 0
        while rest and failures < _MOST_FAILURES:
            count = 0
            for shown in self._read(rest, manner):
                count += 1
                self._on_shown(shown.time)
                yield shown
            if count < len(rest):
                if not self._is_damaged:
                    raise StartAgainError
                self._on_missing()
            failures = 0 if count else failures + 1
            rest = rest[count + 1 :]

    def keyframes(self, times: Sequence[Fraction], tolerance: Fraction) -> Iterator[Shown[F]]:
        """Yield a keyframe for each time that has one near it; decode nothing else.

        Args:
            times: rising, in seconds.
            tolerance: seconds from a time to its keyframe, at most.

        Raises:
            StartAgainError: a keyframe cannot be decoded, and no damage was known before.
        """
        for shown in self._read(times, Manner(tolerance, is_sparse=True, keys_only=True)):
            self._on_shown(shown.time)
            yield shown

    def _read(self, times: Sequence[Fraction], manner: Manner) -> Iterator[Shown[F]]:
        """Yield pictures up to the first time that gives none."""
        reader = self._reader()
        damage = reader.stream.damage
        reader.start(_targets(times), manner)
        try:
            yield from reader.until(self._end)
        except SourceDamagedError:
            if not self._is_damaged:
                raise StartAgainError from None
        finally:
            self.damaged |= damage.times


def _targets(times: Sequence[Fraction]) -> Iterator[Target]:
    around = [None, *times, None]
    for (before, time), (_, after) in pairwise(pairwise(around)):
        if time is not None:
            yield Target(before, time, after)


def filled(times: Sequence[Fraction], found: Mapping[Fraction, P]) -> list[P]:
    """Return what was found for each time; where nothing was, what is shown there instead.

    That is what was found for the time before; at the beginning, for the first that has anything.

    Args:
        times: rising.
        found: by time, at least one.
    """
    pictures = [found[min(found)]]
    for time in times:
        pictures.append(found.get(time, pictures[-1]))
    return pictures[1:]

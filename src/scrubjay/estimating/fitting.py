"""From measured pieces to rates: what a second of video, a slice and a cut cost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev

from scrubjay.estimating.pieces import Piece, Sampling, Spot
from scrubjay.model import Animation, Output, Sheet, Still

__all__ = ["OutputRates", "Rates", "fitted"]

_STUDENT = (6.314, 3.078, 1.886, 1.638, 1.533, 1.476, 1.440)
"""The 90th percentile of Student's distribution, by degrees of freedom; the first is a guess, for
one spot, of which nothing is known."""
_NORMAL = 1.2816

_ONE_SPOT = 0.25
"""How much one spot may differ from the whole video, as a standard deviation."""

_LEAST_CPU, _LEAST_BYTES = 0.15, 0.03
"""How uncertain an amount is at least, as a standard deviation: the machine is not always equally
fast, and slices differ in what no sample shows (measured by bench/estimates.py)."""

_MOST_OF_A_SHEET = 0.95
_MOST_FIXED = 0.5
"""Share of the smallest piece that may count as its fixed cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRates:
    """Bytes of one output of slices."""

    fixed: float
    """Of each artifact, however long its slice; 0 for stills."""
    each: float
    """Of a second of an animation, of a picture of stills and sheets."""
    share: float
    """How uncertain that is: the half of an interval that holds in eight of ten cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What the slices of a video cost."""

    second: float
    """CPU seconds of a second of video."""
    fixed: float
    """CPU seconds of each slice, however long: the ends of its files."""
    opening: float
    """CPU seconds to open the video."""
    lead_in: float
    """CPU seconds that are decoded before a slice whose worker did not make the one before."""
    share: float
    """How uncertain `second` is: the half of an interval that holds in eight of ten cases."""
    outputs: Mapping[str, OutputRates]
    memory_bytes: int
    """Most memory of a worker."""
    record_bytes: float
    """Of a slice's records."""

    def slice_cpu(self, length: float, *, is_cold: bool) -> float:
        """Return the CPU seconds of a slice of so many seconds of video."""
        cold = self.opening + self.lead_in if is_cold else 0.0
        return cold + self.fixed + self.second * length


def fitted(sampling: Sampling) -> Rates:
    """Return the rates of a video that was sampled.

    They are 0 where the recipe has no outputs of slices; otherwise there is at least one spot.
    """
    spots = sampling.spots
    if not spots:
        memory_bytes = sampling.whole.used.memory_bytes if sampling.whole else 0
        return Rates(
            second=0.0,
            fixed=0.0,
            opening=0.0,
            lead_in=0.0,
            share=_LEAST_CPU * _NORMAL,
            outputs={},
            memory_bytes=memory_bytes,
            record_bytes=0.0,
        )
    duration = float(sampling.plan.media.duration)
    unseen = max(0.0, 1 - sampling.rendered / duration)
    openings = [piece.used.opening for piece in _all(spots) if piece.used.opening]
    opening = mean(openings) if openings else 0.0
    fixed = _fixed(spots, lambda piece: piece.used.cpu - piece.used.opening)
    lead_in = _lead_in(spots)

    second, share = _ratio([_continued(spot, fixed, lead_in) for spot in spots], unseen)
    memory = [piece.used.memory_bytes for piece in _all(spots)]
    if sampling.whole:
        memory.append(sampling.whole.used.memory_bytes)
    return Rates(
        second=second,
        fixed=fixed,
        opening=opening,
        lead_in=lead_in,
        share=sqrt(share**2 + (_LEAST_CPU * _NORMAL) ** 2),
        outputs={
            output.name: _output(output.name, spots, unseen, output.options)
            for output in sampling.plan.outputs
            if not output.is_whole
        },
        memory_bytes=max(memory),
        record_bytes=mean(piece.record_bytes for piece in sampling.pieces),
    )


def _all(spots: Iterable[Spot]) -> list[Piece]:
    return [piece for spot in spots for piece in (*spot.pieces, *spot.parts)]


def _fixed(
    spots: Sequence[Spot], amount: Callable[[Piece], float], share: float = _MOST_FIXED
) -> float:
    """Return what every piece costs, however long: more pieces of the same cost more by that.

    Args:
        spots: where pieces were rendered, and some once more in parts.
        amount: of a piece.
        share: of the smallest piece that may count as fixed.
    """
    found = [
        (sum(map(amount, spot.parts)) - amount(spot.pieces[0])) / (len(spot.parts) - 1)
        for spot in spots
        if spot.parts
    ]
    if not found:
        return 0.0
    most = share * min(amount(piece) for piece in _all(spots))
    return min(max(mean(found), 0.0), most)


def _lead_in(spots: Sequence[Spot]) -> float:
    """Return what is decoded before a cold piece, on average."""
    found = [
        lead
        for spot in spots
        for pieces in (spot.pieces, spot.parts)
        if (lead := _lead_of(pieces)) is not None
    ]
    return mean(found) if found else 0.0


def _lead_of(pieces: Sequence[Piece]) -> float | None:
    """Return what was decoded before the first of some pieces, if another shows what they cost."""
    warm = [piece for piece in pieces if not piece.is_cold]
    cold = [piece for piece in pieces if piece.is_cold and piece.start > 0]
    if not (warm and cold):
        return None
    each = sum(piece.used.cpu for piece in warm) / sum(piece.length for piece in warm)
    lead = mean(piece.used.cpu - piece.used.opening - each * piece.length for piece in cold)
    return max(0.0, lead)


def _continued(spot: Spot, fixed: float, lead_in: float) -> tuple[float, float]:
    """Return what a spot's pieces cost as if their worker had come from before, and their length.

    Keyframes may be ten seconds apart, so what is decoded before a spot is the spot's own, if it
    is known.
    """
    lead = _lead_of(spot.pieces)
    if lead is None:
        lead = _lead_of(spot.parts)
    if lead is None:
        lead = lead_in
    cost = 0.0
    for piece in spot.pieces:
        own = piece.used.cpu - piece.used.opening - fixed
        cost += max(own - (lead if piece.is_cold and piece.start > 0 else 0.0), 0.0)
    return cost, sum(piece.length for piece in spot.pieces)


def _output(name: str, spots: Sequence[Spot], unseen: float, options: Output) -> OutputRates:
    def size(piece: Piece) -> float:
        return piece.bytes_of(name)

    def measure(piece: Piece) -> float:
        return piece.length if isinstance(options, Animation) else piece.pictures_of(name)

    match options:
        case Animation():
            fixed = _fixed(spots, size)
        case Sheet():  # cells that are not filled are in it
            fixed = _fixed(spots, size, _MOST_OF_A_SHEET)
        case Still():
            fixed = 0.0
    pairs = [
        (
            sum(size(piece) - fixed * len(piece.artifacts[name]) for piece in spot.pieces),
            sum(map(measure, spot.pieces)),
        )
        for spot in spots
    ]
    each, share = _ratio([pair for pair in pairs if pair[1]], unseen)
    return OutputRates(fixed=fixed, each=each, share=_at_least(share))


def _at_least(share: float) -> float:
    return sqrt(share**2 + (_LEAST_BYTES * _NORMAL) ** 2)


def _ratio(pairs: Sequence[tuple[float, float]], unseen: float) -> tuple[float, float]:
    """Return the ratio of sums, and the half of its interval that holds in eight of ten cases.

    Args:
        pairs: an amount and its size, for each spot.
        unseen: share of the video that was not rendered.
    """
    total = sum(size for _, size in pairs)
    if not total:
        return 0.0, 0.0
    ratio = sum(amount for amount, _ in pairs) / total
    if not ratio or not unseen:
        return ratio, 0.0
    if len(pairs) == 1:
        return ratio, _STUDENT[0] / _STUDENT[1] * _ONE_SPOT * sqrt(unseen)
    usual = total / len(pairs)
    errors = [(amount - ratio * size) / (ratio * usual) for amount, size in pairs]
    student = _STUDENT[min(len(pairs) - 1, len(_STUDENT) - 1)]
    return ratio, student * stdev(errors) / sqrt(len(pairs)) * sqrt(unseen)

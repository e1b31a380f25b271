"""An estimate for many videos: some are sampled, and stand for all."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log2, sqrt
from pathlib import PurePosixPath
from random import Random
from statistics import stdev
from time import monotonic
from typing import NamedTuple

import msgspec

from scrubjay.engines.base import Probing
from scrubjay.errors import LimitError, RecipeError, ScrubjayError, SourceError
from scrubjay.estimating.values import Estimate, Range, Requests
from scrubjay.library.film import Film

__all__ = ["Estimator", "Stratum", "Survey", "survey"]

_PROBING_SHARE = 0.3
"""Share of the time in which videos are only probed."""

_LEAST_FILMS = 2
_STUDENT = 1.6
"""About the 90th percentile of Student's distribution for a handful of videos."""

_ONE_FILM = 0.4
"""How much a video may differ from the others of its kind, if only one was sampled."""

_LONG, _SHORT = 1200, 120
_TALL, _SMALL = 1000, 600


class Stratum(msgspec.Struct, frozen=True, kw_only=True):
    """Videos that are alike."""

    name: str
    """Codec, height and length."""
    films: float
    """About how many there are."""
    hours: float
    """Of video, about."""
    sampled: int


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What making the previews of many videos will cost."""

    films: int
    probed: int
    sampled: int
    unreadable: int
    """Of the probed ones."""
    hours: Range
    """Of video."""
    cpu: Range
    wall: Range
    """Seconds, with the workers of the estimate."""
    objects: Range
    size_bytes: Range
    cost: Range
    storage_month: Range
    currency: str
    prices: str
    engine: str
    workers: int
    requests: Requests
    strata: tuple[Stratum, ...]
    seconds: float
    """How long the estimate took."""
    is_stopped: bool


Estimator = Callable[[Film, float], Estimate]
"""Returns the estimate of a video, made within about so many seconds."""


class _Probed(NamedTuple):
    film: Film
    duration: float
    kind: str


class _Kind:
    """What is known of the videos of a stratum."""

    def __init__(self) -> None:
        self.films = 0.0
        self.seconds = 0.0
        self.waiting: list[_Probed] = []
        self.done: list[Estimate] = []


def survey(
    films: Sequence[Film],
    probe: Callable[[Film], Probing],
    estimate: Estimator,
    *,
    seconds: float,
    workers: int,
    seed: int = 1,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Survey:
    """Probe some videos, sample some of those, and extrapolate to all.

    Ctrl-C ends it early: what was sampled so far stands for all.

    Args:
        films: all of them, at least one.
        probe: probes one.
        estimate: estimates one.
        seconds: wall seconds after which no other video is begun.
        workers: slices that would be made at once.
        seed: of the choice of videos.
        on_progress: called with a sentence now and then.

    Raises:
        SourceError: no video that was tried can be read.
    """
    began = monotonic()
    kinds: dict[str, _Kind] = defaultdict(_Kind)
    order = _mixed(films, Random(seed))  # noqa: S311  it is no secret
    probed, unreadable = _probed(order, probe, began + seconds * _PROBING_SHARE)
    on_progress(f"probed {len(probed)} of {len(films)} videos")
    _spread(films, probed, unreadable, kinds)
    is_stopped = False
    try:
        _sample(kinds, estimate, began + seconds, on_progress)
    except KeyboardInterrupt:
        if not any(kind.done for kind in kinds.values()):
            raise
        is_stopped = True
    return _summed(
        films, probed, unreadable, kinds, workers, monotonic() - began, is_stopped=is_stopped
    )


def _probed(
    order: Iterable[Film], probe: Callable[[Film], Probing], until: float
) -> tuple[list[_Probed], int]:
    """Probe videos until a time; return them, and how many cannot be read.

    Raises:
        SourceError: none can be read.
    """
    probed: list[_Probed] = []
    errors: list[SourceError] = []
    for film in order:
        if monotonic() > until and len(probed) >= _LEAST_FILMS:
            break
        try:
            media = probe(film).media
        except SourceError as error:
            errors.append(error)
            continue
        length = float(media.duration)
        probed.append(_Probed(film, length, _kind(media.codec, media.height, length)))
    if not probed:
        raise errors[0]
    return probed, len(errors)


def _sample(
    kinds: Mapping[str, _Kind],
    estimate: Estimator,
    until: float,
    on_progress: Callable[[str], None],
) -> None:
    """Estimate videos of each kind until a time; at least one.

    Raises:
        ScrubjayError: none can be estimated.
    """
    last: ScrubjayError | None = None
    has_any = False
    while (kind := _next(kinds)) is not None:
        left = until - monotonic()
        if left <= 0 and has_any:
            return
        film = kind.waiting.pop(0).film
        try:
            kind.done.append(estimate(film, max(1.0, left / 4)))
        except (SourceError, RecipeError, LimitError) as error:
            last = error
            on_progress(str(error))
            continue
        has_any = True
        on_progress(f"sampled {film.name}")
    if last is not None and not has_any:
        raise last


def _mixed(films: Sequence[Film], chance: Random) -> list[Film]:
    """Return videos in an order of which each beginning has all sizes and kinds of files."""
    groups: dict[tuple[str, int], list[Film]] = defaultdict(list)
    for film in films:
        groups[_group(film)].append(film)
    for group in groups.values():
        chance.shuffle(group)
    order = sorted(groups.values(), key=lambda group: -sum(map(_size, group)))
    longest = max(map(len, order))
    return [group[place] for place in range(longest) for group in order if place < len(group)]


def _group(film: Film) -> tuple[str, int]:
    """Return what a listing says of a video's kind: its suffix, and its size by a factor of 4."""
    return PurePosixPath(film.name).suffix.lower(), int(log2(_size(film)) / 2)


def _size(film: Film) -> int:
    return max(1, film.stamp.size_bytes or 1)


def _kind(codec: str, height: int, length: float) -> str:
    tall = "large" if height > _TALL else "small" if height < _SMALL else "medium"
    long = "long" if length > _LONG else "short" if length < _SHORT else "middling"
    return f"{codec}, {tall}, {long}"


def _spread(
    films: Sequence[Film], probed: Sequence[_Probed], unreadable: int, kinds: Mapping[str, _Kind]
) -> None:
    """Let the probed videos stand for all of the same suffix and size, or else for all."""
    readable = len(probed) / (len(probed) + unreadable)
    groups: dict[tuple[str, int], list[_Probed]] = defaultdict(list)
    for each in probed:
        groups[_group(each.film)].append(each)
    sizes: dict[tuple[str, int], list[int]] = defaultdict(list)
    for film in films:
        sizes[_group(film)].append(_size(film))
    known = sum(sum(found) for group, found in sizes.items() if group in groups)
    more = sum(map(sum, sizes.values())) / known
    for group, members in groups.items():
        own = sum(_size(each.film) for each in members)
        by_size = sum(sizes[group]) / own * more
        by_number = len(sizes[group]) / len(members) * more
        if len(members) == len(sizes[group]):
            by_size = by_number = more
        for each in members:
            kind = kinds[each.kind]
            kind.films += by_number * (readable if unreadable else 1.0)
            kind.seconds += each.duration * by_size * (readable if unreadable else 1.0)
            kind.waiting.append(each)


def _next(kinds: Mapping[str, _Kind]) -> _Kind | None:
    """Return the kind that most needs another sample."""
    waiting = [kind for kind in kinds.values() if kind.waiting]
    return max(waiting, key=lambda kind: kind.seconds / (len(kind.done) + 1) ** 2, default=None)


_Amount = Callable[[Estimate], Range]


def _summed(
    films: Sequence[Film],
    probed: Sequence[_Probed],
    unreadable: int,
    kinds: Mapping[str, _Kind],
    workers: int,
    spent: float,
    *,
    is_stopped: bool,
) -> Survey:
    done = [each for kind in kinds.values() for each in kind.done]
    unprobed = max(0.0, 1 - (len(probed) + unreadable) / len(films))
    total = sum(kind.seconds for kind in kinds.values())
    lengths = [each.duration for each in probed]
    doubt = _doubt(lengths) * sqrt(unprobed) if unprobed else 0.0

    def of(amount: _Amount) -> Range:
        found = _extrapolated(kinds, done, amount)
        share = sqrt(((found.p90 / found.p50 - 1) if found.p50 else 0.0) ** 2 + doubt**2)
        return Range.around(found.p50, share)

    cost = done[0].cost
    cpu = of(lambda each: each.cpu)

    def count(amount: Callable[[Estimate], float]) -> int:
        return round(of(lambda each: Range.exactly(amount(each))).p50)

    return Survey(
        films=len(films),
        probed=len(probed),
        sampled=len(done),
        unreadable=unreadable,
        hours=Range.around(total / 3600, doubt),
        cpu=cpu,
        wall=cpu * (1 / workers) if done[0].engine == "local" else of(lambda each: each.wall),
        objects=of(lambda each: Range.exactly(each.objects)),
        size_bytes=of(lambda each: each.size_bytes),
        cost=of(lambda each: each.cost.total),
        storage_month=of(lambda each: each.cost.storage_month),
        currency=cost.currency,
        prices=cost.prices,
        engine=done[0].engine,
        workers=workers,
        requests=Requests(
            put=count(lambda each: each.requests.put),
            get=count(lambda each: each.requests.get),
            list=count(lambda each: each.requests.list),
        ),
        strata=tuple(
            Stratum(name=name, films=kind.films, hours=kind.seconds / 3600, sampled=len(kind.done))
            for name, kind in sorted(kinds.items(), key=lambda item: -item[1].seconds)
        ),
        seconds=spent,
        is_stopped=is_stopped,
    )


def _doubt(lengths: Sequence[float]) -> float:
    """Return how uncertain the sum of all lengths is, if only some are known."""
    if len(lengths) < _LEAST_FILMS:
        return _ONE_FILM
    middle = sum(lengths) / len(lengths)
    return _STUDENT * stdev(lengths) / middle / sqrt(len(lengths))


def _extrapolated(kinds: Mapping[str, _Kind], done: Sequence[Estimate], amount: _Amount) -> Range:
    """Multiply each kind's amount for a second of video by its seconds, and add them up."""
    overall = _rate(done, amount)
    parts: list[Range] = []
    for kind in kinds.values():
        rate, share = _rate(kind.done, amount) if kind.done else (overall[0], _ONE_FILM)
        is_all = len(kind.done) >= round(kind.films)
        own = [amount(each) for each in kind.done]
        middle = sum(each.p50 for each in own)
        within = sum(each.p90 for each in own) / middle - 1 if middle else 0.0
        share = 0.0 if is_all else share
        parts.append(Range.around(rate * kind.seconds, sqrt(share**2 + within**2)))
    return Range.sum_of_different(parts)


def _rate(done: Sequence[Estimate], amount: _Amount) -> tuple[float, float]:
    """Return an amount for a second of video, and how uncertain it is."""
    seconds = sum(each.duration for each in done)
    rate = sum(amount(each).p50 for each in done) / seconds
    if len(done) < _LEAST_FILMS or not rate:
        return rate, _ONE_FILM
    usual = seconds / len(done)
    errors = [(amount(each).p50 - rate * each.duration) / (rate * usual) for each in done]
    return rate, _STUDENT * stdev(errors) / sqrt(len(done))

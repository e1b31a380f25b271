"""Renders a few pieces of a video, as a run would, into a temporary folder, and measures them."""

import resource
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import count
from math import floor
from pathlib import Path
from random import Random
from time import monotonic, process_time
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from scrubjay.engines.base import Engine, Job, Probing
from scrubjay.engines.crewed import CrewEngine
from scrubjay.engines.spawn import spawned
from scrubjay.engines.worth import work_of
from scrubjay.errors import SourceDamagedError
from scrubjay.estimating.pieces import Cost, Piece, Sampling, Spot
from scrubjay.events import Event, SliceDone
from scrubjay.model import Plan, Recipe, Slice, encode
from scrubjay.places.place import Place
from scrubjay.planning import make_plan
from scrubjay.sets.state import save_plan
from scrubjay.sets.store import Store
from scrubjay.timing import Span

__all__ = ["Sampler", "measured_start", "part_of", "sample", "sliced_only", "spots_of"]

_MOST_SPOTS = 6
"""Spots at which pieces are rendered, if there is time."""

_PARTS = 3
"""Parts of a piece that is rendered once more, to see what a cut costs."""

_LEAST_SPOTS, _PATIENCE = 3, 2
"""Until there are so many spots, that much more time is taken: one or two say little."""

_MOST_PARTED = 2
"""Spots at which that is done."""

_SMALL = 1.0
"""If all slices together are less work (`engines.worth`), all are rendered."""

_LEAST_PICTURES = 12
"""With fewer pictures of an output in the video, all slices are rendered: parts would have one."""

_LEAST_SLICES = 4
"""With fewer slices, parts of them are rendered: at most half of a video is."""

_MOST_PARTS = 4
"""Parts that are rendered of a video with so few slices."""

_STEPS = 1000
"""In so many steps a part's place is chosen."""

_PAIRS_FROM = 12
"""With so many slices, each spot has two that follow each other."""


class Sampler:
    """Renders pieces of a video.

    Args:
        engine: makes them.
        place: of the video.
        folder: an empty folder for what is made.
    """

    def __init__(self, engine: Engine, place: Place, folder: Path) -> None:
        self.engine = engine
        self.place = place
        self._folder = folder
        self._numbers = count()
        self.own_cpu = 0.0
        """CPU seconds of this process while it rendered."""
        self.objects = 0
        """Objects that were written, records included."""

    def render(self, plan: Plan, indexes: Collection[int]) -> list[Piece]:
        """Render slices of a plan; those that cannot be decoded are left out.

        Raises:
            ScrubjayError: none can be made.
        """
        done: list[SliceDone] = []

        def watch(event: Event) -> None:
            if isinstance(event, SliceDone):
                done.append(event)

        store = Store.open(str(self._folder / str(next(self._numbers))))
        names = {each.index: tuple(o.name for o in plan.outputs_of(each)) for each in plan.slices}
        began = process_time()
        outcome = self.engine.run(
            Job(plan, self.place, store), {index: names[index] for index in sorted(indexes)}, watch
        )
        self.own_cpu += process_time() - began
        for error in outcome.lost.values():
            if not isinstance(error, SourceDamagedError):
                raise error
        pieces: list[Piece] = []
        last: dict[int, int] = {}
        for event in done:
            records = outcome.records[event.index]
            is_warm = last.get(event.worker) == event.index - 1 and not event.is_whole
            last[event.worker] = event.index
            self.objects += sum(1 + len(record.artifacts) for record in records.values())
            if event.used is None:
                continue
            pieces.append(
                Piece(
                    start=float(event.start),
                    length=float(event.end - event.start),
                    is_cold=not is_warm,
                    used=event.used,
                    artifacts={name: record.artifacts for name, record in records.items()},
                    record_bytes=sum(len(encode(record)) for record in records.values()),
                )
            )
        return sorted(pieces, key=lambda piece: piece.start)


def sliced_only(recipe: Recipe) -> Recipe:
    """Return a recipe without documents and without outputs of the whole video."""
    return replace(
        recipe,
        animations=tuple(each for each in recipe.animations if each.per == "slice"),
        frames=tuple(each for each in recipe.frames if each.per == "slice"),
        sheets=tuple(each for each in recipe.sheets if each.per == "slice"),
        documents=(),
    )


def part_of(
    probing: Probing, recipe: Recipe, span: Span, engine: Engine, *, parts: int = 1
) -> Plan:
    """Plan a part of a video, in slices of equal length.

    Args:
        probing: of the video.
        recipe: what to make; only outputs of slices are.
        span: the part.
        engine: whose limits hold.
        parts: how many slices.
    """
    plan = make_plan(
        probing.source,
        probing.media,
        sliced_only(recipe),
        engine.limits,
        versions=probing.versions,
        part=span,
    )
    edges = [span.start + span.duration * number / parts for number in range(parts + 1)]
    return replace(
        plan,
        slices=tuple(
            Slice(index=index, start=edges[index], end=edges[index + 1]) for index in range(parts)
        ),
    )


class _Spots(NamedTuple):
    """Where to render."""

    plan: Plan
    """Of the whole video."""
    slices: Sequence[tuple[int, ...]]
    """Slices of each spot; empty where parts are rendered instead."""
    spans: Sequence[Span]
    """The part of the video at each spot: where its first piece is."""


def sample(
    sampler: Sampler, recipe: Recipe, *, seconds: float, start: Cost, seed: int = 1
) -> Sampling:
    """Probe a video, plan it, and render pieces of it until a time is over.

    The job for the whole video's outputs is always rendered, and pieces at one spot. Ctrl-C ends
    the rest early.

    Args:
        sampler: renders.
        recipe: what would be made.
        seconds: wall seconds after which no other spot is begun.
        start: what starting a worker process takes.
        seed: of the choice of spots.

    Raises:
        ScrubjayError: the video cannot be read, or nothing can be made of it.
    """
    began = monotonic()
    probing, probe = _probed(sampler)
    cpu, wall = process_time(), monotonic()
    plan = make_plan(
        probing.source, probing.media, recipe, sampler.engine.limits, versions=probing.versions
    )
    save_plan(Store.in_memory(), plan)
    planning = Cost(cpu=process_time() - cpu, seconds=monotonic() - wall)
    spots: list[Spot] = []
    whole: Piece | None = None
    failed, is_stopped = 0, False
    try:
        if plan.whole is not None:
            (whole,) = sampler.render(plan, [plan.whole.index])
        where = spots_of(plan, Random(seed))  # noqa: S311  it is no secret

        def is_late(patience: float) -> bool:
            return monotonic() - began > seconds * patience

        for spot in _rendered(sampler, probing, where, is_late):
            if spot is None:
                failed += 1
            else:
                spots.append(spot)
    except KeyboardInterrupt:
        if plan.timeline and not spots:
            raise
        is_stopped = True
    if plan.timeline and not spots:
        raise SourceDamagedError(
            f"{plan.source.name} is damaged wherever a sample was tried: no picture can be decoded"
        )
    return Sampling(
        plan=plan,
        probing=probing,
        start=start,
        probe=probe,
        planning=planning,
        own=sampler.own_cpu / max(1, sampler.objects),
        spots=spots,
        whole=whole,
        seconds=monotonic() - began,
        is_stopped=is_stopped,
        failed=failed,
    )


def measured_start() -> Cost:
    """Start worker processes that end at once, and return what that takes: the least of two."""
    return min((_started_once() for _ in range(2)), key=lambda cost: cost.cpu)


def _started_once() -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), monotonic()
    with spawned(network=False) as process:
        process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu=cpu, seconds=monotonic() - began)


def _probed(sampler: Sampler) -> tuple[Probing, Cost]:
    began, cpu = monotonic(), process_time()
    probing = sampler.engine.probe(sampler.place)
    used = sampler.engine.probing_used if isinstance(sampler.engine, CrewEngine) else None
    if used is None:
        return probing, Cost(cpu=process_time() - cpu, seconds=monotonic() - began)
    return probing, Cost(cpu=used.cpu, seconds=used.seconds)


def spots_of(plan: Plan, chance: Random) -> _Spots:
    """Choose the spots: spread over the video, each at random in its stretch."""
    timeline = plan.timeline
    if not timeline:
        return _Spots(plan, [], [])
    names = tuple(each.name for each in plan.outputs)
    is_small = sum(work_of(plan, each.index, names) for each in timeline) < _SMALL
    if is_small or plan.media.duration < _LEAST_PICTURES * _coarsest(plan):
        return _Spots(plan, [tuple(each.index for each in timeline)], [])
    full = [each for each in timeline if each.span.duration == plan.recipe.slice_length]
    if len(full) >= _LEAST_SLICES:
        pair = 2 if len(full) >= _PAIRS_FROM else 1
        number = min(_MOST_SPOTS, len(full) // (2 * pair))
        firsts = [
            floor((place + chance.random()) * (len(full) - pair + 1) / number)
            for place in range(number)
        ]
        spots = [tuple(range(first, first + pair)) for first in _scattered(firsts)]
        return _Spots(plan, spots, [timeline[spot[0]].span for spot in spots])
    return _Spots(plan, [], _parts(plan, chance))


def _parts(plan: Plan, chance: Random) -> list[Span]:
    """Choose parts of a short video, as many as their pictures allow; return their first halves.

    Together they are half of the video.
    """
    duration = plan.media.duration
    number = max(1, min(_MOST_PARTS, floor(duration / 4 / (_coarsest(plan) * _PARTS))))
    length = duration / 2 / number
    stretch = duration / number
    starts = [
        stretch * place + (stretch - length) * Fraction(chance.randrange(_STEPS), _STEPS)
        for place in range(number)
    ]
    return [Span(start=start, end=start + length / 2) for start in _scattered(starts)]


def _doubled(span: Span) -> Span:
    """Return a part that is twice as long: its second half shows what one costs without a seek."""
    return Span(start=span.start, end=span.end + span.duration)


def _coarsest(plan: Plan) -> Fraction:
    """Return the most seconds between two pictures of an output of slices."""
    return max((each.spacing for each in plan.outputs if not each.is_whole), default=Fraction(0))


T = TypeVar("T")


def _scattered(rising: Sequence[T]) -> list[T]:
    """Return spots in an order of which each beginning is spread over the video."""
    order = sorted(range(len(rising)), key=lambda place: _reversed_bits(place, len(rising)))
    return [rising[place] for place in order]


def _reversed_bits(number: int, below: int) -> int:
    width = max(1, (below - 1).bit_length())
    return int(f"{number:0{width}b}"[::-1], 2)


def _rendered(
    sampler: Sampler, probing: Probing, where: _Spots, is_late: Callable[[float], bool]
) -> Iterator[Spot | None]:
    """Render spots until it is late; yield None for one that cannot be decoded.

    `is_late` is asked whether that much of the time is over.

    Slices of several spots are made at once, one for each worker, as in a run: cores that are all
    busy are slower.
    """
    recipe, engine = where.plan.recipe, sampler.engine
    if not where.spans:
        for spot in where.slices:
            pieces = sampler.render(where.plan, spot)
            yield Spot(pieces=pieces) if pieces else None
        return
    workers = engine.workers if isinstance(engine, CrewEngine) else 1
    for first in range(0, len(where.spans), workers):
        if first and is_late(_PATIENCE if first < _LEAST_SPOTS else 1):
            return
        together = range(first, min(first + workers, len(where.spans)))
        found = _at_once(sampler, probing, where, together)
        for place in together:
            pieces = found[place]
            if not pieces:
                yield None
                continue
            parts: list[Piece] = []
            if place < _MOST_PARTED and not is_late(1):
                plan = part_of(probing, recipe, where.spans[place], engine, parts=_PARTS)
                parts = sampler.render(plan, range(_PARTS))
            yield Spot(pieces=pieces, parts=parts if len(parts) == _PARTS else ())


def _at_once(
    sampler: Sampler, probing: Probing, where: _Spots, places: Iterable[int]
) -> dict[int, list[Piece]]:
    """Render the pieces of some spots, and return them by place."""
    if not where.slices:
        plans = {
            place: part_of(
                probing, where.plan.recipe, _doubled(where.spans[place]), sampler.engine, parts=2
            )
            for place in places
        }
        return {place: sampler.render(plan, [0, 1]) for place, plan in plans.items()}
    wanted = {place: where.slices[place] for place in places}
    pieces = sampler.render(where.plan, [index for spot in wanted.values() for index in spot])
    starts = {float(each.start): each.index for each in where.plan.timeline}
    return {
        place: [piece for piece in pieces if starts[piece.start] in spot]
        for place, spot in wanted.items()
    }

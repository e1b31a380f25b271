"""From rates to an estimate: CPU, time, memory, objects, bytes, requests and money."""

from collections.abc import Iterable
from math import sqrt
from typing import NamedTuple

from scrubjay.costs import counts_of
from scrubjay.engines.worth import threads_for, work_of, workers_for
from scrubjay.estimating.charging import Functions, Profile, charged, requests_of
from scrubjay.estimating.cutting import Costs
from scrubjay.estimating.fitting import OutputRates, Rates
from scrubjay.estimating.machines import makespan
from scrubjay.estimating.pieces import Cost, Piece
from scrubjay.estimating.rehearsing import rehearsed
from scrubjay.estimating.values import Estimate, Range, Requests, Sampled
from scrubjay.model import Animation, Plan, PlannedOutput
from scrubjay.prices.book import Prices

__all__ = ["Basis", "Timing", "costs_of", "output_sizes", "predicted", "timing_of"]

_FIXED_SHARE = 0.15
"""How uncertain the costs are that do not depend on the video's length."""

_ENVIRONMENT = 1.2
"""Seconds to start a function's environment (docs/aws/cost.md)."""

_DELIVERY, _SENT_AT_ONCE, _SENDING = 0.3, 10, 0.02
"""Seconds from a request with ten slices to their functions, and of such a request."""

_ORDER = 0.01
"""Seconds of a cluster's worker to take a slice from its queue and to say that it is made."""

_BUSIER = 1.05
"""How much more CPU a slice takes with several threads, which wait for the same memory, than the
small parts that were rendered with one."""

_THREADED = 0.8
"""Share of a core that each further thread of a worker makes use of."""


class Basis(NamedTuple):
    """What an estimate is made from."""

    plan: Plan
    """Of the video, as long as it is asked for."""
    rates: Rates
    whole: Piece | None
    """The job for the whole video's outputs, measured, if the plan has one."""
    own_start: Cost
    """Of the command itself: Python and its libraries."""
    start: Cost
    """Of a worker process."""
    probe: Cost
    planning: Cost
    own: float
    """CPU seconds of the command for each object that it writes."""
    own_memory_bytes: int
    sampled: Sampled
    is_of_parts: bool = False
    """Whether parts of slices were rendered, because the video has few."""


class Timing(NamedTuple):
    """How the time of a run is made up, in seconds on cores with nothing else to do."""

    before: float
    """Until the first slice begins: start, probe, plan; no second worker helps."""
    first: float
    """Of the first slice."""
    slices: float
    """From the first slice's beginning to the last one's end."""
    after: float
    """Publishing; no second worker helps either."""
    work: float
    """Of all slices and the whole, one after another."""
    openings: int
    """How often the video is opened, or read from another place."""
    workers: int
    """How many are started."""

    @property
    def total(self) -> float:
        """From the beginning to the end."""
        return self.before + self.slices + self.after


def timing_of(basis: Basis, profile: Profile, after: float) -> Timing:
    """Return how the time of a run is made up.

    Args:
        basis: what is known of the video.
        profile: where slices are made.
        after: CPU seconds to publish the set.
    """
    plan, rates = basis.plan, basis.rates
    lengths = [float(each.span.duration) for each in plan.timeline]
    whole = [basis.whole.used.cpu] if basis.whole else []
    before = basis.own_start.seconds + basis.probe.cpu + basis.planning.cpu
    if profile.engine == "local":
        names = tuple(each.name for each in plan.outputs)
        works = [work_of(plan, each.index, names) for each in plan.slices]
        workers = workers_for(works, profile.workers)
        threads = threads_for(works, workers, profile.workers)
        faster = 1 + _THREADED * (threads - 1)
        busier = _BUSIER if threads > 1 and basis.is_of_parts else 1.0
        cold = min(workers, len(lengths))
        jobs = [
            (rates.slice_cpu(length, is_cold=False) + (rates.opening if place < cold else 0)
             + (rates.lead_in if 0 < place < cold else 0))
            * busier / faster
            for place, length in enumerate(lengths)
        ] + [each / faster for each in whole]  # fmt: skip
        return Timing(
            before=before + basis.start.cpu,
            first=jobs[0],
            slices=makespan(jobs, workers),
            after=after,
            work=sum(jobs) * faster,
            openings=cold,
            workers=workers,
        )
    each_start = basis.start.cpu + (_ORDER if profile.engine == "procrastinate" else 0.0)
    jobs = [
        each_start + rates.slice_cpu(length, is_cold=True) - (0.0 if place else rates.lead_in)
        for place, length in enumerate(lengths)
    ] + [each_start + each for each in whole]
    workers = min(profile.workers, len(jobs))
    late = 0.0
    if profile.engine == "aws-lambda":
        sending = -(-len(jobs) // _SENT_AT_ONCE) * _SENDING
        late = _ENVIRONMENT + _DELIVERY
        before = late + basis.start.cpu + basis.probe.cpu + basis.planning.cpu + sending
    return Timing(
        before=before,
        first=late + jobs[0],
        slices=late + makespan(jobs, workers),
        after=after,
        work=sum(jobs),
        openings=len(jobs),
        workers=workers,
    )


def costs_of(basis: Basis, profile: Profile) -> Costs:
    """Return what decides whether it pays to cut a video up.

    Args:
        basis: what is known of the video.
        profile: where slices are made.
    """
    rates = basis.rates
    is_local = profile.engine == "local"
    order = _ORDER if profile.engine == "procrastinate" else 0.0
    late = _ENVIRONMENT + _DELIVERY if profile.engine == "aws-lambda" else 0.0
    return Costs(
        duration=float(basis.plan.media.duration),
        before=basis.own_start.cpu + basis.probe.cpu + basis.planning.cpu,
        after=rehearsed(basis.plan, rates.outputs, basis.whole).cpu,
        whole=basis.whole.used.cpu if basis.whole else 0.0,
        second=rates.second,
        fixed=rates.fixed + order,
        cold=basis.start.cpu + rates.opening + rates.lead_in,
        late=late,
        is_each_cold=not is_local,
    )


def predicted(basis: Basis, profile: Profile, prices: Prices, *, count: int = 1) -> Estimate:
    """Predict what making one video's previews costs, or those of several like it.

    Args:
        basis: what is known of the video.
        profile: where slices are made.
        prices: what a cloud charges.
        count: how many videos.
    """
    plan, rates = basis.plan, basis.rates
    counts = counts_of(plan.media.duration, plan.recipe)
    ending = rehearsed(plan, rates.outputs, basis.whole)
    timing = timing_of(basis, profile, ending.cpu)
    sizes, artifacts = _sizes(basis)
    records = Range.around(rates.record_bytes * len(plan.timeline), 0.02)
    if basis.whole:
        records = records.plus(basis.whole.record_bytes)
    sizes |= {"documents": Range.exactly(ending.size_bytes), "records": records}
    artifacts |= {"documents": ending.objects, "records": counts.records}
    objects = sum(artifacts.values())
    size = _sum(sizes.values())
    cpu, share = _cpu(basis, profile, timing, objects, ending.cpu)
    one = requests_of(
        profile,
        slices=len(plan.slices),
        records=counts.records,
        objects=objects,
        openings=timing.openings,
        folders=2 * len(plan.outputs),
    )
    requests = Requests(put=one.put * count, get=one.get * count, list=one.list * count)
    functions = None
    if profile.engine == "aws-lambda":
        cold = min(timing.workers, len(plan.slices) * count)
        seconds = cpu + _ENVIRONMENT * (cold + 1) / count
        functions = Functions(
            seconds=Range.around(seconds * count, share), calls=(len(plan.slices) + 1) * count
        )
    return Estimate(
        video=plan.source.name,
        duration=float(plan.media.duration),
        count=count,
        engine=profile.engine,
        workers=profile.workers,
        slices=len(plan.timeline) * count,
        cpu=Range.around(cpu * count, share),
        whole_cpu=basis.whole.used.cpu * count if basis.whole else 0.0,
        wall=Range.around(_wall(timing, profile, basis, count), share),
        first_preview=Range.around(timing.before + timing.first, sqrt(share**2 + 0.1**2)),
        memory_bytes=Range.around(_memory(basis, profile, timing), 0.1),
        objects=objects * count,
        size_bytes=size * count,
        outputs={name: each * count for name, each in sizes.items()},
        artifacts={name: each * count for name, each in artifacts.items()},
        requests=requests,
        cost=charged(
            profile,
            prices,
            functions=functions,
            slices=len(plan.slices) * count,
            requests=requests,
            size_bytes=size * count,
        ),
        sampled=basis.sampled,
    )


def _cpu(
    basis: Basis, profile: Profile, timing: Timing, objects: int, ending: float
) -> tuple[float, float]:
    """Return the CPU seconds of one video, and how uncertain they are."""
    before = basis.own_start.cpu + basis.probe.cpu + basis.planning.cpu
    beside = before + objects * basis.own + ending
    if profile.engine == "local":
        beside += timing.workers * basis.start.cpu
    total = beside + timing.work
    varying = basis.rates.second * float(basis.plan.media.duration)
    share = (
        sqrt((basis.rates.share * varying) ** 2 + (_FIXED_SHARE * (total - varying)) ** 2) / total
    )
    return total, share


def _wall(timing: Timing, profile: Profile, basis: Basis, count: int) -> float:
    if count == 1:
        return timing.total
    each = timing.work + basis.probe.cpu + basis.planning.cpu + timing.after
    if profile.engine == "local":
        each += timing.workers * basis.start.cpu
    return timing.before + max(timing.slices, count * each / profile.workers) + timing.after


def _memory(basis: Basis, profile: Profile, timing: Timing) -> float:
    if profile.engine == "local":
        return timing.workers * basis.rates.memory_bytes + basis.own_memory_bytes
    return basis.rates.memory_bytes + basis.own_memory_bytes


def _sizes(basis: Basis) -> tuple[dict[str, Range], dict[str, int]]:
    """Return the bytes and the number of the artifacts of each output."""
    plan, rates = basis.plan, basis.rates
    counts = counts_of(plan.media.duration, plan.recipe)
    sizes: dict[str, Range] = {}
    artifacts: dict[str, int] = {}
    for output, number in zip(plan.outputs, counts.outputs, strict=True):
        artifacts[output.name] = number.artifacts
        if output.is_whole:
            made = basis.whole.bytes_of(output.name) if basis.whole else 0
            sizes[output.name] = Range.exactly(made)
            continue
        sizes[output.name] = output_sizes(
            output,
            rates.outputs[output.name],
            artifacts=number.artifacts,
            pictures=number.pictures,
            seconds=float(plan.media.duration),
        )
    return sizes, artifacts


def output_sizes(
    output: PlannedOutput, rates: OutputRates, *, artifacts: int, pictures: int, seconds: float
) -> Range:
    """Return the bytes of an output of slices.

    Args:
        output: which.
        rates: its own.
        artifacts: how many.
        pictures: how many they have.
        seconds: of video.
    """
    measure = seconds if isinstance(output.options, Animation) else pictures
    return Range.around(rates.fixed * artifacts + rates.each * measure, rates.share)


def _sum(ranges: Iterable[Range]) -> Range:
    total = Range.exactly(0)
    for each in ranges:
        total += each
    return total

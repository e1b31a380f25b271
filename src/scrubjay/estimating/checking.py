"""How far off an estimate is: compared with what making a set used."""

from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from scrubjay.engines.base import Probing
from scrubjay.errors import DestinationError
from scrubjay.estimating.fitting import Rates, fitted
from scrubjay.estimating.pieces import Cost, Piece, Sampling, Spot
from scrubjay.estimating.predicting import output_sizes
from scrubjay.estimating.sampling import spots_of
from scrubjay.estimating.values import Range
from scrubjay.model import Plan, SliceRecord, SliceUsage, encode
from scrubjay.sets.state import Records, load_plan, load_state
from scrubjay.sets.store import Store
from scrubjay.sets.usage import load_usage

__all__ = ["Check", "Compared", "check", "plan_of"]

_NOTHING = Cost(cpu=0.0, seconds=0.0)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """An amount that was estimated, and what it was."""

    what: str
    unit: str
    estimated: Range
    used: float

    @property
    def error(self) -> float:
        """How far off the estimate is, as a share of what was used."""
        return self.estimated.p50 / self.used - 1 if self.used else 0.0


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate beside what a set used."""

    destination: str
    video: str
    slices: int
    """Of which it is known what they used."""
    basis: str
    """What the estimate was made from."""
    rows: tuple[Compared, ...]


def plan_of(store: Store, shown: str) -> Plan:
    """Return the plan of a set.

    Raises:
        DestinationError: there is none.
    """
    plan = load_plan(store)
    if plan is None:
        raise DestinationError(f"{shown} contains no previews, so there is nothing to compare")
    return plan


def check(store: Store, shown: str, fresh: Sampling | None = None) -> Check:
    """Compare an estimate with what making a set used.

    Args:
        store: the set.
        shown: its address, for people.
        fresh: pieces of the video that were rendered now, for the set's own recipe. Without, the
            estimate is made from some of the set's slices, and compared with all of them.

    Raises:
        DestinationError: there is no set, or nothing says what it used.
    """
    plan = plan_of(store, shown)
    usage = load_usage(store, plan)
    records = load_state(store, plan).records
    known = [each for each in usage.slices if _is_complete(each, records.get(each.index, {}))]
    slices = [each for each in known if not each.is_whole]
    if not known:
        raise DestinationError(
            f"{shown} does not say what making it used: it was made by functions, or by an earlier "
            "version of Scrubjay"
        )
    if fresh is None:
        sampling, basis = _from_set(plan, slices, known, records)
    else:
        sampling = fresh
        basis = f"{fresh.rendered:.0f} s of the video, rendered again"
    rows: list[Compared] = []
    if slices:
        rates = fitted(sampling)
        rows += [_cpu(rates, slices), *_sizes(plan, rates, slices, records)]
    whole = [each for each in known if each.is_whole]
    if whole and fresh is not None and fresh.whole is not None:
        rows.append(
            Compared(
                what="CPU of the whole video's outputs",
                unit="s",
                estimated=Range.around(fresh.whole.used.cpu, 0.15),
                used=whole[0].used.cpu,
            )
        )
    return Check(
        destination=shown,
        video=plan.source.name,
        slices=len(slices),
        basis=basis,
        rows=tuple(rows),
    )


def _is_complete(each: SliceUsage, records: Mapping[str, SliceRecord]) -> bool:
    """Whether all that a slice has was made in the attempt whose usage is noted."""
    return each.size_bytes == sum(sum(record.sizes().values()) for record in records.values())


def _cpu(rates: Rates, slices: Sequence[SliceUsage]) -> Compared:
    cold = {each.index for each in _cold(slices)}
    middle = sum(
        rates.fixed
        + rates.second * float(each.end - each.start)
        + (rates.opening if each.index in cold else 0.0)
        + (rates.lead_in if each.index in cold and each.start else 0.0)
        for each in slices
    )
    used = sum(each.used.cpu for each in slices)
    return Compared(
        what="CPU of the slices", unit="s", estimated=Range.around(middle, rates.share), used=used
    )


def _sizes(
    plan: Plan, rates: Rates, slices: Sequence[SliceUsage], records: Records
) -> list[Compared]:
    """Compare the bytes of each output of slices, over the slices that are known."""
    made = {each.index for each in slices}
    rows: list[Compared] = []
    for output in plan.outputs:
        if output.is_whole:
            continue
        artifacts = [
            artifact
            for index in sorted(made)
            if output.name in records[index]
            for artifact in records[index][output.name].artifacts
        ]
        estimated = output_sizes(
            output,
            rates.outputs[output.name],
            artifacts=len(artifacts),
            pictures=sum(each.pictures for each in artifacts),
            seconds=sum(float(each.end - each.start) for each in slices),
        )
        used = float(sum(each.size_bytes for each in artifacts))
        rows.append(Compared(what=output.name, unit="bytes", estimated=estimated, used=used))
    total = Range.exactly(0)
    for row in rows:
        total += row.estimated
    used = sum(row.used for row in rows)
    return [*rows, Compared(what="all artifacts", unit="bytes", estimated=total, used=used)]


def _cold(slices: Sequence[SliceUsage]) -> list[SliceUsage]:
    """Return the slices whose worker did not make the one before."""
    last: dict[int, int] = {}
    found: list[SliceUsage] = []
    for each in sorted(slices, key=lambda each: each.order):
        if each.used.opening or last.get(each.worker) != each.index - 1:
            found.append(each)
        last[each.worker] = each.index
    return found


def _from_set(
    plan: Plan, slices: Sequence[SliceUsage], known: Sequence[SliceUsage], records: Records
) -> tuple[Sampling, str]:
    """Return a sampling of slices that an estimate would have rendered, as the run made them."""
    by_index = {each.index: each for each in slices}
    cold = {each.index for each in _cold(slices)}
    chosen = [
        [index for index in spot if index in by_index]
        for spot in spots_of(plan, Random(1)).slices  # noqa: S311  it is no secret
    ]
    chosen = [spot for spot in chosen if spot]
    if not chosen:  # a short video, of whose slices an estimate renders parts
        half = max(1, len(slices) // 2)
        chosen = [[each.index] for each in slices[:half]]

    def piece(each: SliceUsage) -> Piece:
        made = records[each.index]
        return Piece(
            start=float(each.start),
            length=float(each.end - each.start),
            is_cold=each.index in cold,
            used=each.used,
            artifacts={name: record.artifacts for name, record in made.items()},
            record_bytes=sum(len(encode(record)) for record in made.values()),
        )

    spots = [Spot(pieces=[piece(by_index[index]) for index in spot]) for spot in chosen]
    whole = next((piece(each) for each in known if each.is_whole), None)
    number = sum(map(len, chosen))
    sampling = Sampling(
        plan=plan,
        probing=Probing(plan.source, plan.media, plan.versions),
        start=_NOTHING,
        probe=_NOTHING,
        planning=_NOTHING,
        own=0.0,
        spots=spots,
        whole=whole,
        seconds=0.0,
        is_stopped=False,
        failed=0,
    )
    return sampling, f"{number} of the set's {len(slices)} slices, as they were made"

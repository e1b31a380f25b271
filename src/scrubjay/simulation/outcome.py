"""The result of a simulation, as values, JSON, CSV and text."""

import csv
import io
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any, Self

import msgspec

from scrubjay.prices.book import Prices
from scrubjay.simulation.scenario import Scenario
from scrubjay.simulation.tally import Cost, Sample, Tally, Totals
from scrubjay.simulation.work import Film

__all__ = ["FilmTimes", "Percentiles", "Simulated"]


class FilmTimes(msgspec.Struct, frozen=True, kw_only=True):
    """One video; times are seconds since the simulation began, None if it never happened."""

    film: int
    slices: int
    arrived: float
    planned: float | None
    first_preview: float | None
    last_preview: float | None
    published: float | None
    made: int
    gaps: int
    lost: int


class Percentiles(msgspec.Struct, frozen=True, kw_only=True):
    """Of the seconds from a video's arrival."""

    count: int
    """Videos to which it happened."""
    p50: float | None
    p90: float | None
    p99: float | None
    most: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Return the percentiles of some values (the nearest rank)."""
        ranked = sorted(values)

        def at(share: float) -> float | None:
            if not ranked:
                return None
            return ranked[max(0, ceil(len(ranked) * share) - 1)]

        return cls(count=len(ranked), p50=at(0.5), p90=at(0.9), p99=at(0.99), most=at(1))


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a simulation."""

    scenario: Scenario
    ended_at: float
    """Seconds since it began."""
    is_complete: bool
    """Whether all videos were published or given up, rather than cut off."""
    was_stopped: bool
    """Whether Ctrl-C cut it off, rather than the horizon."""
    totals: Totals
    cost: Cost
    currency: str
    prices_date: str
    to_first_preview: Percentiles
    to_last_preview: Percentiles
    to_publication: Percentiles
    films: Sequence[Film]
    samples: Sequence[Sample]

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        tally: Tally,
        prices: Prices,
        *,
        ended_at: float,
        was_stopped: bool,
    ) -> Self:
        """Return what a tally has counted."""
        films, totals = tally.films, tally.totals
        totals.queue_requests = round(totals.queue_requests)
        totals.left = totals.slices - totals.made - totals.gaps - totals.lost
        return cls(
            scenario=scenario,
            ended_at=ended_at,
            is_complete=not was_stopped and all(film.is_over for film in films),
            was_stopped=was_stopped,
            totals=totals,
            cost=tally.cost,
            currency=prices.currency,
            prices_date=prices.date.isoformat(),
            to_first_preview=Percentiles.of(
                film.first - film.arrived for film in films if film.first is not None
            ),
            to_last_preview=Percentiles.of(
                film.last - film.arrived
                for film in films
                if film.last is not None and not film.left
            ),
            to_publication=Percentiles.of(
                film.published - film.arrived for film in films if film.published is not None
            ),
            films=films,
            samples=tally.samples,
        )

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON values; each sample is a list, in the order of `Sample`."""
        scenario = self.scenario
        return {
            "scenario": scenario.name,
            "seed": scenario.seed,
            "ended_at": round(self.ended_at, 3),
            "is_complete": self.is_complete,
            "was_stopped": self.was_stopped,
            "totals": msgspec.to_builtins(self.totals),
            "cost": {
                "currency": self.currency,
                "prices": self.prices_date,
                **{name: round(value, 6) for name, value in _costs(self.cost)},
            },
            "seconds_to": {
                "first_preview": msgspec.to_builtins(self.to_first_preview),
                "last_preview": msgspec.to_builtins(self.to_last_preview),
                "publication": msgspec.to_builtins(self.to_publication),
            },
            "samples": {
                "fields": list(Sample._fields),
                "rows": [
                    [round(value, 4) if isinstance(value, float) else value for value in sample]
                    for sample in self.samples
                ],
            },
        }

    def as_csv(self) -> str:
        """Return a line for each video."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(FilmTimes.__struct_fields__)
        for film in self.films:
            times = _times(film)
            writer.writerow(
                "" if value is None else f"{value:.3f}" if isinstance(value, float) else value
                for value in msgspec.structs.astuple(times)
            )
        return out.getvalue()


def _costs(cost: Cost) -> Iterable[tuple[str, float]]:
    yield from msgspec.structs.asdict(cost).items()
    yield "total", cost.total


def _times(film: Film) -> FilmTimes:
    return FilmTimes(
        film=film.number,
        slices=film.slices,
        arrived=film.arrived,
        planned=film.planned,
        first_preview=film.first,
        last_preview=film.last,
        published=film.published,
        made=film.made,
        gaps=film.gaps,
        lost=film.lost,
    )

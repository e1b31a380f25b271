"""A simulation's result in words."""

from collections.abc import Iterator
from math import floor, log10

from scrubjay.simulation.outcome import Percentiles, Simulated

__all__ = ["duration_text", "facts", "money_text"]

_MINUTE, _HOUR = 60.0, 3600.0


def facts(simulated: Simulated) -> Iterator[tuple[str, str]]:
    """Yield what a person wants to know of a simulation: a topic and a sentence."""
    totals = simulated.totals
    yield "videos", f"{totals.films:,} arrived, {totals.published:,} are published"
    yield "slices", _slices(simulated)
    yield "first preview", _percentiles(simulated.to_first_preview)
    yield "last preview", _percentiles(simulated.to_last_preview)
    yield "publication", _percentiles(simulated.to_publication)
    yield (
        "workers",
        f"{totals.most_running:,} busy at most; {totals.most_waiting:,} slices waited at most",
    )
    yield "attempts", _attempts(simulated)
    yield "cost", _cost(simulated)
    yield "time", _end(simulated)


def _slices(simulated: Simulated) -> str:
    totals = simulated.totals
    text = f"{totals.slices:,} planned, {totals.made:,} made"
    for count, name in (
        (totals.gaps, "gaps"),
        (totals.lost, "lost"),
        (totals.left, "left at the end"),
    ):
        if count:
            text += f", {count:,} {name}"
    if totals.lost_films:
        text += f"; {totals.lost_films:,} videos could not be planned"
    return text


def _attempts(simulated: Simulated) -> str:
    totals = simulated.totals
    text = f"{totals.invocations:,}"
    for count, name in (
        (totals.cold_starts, "with a cold start"),
        (totals.throttles, "throttled before they began"),
        (totals.retries, "retries"),
        (totals.redeliveries, "deliveries again"),
        (totals.duplicates, "duplicates"),
        (totals.dead_letters, "dead letters"),
    ):
        if count:
            text += f"; {count:,} {name}"
    return text


def _percentiles(found: Percentiles) -> str:
    if found.p50 is None or found.p90 is None or found.most is None:
        return "never"
    if found.count == 1:
        return f"after {duration_text(found.most)}"
    return (
        f"after {duration_text(found.p50)} for half of all videos, {duration_text(found.p90)} for "
        f"90 %, {duration_text(found.most)} for the last"
    )


def _cost(simulated: Simulated) -> str:
    cost, currency = simulated.cost, simulated.currency
    parts = [
        f"{name} {money_text(amount)}"
        for name, amount in (
            ("compute", cost.compute),
            ("requests", cost.requests),
            ("events", cost.transport),
            ("writes", cost.puts),
            ("reads", cost.gets),
            ("kept warm", cost.provisioned),
        )
        if amount
    ]
    text = f"{money_text(cost.total)} {currency}"
    if parts:
        text += f" ({', '.join(parts)})"
    return (
        f"{text}; {money_text(cost.storage_month)} {currency} a month to store; prices of "
        f"{simulated.prices_date}"
    )


def money_text(amount: float) -> str:
    """Return an amount with three digits that mean something, and cents from a hundred on."""
    if not amount:
        return "0"
    decimals = max(2, 2 - floor(log10(amount)))
    return f"{amount:,.{decimals}f}"


def _end(simulated: Simulated) -> str:
    text = f"{duration_text(simulated.ended_at)} simulated"
    if simulated.was_stopped:
        return text + ", then stopped: incomplete"
    if not simulated.is_complete:
        return text + ", up to the horizon: incomplete"
    return text


def duration_text(seconds: float) -> str:
    """Return a duration for people: 4.2 s, 3 min 20 s, 5 h 7 min."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < 2 * _HOUR:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min"

"""An estimate in words."""

from collections.abc import Callable, Iterator, Sequence

from scrubjay.estimating.checking import Check
from scrubjay.estimating.choosing import Choice
from scrubjay.estimating.cutting import Cutting
from scrubjay.estimating.surveying import Survey
from scrubjay.estimating.values import Estimate, Range
from scrubjay.simulation.report import duration_text, money_text

__all__ = [
    "bytes_text",
    "check_rows",
    "choice_lines",
    "cutting_rows",
    "estimate_rows",
    "survey_rows",
]

_EXACT = 0.005
"""If a range is narrower, only its middle is said."""

_THOUSAND = 1000


def estimate_rows(found: Estimate) -> Iterator[tuple[str, str]]:
    """Yield what a person wants to know of an estimate: a topic and a sentence."""
    videos = f"{found.count:,} videos of {_time(found.duration)}" if found.count > 1 else ""
    yield "video", videos or f"{_time(found.duration)}, {_count(found.slices, 'slice')}"
    yield (
        "CPU time",
        _range(found.cpu, duration_text)
        + (
            f"; of it {duration_text(found.whole_cpu)} for outputs of the whole video"
            if found.whole_cpu
            else ""
        ),
    )
    yield "time", f"{_range(found.wall, duration_text)} with {_workers(found)}"
    yield "first preview", f"after {_range(found.first_preview, duration_text)}"
    yield "memory", _range(found.memory_bytes, bytes_text)
    yield "size", f"{_range(found.size_bytes, bytes_text)} in {found.objects:,} objects"
    for name, size in found.outputs.items():
        yield f"  {name}", f"{_range(size, bytes_text)} in {found.artifacts[name]:,}"
    requests = found.requests
    yield "requests", f"{requests.put:,} PUT, {requests.get:,} GET, {requests.list:,} LIST"
    yield "cost", _cost(found)
    yield "made from", _basis(found)


def _workers(found: Estimate) -> str:
    what = {"local": "worker", "procrastinate": "worker of a queue", "aws-lambda": "function"}
    first, _, rest = what[found.engine].partition(" ")
    return f"{_count(found.workers, first)}{rest and f' {rest}'}"


def _count(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _cost(found: Estimate) -> str:
    cost = found.cost
    parts = [
        f"{name} {money_text(amount)}"
        for name, amount in (
            ("compute", cost.compute.p50),
            ("calls", cost.requests),
            ("events", cost.events),
            ("PUT", cost.puts),
            ("GET", cost.gets),
        )
        if amount
    ]
    where = "" if found.engine == "aws-lambda" else "in a bucket: "
    return (
        f"{where}{_range(cost.total, money_text)} {cost.currency} ({', '.join(parts)}); "
        f"{money_text(cost.storage_month.p50)} a month to store; {cost.region}, prices of "
        f"{cost.prices}"
    )


def _basis(found: Estimate) -> str:
    sampled = found.sampled
    if sampled.note:
        return sampled.note
    text = (
        f"{sampled.rendered:.0f} s of video that were rendered at "
        f"{_count(sampled.spots, 'spot')}, in {sampled.seconds:.0f} s"
    )
    return f"{text}; stopped early" if sampled.is_stopped else text


def choice_lines(choices: Sequence[Choice]) -> Iterator[str]:
    """Yield a table of choices, line by line."""
    if not choices:
        return
    width = max(len(each.name) for each in choices)
    currency = "cost"
    yield f"  {'':<{width}}  {'CPU':>12}  {'time':>12}  {'size':>10}  {'objects':>9}  {currency:>8}"
    for each in choices:
        yield (
            f"  {each.name:<{width}}  {duration_text(each.cpu):>12}  "
            f"{duration_text(each.wall):>12}  {bytes_text(each.size_bytes):>10}  "
            f"{each.objects:>9,}  {money_text(each.cost):>8}"
        )


def cutting_rows(found: Cutting) -> Iterator[tuple[str, str]]:
    """Yield whether it pays to cut a video up, and why."""
    yield "cut it up?", found.sentence
    yield (
        "  serial",
        (
            f"{duration_text(found.serial)} that no second worker shortens; so at most "
            f"{found.amdahl:.1f} times faster (Amdahl), and {found.gustafson:.1f} times as much "
            f"video in the same time with {_count(found.workers, 'worker')} (Gustafson)"
        ),
    )
    yield (
        "  best",
        (
            f"slices of {_length(found.best_for_time)} for time, of {_length(found.best_for_cost)} "
            "for cost"
        ),
    )


def _length(seconds: float) -> str:
    return f"{seconds:.4g} s" if seconds < _THOUSAND else duration_text(seconds)


def survey_rows(found: Survey) -> Iterator[tuple[str, str]]:
    """Yield what a person wants to know of many videos."""
    unreadable = f", {found.unreadable:,} of them unreadable" if found.unreadable else ""
    yield (
        "videos",
        (
            f"{found.films:,}, {_range(found.hours, lambda hours: f'{hours:,.1f}')} hours; "
            f"{found.probed + found.unreadable:,} probed{unreadable}, {found.sampled:,} sampled"
        ),
    )
    yield "CPU time", _range(found.cpu, duration_text)
    yield "time", f"{_range(found.wall, duration_text)} with {_count(found.workers, 'worker')}"
    yield (
        "size",
        (
            f"{_range(found.size_bytes, bytes_text)} in "
            f"{_range(found.objects, lambda objects: f'{objects:,.0f}')} objects"
        ),
    )
    requests = found.requests
    yield "requests", f"{requests.put:,} PUT, {requests.get:,} GET, {requests.list:,} LIST"
    where = "" if found.engine == "aws-lambda" else "in a bucket: "
    yield (
        "cost",
        (
            f"{where}{_range(found.cost, money_text)} {found.currency}; "
            f"{money_text(found.storage_month.p50)} a month to store; prices of {found.prices}"
        ),
    )
    for each in found.strata:
        yield (
            f"  {each.name}",
            f"about {each.films:,.0f} videos, {each.hours:,.1f} hours; {each.sampled} sampled",
        )
    stopped = "; stopped early" if found.is_stopped else ""
    yield "made in", f"{found.seconds:.0f} s{stopped}"


def check_rows(found: Check) -> Iterator[tuple[str, str]]:
    """Yield what an estimate said beside what was used."""
    yield "set", f"{found.video}, {_count(found.slices, 'slice')}"
    yield "estimate", f"from {found.basis}"
    for row in found.rows:
        text: Callable[[float], str] = duration_text if row.unit == "s" else bytes_text
        yield row.what, f"{_range(row.estimated, text)}; used {text(row.used)}: {row.error:+.0%}"


def _range(amount: Range, text: Callable[[float], str]) -> str:
    """Write the middle of a range, and its ends where they are known to differ."""
    if amount.p90 - amount.p10 <= _EXACT * amount.p50:
        return text(amount.p50)
    return f"{text(amount.p50)} ({text(amount.p10)} to {text(amount.p90)})"


def _time(seconds: float) -> str:
    return duration_text(seconds)


def bytes_text(size_bytes: float) -> str:
    """Write a number of bytes in the decimal unit that fits, as bills do."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size_bytes < _THOUSAND:
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= _THOUSAND
    return f"{size_bytes:,.2f} TB"

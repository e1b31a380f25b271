"""One self-contained HTML page for an estimate: its numbers and its charts."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

import plotly.graph_objects as go  # pyright: ignore[reportMissingTypeStubs]

from scrubjay.estimating.choosing import Choice
from scrubjay.estimating.cutting import Costs, Cutting, cut_time
from scrubjay.estimating.surveying import Survey
from scrubjay.estimating.values import Estimate
from scrubjay.simulation.charts import BLUE, GREEN, ORANGE, PAGE, charts_html, styled

__all__ = ["estimate_page", "survey_page"]

_WORKERS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_MB, _MINUTE, _HOUR = 1e6, 60.0, 3600.0


def estimate_page(
    title: str,
    rows: Iterable[tuple[str, str]],
    found: Estimate,
    costs: Costs,
    cutting: Cutting,
    choices: Sequence[Choice],
) -> str:
    """Return the page of one video; it needs no network.

    Args:
        title: of the page.
        rows: the estimate in words.
        found: the estimate.
        costs: of the video, for other numbers of workers.
        cutting: whether it pays to cut it up.
        choices: neighbouring ones.
    """
    charts = _estimate_charts(found, costs, cutting, choices)
    return _page(title, cutting.sentence, rows, charts)


def survey_page(title: str, rows: Iterable[tuple[str, str]], found: Survey) -> str:
    """Return the page of many videos; it needs no network."""
    return _page(title, f"{found.films:,} videos", rows, _survey_charts(found))


def _page(
    title: str,
    about: str,
    rows: Iterable[tuple[str, str]],
    charts: Iterable[tuple[str, go.Figure]],
) -> str:
    return PAGE.format(
        title=escape(title),
        about=escape(about),
        rows="".join(
            f"<tr><td>{escape(topic)}</td><td>{escape(text)}</td></tr>" for topic, text in rows
        ),
        charts="\n".join(charts_html(charts)),
    )


def _estimate_charts(
    found: Estimate, costs: Costs, cutting: Cutting, choices: Sequence[Choice]
) -> Iterator[tuple[str, go.Figure]]:
    names = [*found.outputs]
    sizes = [found.outputs[name] for name in names]
    yield (
        "Bytes by output",
        _bars(
            names,
            [each.p50 / _MB for each in sizes],
            "MB",
            above=[(each.p90 - each.p50) / _MB for each in sizes],
            below=[(each.p50 - each.p10) / _MB for each in sizes],
        ),
    )
    times = [cut_time(costs, cutting.slice_length, workers).seconds for workers in _WORKERS]
    scale, unit = _scale(max(times))
    figure = go.Figure(
        [
            go.Scatter(
                x=[*_WORKERS],
                y=[each / scale for each in times],
                name=f"slices of {cutting.slice_length:.4g} s",
                mode="lines+markers",
                line={"color": BLUE},
            ),
            go.Scatter(
                x=[_WORKERS[0], _WORKERS[-1]],
                y=[cutting.serial / scale] * 2,
                name="serial part",
                mode="lines",
                line={"color": ORANGE, "dash": "dot"},
            ),
        ]
    )
    yield "Time by number of workers", styled(figure, "Workers", f"Time ({unit})")
    lengths = cutting.lengths
    yield (
        f"Time by slice length, with {cutting.workers} workers",
        _bars(
            [f"{each.slice_length:.4g} s" for each in lengths],
            [each.seconds / scale for each in lengths],
            f"Time ({unit})",
        ),
    )
    if choices:
        shown = [(each.name, each.size_bytes, each.cpu) for each in choices]
        shown.insert(0, ("as asked", found.size_bytes.p50, found.cpu.p50))
        yield (
            "Bytes of neighbouring choices",
            _bars([each[0] for each in shown], [each[1] / _MB for each in shown], "MB"),
        )
        scale, unit = _scale(max(each[2] for each in shown))
        yield (
            "CPU time of neighbouring choices",
            _bars(
                [each[0] for each in shown],
                [each[2] / scale for each in shown],
                f"CPU time ({unit})",
            ),
        )


def _survey_charts(found: Survey) -> Iterator[tuple[str, go.Figure]]:
    names = [each.name for each in found.strata]
    yield "Hours of video by kind", _bars(names, [each.hours for each in found.strata], "Hours")
    yield "Videos by kind", _bars(names, [each.films for each in found.strata], "Videos")


def _bars(
    names: Sequence[str],
    values: Sequence[float],
    y: str,
    *,
    above: Sequence[float] = (),
    below: Sequence[float] = (),
) -> go.Figure:
    error = {"type": "data", "array": [*above], "arrayminus": [*below]} if above else None
    figure = go.Figure(
        [go.Bar(x=[*names], y=[*values], marker={"color": GREEN}, error_y=error, name=y)]
    )
    return styled(figure, "", y)


def _scale(seconds: float) -> tuple[float, str]:
    if seconds >= 3 * _HOUR:
        return _HOUR, "hours"
    return (_MINUTE, "minutes") if seconds >= 3 * _MINUTE else (1.0, "seconds")

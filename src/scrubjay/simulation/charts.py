"""One self-contained HTML page for a simulation: its numbers and its charts."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go  # pyright: ignore[reportMissingTypeStubs]
import plotly.io  # pyright: ignore[reportMissingTypeStubs]

from scrubjay.simulation.outcome import Simulated
from scrubjay.simulation.report import facts

__all__ = ["BLUE", "GREEN", "ORANGE", "PAGE", "RED", "charts_html", "page", "styled"]

_MOST_POINTS = 500
BLUE, ORANGE, GREEN, RED = "#3b82f6", "#f59e0b", "#10b981", "#ef4444"
"""Colours of charts that can be read on light and dark pages."""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1f2937; --soft: #6b7280; --page: #fff; --line: #e5e7eb }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e5e7eb; --soft: #9ca3af; --page: #111827; --line: #374151 }}
}}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  margin: 0 auto; max-width: 60rem; padding: 1.5rem }}
h1 {{ font-size: 1.5rem; margin: 0 }}
h2 {{ font-size: 1.1rem; margin: 2rem 0 0 }}
p {{ color: var(--soft); margin: .25rem 0 1rem }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }}
td {{ border-bottom: 1px solid var(--line); padding: .3rem .5rem .3rem 0; vertical-align: top }}
td:first-child {{ color: var(--soft); white-space: nowrap; width: 1% ; padding-right: 1.5rem }}
</style>
<h1>{title}</h1>
<p>{about}</p>
<table>{rows}</table>
{charts}
</html>
"""


def page(simulated: Simulated) -> str:
    """Return the page; it needs no network."""
    scenario = simulated.scenario
    rows = "".join(
        f"<tr><td>{escape(topic)}</td><td>{escape(found)}</td></tr>"
        for topic, found in facts(simulated)
    )
    return PAGE.format(
        title=escape(scenario.name),
        about=escape(scenario.about),
        rows=rows,
        charts="\n".join(charts_html(_charts(simulated))),
    )


def _charts(simulated: Simulated) -> Iterator[tuple[str, go.Figure]]:
    samples = simulated.samples
    unit, scale = _unit(samples[-1].time if samples else 0)
    times = [sample.time / scale for sample in samples]
    time_axis = f"Time ({unit})"
    yield (
        "Work",
        _lines(
            times,
            time_axis,
            "Slices",
            waiting=([each.waiting for each in samples], ORANGE),
            running=([each.running for each in samples], BLUE),
        ),
    )
    yield (
        "Slices made",
        _lines(
            times,
            time_axis,
            "Slices",
            made=([each.made for each in samples], GREEN),
            lost=([each.lost for each in samples], RED),
        ),
    )
    yield (
        "Throttles and retries, in all",
        _lines(
            times,
            time_axis,
            "Attempts",
            throttles=([each.throttles for each in samples], ORANGE),
            retries=([each.retries for each in samples], RED),
        ),
    )
    yield "How long videos wait", _waits(simulated)
    yield (
        "Cost so far",
        _lines(
            times,
            time_axis,
            simulated.currency,
            cost=([each.cost for each in samples], BLUE),
        ),
    )


def charts_html(charts: Iterable[tuple[str, go.Figure]]) -> Iterator[str]:
    """Yield the HTML of titled charts; Plotly's script is in the first one."""
    for number, (title, figure) in enumerate(charts):
        html = plotly.io.to_html(
            figure,
            full_html=False,
            include_plotlyjs=number == 0,
            div_id=f"chart-{number}",  # the same page each time
            config={"displaylogo": False, "responsive": True},
        )
        yield f"<h2>{escape(title)}</h2>\n{html}"


def _unit(seconds: float) -> tuple[str, float]:
    for unit, scale in (("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 3 * scale:
            return unit, scale
    return "seconds", 1.0


def _lines(
    times: Sequence[float], x: str, y: str, **lines: tuple[Sequence[float], str]
) -> go.Figure:
    figure = go.Figure(
        [
            go.Scatter(
                x=times, y=values, name=name, mode="lines", line={"color": colour, "shape": "hv"}
            )
            for name, (values, colour) in lines.items()
        ]
    )
    return styled(figure, x, y)


def _waits(simulated: Simulated) -> go.Figure:
    """Plot the share of videos that have waited at most so long."""
    films = simulated.films
    curves: dict[str, tuple[list[float], str]] = {
        "first preview": (
            [film.first - film.arrived for film in films if film.first is not None],
            GREEN,
        ),
        "published": (
            [film.published - film.arrived for film in films if film.published is not None],
            BLUE,
        ),
    }
    unit, scale = _unit(max((max(waits, default=0) for waits, _ in curves.values()), default=0))
    figure = go.Figure()
    for name, (waits, colour) in curves.items():
        ranked = _thinned(sorted(waits))
        shares = [100 * (number + 1) / len(ranked) for number in range(len(ranked))]
        figure.add_scatter(
            x=[wait / scale for wait in ranked],
            y=shares,
            name=name,
            mode="lines",
            line={"color": colour, "shape": "hv"},
        )
    return styled(figure, f"From arrival ({unit})", "Share of videos (%)")


def _thinned(values: Sequence[float]) -> list[float]:
    step = max(1, len(values) // _MOST_POINTS)
    thin = list(values[::step])
    return thin if not values or thin[-1] == values[-1] else [*thin, values[-1]]


def styled(figure: Any, x: str, y: str) -> go.Figure:  # noqa: ANN401  plotly has few types
    """Give a chart the page's looks, and names to its axes."""
    axis = {"gridcolor": "rgba(128,128,128,.25)", "zeroline": False}
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#808080", "family": "system-ui, sans-serif"},
        height=320,
        margin={"l": 60, "r": 10, "t": 20, "b": 50},
        xaxis={"title": {"text": x}, "rangemode": "tozero", **axis},
        yaxis={"title": {"text": y}, "rangemode": "tozero", **axis},
        legend={"orientation": "h", "y": 1.1},
        hovermode="x unified",
    )
    return figure

"""`scrubjay simulate`: what happens when many videos come at once, and what it costs."""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from scrubjay.cli.exits import ExitCode
from scrubjay.cli.options import GroupedCommand, grouped
from scrubjay.cli.report import reported, say, show
from scrubjay.cli.words import table
from scrubjay.errors import ScenarioError
from scrubjay.model import encode_pretty

if TYPE_CHECKING:
    from scrubjay.simulation.tally import Sample

__all__ = ["check_libraries", "check_outputs", "simulate", "write_output"]

_PROGRESS_SECONDS = 10.0


@click.command(
    cls=GroupedCommand,
    short_help="Simulate many videos at once: waiting, retries, losses and cost.",
    epilog="\b\nExamples:\n"
    "  scrubjay simulate\n"
    "  scrubjay simulate one-film\n"
    "  scrubjay simulate new-account --set arrivals.kind=burst --html account.html\n"
    "  scrubjay simulate new-account --json",
)
@click.argument("scenario", required=False)
@grouped(
    "Scenario",
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the scenario, such as engine.transport=sqs; may be repeated.",
)
@grouped("Scenario", "--seed", type=int, help="Seed of all chance, instead of the scenario's.")
@grouped(
    "Scenario",
    "--what-if",
    "rules",
    multiple=True,
    metavar="RULE=VALUE",
    help="Change a rule of a service; may be repeated. docs/simulation.md lists the rules.",
)
@grouped("Scenario", "--prices", metavar="NAME|FILE", help="Prices, instead of the scenario's.")
@grouped("Output", "--json", "as_json", is_flag=True, help="Write a JSON object instead of text.")
@grouped("Output", "--csv", metavar="FILE", help="Write a line for each video to FILE.")
@grouped("Output", "--html", metavar="FILE", help="Write a page with charts to FILE.")
def simulate(
    scenario: str | None,
    *,
    changes: Sequence[str],
    seed: int | None,
    rules: Sequence[str],
    prices: str | None,
    as_json: bool,
    csv: str | None,
    html: str | None,
) -> None:
    """Simulate SCENARIO: a TOML file, or the name of one that comes with Scrubjay.

    Without SCENARIO, list those that come with it. Ctrl-C ends the simulation, and shows what was
    simulated so far.
    """
    with reported(as_json=as_json):
        check_outputs(csv, html)
        check_libraries("plotly" if html else "", "simpy")
        from scrubjay.prices.book import load_prices  # noqa: PLC0415  other commands do not need it
        from scrubjay.simulation.model import simulate as run  # noqa: PLC0415  same
        from scrubjay.simulation.report import facts  # noqa: PLC0415  same
        from scrubjay.simulation.rules import rules_with  # noqa: PLC0415  same
        from scrubjay.simulation.scenario import load_scenario  # noqa: PLC0415  same

        if scenario is None:
            _show_shipped()
            return
        overrides = [*changes, *([f"seed={seed}"] if seed is not None else [])]
        loaded = load_scenario(scenario, overrides)
        simulated = run(
            loaded,
            rules=rules_with(rules),
            prices=load_prices(prices or loaded.prices),
            on_sample=_Progress(loaded.films_count),
        )
        if csv:
            write_output(csv, simulated.as_csv())
        if html:
            from scrubjay.simulation.charts import page  # noqa: PLC0415  loads Plotly

            write_output(html, page(simulated))
        if as_json:
            show(encode_pretty(simulated.as_json()), nl=False)
        else:
            show(table(loaded.name, facts(simulated)))
        if simulated.was_stopped:
            say("scrubjay: stopped; the result is what was simulated so far")
            raise SystemExit(ExitCode.INTERRUPTED)


class _Progress:
    """Says on standard error how far a simulation has come: at its beginning, then every 10 s."""

    def __init__(self, films: int) -> None:
        self._films = films
        self._said_at = 0.0

    def __call__(self, sample: "Sample") -> None:
        """Take a sample of the simulation."""
        if not self._said_at:
            say(f"simulating {self._films:,} videos; Ctrl-C shows what was simulated so far")
        elif monotonic() - self._said_at > _PROGRESS_SECONDS:
            say(f"simulated {sample.time / 60:,.0f} min: {sample.made:,} slices made")
        else:
            return
        self._said_at = monotonic()


def _show_shipped() -> None:
    from scrubjay.simulation.scenario import (  # noqa: PLC0415  other commands do not need it
        load_scenario,
        shipped_scenarios,
    )

    width = max(map(len, shipped_scenarios()))
    for name in shipped_scenarios():
        show(f"{name:<{width}}  {load_scenario(name).name}")


def check_libraries(*names: str, command: str = "simulate") -> None:
    """Check that the libraries of the extra `simulate` are installed; empty names are none."""
    for name in filter(None, names):
        try:
            import_module(name)
        except ModuleNotFoundError as exc:
            raise ScenarioError(
                f"{command} needs {name}, which is not installed: pip install 'scrubjay[simulate]'"
            ) from exc


def check_outputs(*names: str | None) -> None:
    """Check, before minutes of simulation, that files can be written into their folders."""
    for name in filter(None, names):
        folder = Path(name).parent
        if not os.access(folder, os.W_OK):
            raise ScenarioError(f"{name}: cannot be written: {folder} is no folder to write into")


def write_output(name: str, text: str) -> None:
    """Write a file that was asked for."""
    path = Path(name)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ScenarioError(f"{name}: cannot be written: {exc.strerror}") from exc

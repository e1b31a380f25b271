"""A scenario: which videos arrive when, who renders their slices, and what goes wrong."""

import csv
import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast

import msgspec
from msgspec import Meta

from scrubjay.errors import ScenarioError
from scrubjay.simulation.values import Amount, Seconds, from_toml

__all__ = [
    "TABLES",
    "Arrivals",
    "Cluster",
    "Failures",
    "Films",
    "Functions",
    "Local",
    "Outage",
    "Scenario",
    "Scripted",
    "load_scenario",
    "shipped_scenarios",
]

_Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=1)]

Transport: TypeAlias = Literal["eventbridge", "sns", "lambda", "sqs"]

_DAY = 86400.0


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a scenario."""


class Films(_Table, frozen=True, kw_only=True):
    """How long the videos are, and what is written for each."""

    length: Amount = Amount.fixed(3600)
    """Of a video."""
    lengths_file: str = ""
    """A CSV file whose column `seconds` has the length of each video, in turn, instead."""
    slice_length: Annotated[float, Meta(gt=0)] = 30
    """Seconds of video in a slice."""
    objects: Annotated[float, Meta(ge=0)] = 4
    """Objects that a slice writes, its records included."""
    reads: Annotated[float, Meta(ge=0)] = 9
    """GET requests of a slice."""
    megabytes: Annotated[float, Meta(ge=0)] = 6
    """Megabytes that a slice writes."""


class Arrivals(_Table, frozen=True, kw_only=True):
    """When the videos arrive."""

    kind: Literal["burst", "even", "poisson", "day"] = "burst"
    """`burst`: all at time 0; `even`: equally spaced over the period; `poisson`: at random over the
    period, at a constant rate; `day`: at random, at a rate that follows `curve` over each day."""
    films: _Count | None = None
    """How many arrive."""
    hours_of_video: Annotated[float, Meta(gt=0)] | None = None
    """Instead of `films`: hours of video that arrive in the period, by their mean length."""
    period: Seconds = Seconds(_DAY)
    """In which all arrive; a burst needs none."""
    curve: Sequence[Annotated[float, Meta(ge=0)]] = ()
    """Of a day: a weight for each of its hours or other equal parts, from midnight on."""


class Slices(_Table, frozen=True, kw_only=True):
    """How long work takes, without waiting."""

    seconds: Amount = Amount.fixed(2)
    """From the start of a warm worker's attempt to the record of its slice."""
    planning: Amount = Amount.fixed(1.5)
    """To probe a video, and write its plan."""
    publishing: Amount = Amount.fixed(1)
    """To publish a set; the attempt that made the last slice does it."""
    source: str = ""
    """Where these times come from, for people."""


class Failures(_Table, frozen=True, kw_only=True):
    """What goes wrong in an attempt. Shares are of attempts, or of slices where it says so."""

    errors: _Share = 0
    """Attempts that end with an error that may pass: the store, the network."""
    crashes: _Share = 0
    """Attempts whose worker dies halfway; the second crash of a slice makes it a gap."""
    damaged: _Share = 0
    """Slices that give no picture: their first attempt makes them a gap."""
    poisoned: _Share = 0
    """Slices that kill each worker: their second attempt makes them a gap."""
    duplicates: _Share = 0
    """Orders that are delivered twice; the second one finds its slice made or makes it again."""


class Outage(_Table, frozen=True, kw_only=True):
    """A time in which something is down."""

    of: Literal["store", "delivery", "workers"]
    """`store`: attempts fail; `delivery`: a bus or topic cannot call Lambda; `workers`: all
    attempts in progress die at its start, and none begins before its end."""
    start: Seconds
    """After the beginning of the simulation."""
    length: Seconds
    """How long it lasts."""
    fails_after: Seconds = Seconds(10)
    """How long an attempt tries to reach a store that is down."""


class Scripted(_Table, frozen=True, kw_only=True):
    """Attempts of one slice that fail, to compare the model with a deployed system."""

    film: Annotated[int, Meta(ge=0)]
    """Which video, 0-based, in order of arrival."""
    slice: Annotated[int, Meta(ge=0)]
    """Which of its slices, 0-based."""
    attempts: _Count
    """How many attempts fail with an error that may pass; the next one makes the slice."""


class Functions(_Table, frozen=True, kw_only=True, tag="aws-lambda", tag_field="kind"):
    """Functions behind a transport, as `deploy/aws/template.yaml` configures them."""

    transport: Transport = "eventbridge"
    """What carries slices to workers: `eventbridge`, `sns`, `lambda` or `sqs`."""
    scaling: Literal["2021", "today"] = "today"
    """How fast environments are added."""
    account_concurrency: _Count = 1000
    """Environments that may be busy at once, over all functions of the account."""
    burst: _Count = 3000
    """With the scaling of 2021: environments that may start at once; 500 to 3,000 by region."""
    reserved: Annotated[int, Meta(ge=-1)] = -1
    """Environments reserved for the workers, and their limit; -1 reserves none."""
    provisioned: Annotated[int, Meta(ge=0)] = 0
    """Workers that are kept warm, from the beginning to the end."""
    start: Amount = Amount.fixed(1.2)
    """Of a new environment."""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """Whose price is taken; `slices.seconds` must be measured on it."""
    memory_mb: Annotated[int, Meta(ge=128, le=10240)] = 1769
    """Of a worker, for its price."""
    planner_memory_mb: Annotated[int, Meta(ge=128, le=10240)] = 1024
    """Of the planner, for its price."""
    timeout: Seconds = Seconds(300)
    """After which a worker's attempt is ended, and fails."""
    retries: Annotated[int, Meta(ge=0, le=2)] = 2
    """Of an asynchronous event whose attempt fails."""
    max_age: Seconds = Seconds(21600)
    """For which Lambda keeps an asynchronous event."""
    delivery_attempts: Annotated[int, Meta(ge=0, le=185)] = 185
    """With `eventbridge`: how often an event is delivered again."""
    delivery_max_age: Seconds = Seconds(86400)
    """With `eventbridge`: for how long an event is delivered again."""
    delivery: Amount = Amount.fixed(0.3)
    """From the planner's request to Lambda's queue."""
    request: Amount = Amount.fixed(0.02)
    """Of the planner to the transport: 10 slices by `eventbridge` and `sqs`, one by the others."""
    max_concurrency: Annotated[int, Meta(ge=2, le=1000)] = 50
    """With `sqs`: workers that the queue keeps busy; `reserved` wins."""
    max_receives: _Count | None = None
    """With `sqs`: by default as often as fits into 24 hours."""


class Local(_Table, frozen=True, kw_only=True, tag="local", tag_field="kind"):
    """Worker processes on one machine."""

    workers: _Count = 2
    """How many work at once."""
    attempts: _Count = 3
    """For a slice whose attempt fails."""


class Cluster(_Table, frozen=True, kw_only=True, tag="cluster", tag_field="kind"):
    """Workers on many machines that take slices from one durable queue."""

    workers: _Count = 8
    """How many work at once."""
    first_backoff: Seconds = Seconds(1)
    """Before a slice is tried again; it doubles each time, with jitter."""
    most_backoff: Seconds = Seconds(600)
    """Before a slice is tried again, at most."""
    max_age: Seconds = Seconds(86400)
    """For which a slice is tried again after errors that may pass."""
    request: Amount = Amount.fixed(0.01)
    """Of a worker to the queue, for each slice."""


class Scenario(_Table, frozen=True, kw_only=True):
    """What is simulated."""

    name: Annotated[str, Meta(min_length=1)]
    """For people."""
    about: str = ""
    """A sentence for people."""
    seed: int = 1
    """Of all chance: the same one gives the same result."""
    horizon: Seconds = Seconds(2 * _DAY)
    """Where the simulation ends if something is still waiting."""
    prices: str = "aws-us-east-1"
    """Prices by name, or a TOML file of them."""
    films: Films = Films()
    """A table."""
    arrivals: Arrivals
    """A table."""
    slices: Slices = Slices()
    """A table."""
    failures: Failures = Failures()
    """A table."""
    outages: tuple[Outage, ...] = ()
    """Tables."""
    scripted: tuple[Scripted, ...] = ()
    """Tables."""
    engine: Functions | Local | Cluster
    """A table; its `kind` is `aws-lambda`, `local` or `cluster`."""

    lengths: tuple[float, ...] = ()
    """Lengths of the videos in seconds, in turn, instead of `films.length`."""

    @property
    def films_count(self) -> int:
        """How many videos arrive."""
        arrivals = self.arrivals
        if arrivals.films is not None:
            return arrivals.films
        hours = arrivals.hours_of_video or 0
        return max(1, round(hours * 3600 / self.mean_length))

    @property
    def mean_length(self) -> float:
        """Mean length of a video in seconds."""
        if self.lengths:
            return sum(self.lengths) / len(self.lengths)
        return self.films.length.mean


def shipped_scenarios() -> dict[str, Path]:
    """Return the files of the scenarios that come with Scrubjay, by name."""
    folder = Path(str(files("scrubjay.simulation") / "scenarios"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_scenario(name: str, changes: Sequence[str] = ()) -> Scenario:
    """Read a scenario and check it.

    Args:
        name: of a file, or of a scenario that comes with Scrubjay.
        changes: fields to change first, such as "engine.transport=sqs".

    Raises:
        ScenarioError: it cannot be read, or a value in it is wrong; the text names file and field.
    """
    path = shipped_scenarios().get(name) or Path(name)
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(shipped_scenarios())
        raise ScenarioError(
            f"{name}: no such file, and no scenario of that name (there are: {known})"
        ) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(f"{name}: cannot be read: {exc}") from exc
    except tomllib.TOMLDecodeError as exc:
        raise ScenarioError(f"{name}: not TOML: {exc}") from exc
    for change in changes:
        _change(tree, change)
    try:
        scenario = msgspec.convert(tree, Scenario, dec_hook=from_toml)
    except msgspec.ValidationError as exc:
        raise ScenarioError(f"{name}: {_sentence(str(exc))}") from exc
    if scenario.films.lengths_file:
        lengths = _lengths(path.parent / scenario.films.lengths_file)
        scenario = msgspec.structs.replace(scenario, lengths=lengths)
    _check(name, scenario)
    return scenario


def _change(tree: dict[str, Any], change: str) -> None:
    """Set one field of a scenario, whose value is TOML, or else text."""
    where, sign, text = change.partition("=")
    *tables, field = where.strip().split(".")
    if not sign or not field:
        raise ScenarioError(f"--set {change}: expected FIELD=VALUE, such as engine.transport=sqs")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    for each in tables:
        inner = tree.setdefault(each, {})
        if not isinstance(inner, dict):
            raise ScenarioError(f"--set {change}: {each} is not a table")
        tree = cast("dict[str, Any]", inner)
    tree[field] = value


_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")


def _sentence(message: str) -> str:
    """Turn what msgspec says into the field and what is wrong with it."""
    problem, _, where = message.partition(" - at `$")
    field = where.strip("`").strip(".") or "the scenario"
    if match := _UNKNOWN.fullmatch(problem):
        tables = TABLES.get(where.strip("`.").partition("[")[0], ())
        known = [name for each in tables for name in each.__struct_fields__]
        near = difflib.get_close_matches(match[1], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{field}: no field is called {match[1]}{hint}"
    if match := re.fullmatch(r"Object missing required field `(.*)`", problem):
        return f"{field}: {match[1]} is missing"
    return f"{field}: {problem[:1].lower()}{problem[1:]}"


TABLES: Mapping[str, Sequence[type[_Table]]] = {
    "": (Scenario,),
    "films": (Films,),
    "arrivals": (Arrivals,),
    "slices": (Slices,),
    "failures": (Failures,),
    "outages": (Outage,),
    "scripted": (Scripted,),
    "engine": (Functions, Local, Cluster),
}
"""The tables that a scenario has, by name."""


def _lengths(path: Path) -> tuple[float, ...]:
    """Read the lengths of videos, in seconds, from a CSV file."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as exc:
        raise ScenarioError(f"{path}: cannot be read: {exc}") from exc
    lengths: list[float] = []
    for number, row in enumerate(rows, start=2):
        try:
            length = float(row["seconds"])
        except KeyError:
            raise ScenarioError(f"{path}: the first line names no column seconds") from None
        except (TypeError, ValueError):
            raise ScenarioError(
                f"{path}: line {number}: seconds: expected a number, got {row['seconds']!r}"
            ) from None
        if not (math.isfinite(length) and length > 0):
            raise ScenarioError(f"{path}: line {number}: seconds: expected more than 0")
        lengths.append(length)
    if not lengths:
        raise ScenarioError(f"{path}: no lengths in it")
    return tuple(lengths)


def _check(name: str, scenario: Scenario) -> None:
    """Check what concerns more than one field."""
    rules = chain(_rules(scenario), _function_rules(scenario.engine))
    problem = next((text for is_kept, text in rules if not is_kept), None)
    if problem:
        raise ScenarioError(f"{name}: {problem}")


def _rules(scenario: Scenario) -> Iterator[tuple[bool, str]]:
    """Yield whether each rule is kept, and what is wrong if not."""
    arrivals = scenario.arrivals
    has_one = (arrivals.films is None) != (arrivals.hours_of_video is None)
    yield has_one, "arrivals: set one of films and hours_of_video"
    yield scenario.mean_length > 0, "films.length: expected more than 0"
    yield scenario.horizon > 0, "horizon: expected more than 0"
    if arrivals.kind != "burst":
        yield arrivals.period > 0, "arrivals.period: expected more than 0"
        yield (
            arrivals.period < scenario.horizon,
            "horizon: it ends before the last video may arrive (arrivals.period)",
        )
    if arrivals.kind == "day":
        yield (
            sum(arrivals.curve) > 0,
            "arrivals.curve: a day needs weights, at least one of them above 0",
        )
    for each in scenario.scripted:
        yield each.film < scenario.films_count, f"scripted.film: there is no film {each.film}"


def _function_rules(engine: Functions | Local | Cluster) -> Iterator[tuple[bool, str]]:
    """Yield whether each rule of functions is kept, and what is wrong if not."""
    if not isinstance(engine, Functions):
        return
    concurrency = engine.account_concurrency
    yield engine.timeout > 0, "engine.timeout: expected more than 0"
    yield engine.reserved <= concurrency, "engine.reserved: more than engine.account_concurrency"
    yield (
        engine.provisioned <= concurrency,
        "engine.provisioned: more than engine.account_concurrency",
    )
    yield (
        engine.reserved < 0 or engine.provisioned <= engine.reserved,
        "engine.provisioned: more than engine.reserved",
    )

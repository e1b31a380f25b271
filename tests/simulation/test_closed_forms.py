"""The model agrees with what can be calculated by hand."""

import math
from typing import Any

import msgspec
import pytest

from scrubjay.prices.book import load_prices
from scrubjay.simulation.functions import Account, Function, Ramp, Tokens
from scrubjay.simulation.model import simulate
from scrubjay.simulation.outcome import Simulated
from scrubjay.simulation.rules import rules_with
from scrubjay.simulation.scenario import Scenario
from scrubjay.simulation.values import from_toml


def scenario(engine: dict[str, Any], **tables: Any) -> Scenario:  # noqa: ANN401  as TOML is
    """Return a scenario of one film of ten slices of 2 s, unless tables say otherwise."""
    tree = {
        "name": "test",
        "films": {"length": 300},
        "arrivals": {"films": 1},
        "slices": {"seconds": 2, "planning": 1, "publishing": 0.5},
        **tables,
        "engine": engine,
    }
    return msgspec.convert(tree, Scenario, dec_hook=from_toml)


def published(simulated: Simulated) -> float:
    """Return when the last set was published."""
    times = [film.published for film in simulated.films]
    assert None not in times
    return max(time for time in times if time is not None)


@pytest.mark.parametrize("workers", [1, 3, 10, 64])
@pytest.mark.parametrize("kind", ["local", "cluster"])
def test_slices_take_rounds(kind: str, workers: int) -> None:
    """N workers need ceil(slices / N) rounds, after planning and before publishing."""
    request = {"request": 0} if kind == "cluster" else {}
    simulated = simulate(scenario({"kind": kind, "workers": workers, **request}))
    assert published(simulated) == pytest.approx(1 + math.ceil(10 / workers) * 2 + 0.5)
    assert simulated.totals.most_running == min(workers, 10)
    assert simulated.is_complete


@pytest.mark.parametrize("reserved", [2, 5, 10])
def test_a_queue_keeps_all_its_workers_busy(reserved: int) -> None:
    """Behind SQS, warm workers take rounds as well."""
    engine = {
        "kind": "aws-lambda", "transport": "sqs", "reserved": reserved, "provisioned": reserved,
        "start": 0, "delivery": 0, "request": 0,
    }  # fmt: skip
    simulated = simulate(
        scenario(engine), rules=rules_with(["sqs_first_pollers=100", "async_jitter=0"])
    )
    assert published(simulated) == pytest.approx(1 + math.ceil(10 / reserved) * 2 + 0.5)


def test_functions_with_room_make_all_slices_at_once() -> None:
    """Without throttling a film takes one planner, one start, one slice and one publication."""
    simulated = simulate(
        scenario({"kind": "aws-lambda", "start": 1.5, "delivery": 0.25, "request": 0})
    )
    assert published(simulated) == pytest.approx(1.5 + 1 + 0.25 + 1.5 + 2 + 0.5)
    assert simulated.totals.throttles == 0
    assert simulated.totals.cold_starts == 11
    assert simulated.totals.most_running == 10


@pytest.mark.parametrize(("workers", "load"), [(1, 0.7), (3, 0.8), (8, 0.6)])
def test_waiting_times_are_those_of_erlang(workers: int, load: float) -> None:
    """Random arrivals and exponential times wait as M/M/c says: within three standard errors."""
    films, mean = 4000, 2.0
    rate = load * workers / mean
    simulated = simulate(
        scenario(
            {"kind": "local", "workers": workers},
            films={"length": 30},
            arrivals={"kind": "poisson", "films": films, "period": films / rate},
            slices={
                "seconds": {"kind": "exponential", "mean": mean}, "planning": 0, "publishing": 0
            },
            horizon="30d",
        )
    )  # fmt: skip
    assert simulated.totals.published == films
    stays = [film.last - film.arrived for film in simulated.films if film.last is not None]
    batches = [sum(stays[start : start + 200]) / 200 for start in range(0, films, 200)]
    found = sum(batches) / len(batches)
    spread = math.sqrt(sum((each - found) ** 2 for each in batches) / (len(batches) - 1))
    error = spread / math.sqrt(len(batches))
    assert abs(found - (mean + _erlang_wait(workers, load, mean))) < 3 * error


def _erlang_wait(workers: int, load: float, mean: float) -> float:
    """Return the mean wait in seconds: Erlang's C formula."""
    offered = load * workers
    last = offered**workers / math.factorial(workers) / (1 - load)
    waits = last / (sum(offered**n / math.factorial(n) for n in range(workers)) + last)
    return waits * mean / (workers * (1 - load))


def _started(function: Function, now: float) -> int:
    """Start environments until one is refused; return how many started."""
    count = 0
    while function.take(now) is not None:
        count += 1
    return count


def test_todays_scaling_adds_a_thousand_in_ten_seconds() -> None:
    """A function starts 1,000 environments at once, 100 more each second, and saves none up."""
    function = Function(Account(100_000), Tokens(1000, 10), rules_with())
    assert _started(function, 0) == 1000
    assert function.room_at == pytest.approx(0.01)
    assert _started(function, 5) == 500
    assert _started(function, 15) == 1000
    assert _started(function, 1000) == 1000


def test_the_scaling_of_2021_is_a_burst_and_a_ramp() -> None:
    """Functions started 3,000 environments at once, and 500 more each minute."""
    function = Function(Account(5000), Ramp(3000, 500, 60), rules_with())
    assert _started(function, 0) == 3000
    assert function.room_at == 60
    assert _started(function, 59.9) == 0
    assert _started(function, 60) == 500
    assert _started(function, 120) == 500
    assert _started(function, 180) == 500
    assert _started(function, 240) == 500
    assert _started(function, 300) == 0, "the account's concurrency is used up"


def test_the_accounts_concurrency_is_shared() -> None:
    """A reserve is taken from the account; what is left is for all other functions."""
    account = Account(10)
    workers = Function(account, Tokens(1000, 10), rules_with(), reserved=6)
    planner = Function(account, Tokens(1000, 10), rules_with())
    assert _started(workers, 0) == 6
    assert _started(planner, 0) == 4
    workers.give_back(1, is_alive=True)
    assert planner.take(1) is None
    assert workers.take(1) is False, "it is warm"


def test_idle_environments_end() -> None:
    """An environment is warm for ten minutes, and then gone."""
    function = Function(Account(10), Tokens(1000, 10), rules_with())
    function.take(0)
    function.give_back(1, is_alive=True)
    assert function.take(600) is False
    function.give_back(600, is_alive=True)
    assert function.take(1300) is True


def test_the_articles_bill_comes_out() -> None:
    """345 invocations of 4,096 MB and 4,311 ms cost about $0.10 at the prices of that day."""
    simulated = simulate(
        scenario(
            {
                "kind": "aws-lambda", "architecture": "x86_64", "memory_mb": 4096,
                "planner_memory_mb": 128, "start": 0,
            },
            films={"length": 345 * 30},
            slices={"seconds": 4.311, "planning": 0, "publishing": 0},
        ),
        prices=load_prices("aws-us-east-1"),
    )  # fmt: skip
    assert simulated.totals.made == 345
    assert simulated.cost.compute == pytest.approx(345 * 4 * 4.311 * 0.0000166667)
    assert simulated.cost.compute + simulated.cost.requests == pytest.approx(0.10, abs=0.002)


def test_warm_workers_are_billed() -> None:
    """Provisioned environments cost their price for as long as the simulation lasts."""
    simulated = simulate(scenario({"kind": "aws-lambda", "provisioned": 10, "memory_mb": 2048}))
    price = load_prices("aws-us-east-1").provisioned_gb_second.price
    assert simulated.cost.provisioned == pytest.approx(10 * 2 * simulated.ended_at * price)
    assert simulated.totals.cold_starts == 1, "the planner's"

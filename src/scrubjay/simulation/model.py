"""Simulate a scenario: a discrete-event model on SimPy's clock."""

import gc
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from scrubjay.prices.book import Prices, load_prices
from scrubjay.simulation.lambdas import Stack
from scrubjay.simulation.outcome import Simulated
from scrubjay.simulation.pools import Pool
from scrubjay.simulation.rules import Rules, rules_with
from scrubjay.simulation.run import World
from scrubjay.simulation.scenario import Arrivals, Functions, Scenario
from scrubjay.simulation.tally import Sample, Tally
from scrubjay.simulation.work import Film

__all__ = ["simulate"]

_FIRST_SAMPLES = 1.0
"""Seconds between two samples at first; it doubles as the simulation goes on."""

_DAY = 86400.0


def simulate(
    scenario: Scenario,
    *,
    rules: Rules | None = None,
    prices: Prices | None = None,
    on_sample: Callable[[Sample], None] | None = None,
) -> Simulated:
    """Simulate a scenario until all videos are done, or its horizon.

    The same scenario and seed give the same result. Ctrl-C ends it early: the result then says that
    it is incomplete, and has what was simulated so far.

    Args:
        scenario: what happens.
        rules: by which the services work; by default as they are documented.
        prices: what a cloud charges; by default those that the scenario names.
        on_sample: called with the state of the simulation now and then, first at its beginning.

    Raises:
        PriceError: the scenario's prices cannot be read.
    """
    prices = prices or load_prices(scenario.prices)
    tally = Tally(scenario, prices)
    world = World(scenario, rules or rules_with(), tally)
    engine = scenario.engine
    system = Stack(world, engine) if isinstance(engine, Functions) else Pool(world, engine)
    clock = world.clock
    clock.process(_arrivals(world, system))
    clock.process(_samples(world, system, on_sample or _ignore))
    was_stopped = False
    try:
        with _no_search_for_garbage():
            clock.run(until=clock.any_of([world.done, clock.timeout(float(scenario.horizon))]))
    except KeyboardInterrupt:
        was_stopped = True
    system.catch_up()
    tally.sample(world.now)
    return Simulated.of(scenario, tally, prices, ended_at=world.now, was_stopped=was_stopped)


@contextmanager
def _no_search_for_garbage() -> Generator[None]:
    """Let Python not look at a million orders again and again: none of them is in a cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _arrivals(world: World, system: Stack | Pool) -> Generator[Any]:
    scenario = world.scenario
    chance = world.chance("lengths")
    times = _times(scenario.arrivals, scenario.films_count, world.chance("arrivals"))
    for number, time in enumerate(times):
        if time > world.now:
            yield world.clock.timeout(time - world.now)
        lengths = scenario.lengths
        length = lengths[number % len(lengths)] if lengths else scenario.films.length.draw(chance)
        film = Film(number, world.now, world.slices_of(length))
        world.tally.arrived(film)
        system.arrive(film)
    world.has_all = True


def _times(arrivals: Arrivals, films: int, chance: Random) -> Iterator[float]:
    """Yield when each video arrives, rising."""
    period = float(arrivals.period)
    match arrivals.kind:
        case "burst":
            yield from (0.0 for _ in range(films))
        case "even":
            yield from (number * period / films for number in range(films))
        case "poisson":
            yield from sorted(chance.uniform(0, period) for _ in range(films))
        case "day":
            yield from sorted(_at_day(arrivals.curve, period, chance) for _ in range(films))


def _at_day(curve: Any, period: float, chance: Random) -> float:  # noqa: ANN401
    """Return a time in the period, at random, by the curve of a day."""
    while True:
        (part,) = chance.choices(range(len(curve)), curve)
        days = max(1, -(-period // _DAY))
        time = chance.randrange(int(days)) * _DAY + (part + chance.random()) * _DAY / len(curve)
        if time < period:
            return time


def _samples(
    world: World, system: Stack | Pool, on_sample: Callable[[Sample], None]
) -> Generator[Any]:
    every = _FIRST_SAMPLES
    while True:
        system.catch_up()
        if world.tally.sample(world.now):
            every *= 2
        on_sample(world.tally.samples[-1])
        yield world.clock.timeout(every)


def _ignore(_: object) -> None:
    pass

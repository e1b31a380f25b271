"""What a simulation counts."""

from typing import NamedTuple

import msgspec

from scrubjay.prices.book import Prices
from scrubjay.simulation.scenario import Films, Functions, Scenario
from scrubjay.simulation.work import PLANNING, Film, Order, Outcome

__all__ = ["Cost", "Sample", "Tally", "Totals"]

_MOST_SAMPLES = 600


class Totals(msgspec.Struct, kw_only=True):
    """Counts of a whole simulation."""

    films: int = 0
    """That arrived."""
    published: int = 0
    """Sets that were published, with or without gaps."""
    slices: int = 0
    """Of the videos that were planned."""
    made: int = 0
    gaps: int = 0
    lost: int = 0
    """Slices that were given up: dead letters, and attempts used up; their sets wait."""
    lost_films: int = 0
    """Videos whose planning was given up."""
    left: int = 0
    """Slices that were still waiting or being made at the end."""
    sent: int = 0
    """Events that a transport took, the planner's own not included."""
    invocations: int = 0
    """Attempts that began, planning included."""
    cold_starts: int = 0
    throttles: int = 0
    retries: int = 0
    """Attempts after one that failed."""
    redeliveries: int = 0
    """Of a bus or topic that could not call Lambda."""
    duplicates: int = 0
    dead_letters: int = 0
    queue_requests: float = 0
    """Sends, receipts and deletions of SQS; a message is a tenth of a send."""
    most_running: int = 0
    """Workers that were busy at once."""
    most_waiting: int = 0
    """Slices that were sent and not being made."""


class Cost(msgspec.Struct, kw_only=True):
    """In the currency of the prices."""

    compute: float = 0
    """Seconds of functions."""
    requests: float = 0
    """Invocations."""
    transport: float = 0
    puts: float = 0
    gets: float = 0
    provisioned: float = 0
    storage_month: float = 0
    """To keep what was written for a month; not in `total`."""

    @property
    def total(self) -> float:
        """All but storage."""
        return (
            self.compute + self.requests + self.transport + self.puts + self.gets + self.provisioned
        )


class Sample(NamedTuple):
    """The state at one moment."""

    time: float
    waiting: int
    running: int
    made: int
    throttles: int
    retries: int
    lost: int
    cost: float


class Tally:
    """Counts what happens in a simulation.

    Args:
        scenario: what is simulated.
        prices: what a cloud charges.
    """

    def __init__(self, scenario: Scenario, prices: Prices) -> None:
        self.totals = Totals()
        self.cost = Cost()
        self.films: list[Film] = []
        self.samples: list[Sample] = []
        self.waiting = 0
        self.running = 0
        self._prices = prices
        self._films: Films = scenario.films
        engine = scenario.engine
        self._engine = engine if isinstance(engine, Functions) else None
        by_architecture = prices.function_gb_second
        is_x86 = self._engine is not None and self._engine.architecture == "x86_64"
        self._gb_second = by_architecture.x86_64 if is_x86 else by_architecture.arm64

    def arrived(self, film: Film) -> None:
        """Count a video."""
        self.films.append(film)
        self.totals.films += 1

    def sent(self, order: Order) -> None:
        """Count an order that was sent."""
        if order.index == PLANNING:
            return
        totals = self.totals
        totals.sent += 1
        self.waiting += 1
        totals.most_waiting = max(totals.most_waiting, self.waiting)
        if self._engine:
            price = self._prices.transport
            match self._engine.transport:
                case "eventbridge":
                    self.cost.transport += price.eventbridge
                case "sns":
                    self.cost.transport += price.sns
                case "lambda":
                    self.cost.transport += price.lambda_
                case "sqs":
                    self.queue_requests(0.1)

    def queue_requests(self, count: float) -> None:
        """Count requests to a queue of SQS; a send of ten messages is one."""
        self.totals.queue_requests += count
        self.cost.transport += count * self._prices.transport.sqs

    def began(self, order: Order, *, is_cold: bool) -> None:
        """Count an attempt that begins."""
        totals = self.totals
        totals.invocations += 1
        totals.cold_starts += is_cold
        totals.retries += order.tries > 0
        if order.index != PLANNING:
            self.waiting -= 1
            self.running += 1
            totals.most_running = max(totals.most_running, self.running)

    def ended(self, order: Order, seconds: float, outcome: Outcome, *, again: bool) -> None:
        """Count an attempt that ended.

        Args:
            order: the order.
            seconds: that are billed.
            outcome: how it ended.
            again: whether the order waits for another attempt.
        """
        if order.index != PLANNING:
            self.running -= 1
            self.waiting += again
        engine, cost, prices = self._engine, self.cost, self._prices
        if engine:
            is_planning = order.index == PLANNING
            memory = engine.planner_memory_mb if is_planning else engine.memory_mb
            cost.compute += seconds * memory / 1024 * self._gb_second
            cost.requests += prices.function_request.price
        if order.index != PLANNING and outcome == "made":
            films = self._films
            cost.puts += films.objects * prices.storage.put
            cost.gets += films.reads * prices.storage.get
            cost.storage_month += films.megabytes / 1000 * prices.storage.gb_month

    def sample(self, now: float) -> bool:
        """Note the state at a moment.

        Returns:
            Whether there are so many samples that every second one was dropped; take them half as
            often from now on.
        """
        totals = self.totals
        if self._engine:
            gigabytes = self._engine.provisioned * self._engine.memory_mb / 1024
            self.cost.provisioned = gigabytes * now * self._prices.provisioned_gb_second.price
        self.samples.append(
            Sample(
                now, self.waiting, self.running, totals.made, totals.throttles, totals.retries,
                totals.lost, self.cost.total,
            )
        )  # fmt: skip
        if len(self.samples) < _MOST_SAMPLES:
            return False
        del self.samples[1::2]
        return True

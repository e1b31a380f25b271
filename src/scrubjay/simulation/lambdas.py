"""Functions on AWS: what calls them, how often it tries, and what it gives up.

Four ways to a worker: through Lambda's own asynchronous queue, which a bus, a topic or the planner
fills, or from a queue of SQS, which Lambda polls.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from scrubjay.simulation.functions import Account, Function, Ramp, Scaling, Tokens
from scrubjay.simulation.run import World
from scrubjay.simulation.scenario import Functions
from scrubjay.simulation.waiting import Timed
from scrubjay.simulation.work import PLANNING, Attempt, Film, Order, Outcome

__all__ = ["Stack"]

_DAY = 86400.0
_ORDERS_A_REQUEST = {"eventbridge": 10, "sqs": 10, "sns": 1, "lambda": 1}
_REQUESTS_AT_ONCE = {"eventbridge": 1, "sqs": 1, "sns": 16, "lambda": 16}
_SNS_BEFORE_STEPS = (1.0, 1.0)
_SNS_ATTEMPTS = 100_015
_PLANNER_REQUESTS = 6
_PLANNER_BACKOFF, _PLANNER_MOST_BACKOFF = 0.4, 5.0
"""The planner's own requests for a slice, and the seconds before the second one, which double up to
the last number (`aws/transports.py`)."""
_VISIBILITY = 6
"""A message of the queue is hidden for this many times the worker's timeout."""


class _Start(NamedTuple):
    order: Order
    attempt: Attempt
    seconds: float
    """Until the attempt ends."""
    billed: float


class _Runner:
    """Runs orders in a function's environments.

    Args:
        world: of the simulation.
        engine: its settings.
        function: the environments.
        on_end: called with an order and how it ended, or None after its set was published.
    """

    def __init__(
        self,
        world: World,
        engine: Functions,
        function: Function,
        on_end: Callable[[Order, Outcome], bool],
    ) -> None:
        self._world = world
        self._engine = engine
        self._starts = world.chance("starts")
        self._on_end = on_end
        self.function = function
        self.waiting: list[Callable[[], None]] = []
        """Called when an environment is free again."""

    def room_at(self) -> float:
        """Return when to ask again after `run` has returned False; infinite: when one ends."""
        return max(self.function.room_at, self._world.down_until("workers", self._world.now))

    def run(self, order: Order) -> bool:
        """Run an order now, if there is an environment for it."""
        now = self._world.now
        if self._world.down_until("workers", now) > now:
            self.function.room_at = now
            return False
        is_new = self.function.take(now)
        if is_new is None:
            return False
        attempt = self._world.attempt(order)
        if attempt.seconds > self._engine.timeout:
            attempt = Attempt(float(self._engine.timeout), "error")
        start = self._engine.start.draw(self._starts) if is_new else 0.0
        billed = attempt.seconds + start * self._world.rules.start_is_billed
        self._world.tally.began(order, is_cold=is_new)
        value = _Start(order, attempt, start + attempt.seconds, billed)
        self._world.after(value.seconds, self._ended, value)
        return True

    def _ended(self, start: _Start) -> None:
        order, outcome = start.order, start.attempt.outcome
        publishing = self._world.ended(order, outcome)
        again = self._on_end(order, outcome)
        self._world.tally.ended(order, start.billed + (publishing or 0), outcome, again=again)
        if publishing is not None:
            self._world.after(publishing, self._published, order.film)
        else:
            self._free(is_alive=outcome != "crash")

    def _published(self, film: Film) -> None:
        self._world.published(film)
        self._free(is_alive=True)

    def _free(self, *, is_alive: bool) -> None:
        self.function.give_back(self._world.now, is_alive=is_alive)
        for wake in self.waiting:
            wake()


class _Asynchronous:
    """Lambda's own queue of asynchronous events for one function.

    While nothing is free, the attempts of all that waits are throttled. They are counted when
    something becomes free, and not one by one.
    """

    def __init__(self, world: World, engine: Functions, function: Function) -> None:
        self._world = world
        self._engine = engine
        self._rules = world.rules
        self._random = world.chance("backoff").random
        self._least_delay = 1 - world.rules.async_jitter
        self._delay_span = 2 * world.rules.async_jitter
        self._full_waits = _doublings(
            world.rules.async_first_backoff, world.rules.async_most_backoff
        )
        self._max_age = float(engine.max_age)
        self._runner = _Runner(world, engine, function, self._after)
        self._events = Timed(world, self._try)
        self._is_blocked = False
        self.on_planned: Callable[[Order], None] = lambda _: None
        """Called when an order to plan a video is done."""

    @property
    def runner(self) -> _Runner:
        """What runs the events."""
        return self._runner

    def put(self, order: Order) -> None:
        """Take an event."""
        self._events.put(order, self._world.now)
        if not self._is_blocked:
            self._try()

    def catch_up(self) -> None:
        """Count the attempts that were throttled until now."""
        throttles, given_up = self._events.postpone_until(self._world.now, self._next_try)
        self._world.tally.totals.throttles += throttles
        for order in given_up:
            self._world.gave_up(order, is_dead_letter=True, was_waiting=True)

    def _next_try(self, order: Order, throttled_at: float) -> float:
        """Return when a throttled order is tried again; infinite if it has become too old."""
        waits = order.waits
        if waits >= self._full_waits:
            delay = self._rules.async_most_backoff
        else:
            order.waits = waits + 1
            delay = self._rules.async_first_backoff * 2.0**waits
        again = throttled_at + delay * (self._least_delay + self._delay_span * self._random())
        return again if again - order.born <= self._max_age else math.inf

    def woken(self) -> None:
        """Go on, because an environment is free again."""
        if self._is_blocked and self._runner.function.has_room:
            self._is_blocked = False
            self.catch_up()
            self._events.ring_at(self._events.first_at)

    def _try(self) -> None:
        events, now = self._events, self._world.now
        if self._is_blocked:
            self._is_blocked = False
            self.catch_up()
        while (order := events.due(now)) is not None:
            if not self._runner.run(order):
                self._is_blocked = True
                events.ring_at(self._runner.room_at())
                return
            events.drop()
        events.ring_at(events.first_at)

    def _after(self, order: Order, outcome: Outcome) -> bool:
        if outcome not in {"error", "crash"}:
            if order.index == PLANNING:
                self.on_planned(order)
            return False
        order.crashes += outcome == "crash"
        order.tries += 1
        delay = (
            self._rules.async_first_retry if order.tries == 1 else self._rules.async_second_retry
        )
        if (
            order.tries > self._engine.retries
            or self._world.now + delay - order.born > self._engine.max_age
        ):
            self._world.gave_up(order, is_dead_letter=True, was_waiting=False)
            return False
        self._events.put(order, self._world.now + delay)
        if not self._is_blocked:
            self._events.ring_at(self._events.first_at)
        return True


def _doublings(first: float, most: float) -> int:
    """Return how often a delay is doubled before it is longer than the longest one."""
    return next(count for count in range(64) if first * 2.0**count > most or not first)


class _Queue:
    """A queue of SQS that Lambda polls for one function."""

    def __init__(self, world: World, engine: Functions, function: Function) -> None:
        self._world = world
        self._engine = engine
        self._runner = _Runner(world, engine, function, self._after)
        self._visible: deque[Order] = deque()
        self._hidden = Timed(world, self._appear)
        self._visibility = float(engine.timeout) * _VISIBILITY
        self._most = (
            engine.reserved if engine.reserved >= 0 else min(
                engine.max_concurrency, round(world.rules.sqs_most_pollers)
            )
        )  # fmt: skip
        self._receives = engine.max_receives or 1 + int(_DAY / self._visibility)
        self._busy_since: float | None = None
        self._polls_at = -1.0

    @property
    def runner(self) -> _Runner:
        """What runs the messages."""
        return self._runner

    def put(self, order: Order) -> None:
        """Take a message."""
        self._visible.append(order)
        self.woken()

    def catch_up(self) -> None:
        """Count what was not counted yet: nothing."""

    def woken(self) -> None:
        """Receive messages as long as there are pollers."""
        world, rules = self._world, self._world.rules
        if not self._visible:
            if not self._runner.function.busy:
                self._busy_since = None
            return
        down = world.down_until("delivery", world.now)
        if down > world.now:
            self._poll_at(down)
            return
        if self._busy_since is None:
            self._busy_since = world.now
        minutes = (world.now - self._busy_since) / 60
        pollers = min(self._most, rules.sqs_first_pollers + rules.sqs_pollers_a_minute * minutes)
        while self._visible and self._runner.function.busy + 1 <= pollers + 1e-9:
            self._receive(self._visible.popleft())
        if self._visible and self._runner.function.busy < self._most and pollers < self._most:
            wanted = self._runner.function.busy + 1 - rules.sqs_first_pollers
            self._poll_at(self._busy_since + 60 * wanted / rules.sqs_pollers_a_minute)

    def _receive(self, order: Order) -> None:
        tally = self._world.tally
        if order.waits >= self._receives:
            self._world.gave_up(order, is_dead_letter=True, was_waiting=True)
            return
        tally.queue_requests(1)
        order.waits += 1
        order.received = self._world.now
        if not self._runner.run(order):
            tally.totals.throttles += 1
            order.waits -= not self._world.rules.sqs_throttled_counts
            self._hide(order)

    def _hide(self, order: Order) -> None:
        self._hidden.put(order, order.received + self._visibility)
        self._hidden.ring_at(self._hidden.first_at)

    def _appear(self) -> None:
        while (order := self._hidden.due(self._world.now)) is not None:
            self._hidden.drop()
            self._visible.append(order)
        self._hidden.ring_at(self._hidden.first_at)
        self.woken()

    def _poll_at(self, time: float) -> None:
        if self._polls_at <= self._world.now:
            self._polls_at = max(time, self._world.now)
            self._world.after(self._polls_at - self._world.now, lambda _: self.woken(), None)

    def _after(self, order: Order, outcome: Outcome) -> bool:
        if outcome not in {"error", "crash"}:
            self._world.tally.queue_requests(1)
            return False
        order.crashes += outcome == "crash"
        order.tries += 1
        self._hide(order)
        return True


class Stack:
    """The planner, a transport and the workers, as `deploy/aws/template.yaml` deploys them.

    Args:
        world: of the simulation.
        engine: the stack's settings.
    """

    def __init__(self, world: World, engine: Functions) -> None:
        self._world = world
        self._engine = engine
        self._delivery = world.chance("delivery")
        account = Account(engine.account_concurrency)
        ramp = self._ramp() if engine.scaling == "2021" else None
        workers = Function(
            account,
            ramp or self._tokens(),
            world.rules,
            reserved=engine.reserved,
            provisioned=engine.provisioned,
        )
        planner = Function(account, ramp or self._tokens(), world.rules)
        self._planner = _Asynchronous(world, engine, planner)
        self._planner.on_planned = self._planned
        kind = _Queue if engine.transport == "sqs" else _Asynchronous
        self._workers = kind(world, engine, workers)
        for runner in (self._planner.runner, self._workers.runner):
            runner.waiting += [self._workers.woken, self._planner.woken]

    def _tokens(self) -> Scaling:
        rules = self._world.rules
        return Tokens(rules.scaling_step, rules.scaling_step_seconds)

    def _ramp(self) -> Scaling:
        rules = self._world.rules
        return Ramp(self._engine.burst, rules.ramp_2021_step, rules.ramp_2021_seconds)

    def arrive(self, film: Film) -> None:
        """Take a video that was uploaded."""
        self._planner.put(Order(film, PLANNING, self._world.now))

    def catch_up(self) -> None:
        """Count what was not counted yet."""
        self._planner.catch_up()
        self._workers.catch_up()

    def _planned(self, order: Order) -> None:
        """Send the slices of a video.

        The planner's time to send is not counted as busy: it is a few hundredths of a second for
        ten slices, and slices are made meanwhile.
        """
        film, world = order.film, self._world
        film.planned = world.now
        world.tally.totals.slices += film.slices
        transport = self._engine.transport
        at_once = _ORDERS_A_REQUEST[transport] * _REQUESTS_AT_ONCE[transport]
        sent_at = 0.0
        for count, each in enumerate(world.orders_of(film)):
            if count % at_once == 0:
                sent_at += self._engine.request.draw(self._delivery)
            world.tally.sent(each)
            delay = sent_at + self._engine.delivery.draw(self._delivery)
            world.after(delay, self._deliver, each)

    def _deliver(self, order: Order) -> None:
        world = self._world
        works_at = world.down_until("delivery", world.now)
        if works_at == world.now or self._engine.transport == "sqs":
            self._workers.put(order)
            return
        at = world.now
        attempts = 1
        while at < works_at:
            at += self._backoff(attempts)
            attempts += 1
            if self._is_over(at - order.born, attempts):
                world.gave_up(order, is_dead_letter=True, was_waiting=True)
                return
        world.tally.totals.redeliveries += attempts - 1
        world.after(at - world.now, self._deliver, order)

    def _backoff(self, attempts: int) -> float:
        """Return the seconds before an event is delivered again."""
        rules = self._world.rules
        if self._engine.transport == "eventbridge":
            most = min(
                rules.eventbridge_first_backoff * 2.0 ** (attempts - 1),
                rules.eventbridge_most_backoff,
            )
            return most * self._delivery.uniform(0.5, 1)
        if self._engine.transport == "lambda":
            if attempts % _PLANNER_REQUESTS:
                request = attempts % _PLANNER_REQUESTS - 1
                return min(_PLANNER_BACKOFF * 2.0**request, _PLANNER_MOST_BACKOFF)
            is_first = attempts == _PLANNER_REQUESTS  # the planner has failed, and is retried
            return rules.async_first_retry if is_first else rules.async_second_retry
        if attempts <= rules.sns_immediate:
            return 0
        step = attempts - rules.sns_immediate - len(_SNS_BEFORE_STEPS)
        if step <= 0:
            return _SNS_BEFORE_STEPS[0]
        return math.pow(rules.sns_most_backoff, min(1.0, step / rules.sns_steps))

    def _is_over(self, age: float, attempts: int) -> bool:
        """Whether an event is delivered no more."""
        engine = self._engine
        if engine.transport == "eventbridge":
            return age > engine.delivery_max_age or attempts > engine.delivery_attempts + 1
        if engine.transport == "sns":
            return attempts > _SNS_ATTEMPTS
        return attempts > _PLANNER_REQUESTS * (1 + engine.retries)

"""The world of a simulation: its clock, its chance, its videos, and what goes wrong."""

import math
from collections.abc import Iterator
from random import Random

from scrubjay.simulation.clock import Clock
from scrubjay.simulation.rules import Rules
from scrubjay.simulation.scenario import Local, Outage, Scenario
from scrubjay.simulation.tally import Tally
from scrubjay.simulation.work import PLANNING, Attempt, Film, Order, Outcome

__all__ = ["World"]

_DAMAGED, _POISONED = 1, 2
_ENDED, _GIVEN_UP = 1, 2

_MOST_CRASHES = 2
"""Crashes after which a queue's worker makes a slice a gap (`engines/queue/worker.py`)."""


class World:
    """What all parts of a simulation share.

    Args:
        scenario: what is simulated.
        rules: by which the services work.
        tally: counts what happens.
    """

    def __init__(self, scenario: Scenario, rules: Rules, tally: Tally) -> None:
        self.scenario = scenario
        self.rules = rules
        self.tally = tally
        self.clock = Clock()
        self.after = self.clock.after
        """Call an action with a value, some seconds later."""
        self.done = self.clock.event()
        """Happens when all videos have arrived and are over."""
        self.has_all = False
        """Whether all videos have arrived."""
        self._films_over = 0
        self._times = self.chance("times")
        self._luck = self.chance("luck")
        self._fates = self.chance("fates")
        self._fate: dict[tuple[int, int], int] = {}
        failures = scenario.failures
        engine = scenario.engine
        self._most_crashes = engine.attempts if isinstance(engine, Local) else _MOST_CRASHES
        self._hopeless = failures.damaged + failures.poisoned
        self._unlucky = failures.errors + failures.crashes
        self._scripted = {(each.film, each.slice): each.attempts for each in scenario.scripted}
        self._outages = {
            of: sorted(
                (each for each in scenario.outages if each.of == of), key=lambda each: each.start
            )
            for of in ("store", "delivery", "workers")
        }

    def chance(self, purpose: str) -> Random:
        """Return a source of chance of its own, so that parts do not change each other's luck."""
        return Random(f"{self.scenario.seed} {purpose}")  # noqa: S311  it is no secret

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return self.clock.time

    def orders_of(self, film: Film) -> Iterator[Order]:
        """Yield an order for each slice of a video, now and then two."""
        failures = self.scenario.failures
        for index in range(film.slices):
            if self._hopeless:
                draw = self._fates.random()
                if draw < self._hopeless:
                    fate = _DAMAGED if draw < failures.damaged else _POISONED
                    self._fate[film.number, index] = fate
            yield Order(film, index, self.now)
            if failures.duplicates and self._fates.random() < failures.duplicates:
                self.tally.totals.duplicates += 1
                yield Order(film, index, self.now)

    def down_until(self, of: str, time: float) -> float:
        """Return when what is down at a time works again; that time itself if nothing is."""
        if not self.scenario.outages:
            return time
        for outage in self._outages[of]:
            if outage.start <= time < outage.start + outage.length:
                time = outage.start + outage.length
        return time

    def attempt(self, order: Order) -> Attempt:
        """Return how long the next attempt at an order takes, and how it ends."""
        film, index = order.film, order.index
        if index == PLANNING:
            return self._through_outages(self.scenario.slices.planning.draw(self._times), "made")
        if film.ended[index] == _ENDED:
            return Attempt(self.rules.already_done_seconds, "already made")
        seconds = self.scenario.slices.seconds.draw(self._times)
        outcome: Outcome = "made"
        left = self._scripted.get((film.number, index), 0)
        fate = self._fate.get((film.number, index), 0) if self._hopeless else 0
        if left:
            self._scripted[film.number, index] = left - 1
            outcome = "error"
        elif fate == _DAMAGED:
            outcome = "gap"
        elif fate == _POISONED:
            outcome, seconds = "crash", seconds / 2
        elif self._unlucky:
            draw = self._luck.random()
            if draw < self.scenario.failures.errors:
                outcome = "error"
            elif draw < self._unlucky:
                outcome, seconds = "crash", seconds / 2
        if outcome == "crash" and order.crashes + 1 >= self._most_crashes:
            outcome = "gap"
        return self._through_outages(seconds, outcome)

    def _through_outages(self, seconds: float, outcome: Outcome) -> Attempt:
        """Return the attempt that begins now, cut short by the first outage that it meets."""
        if not self.scenario.outages:
            return Attempt(seconds, outcome)
        start = self.now
        met = [
            _end_of(outage, start)
            for outage in (*self._outages["store"], *self._outages["workers"])
            if outage.start < start + seconds and start < outage.start + outage.length
        ]
        if met:
            end, failure = min(met)
            return Attempt(end - start, failure)
        return Attempt(seconds, outcome)

    def ended(self, order: Order, outcome: Outcome) -> float | None:
        """Note how an attempt ended that needs no other.

        Returns:
            Seconds to publish the set, if that was its last slice.
        """
        film, index, totals = order.film, order.index, self.tally.totals
        if outcome not in {"made", "gap"} or index == PLANNING or film.ended[index] == _ENDED:
            return None
        if film.ended[index] == _GIVEN_UP:  # by another copy of its order
            totals.lost -= 1
            film.lost -= 1
        film.ended[index] = _ENDED
        film.left -= 1
        if outcome == "made":
            totals.made += 1
            film.made += 1
            film.first = self.now if film.first is None else film.first
            film.last = self.now
        else:
            totals.gaps += 1
            film.gaps += 1
        self._check_over(film)
        return None if film.left else self.scenario.slices.publishing.draw(self._times)

    def published(self, film: Film) -> None:
        """Note that a set is published."""
        film.published = self.now
        self.tally.totals.published += 1
        self._over(film)

    def gave_up(self, order: Order, *, is_dead_letter: bool, was_waiting: bool) -> None:
        """Note that an order gets no more attempts."""
        film, index, totals = order.film, order.index, self.tally.totals
        totals.dead_letters += is_dead_letter
        if index == PLANNING:
            totals.lost_films += 1
            self._over(film)
            return
        self.tally.waiting -= was_waiting
        if not film.ended[index]:
            film.ended[index] = _GIVEN_UP
            totals.lost += 1
            film.lost += 1
            self._check_over(film)

    def _check_over(self, film: Film) -> None:
        """Note a video as over if all that is left of it was given up."""
        if film.left and film.lost == film.left:
            self._over(film)

    def _over(self, film: Film) -> None:
        if not film.is_over:
            film.is_over = True
            self._films_over += 1
        if self.has_all and self._films_over == self.tally.totals.films and not self.done.triggered:
            self.done.succeed()

    def slices_of(self, length: float) -> int:
        """Return how many slices a video has."""
        return max(1, math.ceil(length / self.scenario.films.slice_length - 1e-9))


def _end_of(outage: Outage, start: float) -> tuple[float, Outcome]:
    """Return when and how an attempt ends that meets an outage."""
    patience = 0 if outage.of == "workers" else outage.fails_after
    return max(start, outage.start) + patience, "error"

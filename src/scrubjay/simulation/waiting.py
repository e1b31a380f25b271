"""A queue whose orders are tried again at times of their own."""

from collections.abc import Callable
from math import inf

from scrubjay.simulation.calendar import Calendar
from scrubjay.simulation.run import World
from scrubjay.simulation.work import Order

__all__ = ["Timed"]


class Timed:
    """Orders by the time at which each is due, and one alarm for the first of them.

    Args:
        world: of the simulation.
        ring: called when the first order is due.
    """

    def __init__(self, world: World, ring: Callable[[], None]) -> None:
        self._world = world
        self._ring = ring
        self._calendar: Calendar[tuple[float, int, Order]] = Calendar(1)
        self._count = 0
        self._rings_at = inf

    @property
    def first_at(self) -> float:
        """When the first order is due; infinite if there is none."""
        first = self._calendar.first()
        return inf if first is None else first[0]

    def put(self, order: Order, due: float) -> None:
        """Add an order."""
        self._count += 1
        self._calendar.put((due, self._count, order))

    def due(self, now: float) -> Order | None:
        """Return the first order if it is due, without removing it."""
        first = self._calendar.first()
        return None if first is None or first[0] > now else first[2]

    def drop(self) -> None:
        """Remove the first order, which `due` has returned."""
        self._calendar.drop()

    def postpone_until(
        self, now: float, next_due: Callable[[Order, float], float]
    ) -> tuple[int, list[Order]]:
        """Postpone every order that was due before now.

        Args:
            now: the time.
            next_due: returns when an order that was due at a time is due again; infinite if it is
                given up.

        Returns:
            How often orders were postponed or given up, and those that were given up.
        """
        before = self._count
        put = self._calendar.put
        given_up: list[Order] = []
        for due, _, order in self._calendar.taken_before(now):
            again = next_due(order, due)
            if again < inf:
                self._count += 1
                put((again, self._count, order))
            else:
                given_up.append(order)
        return self._count - before + len(given_up), given_up

    def ring_at(self, time: float) -> None:
        """Ring at a time, if nothing rings earlier."""
        if time < self._rings_at and time < inf:
            self._rings_at = time
            self._world.after(max(0.0, time - self._world.now), self._rang, time)

    def _rang(self, time: float) -> None:
        if time == self._rings_at:
            self._rings_at = inf
            self._ring()

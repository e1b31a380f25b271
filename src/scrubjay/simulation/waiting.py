"""A queue whose orders are tried again at times of their own."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import inf
from typing import Any

from scrubjay.simulation.run import World
from scrubjay.simulation.work import Order

__all__ = ["Timed"]


class Timed:
    """Orders by the time at which each is due, and one alarm for the first of them.

    Orders that are due in a later second are kept unsorted with all others of that second: a queue
    of a million orders, each tried again every few minutes, is sorted a few thousand at a time.

    Args:
        world: of the simulation.
        ring: called when the first order is due.
    """

    def __init__(self, world: World, ring: Callable[[], None]) -> None:
        self._world = world
        self._ring = ring
        self._near: list[tuple[float, int, Order]] = []
        """A heap of the orders that are due up to the end of `_second`."""
        self._second = 0
        self._later: dict[int, list[tuple[float, int, Order]]] = {}
        """The other orders, by second."""
        self._seconds: list[int] = []
        """A heap of those seconds."""
        self._count = 0
        self._rings_at = inf

    @property
    def first_at(self) -> float:
        """When the first order is due; infinite if there is none."""
        return self._near[0][0] if self._near or self._advance() else inf

    def put(self, order: Order, due: float) -> None:
        """Add an order."""
        self._count += 1
        second = int(due)
        if second <= self._second:
            heappush(self._near, (due, self._count, order))
            return
        orders = self._later.get(second)
        if orders is None:
            self._later[second] = [(due, self._count, order)]
            heappush(self._seconds, second)
        else:
            orders.append((due, self._count, order))

    def _advance(self) -> bool:
        """Go on to the next second that has orders; return whether there is one."""
        if not self._seconds:
            return False
        self._second = heappop(self._seconds)
        self._near = self._later.pop(self._second)
        heapify(self._near)
        return True

    def peek(self) -> Order:
        """Return the first order, after `first_at` has said that there is one."""
        return self._near[0][2]

    def pop(self) -> Order:
        """Remove the first order and return it, after `first_at` has said that there is one."""
        return heappop(self._near)[2]

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
        postponed = 0
        given_up: list[Order] = []
        while (self._near or self._advance()) and self._near[0][0] < now:
            due, _, order = heappop(self._near)
            postponed += 1
            again = next_due(order, due)
            if again < inf:
                self.put(order, again)
            else:
                given_up.append(order)
        return postponed, given_up

    def ring_at(self, time: float) -> None:
        """Ring at a time, if nothing rings earlier."""
        if time < self._rings_at and time < inf:
            self._rings_at = time
            self._world.after(max(0.0, time - self._world.now), self._rang, time)

    def _rang(self, event: Any) -> None:  # noqa: ANN401  SimPy's
        if event.value == self._rings_at:
            self._rings_at = inf
            self._ring()

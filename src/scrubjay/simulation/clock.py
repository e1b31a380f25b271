"""The clock of a simulation: SimPy's, with a queue for millions of events."""

from collections.abc import Callable
from math import inf
from typing import Any, TypeAlias, TypeVar

import simpy
from simpy.core import EmptySchedule
from simpy.events import NORMAL, EventPriority

from scrubjay.simulation.calendar import Calendar

__all__ = ["Clock"]

V = TypeVar("V")

_Entry: TypeAlias = tuple[float, EventPriority, int, Callable[[Any], None] | None, Any]
"""When it is due, its priority and number, and an action and its value, or None and an event of
SimPy's."""

_PAGES = 16
"""Pages a second of the calendar."""


class Clock(simpy.Environment):
    """SimPy's environment, in which an action costs no more than a tuple.

    The order in which things happen is SimPy's: by time, then priority, then as they were
    scheduled.
    """

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0
        """Seconds since the simulation began."""
        self._calendar: Calendar[_Entry] = Calendar(_PAGES)
        self._count = 0

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return self.time

    def after(self, seconds: float, action: Callable[[V], None], value: V) -> None:
        """Call an action with a value, some seconds later, which are at least 0."""
        self._count += 1
        self._calendar.put((self.time + seconds, NORMAL, self._count, action, value))

    def schedule(
        self, event: simpy.Event, priority: EventPriority = NORMAL, delay: float = 0
    ) -> None:
        """Schedule an event of SimPy's."""
        self._count += 1
        self._calendar.put((self.time + delay, priority, self._count, None, event))

    def peek(self) -> float:
        """Return when the next thing is due; infinite if there is none."""
        first = self._calendar.first()
        return inf if first is None else first[0]

    def step(self) -> None:
        """Let the next thing happen.

        Raises:
            EmptySchedule: nothing is left.
        """
        first = self._calendar.first()
        if first is None:
            raise EmptySchedule
        self._calendar.drop()
        self.time, priority, number, action, value = first
        if action is not None:
            action(value)
        else:
            self._queue.append((self.time, priority, number, value))
            super().step()

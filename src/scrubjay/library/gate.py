"""When a run over a library may begin another slice: at night only, or while others need little.

What has begun is finished, so a closed gate costs no work. The run waits until it opens.
"""

import os
import re
from collections.abc import Callable
from datetime import datetime, time
from typing import NamedTuple, Self

from scrubjay.errors import RecipeError

__all__ = ["Gate", "Hours"]

_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


class Hours(NamedTuple):
    """A part of each day, by this machine's clock and time zone."""

    start: time
    end: time
    """Not included; before the start if the part goes over midnight."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse hours such as `01:00-06:00` or `22:30-6:00`.

        Raises:
            RecipeError: they are not written like this, or empty.
        """
        found = _HOURS.fullmatch(text.strip())
        problem = RecipeError(f"hours {text!r}: write them like 01:00-06:00")
        if found is None:
            raise problem
        first, second, third, fourth = map(int, found.groups())
        try:
            hours = cls(time(first, second), time(third % 24, fourth))
        except ValueError:
            raise problem from None
        if hours.start == hours.end:
            raise RecipeError(f"hours {text!r}: they begin and end at the same time")
        return hours

    def contain(self, moment: time) -> bool:
        """Whether a time of day is in these hours."""
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


class Gate:
    """Whether another slice may begin; call it with how many are being made.

    Args:
        hours: when slices may begin; None is always.
        max_load: load average of the last minute from which on no slice begins beside others, as
            `make -l` does it; None is any.
        now: returns the time of day.
        load: returns the load average of the last minute.
    """

    def __init__(
        self,
        *,
        hours: Hours | None = None,
        max_load: float | None = None,
        now: Callable[[], time] = lambda: datetime.now().astimezone().time(),
        load: Callable[[], float] = lambda: os.getloadavg()[0],
    ) -> None:
        self._hours = hours
        self._max_load = max_load
        self._now = now
        self._load = load

    def __call__(self, running: int) -> bool:
        """Return whether another slice may begin.

        Args:
            running: how many slices are being made. Beside none, the load does not matter, so
                that the run always gets on.
        """
        if self._hours is not None and not self._hours.contain(self._now()):
            return False
        return not running or self._max_load is None or self._load() < self._max_load

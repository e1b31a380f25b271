"""Functions of one account: environments that start, are busy and idle, and how fast more come."""

from collections import deque
from typing import Protocol

from scrubjay.simulation.rules import Rules

__all__ = ["Account", "Function", "Ramp", "Scaling", "Tokens"]

_NEARLY_ONE = 1 - 1e-9


class Scaling(Protocol):
    """Limits how fast environments are added."""

    def may_add(self, now: float) -> bool:
        """Whether one more environment may start now; if so, it counts."""
        ...

    def removed(self, count: int) -> None:
        """Count environments that were removed."""
        ...

    def next_at(self, now: float) -> float:
        """Return when the next environment may start, after `may_add` has refused one."""
        ...


class Tokens:
    """Today's limit, for each function: so many environments in 10 s; unused ones do not add up.

    Args:
        step: how many.
        seconds: in how long, refilled continuously.
    """

    def __init__(self, step: float, seconds: float) -> None:
        self._most = step
        self._rate = step / seconds
        self._left = step
        self._at = 0.0

    def may_add(self, now: float) -> bool:
        """Whether one more environment may start now; if so, it counts."""
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < _NEARLY_ONE:
            return False
        self._left -= 1
        return True

    def removed(self, count: int) -> None:
        """Count environments that were removed: it makes no difference."""

    def next_at(self, now: float) -> float:
        """Return when the next environment may start."""
        return now + (1 - self._left) / self._rate


class Ramp:
    """The limit of 2021, for an account: a burst at once, and then 500 more each minute.

    Args:
        burst: environments that may exist at once to begin with.
        step: how many more may exist each time.
        seconds: between two steps.
    """

    def __init__(self, burst: float, step: float, seconds: float) -> None:
        self._burst = burst
        self._step = step
        self._seconds = seconds
        self._ceiling = burst
        self._alive = 0
        self._step_at: float | None = None

    def may_add(self, now: float) -> bool:
        """Whether one more environment may start now; if so, it counts."""
        if self._step_at is not None and now >= self._step_at:
            self._ceiling += self._step
            self._step_at = None
        if self._alive < self._ceiling:
            self._alive += 1
            return True
        if self._step_at is None:
            self._step_at = now + self._seconds
        return False

    def removed(self, count: int) -> None:
        """Count environments that were removed; with few left, a burst is allowed again."""
        self._alive -= count
        if self._alive < self._burst:
            self._ceiling = self._burst
            self._step_at = None

    def next_at(self, now: float) -> float:
        """Return when the next environment may start."""
        return now if self._step_at is None else self._step_at


class Account:
    """The functions of an account in one region.

    Args:
        concurrency: environments that may be busy at once, over all functions.
    """

    def __init__(self, concurrency: int) -> None:
        self.left = concurrency
        """Environments that may become busy, beside those that are reserved."""


class Function:
    """The environments of one function.

    Args:
        account: of which it is.
        scaling: limits how fast environments are added.
        rules: of the service.
        reserved: environments taken from the account for this function, and its limit; -1 if none.
        provisioned: environments that are always warm.
    """

    def __init__(
        self,
        account: Account,
        scaling: Scaling,
        rules: Rules,
        *,
        reserved: int = -1,
        provisioned: int = 0,
    ) -> None:
        if reserved >= 0:
            account.left -= reserved
            account = Account(reserved)
        self._account = account
        self._scaling = scaling
        self._idle_seconds = rules.idle_seconds
        self._idle: deque[float] = deque()
        """When each idle environment became idle, rising."""
        self._warm = provisioned
        """Idle environments of those that are always warm."""
        self._provisioned = provisioned
        self._busy = 0
        self.room_at = 0.0
        """After `take` has returned None: when to ask again, unless an environment ends earlier;
        infinite if only that helps."""

    @property
    def busy(self) -> int:
        """Environments that are busy."""
        return self._busy

    @property
    def has_room(self) -> bool:
        """Whether concurrency is left."""
        return self._account.left > 0

    def take(self, now: float) -> bool | None:
        """Make an environment busy.

        Returns:
            Whether it is a new one; None if there is none: the request is throttled.
        """
        if self._account.left <= 0:
            self.room_at = float("inf")
            return None
        is_new = False
        if self._warm:
            self._warm -= 1
        else:
            self._remove_idle(now)
            if self._idle:
                self._idle.pop()
            elif self._scaling.may_add(now):
                is_new = True
            else:
                self.room_at = self._scaling.next_at(now)
                return None
        self._account.left -= 1
        self._busy += 1
        return is_new

    def give_back(self, now: float, *, is_alive: bool) -> None:
        """Make a busy environment idle, or remove it if its process has died."""
        self._account.left += 1
        self._busy -= 1
        if self._warm < self._provisioned:
            self._warm += 1  # whichever it was; one that died is replaced
        elif is_alive:
            self._idle.append(now)
        else:
            self._scaling.removed(1)

    def _remove_idle(self, now: float) -> None:
        removed = 0
        while self._idle and self._idle[0] < now - self._idle_seconds:
            self._idle.popleft()
            removed += 1
        if removed:
            self._scaling.removed(removed)

"""A queue in memory that does what queues may do, and workers that die where it hurts most."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from scrubjay.engines.base import Job
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue.completion import Ending
from scrubjay.engines.queue.orders import FinishOrder, Order
from scrubjay.engines.queue.progress import progress_of
from scrubjay.engines.queue.worker import Result, Worker
from scrubjay.errors import ScrubjayError, TransportError
from scrubjay.keys import MANIFEST
from scrubjay.model import decode, encode
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["Faults", "KilledError", "MemoryQueue"]

_ORDER = cast("type[Order]", Order)

_MOST_OVERLAPS = 3
"""Workers at once."""


class KilledError(BaseException):
    """A worker is killed: nothing of it catches this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How likely it is that something goes wrong."""

    duplicated: float = 0
    """An order comes again."""
    lost: float = 0
    """An order that was taken never comes."""
    refused: float = 0
    """An order is not taken, and the sender hears of it."""
    killed: float = 0
    """A worker is killed before or after one of its writes."""
    killed_at: int = 0
    """The moment, counted from 1, at which a worker is killed whatever the chance is; 0 is none.
    Each write has two, one before it and one after it."""
    overlapping: float = 0
    """Another worker runs between two writes of this one."""


class _FragileStore(Store):
    """A store whose users may be killed or overtaken at each write."""

    on_write: Callable[[], None] = staticmethod(lambda: None)

    def put(self, key: str, data: bytes, media_type: str) -> None:
        with self._written(key):
            super().put(key, data, media_type)

    def put_if(self, key: str, data: bytes, media_type: str, version: str) -> bool:
        with self._written(key):
            return super().put_if(key, data, media_type, version)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            with self._written(""):
                super().delete([key])

    @contextmanager
    def _written(self, key: str) -> Iterator[None]:
        self.on_write()
        if key == MANIFEST:
            plan = load_plan(self)
            assert plan
            assert not progress_of(self, plan).missing, "published before its last slice"
        yield
        self.on_write()


@dataclass(slots=True, kw_only=True)
class MemoryQueue:
    """Carries orders to workers of its own, in any order and at least once.

    It is a transport, and a clock whose time passes while its workers work: `sleep` lets a few of
    them run. What it does depends on the seed alone.
    """

    seed: int = 0
    faults: Faults = Faults()
    attempts: int = 1000
    """Failures of an order before it is a dead letter."""
    memory: Store | None = None
    """The store of orders that name none."""
    waiting: list[bytes] = field(default_factory=list[bytes])
    dead: list[bytes] = field(default_factory=list[bytes])
    sent: list[Order] = field(default_factory=list[Order])
    outcomes: list[Result] = field(default_factory=list[Result])
    announced: list[Ending] = field(default_factory=list[Ending])
    moments: int = 0
    """Of workers' writes so far."""
    kills: int = 0
    now: float = 0
    _failures: dict[bytes, int] = field(default_factory=dict[bytes, int])
    _at_work: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  no secret

    # -- the transport

    def send(self, orders: Sequence[Order]) -> None:
        """Take orders, as JSON: any other queue could."""
        refused = {n for n in range(len(orders)) if self._happens(self.faults.refused)}
        for order in (order for n, order in enumerate(orders) if n not in refused):
            self.sent.append(order)
            if not self._happens(self.faults.lost):
                self.waiting.append(encode(order))
        if refused:
            error = TransportError(f"{len(refused)} of {len(orders)} orders were refused")
            error.refused = frozenset(refused)
            raise error

    # -- the clock

    def monotonic(self) -> float:
        """Return the time, which passes in `sleep` alone."""
        return self.now

    def sleep(self, seconds: float, /) -> None:
        """Let time pass, and some workers work."""
        self.now += seconds
        self.deliver()

    # -- the workers

    def drain(self) -> None:
        """Deliver until nothing is left."""
        while self.waiting:
            self.deliver()

    def deliver(self) -> None:
        """Deliver one order, whichever it is; if its worker fails it waits again, or is dead."""
        if not self.waiting:
            return
        message = self.waiting.pop(self._random.randrange(len(self.waiting)))
        if self._happens(self.faults.duplicated):
            self.waiting.append(message)
        self._at_work += 1
        try:
            self._carry_out(decode(message, _ORDER))
        except (ScrubjayError, KilledError):
            failures = self._failures[message] = self._failures.get(message, 0) + 1
            (self.waiting if failures < self.attempts else self.dead).append(message)
        finally:
            self._at_work -= 1

    def _carry_out(self, order: Order) -> None:
        store = self.fragile(order)
        plan = load_plan(store)
        if plan is None:
            return
        worker = Worker(
            open_engine=InlineEngine,
            announce=lambda _, ending: self.announced.append(ending),
            watch=lambda _: lambda _: None,
            warn=lambda _: None,
        )
        job = Job(plan, order.video, store)
        if isinstance(order, FinishOrder):
            worker.finish(job)
        else:
            self.outcomes.extend(worker.make(job, order))

    def fragile(self, order: Order | None = None) -> Store:
        """Return the store of an order, for somebody who may be killed."""
        place = order.destination if order else None
        if place:
            store = _FragileStore.open(place)
        else:
            memory = self.memory
            assert memory
            store = _FragileStore(lambda: memory._backend, place=None)
        assert isinstance(store, _FragileStore)
        store.on_write = self._interrupt
        return store

    def _interrupt(self) -> None:
        self.moments += 1
        if self.moments == self.faults.killed_at or self._happens(self.faults.killed):
            self.kills += 1
            raise KilledError
        if self._at_work < _MOST_OVERLAPS and self._happens(self.faults.overlapping):
            self.deliver()

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance

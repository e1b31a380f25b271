"""Workers without functions: the processes of one machine, and those of a cluster."""

from heapq import heappop, heappush

from scrubjay.simulation.run import World
from scrubjay.simulation.scenario import Cluster, Local
from scrubjay.simulation.waiting import Timed
from scrubjay.simulation.work import PLANNING, Attempt, Film, Order, Outcome

__all__ = ["Pool"]


class Pool:
    """A number of workers that take orders, planning first.

    One machine makes the videos in their order; a cluster makes the first slices of all before the
    second ones, so that a short video does not wait behind a long one.

    Args:
        world: of the simulation.
        engine: how many workers there are, and how often they try.
    """

    def __init__(self, world: World, engine: Local | Cluster) -> None:
        self._world = world
        self._engine = engine
        self._chance = world.chance("cluster")
        self._free = engine.workers
        self._ready: list[tuple[int, int, int, Order]] = []
        self._count = 0
        self._later = Timed(world, self._due)

    def arrive(self, film: Film) -> None:
        """Take a video that was uploaded."""
        self._put(Order(film, PLANNING, self._world.now))
        self._start()

    def catch_up(self) -> None:
        """Count what was not counted yet: nothing."""

    def _put(self, order: Order) -> None:
        film = order.film.number
        first, second = (film, order.index)
        if isinstance(self._engine, Cluster) or order.index == PLANNING:
            first, second = second, first
        self._count += 1
        heappush(self._ready, (first, second, self._count, order))

    def _due(self) -> None:
        while (order := self._later.due(self._world.now)) is not None:
            self._later.drop()
            self._put(order)
        self._later.ring_at(self._later.first_at)
        self._start()

    def _start(self) -> None:
        """Give orders to free workers."""
        if not self._ready or not self._free:
            return
        works_at = self._world.down_until("workers", self._world.now)
        if works_at > self._world.now:
            self._later.ring_at(works_at)
            return
        while self._free and self._ready:
            order = heappop(self._ready)[-1]
            self._free -= 1
            attempt = self._world.attempt(order)
            self._world.tally.began(order, is_cold=False)
            request = (
                self._engine.request.draw(self._chance) if isinstance(self._engine, Cluster) else 0
            )
            self._world.after(request + attempt.seconds, self._ended, (order, attempt))

    def _ended(self, ending: tuple[Order, Attempt]) -> None:
        order, attempt = ending
        again = self._after(order, attempt.outcome)
        publishing = self._world.ended(order, attempt.outcome)
        self._world.tally.ended(order, attempt.seconds, attempt.outcome, again=again)
        if publishing is not None:
            self._world.after(publishing, self._published, order.film)
        else:
            self._free += 1
        self._start()

    def _published(self, film: Film) -> None:
        self._world.published(film)
        self._free += 1
        self._start()

    def _after(self, order: Order, outcome: Outcome) -> bool:
        """Send a planned video's slices, or put an order back; return whether it was put back."""
        if outcome not in {"error", "crash"}:
            if order.index == PLANNING:
                self._planned(order.film)
            return False
        order.tries += 1
        order.crashes += outcome == "crash"
        engine = self._engine
        if isinstance(engine, Local):
            if order.tries >= engine.attempts:
                self._world.gave_up(order, is_dead_letter=False, was_waiting=False)
                return False
            self._put(order)
            return True
        most = min(engine.first_backoff * 2.0 ** min(order.tries - 1, 60), engine.most_backoff)
        delay = most * self._chance.uniform(0.5, 1)
        if self._world.now + delay - order.born > engine.max_age:
            self._world.gave_up(order, is_dead_letter=True, was_waiting=False)
            return False
        self._later.put(order, self._world.now + delay)
        self._later.ring_at(self._later.first_at)
        return True

    def _planned(self, film: Film) -> None:
        film.planned = self._world.now
        self._world.tally.totals.slices += film.slices
        for each in self._world.orders_of(film):
            self._world.tally.sent(each)
            self._put(each)

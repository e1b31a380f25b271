"""How long slices take on workers: those of a machine, of a cluster, or functions."""

from collections.abc import Iterable
from heapq import heappush, heapreplace

__all__ = ["makespan"]

_MOST_JOBS = 100_000
"""With more, the time is their sum over the workers."""


def makespan(jobs: Iterable[float], workers: int) -> float:
    """Return how long jobs take if each begins when a worker is free, in their order.

    Args:
        jobs: how long each takes.
        workers: how many work at once, at least 1.
    """
    found = list(jobs)
    if len(found) > _MOST_JOBS:
        return sum(found) / workers + max(found)
    busy: list[float] = []
    for job in found:
        if len(busy) < workers:
            heappush(busy, job)
        else:
            heapreplace(busy, busy[0] + job)
    return max(busy, default=0.0)

"""The default engine: worker processes on this machine, one for each core.

A worker that crashes, hangs or takes too much memory is replaced; only the slice that it was making
counts as a failed attempt. docs/decisions/0004-worker-processes.md says why this is `subprocess`
and not a process pool, and docs/decisions/0014-confined-workers.md why workers are confined.
"""

from collections.abc import Callable
from math import inf
from typing import Self, TypeVar

from scrubjay.engines.crew import Crew, cores
from scrubjay.engines.crewed import CrewEngine
from scrubjay.engines.slot import Client, Terms
from scrubjay.engines.tasks import Bounds, Task
from scrubjay.events import OnEvent
from scrubjay.limits import Limits
from scrubjay.sandbox.confinement import Sandbox

__all__ = ["ProcessEngine"]

K = TypeVar("K", bound=Task)


class ProcessEngine(CrewEngine):
    """Makes slices in worker processes on this machine.

    Workers wait for more work until the engine is closed, at the end of its `with` block, so the
    next call for the same video does not start new ones.

    Args:
        workers: most workers at once; 0 is one for each core that this process may use. A worker
            only starts if there is enough work for it (`engines.worth`).
        attempts: how often to try a slice whose worker dies, at least 1.
        stall_timeout: seconds without any progress after which a worker is killed.
        limits: how much one video may cost; memory is limited on Linux only.
        sandbox: whether workers are confined: "auto", as far as possible; "require", completely or
            the run fails; "off", not at all.
        time_left: most seconds for a slice or a probe, even if `limits` allow more.
    """

    def __init__(
        self,
        *,
        workers: int = 0,
        attempts: int = 3,
        stall_timeout: float = 60.0,
        limits: Limits = Limits(),
        sandbox: Sandbox = "auto",
        time_left: float = inf,
    ) -> None:
        most = workers or cores()
        terms = Terms(sandbox, stall_timeout, limits.memory_limit_bytes)
        super().__init__(
            Crew(terms, cores=most),
            Bounds(most, attempts, limits, sandbox, time_left),
            Client(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every worker."""
        self._crew.close()

    def _carried_out(self, task_for: Callable[[OnEvent], K], on_event: OnEvent) -> K:
        task = task_for(on_event)
        self._crew.add(task)
        try:
            while not self._crew.is_over(task):
                self._crew.step()
        finally:
            self._crew.drop(task)
        if task.error:
            raise task.error
        return task

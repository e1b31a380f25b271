"""One crew of worker processes for several videos at once, each with an engine of its own.

A thread owns the crew: it alone starts, feeds and kills workers. The code that makes a set runs in
a thread for each video; its engine gives tasks to the crew's thread and waits for them.
"""

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Self, TypeVar

from scrubjay.engines.crew import Crew, cores
from scrubjay.engines.crewed import CrewEngine
from scrubjay.engines.slot import Client, Terms
from scrubjay.engines.tasks import Bounds, SliceRun, Task
from scrubjay.engines.wakeup import Wakeup
from scrubjay.errors import StoppedError
from scrubjay.events import Event, OnEvent
from scrubjay.limits import Limits
from scrubjay.sandbox.confinement import Sandbox

__all__ = ["PoolEngine", "WorkerPool"]

K = TypeVar("K", bound=Task)


class WorkerPool:
    """Worker processes for several videos at once: `engine` returns an engine for each.

    Slices of the video with the least work left come first, and every core is busy while any video
    has slices. An error of one video ends no other's work.

    Args:
        workers: how many slices to make at once; 0 is one for each core that this process may use.
        attempts: how often to try a slice whose worker dies, at least 1.
        stall_timeout: seconds without any progress after which a worker is killed.
        limits: how much one video may cost; memory is limited on Linux only.
        sandbox: whether workers are confined, as for `ProcessEngine`.
        per_disk: most workers that read videos of one disk at once; 0 is any number.
        may_begin: called in another thread with how many slices are being made; whether one more
            may begin. While it returns False, it is asked again every half second.
    """

    def __init__(
        self,
        *,
        workers: int = 0,
        attempts: int = 3,
        stall_timeout: float = 60.0,
        limits: Limits = Limits(),
        sandbox: Sandbox = "auto",
        per_disk: int = 0,
        may_begin: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self.workers = workers or cores()
        """How many slices are made at once."""
        self.limits = limits
        terms = Terms(sandbox, stall_timeout, limits.memory_limit_bytes)
        ahead = 2 + self.workers // 4
        self._crew = Crew(
            terms, cores=self.workers, ahead=ahead, per_disk=per_disk, may_begin=may_begin
        )
        self._bounds = Bounds(self.workers, attempts, limits, sandbox)
        self._wakeup: Wakeup
        self._calls = deque[Callable[[], None]]()
        self._on_end: dict[Task, Callable[[], None]] = {}
        self._thread = Thread(target=self._serve, name="scrubjay workers", daemon=True)
        self._lock = Lock()
        self._is_open = False
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._wakeup = Wakeup()
        self._crew.watch(self._wakeup)
        self._is_open = True
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every worker; whatever engines wait for fails.

        Raises:
            Exception: a bug ended the crew before.
        """
        with self._lock:
            self._is_open = False
        self._wakeup.send()
        self._thread.join()
        if self._failure:
            raise self._failure

    def engine(self, *, disk: str = "") -> "PoolEngine":
        """Return an engine for one video, for one thread.

        Args:
            disk: which disk the video is on; empty if that is unknown.
        """
        return PoolEngine(self, self._crew, self._bounds, Client(disk))

    def submit(self, task: Task, on_end: Callable[[], None]) -> None:
        """Have a task done; `on_end` is called in the crew's thread when it is over or has failed.

        Raises:
            StoppedError: the pool is closed.
        """

        def add() -> None:
            self._on_end[task] = on_end
            self._crew.add(task)

        if not self._call(add):
            raise _stopped()

    def withdraw(self, task: Task) -> None:
        """Stop a task that is not over yet; its `on_end` is called."""
        self._call(lambda: self._end(task))

    def dismiss(self, client: Client) -> None:
        """End the workers that wait for more work of a client."""
        self._call(lambda: self._crew.dismiss(client))

    def _call(self, function: Callable[[], None]) -> bool:
        """Have a function called in the crew's thread; return False if that has ended."""
        with self._lock:
            if self._is_open:
                self._calls.append(function)
                self._wakeup.send()
            return self._is_open

    def _serve(self) -> None:
        """Run the crew until the pool is closed."""
        try:
            while self._is_open:
                self._take_calls()
                for task in self._crew.ended():
                    self._end(task)
                self._crew.step()
        except Exception as error:  # noqa: BLE001  it is raised where the pool is closed
            self._failure = error
        finally:
            with self._lock:
                self._is_open = False
            self._take_calls()
            for task in [*self._on_end]:
                task.error = task.error or _stopped()
                self._end(task)
            self._crew.close()
            self._wakeup.close()

    def _take_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def _end(self, task: Task) -> None:
        """Remove a task, and the workers that only it needs, and report its end."""
        if (on_end := self._on_end.pop(task, None)) is None:
            return  # it has ended
        self._crew.drop(task)
        if isinstance(task, SliceRun) or task.error:
            self._crew.dismiss(task.client)
        on_end()


class PoolEngine(CrewEngine):
    """Makes slices of one video with the workers of a pool; `WorkerPool.engine` returns one."""

    def __init__(self, pool: WorkerPool, crew: Crew, bounds: Bounds, client: Client) -> None:
        super().__init__(crew, bounds, client)
        self._pool = pool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers that wait for more work on the video."""
        self._pool.dismiss(self._client)

    def _carried_out(self, task_for: Callable[[OnEvent], K], on_event: OnEvent) -> K:
        events = SimpleQueue[Event | None]()
        task = task_for(events.put)
        self._pool.submit(task, lambda: events.put(None))
        try:
            while (event := events.get()) is not None:
                on_event(event)
        except BaseException:
            self._pool.withdraw(task)
            while events.get() is not None:
                pass
            raise
        if task.error:
            raise task.error
        return task


def _stopped() -> StoppedError:
    return StoppedError("the workers were stopped; run it again to continue")

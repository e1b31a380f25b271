"""The engine on any `concurrent.futures.Executor`: threads, processes, or a cluster's.

An executor forgets what it was given when it breaks, and counts no attempts. So the ledger is here,
and the store says what is made (docs/decisions/0031-executors.md).
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack, suppress
from math import inf
from typing import Self

from scrubjay.engines.base import Engine, Job, Outcome, Probing
from scrubjay.engines.crew import cores
from scrubjay.engines.errands import Errand, Run, carry_out
from scrubjay.engines.ledger import Ledger
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.sending import Sending, text_of
from scrubjay.errors import WorkerCrashedError
from scrubjay.events import OnEvent
from scrubjay.identity import plan_id
from scrubjay.limits import Limits
from scrubjay.model import Plan, Reading, encode
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Sandbox
from scrubjay.sets.state import Missing

__all__ = ["ExecutorEngine"]


class ExecutorEngine:
    """Makes slices with a `concurrent.futures.Executor`; opens the video itself.

    Its workers need this package, the video and the destination, and start confined worker
    processes of their own. A worker that is lost costs the slice that it was making an attempt.

    Args:
        executor: where errands run, which stays open; or a function that returns a new one, which
            the engine closes, and replaces if it breaks.
        at_once: how many errands at once; 0 is one for each core that this process may use. Or a
            function that says it of the executor, asked before each errand.
        attempts: how often to try a slice whose worker dies, at least 1.
        stall_timeout: seconds without any progress after which a worker is killed.
        limits: how much one video may cost.
        sandbox: whether workers are confined, as for `ProcessEngine`.
        patience: seconds without an errand that ends after which the missing slices are given up.
        local: opens videos on this machine, and stays open; by default a worker process does.
    """

    def __init__(
        self,
        executor: Executor | Callable[[], Executor],
        *,
        at_once: int | Callable[[Executor], int] = 0,
        attempts: int = 3,
        stall_timeout: float = 60.0,
        limits: Limits = Limits(),
        sandbox: Sandbox = "auto",
        patience: float = inf,
        local: Engine | None = None,
    ) -> None:
        self._executor = executor if isinstance(executor, Executor) else None
        self._make_executor = None if isinstance(executor, Executor) else executor
        self._at_once = at_once
        self._attempts = attempts
        self._stall_timeout = stall_timeout
        self._sandbox: Sandbox = sandbox
        self._patience = patience
        self._limits = limits
        self._open = ExitStack()
        own = ProcessEngine(
            workers=1,
            attempts=attempts,
            stall_timeout=stall_timeout,
            limits=limits,
            sandbox=sandbox,
        )
        self._local = local or self._open.enter_context(own)

    @property
    def limits(self) -> Limits:
        """How much one video may cost."""
        return self._limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close what the engine has opened; the caller's executor stays open."""
        self._open.close()
        self._discard()

    def probe(self, source: Place) -> Probing:
        """Probe the video at a place, on this machine.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
            EngineError: probing failed for a reason that is not in the video.
        """
        return self._local.probe(source)

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures cost to read, on this machine.

        Raises:
            SourceError: the video cannot be opened, or is not the planned one.
            EngineError: counting failed for a reason that is not in the video.
        """
        return self._local.explain(plan, source)

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Send slices to the executor, and return what was made and what could not be.

        Raises:
            ScrubjayError: no slice can be made: see `Engine.run`; or the executor is broken.
        """
        ledger = Ledger(
            job, missing, attempts=self._attempts, on_event=on_event, limits=self.limits
        )
        with Run(job.store) as run:
            Sending(
                job,
                ledger,
                send=lambda some: self._send(self._errand(run, job, some)),
                places=self._places,
                patience=self._patience,
            ).run()
        return ledger.outcome

    def _places(self) -> int:
        """Return how many errands to send at once.

        Raises:
            EngineError: there is no executor.
        """
        if callable(self._at_once):
            executor = self._opened()
            with suppress(Exception):  # it is broken, which the next errand finds out
                return max(1, self._at_once(executor))
            return 1
        return self._at_once or cores()

    def _send(self, data: bytes) -> "Future[bytes]":
        """Hand an errand to the executor; replace an executor that is broken.

        Raises:
            EngineError: there is no executor that takes it.
        """
        for is_last in (False, True):
            executor = self._opened()
            try:
                return executor.submit(carry_out, data)
            except Exception as exc:
                if self._make_executor is None or is_last:
                    raise WorkerCrashedError(
                        f"the executor takes no more work ({text_of(exc)}); the same command "
                        "continues with a new one"
                    ) from exc
                self._discard()
        raise AssertionError  # pragma: no cover  the loop returns or raises

    def _errand(self, run: Run, job: Job, missing: Missing) -> bytes:
        """Return the errand to make some slices."""
        errand = Errand(
            process=run.process,
            run=run.id,
            plan=plan_id(job.plan),
            source=job.source,
            destination=job.store.place,
            missing=missing,
            limits=self.limits,
            sandbox=self._sandbox,
            stall_timeout=self._stall_timeout,
        )
        return encode(errand)

    def _opened(self) -> Executor:
        if self._executor is None:
            assert self._make_executor  # noqa: S101  there is one or the other
            self._executor = self._make_executor()
        return self._executor

    def _discard(self) -> None:
        """Close an executor of the engine's own."""
        if self._make_executor and self._executor:
            executor, self._executor = self._executor, None
            with suppress(Exception):  # it may be broken
                executor.shutdown(wait=False)

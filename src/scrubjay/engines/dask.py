"""The engine on a Dask cluster: its scheduler hands errands to its workers.

Dask's workers and schedulers unpickle what they receive, so whoever reaches them can run anything
there: they belong into a closed network, with `tls://` addresses.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from math import inf
from time import monotonic, sleep
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from scrubjay.engines.base import Engine
from scrubjay.engines.executor import ExecutorEngine
from scrubjay.engines.sending import text_of
from scrubjay.errors import EngineError, TransportError
from scrubjay.limits import Limits
from scrubjay.sandbox.confinement import Sandbox

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["DaskEngine"]

P = ParamSpec("P")
T = TypeVar("T")

_CONNECT = 10.0
"""Seconds for one attempt to reach the scheduler."""

_CLOSE = 3.0
"""Seconds in which a scheduler that is there hears that a client leaves."""

_PAUSE = 1.0
"""Seconds between two attempts."""

_RECONNECT = 120.0
"""Seconds in which a scheduler that was there may come back."""


class DaskEngine(ExecutorEngine):
    """Makes slices on the workers of a Dask cluster.

    A worker that is killed costs the slice that it was making an attempt. If the scheduler is
    killed, the engine waits two minutes for it, and sends again what is missing.

    Args:
        scheduler: its address, such as `tls://scheduler:8786`. Certificates come from Dask's own
            configuration.
        attempts: how often to try a slice whose worker dies, at least 1.
        stall_timeout: seconds without any progress after which a worker process is killed.
        limits: how much one video may cost.
        sandbox: whether worker processes are confined, as for `ProcessEngine`.
        patience: seconds without an errand that ends after which the missing slices are given up.
        local: opens videos on this machine, and stays open; by default a worker process does.

    Raises:
        EngineError: the extra `dask` is not installed.
        TransportError: the scheduler does not answer.
    """

    def __init__(
        self,
        scheduler: str,
        *,
        attempts: int = 3,
        stall_timeout: float = 60.0,
        limits: Limits = Limits(),
        sandbox: Sandbox = "auto",
        patience: float = inf,
        local: Engine | None = None,
    ) -> None:
        first: list[Executor] = [_Cluster(scheduler, _CONNECT)]

        def connected() -> Executor:
            return first.pop() if first else _Cluster(scheduler, _RECONNECT)

        super().__init__(
            connected,
            at_once=_threads,
            attempts=attempts,
            stall_timeout=stall_timeout,
            limits=limits,
            sandbox=sandbox,
            patience=patience,
            local=local,
        )


class _Cluster(Executor):
    """A Dask client as an executor."""

    def __init__(self, scheduler: str, seconds: float) -> None:
        self._client = _connected(scheduler, seconds)
        self._executor = self._client.get_executor(pure=False, retries=0)

    @property
    def threads(self) -> int:
        """How many threads its workers have now."""
        return sum(self._client.nthreads().values())

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        if self._client.status != "running":
            raise ConnectionError(f"the scheduler is gone ({self._client.status})")
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  as its base has it
        del wait, cancel_futures
        self._client.close(timeout=_CLOSE)


def _threads(executor: Executor) -> int:
    assert isinstance(executor, _Cluster)  # noqa: S101  `connected` makes no other
    return executor.threads


def _connected(scheduler: str, seconds: float) -> "Client":
    """Return a client of a scheduler; wait until it answers.

    Raises:
        EngineError: the extra `dask` is not installed.
        TransportError: the scheduler does not answer in that time, or refuses.
    """
    try:
        from distributed import Client  # noqa: PLC0415  an extra
    except ImportError:
        raise EngineError(
            'Dask is not installed: pip install "scrubjay[dask]", here and on the workers'
        ) from None
    end = monotonic() + seconds
    while True:
        try:
            return Client(scheduler, timeout=_CONNECT, set_as_default=False, name="scrubjay")
        except (OSError, TypeError, ValueError, ImportError) as exc:
            if isinstance(exc, TypeError | ValueError) or monotonic() > end:
                raise TransportError(
                    f"the Dask scheduler at {scheduler} cannot be reached: {text_of(exc)}"
                ) from exc
        sleep(_PAUSE)

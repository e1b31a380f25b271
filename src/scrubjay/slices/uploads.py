"""A slice's artifacts on their way to the store: several at once where that pays."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from scrubjay.sets.store import Sink
from scrubjay.slices.encoding import Encoded

__all__ = ["Uploads"]

_MOST_WAITING_BYTES = 64 << 20
"""Bytes of artifacts that wait to be sent, at most, before rendering waits for them."""

_BEAT = 1
"""Seconds between two signs of life while the store is waited for."""


class Uploads:
    """Puts artifacts into a store, in the background if the store is on a server.

    Leaving it waits for all of them, so that what is put after it, a record, comes last.

    Args:
        store: where they go.
        on_wait: called every second while the store is waited for.
    """

    def __init__(self, store: Sink, on_wait: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._on_wait = on_wait
        self._pool = ThreadPoolExecutor(store.lanes) if store.lanes > 1 else None
        self._coming: deque[tuple[Future[None], int]] = deque()
        self._waiting_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is None:
            return
        try:
            while error is None and self._coming:
                self._wait()
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for job, _ in self._coming:
                self._await(job)
            self._pool.shutdown()

    def put(self, encoded: Encoded) -> None:
        """Put one artifact, now or soon.

        Raises:
            StoreError: this one, or one before it, could not be written.
        """
        key, data, media_type = encoded.artifact.key, encoded.data, encoded.artifact.media_type
        if self._pool is None:
            self._store.put(key, data, media_type)
            return
        while self._coming and (
            self._coming[0][0].done() or self._waiting_bytes + len(data) > _MOST_WAITING_BYTES
        ):
            self._wait()
        job = self._pool.submit(self._store.put, key, data, media_type)
        self._coming.append((job, len(data)))
        self._waiting_bytes += len(data)

    def _wait(self) -> None:
        """Wait for the oldest one, and raise its error if it has one."""
        job, size = self._coming.popleft()
        self._waiting_bytes -= size
        self._await(job)
        job.result()

    def _await(self, job: Future[None]) -> None:
        """Wait for one to end, however it ends; a slow line is no stalled worker."""
        while not job.cancelled() and wait([job], timeout=_BEAT).not_done:
            self._on_wait()

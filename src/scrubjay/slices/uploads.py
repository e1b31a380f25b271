"""Uploads of a slice's artifacts, several at once if the store is on a server."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from scrubjay.sets.store import Sink
from scrubjay.slices.encoding import Encoded

__all__ = ["Uploads"]

_MOST_WAITING_BYTES = 64 << 20
"""Most bytes of artifacts that wait to be sent; beyond that, rendering waits."""

_BEAT = 1
"""Seconds between two reports while waiting for the store."""


class Uploads:
    """Writes artifacts into a store, in the background if the store is on a server.

    On exit it waits for all of them, so that the records are written last.

    Args:
        store: where they are written.
        on_wait: called every second while waiting for the store.
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
        """Write one artifact, at once or in the background.

        Raises:
            StoreError: this artifact or one before it could not be written.
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
        """Wait for the oldest write, and raise its error if it has one."""
        job, size = self._coming.popleft()
        self._waiting_bytes -= size
        self._await(job)
        job.result()

    def _await(self, job: Future[None]) -> None:
        """Wait for a write to end, and report meanwhile: a slow line is not a stalled worker."""
        while not job.cancelled() and wait([job], timeout=_BEAT).not_done:
            self._on_wait()

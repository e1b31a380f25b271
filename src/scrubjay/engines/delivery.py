"""Objects from workers on their way to the store: checked against the plan, then written.

A worker decodes strangers' files, one of which may have taken control of it. So it writes nothing
itself: the run writes for it, and only what belongs to its slice.
"""

from collections.abc import Callable, Collection
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from scrubjay.engines.inbox import ReceivedObject
from scrubjay.engines.wakeup import Wakeup
from scrubjay.errors import LimitError, WorkerCrashedError
from scrubjay.keys import record_key
from scrubjay.limits import Limits, option_of
from scrubjay.model import Plan, PlannedOutput, Slice, SliceRecord, decode
from scrubjay.planning import artifacts_of, chosen_outputs
from scrubjay.sets.records import check_record
from scrubjay.sets.state import save_record
from scrubjay.sets.store import Store

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["Delivery", "Outbox"]

_MOST_WAITING_BYTES = 64 << 20
"""Most bytes of one slice that wait to be written; beyond that, its worker waits."""


class _Writing(Protocol):
    """An object that is being written, or was."""

    def done(self) -> bool: ...

    def result(self) -> object: ...


class _Written:
    """An object that was written at once."""

    def done(self) -> bool:
        return True

    def result(self) -> None:
        pass


class Outbox:
    """Writes objects into a store: at once, or in the background if the store is on a server.

    Args:
        store: where they go.
        workers: how many slices are made at once.
    """

    def __init__(self, store: Store, workers: int) -> None:
        self.store = store
        self._pool: ThreadPoolExecutor | None = None
        self.wakeup: Wakeup | None = None
        """Readable when an object was written in the background."""
        if store.lanes > 1:
            self._open(store.lanes * workers)

    def _open(self, lanes: int) -> None:
        # slow to load, and most sets are folders
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        self._pool = ThreadPoolExecutor(lanes)
        self.wakeup = Wakeup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Cancel writes that have not begun; wait for the others unless the run failed."""
        self.close(is_failed=kind is not None)

    def close(self, *, is_failed: bool) -> None:
        """Cancel writes that have not begun; wait for the others unless the run failed."""
        if self._pool and self.wakeup:
            self._pool.shutdown(wait=not is_failed, cancel_futures=True)
            self.wakeup.close()

    def submit(self, write: Callable[[], None]) -> _Writing:
        """Write an object, at once or in the background. Writes begin in the order of submission.

        Raises:
            StoreError: the object was to be written at once, and that failed.
        """
        if self._pool is None:
            write()
            return _Written()
        coming = self._pool.submit(write)
        coming.add_done_callback(self._wake)
        return coming

    def _wake(self, _: object) -> None:
        if self.wakeup:
            self.wakeup.send()


class Delivery:
    """Checks and writes the objects of one slice.

    Args:
        plan: the plan of the slice.
        slice_: the slice.
        names: names of the requested outputs.
        outbox: writes the objects.
        limits: limits on the slice's bytes.
    """

    def __init__(
        self, plan: Plan, slice_: Slice, names: Collection[str], outbox: Outbox, limits: Limits
    ) -> None:
        self._plan = plan
        self._slice = slice_
        self._outbox = outbox
        self._most_bytes = limits.slice_bytes_for(plan.source.size_bytes, len(plan.slices))
        self._bytes = 0
        outputs = chosen_outputs(plan, names)
        self._media_types = {
            each.key: output.format.media_type
            for output in outputs
            for each in artifacts_of(plan, output, slice_)
        }
        self._due = {record_key(each.id, slice_.start, slice_.end): each for each in outputs}
        self._digests: dict[str, tuple[int, str]] = {}
        self._coming: list[tuple[_Writing, int]] = []
        self._ended: list[_Writing] = []
        self.records: list[SliceRecord] = []
        """The records that have arrived and are valid."""

    @property
    def has_all(self) -> bool:
        """Whether every record has arrived."""
        return not self._due

    @property
    def is_full(self) -> bool:
        """Whether the worker has to wait until some objects are written."""
        self._coming = [(each, size) for each, size in self._coming if not _is_over(each)]
        return sum(size for _, size in self._coming) > _MOST_WAITING_BYTES

    @property
    def is_over(self) -> bool:
        """Whether all objects, including the records, are in the store.

        Raises:
            StoreError: an object could not be written.
        """
        return self.has_all and all(map(_is_over, self._ended))

    def take(self, given: ReceivedObject) -> None:
        """Check one object, and write it.

        Raises:
            WorkerCrashedError: the object does not belong to the slice.
            LimitError: the slice would take more bytes than allowed.
            StoreError: this one, or one before it, could not be written.
        """
        if (output := self._due.pop(given.key, None)) is not None:
            self._finish(output, given.data)
            return
        if self.records or self._media_types.get(given.key) != given.media_type:
            raise self._violation(f"sent {given.key!r}, which does not belong to its slice")
        digest = blake2b(given.data, digest_size=16).hexdigest()
        self._digests[given.key] = len(given.data), digest
        self._bytes += len(given.data)
        if self._bytes > self._most_bytes:
            raise LimitError(
                f"it would write more than {self._most_bytes >> 20} MiB, the limit of one slice "
                f"for a video of this size; raise it with {option_of('output_per_byte')} or "
                f"{option_of('base_output')}"
            )
        self._send(given)

    def _send(self, given: ReceivedObject) -> None:
        store = self._outbox.store
        job = self._outbox.submit(lambda: store.put(given.key, given.data, given.media_type))
        self._coming.append((job, len(given.data)))

    def _finish(self, output: PlannedOutput, data: bytes) -> None:
        """Write a record after everything that it names."""
        try:
            record = decode(data, SliceRecord)
        except msgspec.DecodeError:
            raise self._violation("sent a record that cannot be read") from None
        try:
            check_record(self._plan, output, self._slice, record)
        except ValueError as error:
            raise self._violation(f"sent a wrong record ({error})") from None
        for each in record.artifacts:
            if self._digests.get(each.key) != (each.size_bytes, each.blake2b):
                raise self._violation("sent a record that differs from the objects it sent")
        self.records.append(record)
        jobs = [job for job, _ in self._coming]
        self._ended.append(self._outbox.submit(lambda: self._save(jobs, output, record)))

    def _save(self, jobs: list[_Writing], output: PlannedOutput, record: SliceRecord) -> None:
        for job in jobs:  # all of them have begun, so they will end
            job.result()
        save_record(self._outbox.store, output, record)

    def _violation(self, what: str) -> WorkerCrashedError:
        return WorkerCrashedError(f"the worker process {what}, so it was killed")


def _is_over(job: _Writing) -> bool:
    """Whether an object was written; raise the error if writing failed."""
    if job.done():
        job.result()
    return job.done()

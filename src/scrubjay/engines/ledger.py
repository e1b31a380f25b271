"""Tracks the slices of one run: which wait, how often each has failed, and which are given up."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from scrubjay.engines.base import Job, Outcome
from scrubjay.engines.handout import Handout
from scrubjay.errors import (
    DestinationError,
    LimitError,
    OutOfTimeError,
    SandboxError,
    ScrubjayError,
    SourceChangedError,
    SourceNotFoundError,
    SourceUnreadableError,
    StoreFullError,
    VersionError,
    WorkerStartError,
)
from scrubjay.events import (
    OnEvent,
    SliceDone,
    SliceFailed,
    SliceProgress,
    SliceRetried,
    SliceStarted,
)
from scrubjay.limits import Limits, option_of
from scrubjay.model import SliceRecord, Used
from scrubjay.sets.state import Missing

__all__ = ["Ledger"]

_HOPELESS = (
    DestinationError,
    LimitError,
    StoreFullError,
    SourceChangedError,
    SourceNotFoundError,
    SourceUnreadableError,
    WorkerStartError,
    SandboxError,
    VersionError,
)
"""Errors that every other slice would also raise, so they end the run."""

_GIVE_UP_AFTER = 6
"""If this many slices fail before any is made, the others are not tried."""


class Ledger:
    """The state of each slice of a run. Every change is reported as an event.

    Args:
        job: the plan, its video and where artifacts go.
        missing: the outputs to make, by slice index.
        attempts: how often a slice may be tried.
        on_event: called with each event.
        limits: limits on the bytes of all slices.
    """

    def __init__(
        self,
        job: Job,
        missing: Missing,
        *,
        attempts: int,
        on_event: OnEvent,
        limits: Limits = Limits(),
    ) -> None:
        self._source = job.plan.source
        self._limits = limits
        self._bytes = 0
        self.handout = Handout(missing)
        self.missing = missing
        self._records: dict[int, dict[str, SliceRecord]] = {}
        self._errors: dict[int, ScrubjayError] = {}
        self._slices = job.plan.slices
        self._outputs = job.plan.outputs
        self._most_attempts = attempts
        self._attempts: Counter[int] = Counter()
        self._made = 0
        self._report = on_event

    def started(self, worker: int, index: int) -> None:
        """Record that a worker began a slice."""
        slice_ = self._slices[index]
        self._report(
            SliceStarted(
                index=index,
                worker=worker,
                start=slice_.start,
                end=slice_.end,
                is_whole=slice_.is_whole,
            )
        )

    def progressed(self, worker: int, index: int, time: Fraction) -> None:
        """Report the time in the video, in seconds, that a slice has reached."""
        self._report(SliceProgress(index=index, worker=worker, time=time))

    @property
    def outcome(self) -> Outcome:
        """What was made, and why the rest was not."""
        return Outcome(self._records, self._errors)

    def made(
        self,
        worker: int,
        index: int,
        records: Iterable[SliceRecord],
        used: Used | None = None,
    ) -> None:
        """Record that all requested outputs of a slice are in the store.

        Raises:
            LimitError: the slices now take more bytes than allowed.
        """
        self._made += 1
        slice_ = self._slices[index]
        by_id = {record.output: record for record in records}
        self._records[index] = {
            output.name: by_id[output.id] for output in self._outputs if output.id in by_id
        }
        size_bytes = sum(sum(record.sizes().values()) for record in by_id.values())
        self._report(
            SliceDone(
                index=index,
                worker=worker,
                start=slice_.start,
                end=slice_.end,
                is_whole=slice_.is_whole,
                size_bytes=size_bytes,
                damaged_packets=max(record.damaged_packets for record in by_id.values()),
                used=used,
            )
        )

        self._bytes += size_bytes
        most = self._limits.output_bytes_for(self._source.size_bytes)
        if self._bytes > most:
            raise LimitError(
                f"the set of {self._source.name} takes more than {most >> 20} MiB, the limit for a "
                f"video of {self._source.size_bytes} bytes; make smaller or fewer pictures, or "
                f"raise {option_of('base_output')} or {option_of('output_per_byte')}"
            )

    def failed(self, worker: int, index: int, error: ScrubjayError) -> None:
        """Record a failed attempt: the slice is handed out again, or given up.

        Raises:
            ScrubjayError: the error itself, if every other slice would also raise it.
        """
        if isinstance(error, _HOPELESS):
            raise error
        self._attempts[index] += 1
        again = error.retryable and not isinstance(error, OutOfTimeError)  # it would take as long
        if again and self._attempts[index] < self._most_attempts:
            self.handout.put_back(index)
            self._report(
                SliceRetried(
                    index=index,
                    worker=worker,
                    attempt=self._attempts[index],
                    error=type(error).__name__,
                    message=str(error),
                )
            )
            return
        self._give_up(index, error)
        if not self._made and len(self._errors) >= _GIVE_UP_AFTER:
            reason = f"not tried, because the first {_GIVE_UP_AFTER} slices all failed: {error}"
            for rest in self.handout.clear():
                self._give_up(rest, type(error)(reason))

    def _give_up(self, index: int, error: ScrubjayError) -> None:
        slice_ = self._slices[index]
        named = type(error)(f"{slice_.shown}: {error}")
        self._errors[index] = named
        self._report(
            SliceFailed(
                index=index,
                start=slice_.start,
                end=slice_.end,
                is_whole=slice_.is_whole,
                error=type(named).__name__,
                message=str(named),
            )
        )

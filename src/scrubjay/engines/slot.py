"""A place for one worker process: who is in it, for which video, and what it is at."""

import os
import selectors
from math import inf
from time import monotonic
from typing import NamedTuple

from scrubjay.engines.delivery import Delivery
from scrubjay.engines.terms import confinement_for, file_at, readable_by_url
from scrubjay.engines.wire import Load
from scrubjay.engines.worker import Worker
from scrubjay.errors import EngineError, OutOfTimeError, WorkerStalledError
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Sandbox

__all__ = ["ASKED", "Deadline", "Pipe", "Slot", "Terms"]

ASKED = -1
"""What a slot is busy with that answers a question, and makes no slice."""


class Terms(NamedTuple):
    """On which terms workers work."""

    sandbox: Sandbox
    stall_timeout: float
    memory_limit_bytes: int


class Deadline(NamedTuple):
    """How long a worker may take for what it is given next."""

    seconds: float
    why: str
    """What may take that long, and what to do, for people: the end of a sentence."""


class Pipe(NamedTuple):
    """Which of a worker's pipes is ready."""

    slot: "Slot"
    kind: str
    """`input`, `output` or `complaints`."""


class Slot:
    """A place for one worker process, which may be empty.

    Args:
        number: which slot it is, 0-based.
        terms: on which its worker works.
        selector: is told of the worker's pipes.
    """

    def __init__(self, number: int, terms: Terms, selector: selectors.BaseSelector) -> None:
        self.number = number
        self.terms = terms
        self.worker: Worker | None = None
        self.loaded: Load | None = None
        self.busy: int | None = None
        """The slice that it is making."""
        self.last: int | None = None
        """The slice that it made last, where its decoder stands."""
        self.delivery: Delivery | None = None
        self.is_made = False
        """Whether the worker has done its part: what it handed over is still to be written."""
        self._selector = selector
        self._source: Place | None = None
        self._file: tuple[int, int] | None = None
        self._began = 0.0
        self.deadline = Deadline(inf, "")

    def worker_for(self, source: Place, deadline: Deadline) -> Worker:
        """Return a worker that may read a video, for work that begins now; start one if need be.

        Raises:
            WorkerStartError: the system starts no more processes for us.
            SourceUnreadableError: there are no credentials to sign the video's URL with.
        """
        self._began, self.deadline = monotonic(), deadline
        if self.worker and (
            self.worker.has_ended or self._source != source or self.is_outdated(source)
        ):
            self.dismiss()
        if self.worker is None:
            self._source, self._file = source, file_at(source)
            terms = confinement_for(
                readable_by_url(source),
                sandbox=self.terms.sandbox,
                parent=os.getpid(),
                memory_limit_bytes=self.terms.memory_limit_bytes,
            )
            self.worker = Worker(terms)
            self.loaded = self.last = None
            self._register(self.worker.complaints, selectors.EVENT_READ, "complaints")
        return self.worker

    def is_outdated(self, source: Place) -> bool:
        """Whether another file lies at a place than the one that the worker may read."""
        return source.is_local and file_at(source) != self._file

    def dismiss(self) -> None:
        """Kill the worker, if there is one."""
        if self.worker is None:
            return
        for pipe in (self.worker.input, self.worker.output, self.worker.complaints):
            if pipe in self._selector.get_map():
                self._selector.unregister(pipe)
        self.worker.kill()
        self.worker = None

    def free(self) -> None:
        """Make ready for other work."""
        self.busy = self.delivery = None
        self.is_made = False

    def watch(self) -> None:
        """Say to the selector which pipes matter now: it is called before each wait."""
        if self.worker is None:
            return
        is_full = self.delivery is not None and self.delivery.is_full
        self._toggle(self.worker.output, selectors.EVENT_READ, "output", wanted=not is_full)
        unsent = self.worker.has_unsent
        self._toggle(self.worker.input, selectors.EVENT_WRITE, "input", wanted=unsent)
        if is_full:
            self.worker.heard_at = monotonic()  # it waits for us

    def overdue(self) -> EngineError | None:
        """Return why the worker must be ended, if it must."""
        if self.worker is None or self.busy is None or self.is_made:
            return None
        now, patience = monotonic(), self.terms.stall_timeout
        if now - self.worker.heard_at > patience:
            return WorkerStalledError(
                f"the worker process showed no progress for {patience:g} s and was ended"
            )
        if now - self._began > self.deadline.seconds:
            return OutOfTimeError(
                f"the worker process was ended after {self.deadline.seconds:g} s, the most that "
                f"{self.deadline.why}"
            )
        return None

    def _toggle(self, pipe: object, event: int, kind: str, *, wanted: bool) -> None:
        is_watched = pipe in self._selector.get_map()
        if wanted and not is_watched:
            self._register(pipe, event, kind)
        if is_watched and not wanted:
            self._selector.unregister(pipe)  # type: ignore[arg-type]

    def _register(self, pipe: object, event: int, kind: str) -> None:
        self._selector.register(pipe, event, Pipe(self, kind))  # type: ignore[arg-type]

"""A slot for one worker process: its worker, the video it may read, and the slice it is making."""

import os
import selectors
from math import inf
from time import monotonic
from typing import NamedTuple

from scrubjay.engines.delivery import Delivery
from scrubjay.engines.terms import confinement_for, file_at, readable_by_url
from scrubjay.engines.worker import Worker
from scrubjay.errors import EngineError, OutOfTimeError, WorkerStalledError
from scrubjay.model import Used
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Sandbox

__all__ = ["QUESTION", "Client", "Deadline", "Pipe", "Slot", "Terms"]

QUESTION = -1
"""Stands for a slice in `Slot.busy` while the worker probes or explains."""


class Client:
    """Whoever has work for workers. A worker that waits is kept for the client whose video it has.

    Args:
        disk: which disk its video is on; empty if that is unknown.
    """

    def __init__(self, disk: str = "") -> None:
        self.disk = disk


class Terms(NamedTuple):
    """Limits and confinement of all workers."""

    sandbox: Sandbox
    stall_timeout: float
    memory_limit_bytes: int


class Deadline(NamedTuple):
    """How long a worker may take for its next command."""

    seconds: float
    why: str
    """What may take that long, and what to do: the end of a sentence for people."""


class Pipe(NamedTuple):
    """Which of a worker's pipes is ready."""

    slot: "Slot"
    kind: str
    """`input`, `output` or `stderr`."""


class Slot:
    """A slot for one worker process, which may be empty.

    Args:
        number: which slot it is, 0-based.
        terms: limits and confinement of its worker.
        selector: watches the worker's pipes.
    """

    def __init__(self, number: int, terms: Terms, selector: selectors.BaseSelector) -> None:
        self.number = number
        self.terms = terms
        self.worker: Worker | None = None
        self.client: Client | None = None
        """For whom its worker was started, or works."""
        self.loaded: object = None
        """The plan that its worker has, and how."""
        self.busy: int | None = None
        """The slice that it is making."""
        self.last: int | None = None
        """The slice that it made last, after which its decoder can continue."""
        self.delivery: Delivery | None = None
        self.is_made = False
        """Whether the worker has finished its slice; its objects may still have to be written."""
        self.used: Used | None = None
        """What the finished slice used, as the worker says."""
        self._selector = selector
        self.source: Place | None = None
        """The video that its worker may read."""
        self._file: tuple[int, int] | None = None
        self._began = 0.0
        self.deadline = Deadline(inf, "")

    @property
    def is_asking(self) -> bool:
        """Whether its worker answers a question, and makes no slice."""
        return self.busy == QUESTION

    def has(self, source: Place) -> bool:
        """Whether its worker may read a video."""
        return self.worker is not None and self.source == source

    def worker_for(self, source: Place, deadline: Deadline) -> Worker:
        """Return a worker that may read a video, for work that begins now; start one if necessary.

        Raises:
            WorkerStartError: the system's limits do not allow another process.
            SourceUnreadableError: there are no credentials to sign the video's URL with.
        """
        self._began, self.deadline = monotonic(), deadline
        if self.worker and (
            self.worker.has_ended or self.source != source or self.is_outdated(source)
        ):
            self.kill()
        if self.worker is None:
            self.source, self._file = source, file_at(source)
            terms = confinement_for(
                readable_by_url(source),
                sandbox=self.terms.sandbox,
                parent=os.getpid(),
                memory_limit_bytes=self.terms.memory_limit_bytes,
            )
            self.worker = Worker(terms)
            self.loaded = self.last = None
            self._register(self.worker.stderr, selectors.EVENT_READ, "stderr")
        return self.worker

    def is_outdated(self, source: Place) -> bool:
        """Whether the file at a place is not the one that the worker may read."""
        return source.is_local and file_at(source) != self._file

    def kill(self) -> None:
        """Kill the worker, if the slot has one."""
        if self.worker is None:
            return
        for pipe in (self.worker.input, self.worker.output, self.worker.stderr):
            if pipe in self._selector.get_map():
                self._selector.unregister(pipe)
        self.worker.kill()
        self.worker = None

    def free(self) -> None:
        """Prepare for other work."""
        self.busy = self.delivery = self.used = None
        self.is_made = False

    def watch(self) -> None:
        """Update which pipes the selector watches; called before each wait."""
        if self.worker is None:
            return
        is_full = self.delivery is not None and self.delivery.is_full
        self._toggle(self.worker.output, selectors.EVENT_READ, "output", is_watched=not is_full)
        unsent = self.worker.has_unsent
        self._toggle(self.worker.input, selectors.EVENT_WRITE, "input", is_watched=unsent)
        if is_full:
            self.worker.active_at = monotonic()  # the worker waits for this process

    def overdue(self) -> EngineError | None:
        """Return the reason to kill the worker, if there is one."""
        if self.worker is None or self.busy is None or self.is_made:
            return None
        now, patience = monotonic(), self.terms.stall_timeout
        if now - self.worker.active_at > patience:
            return WorkerStalledError(
                f"the worker process showed no progress for {patience:g} s and was killed"
            )
        if now - self._began > self.deadline.seconds:
            return OutOfTimeError(
                f"the worker process was killed after {self.deadline.seconds:g} s, the most that "
                f"{self.deadline.why}"
            )
        return None

    def _toggle(self, pipe: object, event: int, kind: str, *, is_watched: bool) -> None:
        was_watched = pipe in self._selector.get_map()
        if is_watched and not was_watched:
            self._register(pipe, event, kind)
        if was_watched and not is_watched:
            self._selector.unregister(pipe)  # type: ignore[arg-type]

    def _register(self, pipe: object, event: int, kind: str) -> None:
        self._selector.register(pipe, event, Pipe(self, kind))  # type: ignore[arg-type]

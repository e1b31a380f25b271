"""What an executor carries to its workers, and what they do with it there.

An errand is JSON: it runs in any process that has this package, and reaches the video and the
destination by their addresses. The slices are made by a confined worker process, as everywhere.
"""

import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Self
from uuid import uuid4

import msgspec

from scrubjay.engines.base import Job, Outcome
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.wire import Problem
from scrubjay.errors import DestinationError, PlanReplacedError, ScrubjayError, StoppedError
from scrubjay.events import Event, OnEvent
from scrubjay.identity import plan_id
from scrubjay.limits import Limits
from scrubjay.model import SliceRecord, decode, encode
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Sandbox
from scrubjay.sets.state import load_plan, load_state
from scrubjay.sets.store import Store

__all__ = ["Errand", "Result", "Run", "carry_out"]


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """Some slices of a set to make, in rising order."""

    process: str
    """Id of the process that sends it."""
    run: str
    """Id of the run that sends it."""
    plan: str
    """Id of the plan, which is in the destination."""
    source: Place
    destination: Place | None
    """None: a store in the memory of the process that sends it."""
    missing: Mapping[int, tuple[str, ...]]
    """The outputs to make, by slice index."""
    limits: Limits
    sandbox: Sandbox
    stall_timeout: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an errand."""

    made: Mapping[int, tuple[SliceRecord, ...]] = {}
    lost: Mapping[int, Problem] = {}
    """Why slices could not be made, by index; each was tried once."""
    error: Problem | None = None
    """Why no other slice can be made either; None if there is no such reason."""


class Run:
    """A run that sends errands: those that are carried out in its own process know it.

    Args:
        store: its destination, for errands in this process.
    """

    def __init__(self, store: Store) -> None:
        self.id = uuid4().hex
        self.process = _this_process()
        self.store = store
        self._is_stopped = False
        self._active = 0
        self._ended = threading.Condition()

    def __enter__(self) -> Self:
        _RUNS[self.id] = self
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the errands in this process, and wait until they have ended."""
        self._is_stopped = True
        with self._ended:
            del _RUNS[self.id]
            self._ended.wait_for(lambda: not self._active, _LONGEST_STOP)

    @contextmanager
    def errand(self) -> Generator[None]:
        """Count an errand while it is carried out."""
        with self._ended:
            self._active += 1
        try:
            yield
        finally:
            with self._ended:
                self._active -= 1
                self._ended.notify_all()

    def check(self, _: Event) -> None:
        """Stop an errand whose run has ended.

        Raises:
            StoppedError: it has ended.
        """
        if self._is_stopped:
            raise StoppedError("the run was stopped; run it again to continue")


_RUNS: dict[str, Run] = {}
"""The runs of this process, by id."""

_LONGEST_STOP = 10.0
"""Most seconds to wait for errands of a run that is stopped."""

_NONCE = uuid4().hex


def _this_process() -> str:
    """Return an id of this process, which one that is forked from it does not share."""
    return f"{_NONCE}-{os.getpid()}"


def carry_out(data: bytes) -> bytes:
    """Carry out an errand; both it and its result are JSON.

    It may happen twice: slices whose records are in the store are not made again.
    """
    errand = decode(data, Errand)
    if errand.process != _this_process():
        return encode(_carried_out(errand, None))
    run = _RUNS.get(errand.run)
    if run is None:
        return encode(Result(error=Problem.of(StoppedError("the run has ended"))))
    with run.errand():
        return encode(_carried_out(errand, run))


def _carried_out(errand: Errand, run: Run | None) -> Result:
    try:
        store = run.store if run else _opened(errand)
        outcome = _made(errand, store, run.check if run else _ignore)
    except ScrubjayError as error:
        return Result(error=Problem.of(error))
    return Result(
        made={index: tuple(records.values()) for index, records in outcome.records.items()},
        lost={index: Problem.of(error) for index, error in outcome.lost.items()},
    )


def _opened(errand: Errand) -> Store:
    if errand.destination is None:
        raise DestinationError(
            "the destination is in the memory of another process, which the executor's workers "
            "cannot reach; use a folder or a bucket"
        )
    return Store.open(errand.destination)


def _made(errand: Errand, store: Store, on_event: OnEvent) -> Outcome:
    plan = load_plan(store)
    if plan is None or plan_id(plan) != errand.plan:
        raise PlanReplacedError("another run has begun another set in this destination")
    found = load_state(store, plan, among=errand.missing).records
    done = {
        index: {name: found[index][name] for name in names}
        for index, names in errand.missing.items()
        if found.get(index, {}).keys() >= {*names}
    }
    left = {index: names for index, names in errand.missing.items() if index not in done}
    if not left:
        return Outcome(done, {})
    with ProcessEngine(
        workers=1,
        attempts=1,
        stall_timeout=errand.stall_timeout,
        limits=errand.limits,
        sandbox=errand.sandbox,
    ) as engine:
        made, lost = engine.run(Job(plan, errand.source, store), left, on_event)
    return Outcome({**done, **made}, lost)


def _ignore(_: Event) -> None:
    pass

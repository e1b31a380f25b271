"""Executors break, cancel and lose what they are given: the ledger and the store make up for it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import pytest

import scrubjay
from scrubjay import InlineEngine, Store
from scrubjay.engines import errands, sending
from scrubjay.engines.errands import Errand, Result, carry_out
from scrubjay.engines.executor import ExecutorEngine
from scrubjay.errors import (
    DestinationError,
    IncompleteError,
    OutOfTimeError,
    PlanReplacedError,
    WorkerCrashedError,
)
from scrubjay.events import Event, SliceDone, SliceFailed, SliceRetried
from scrubjay.keys import MANIFEST
from scrubjay.limits import Limits
from scrubjay.model import Animation, Recipe, Sheet, decode, encode
from scrubjay.places.place import Place

_RECIPE = Recipe(
    slice_length=Fraction(2),
    animations=(Animation(width=32, fps=Fraction(2)),),
    frames=(),
    sheets=(Sheet(width=32),),
)
"""Six slices of the clip."""


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let errands make slices in this process: a worker's start costs more than all of them."""
    monkeypatch.setattr(errands, "ProcessEngine", lambda **_: InlineEngine())


@pytest.fixture
def small_errands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every slice be worth an errand."""
    monkeypatch.setattr(sending, "_LEAST_WORK", 0.0)
    monkeypatch.setattr(sending, "_ROUNDS", 100)


class _Scripted(Executor):
    """Carries errands out at once, unless a script says what becomes of one instead."""

    def __init__(self, script: Callable[[tuple[int, ...], Future[Any]], bool]) -> None:
        self._script = script

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401  as its base has it
        future = Future[Any]()
        indexes = tuple(decode(args[0], Errand).missing)
        if not self._script(indexes, future):
            future.set_result(fn(*args, **kwargs))
        return future


def _made(video: Path, store: Store, engine: ExecutorEngine, *, gaps: bool = False) -> list[Event]:
    events: list[Event] = []
    with engine:
        if gaps:
            with pytest.raises(IncompleteError):
                scrubjay.make(
                    video, store, recipe=_RECIPE, engine=engine, on_progress=events.append
                )
        else:
            scrubjay.make(video, store, recipe=_RECIPE, engine=engine, on_progress=events.append)
    return events


def _done(events: list[Event]) -> list[int]:
    return sorted(each.index for each in events if isinstance(each, SliceDone))


class _Breaking(Executor):
    """Breaks with slice 3, and loses what it was given before and has not carried out."""

    starts: ClassVar[Counter[int]] = Counter()

    def __init__(self) -> None:
        self._waiting: list[tuple[Future[Any], Callable[..., Any], bytes]] = []
        self._is_broken = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401  as its base has it
        del kwargs
        if self._is_broken:
            raise BrokenProcessPool("broken before")
        indexes = decode(args[0], Errand).missing
        self.starts.update([*indexes])
        self._waiting.append((Future(), fn, args[0]))
        future = self._waiting[-1][0]
        if 3 in indexes:
            self._is_broken = True
            for each, _, _ in self._waiting:
                each.set_exception(BrokenProcessPool("a child process terminated abruptly"))
        elif len(self._waiting) == 2 or 3 in self.starts:
            for each, carry, data in self._waiting:
                each.set_result(carry(data))
            self._waiting.clear()
        return future


@pytest.mark.usefixtures("inline", "small_errands")
def test_a_slice_that_breaks_the_executor(small_clip: Path) -> None:
    """It is tried three times, alone from the second time on, and is the only gap."""
    _Breaking.starts.clear()
    engine = ExecutorEngine(_Breaking, at_once=2, local=InlineEngine())
    events = _made(small_clip, Store.in_memory(), engine, gaps=True)
    assert _done(events) == [0, 1, 2, 4, 5]
    [failed] = [each for each in events if isinstance(each, SliceFailed)]
    assert (failed.index, failed.error) == (3, WorkerCrashedError.__name__)
    assert "the executor broke: BrokenProcessPool: a child process term" in failed.message
    assert _Breaking.starts == {0: 1, 1: 1, 2: 2, 3: 3, 4: 1, 5: 1}


@pytest.mark.usefixtures("inline")
def test_only_the_slice_that_was_being_made_is_charged(small_clip: Path) -> None:
    """Of an errand that is lost in the middle, what is in the store counts as made."""
    sent: list[tuple[int, ...]] = []

    def script(indexes: tuple[int, ...], future: Future[Any]) -> bool:
        sent.append(indexes)
        if len(sent) == 1:
            future.cancel()  # after two of its slices, as a cluster does that loses a scheduler
            with engine_of_part:
                scrubjay.make_shard(store, small_clip, shard="1/3", engine=engine_of_part)
            return True
        return False

    engine_of_part, store = InlineEngine(), Store.in_memory()
    engine = ExecutorEngine(_Scripted(script), at_once=1, local=InlineEngine())
    events = _made(small_clip, store, engine)
    assert sent[0][:3] == (0, 1, 2)
    retried = [each for each in events if isinstance(each, SliceRetried)]
    assert [(each.index, each.attempt) for each in retried] == [(2, 1)]
    assert "the executor cancelled it" in retried[0].message
    assert sent[1] == (2,)  # alone
    assert _done(events) == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("inline", "small_errands")
def test_errors_of_an_executor_s_own_are_attempts(small_clip: Path) -> None:
    """Whatever it raises, and whatever it returns: the slice is tried again."""
    starts = Counter[int]()

    def script(indexes: tuple[int, ...], future: Future[Any]) -> bool:
        starts.update(indexes)
        match indexes, starts[indexes[0]]:
            case (1,), 1:
                future.set_exception(KeyError("a cluster's own error"))
            case (2,), 1:
                future.set_result(b"no JSON")
            case (2,), 2:
                future.set_result(encode(Result()))
            case (4,), _:
                future.set_result(encode(Result(made={4: ()})))
            case _:
                return False
        return True

    engine = ExecutorEngine(_Scripted(script), at_once=2, local=InlineEngine())
    events = _made(small_clip, Store.in_memory(), engine, gaps=True)
    assert starts == {0: 1, 1: 2, 2: 3, 3: 1, 4: 3, 5: 1}
    assert _done(events) == [0, 1, 2, 3, 5]


@pytest.mark.usefixtures("inline", "small_errands")
def test_a_broken_executor_of_the_caller_s(small_clip: Path) -> None:
    """The engine cannot replace it, so the run ends; the next one resumes the set."""
    taken: list[tuple[int, ...]] = []

    def script(indexes: tuple[int, ...], future: Future[Any]) -> bool:
        del future
        if len(taken) == 2:
            raise BrokenProcessPool("a child process terminated abruptly")
        taken.append(indexes)
        return False

    store = Store.in_memory()
    with (
        ExecutorEngine(_Scripted(script), at_once=1, local=InlineEngine()) as engine,
        pytest.raises(WorkerCrashedError, match="takes no more work"),
    ):
        scrubjay.make(small_clip, store, recipe=_RECIPE, engine=engine)
    assert not store.has(MANIFEST)
    with ThreadPoolExecutor(1) as threads:
        engine = ExecutorEngine(threads, at_once=1, local=InlineEngine())
        assert _done(_made(small_clip, store, engine)) == [2, 3, 4, 5]


@pytest.mark.usefixtures("inline")
def test_nothing_ends(small_clip: Path) -> None:
    """After its patience, the run gives up what an executor without workers never makes."""
    store = Store.in_memory()
    engine = ExecutorEngine(
        _Scripted(lambda _, __: True), at_once=1, local=InlineEngine(), patience=0.01
    )
    with engine, pytest.raises(OutOfTimeError, match=r"has ended nothing for 0\.01 s"):
        scrubjay.make(small_clip, store, recipe=_RECIPE, engine=engine)


def test_a_run_that_is_stopped_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    """An error of the caller's ends the errands in its threads, and their worker processes."""

    def fail(event: Event) -> None:
        if isinstance(event, SliceDone):
            raise LookupError  # noqa: TRY004  the caller's own

    recipe = Recipe(slice_length=Fraction(6), animations=(Animation(width=32),), frames=())
    with ThreadPoolExecutor(2) as threads, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "_LEAST_WORK", 0.0)
        with (
            ExecutorEngine(threads, at_once=2, local=InlineEngine()) as engine,
            pytest.raises(LookupError),
        ):
            scrubjay.make(clip, tmp_path, recipe=recipe, engine=engine, on_progress=fail)


def _errand(destination: Place | None) -> bytes:
    return encode(
        Errand(
            process="another",
            run="a run",
            plan="of a plan",
            source=Place.of("movie.mp4"),
            destination=destination,
            missing={0: ("sheets",)},
            limits=Limits(),
            sandbox="auto",
            stall_timeout=60,
        )
    )


def _error_of(data: bytes) -> type[scrubjay.ScrubjayError]:
    result = decode(carry_out(data), Result)
    assert result.error
    return type(result.error.to_error())


def test_errands_that_cannot_be_carried_out(tmp_path: Path) -> None:
    """Each ends with an error that ends the run, because no other errand would do better."""
    assert _error_of(_errand(None)) is DestinationError  # it is in another process's memory
    assert _error_of(_errand(Place.of(tmp_path))) is PlanReplacedError

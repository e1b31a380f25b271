"""The errands of one run: which slices go together, and what becomes of an errand that is lost."""

from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from time import monotonic
from typing import NamedTuple

import msgspec

from scrubjay.engines.base import Job
from scrubjay.engines.errands import Result
from scrubjay.engines.ledger import Ledger
from scrubjay.engines.wire import Problem
from scrubjay.engines.worth import work_of
from scrubjay.errors import OutOfTimeError, ScrubjayError, WorkerCrashedError
from scrubjay.model import SliceRecord, decode
from scrubjay.planning import chosen_outputs
from scrubjay.sets.records import check_record
from scrubjay.sets.state import Missing, load_state

__all__ = ["Sending", "text_of"]

_LEAST_WORK, _MOST_WORK = 2.0, 20.0
"""CPU seconds that one errand is worth: its worker's start costs a quarter of a second."""

_ROUNDS = 3
"""Errands for each place in the executor, at least, so that all end at about the same time."""

_MOST_SLICES = 16
"""Most slices of an errand."""

_LONGEST_WAIT = 1.0
"""Most seconds between two looks at how long nothing has ended."""


class _Errand(NamedTuple):
    """An errand that is under way."""

    place: int
    """Which of the executor's places it takes, for people: 0-based."""
    indexes: list[int]
    """Its slices, rising."""
    is_alone: bool
    """Whether no other errand may be under way."""


class Sending:
    """Sends the slices of one run, and takes back what is lost.

    Args:
        job: the plan, its video and where artifacts go.
        ledger: the run's ledger.
        send: hands slices to the executor.
        places: says how many errands may be under way at once.
        patience: seconds without an errand that ends after which the missing slices are given up.
    """

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        *,
        send: "Callable[[Missing], Future[bytes]]",
        places: Callable[[], int],
        patience: float,
    ) -> None:
        self._job = job
        self._ledger = ledger
        self._send = send
        self._places = places
        self._patience = patience
        self._works = {
            index: work_of(job.plan, index, names) for index, names in ledger.missing.items()
        }
        self._suspects: list[int] = []
        """Slices that may have broken the executor: each is tried alone, so that no other slice is
        lost with it again."""
        self._tried: set[int] = set()
        """Slices that have failed: none is tried together with others."""
        self._under_way: dict[Future[bytes], _Errand] = {}

    def run(self) -> None:
        """Send all slices, and wait until each is made or given up.

        Raises:
            ScrubjayError: no other slice can be made.
        """
        changed = monotonic()
        try:
            while True:
                self._fill()
                if not self._under_way:
                    return
                wait(self._under_way, timeout=_LONGEST_WAIT, return_when=FIRST_COMPLETED)
                # not what `wait` returns: it knows nothing of those that were cancelled silently
                ended = [future for future in self._under_way if future.done()]
                for future in ended:
                    self._end(future)
                if ended:
                    changed = monotonic()
                elif monotonic() - changed > self._patience:
                    self._give_up()
                    return
        finally:
            for future in self._under_way:
                future.cancel()

    def _fill(self) -> None:
        """Send errands while the executor has places for them."""
        while (indexes := self._next()) is not None:
            is_alone = bool(self._suspects and indexes[0] == self._suspects[0])
            if is_alone:
                self._suspects.pop(0)
            taken = {each.place for each in self._under_way.values()}
            place = next(each for each in range(len(taken) + 1) if each not in taken)
            errand = _Errand(place, indexes, is_alone)
            self._ledger.started(place, indexes[0])
            missing = {index: self._ledger.missing[index] for index in indexes}
            self._under_way[self._send(missing)] = errand

    def _next(self) -> list[int] | None:
        """Take the slices of the next errand; None while there is none to send."""
        handout = self._ledger.handout
        self._suspects = [index for index in self._suspects if index in handout]
        if any(each.is_alone for each in self._under_way.values()):
            return None
        if self._suspects:
            return None if self._under_way else handout.take_these(self._suspects[:1])
        if not handout:
            return None
        places = self._places()
        if len(self._under_way) >= places:
            return None
        share = sum(self._works[index] for index in handout) / (_ROUNDS * places)
        return handout.take_these(self._together(min(_MOST_WORK, max(_LEAST_WORK, share))))

    def _together(self, most: float) -> list[int]:
        """Return neighbours that are worth about that much work, or one slice that failed."""
        first, *rest = sorted(self._ledger.handout)
        indexes, work = [first], self._works[first]
        for index in [] if first in self._tried else rest:
            work += self._works[index]
            is_next = index == indexes[-1] + 1 and index not in self._tried
            if not is_next or work > most or len(indexes) >= _MOST_SLICES:
                break
            indexes.append(index)
        return indexes

    def _end(self, future: "Future[bytes]") -> None:
        """Record what became of an errand.

        Raises:
            ScrubjayError: no other slice can be made.
        """
        errand = self._under_way.pop(future)
        try:
            result = decode(future.result(), Result)
        except CancelledError:
            self._lose(errand, WorkerCrashedError("the executor cancelled it"))
        except BrokenExecutor as exc:
            self._suspects += self._lose(
                errand, WorkerCrashedError(f"the executor broke: {text_of(exc)}")
            )
        except Exception as exc:  # noqa: BLE001  an executor raises what it likes
            self._lose(errand, WorkerCrashedError(f"the executor lost it: {text_of(exc)}"))
        else:
            self._take(errand, result)

    def _take(self, errand: _Errand, result: Result) -> None:
        """Record a result: each slice is made, or has failed."""
        if result.error is not None:
            self._lose(errand, result.error.to_error())
            return
        for index in errand.indexes:
            if index in result.made and self._agree(index, result.made[index]):
                self._made(errand, index, result.made[index])
            elif index in result.lost:
                self._failed(errand, index, self._error_of(index, result.lost[index]))
            else:
                text = "the executor returned no records of it that agree with the plan"
                self._failed(errand, index, WorkerCrashedError(text))

    def _lose(self, errand: _Errand, error: ScrubjayError) -> list[int]:
        """Record an errand that ended with an error; return the slice that it was at, if any.

        Slices are made in order, so the first without records was being made; it has failed.
        """
        plan, _, store = self._job
        found = load_state(store, plan, among=errand.indexes).records
        is_at: list[int] = []
        for index in errand.indexes:
            records, names = found.get(index, {}), self._ledger.missing[index]
            if records.keys() >= {*names}:
                self._made(errand, index, [records[name] for name in names])
            elif is_at:
                self._ledger.handout.put_back(index)
            else:
                is_at.append(index)
        for index in is_at:
            self._failed(errand, index, error)
        return is_at

    def _made(self, errand: _Errand, index: int, records: Collection[SliceRecord]) -> None:
        self._start(errand, index)
        self._ledger.made(errand.place, index, records)

    def _failed(self, errand: _Errand, index: int, error: ScrubjayError) -> None:
        self._tried.add(index)
        self._start(errand, index)
        self._ledger.failed(errand.place, index, error)

    def _start(self, errand: _Errand, index: int) -> None:
        """Report a slice as started; the first was, when its errand was sent."""
        if index != errand.indexes[0]:
            self._ledger.started(errand.place, index)

    def _agree(self, index: int, records: Collection[SliceRecord]) -> bool:
        """Whether records are those of the outputs that were to be made."""
        plan, by_id = self._job.plan, {record.output: record for record in records}
        outputs = chosen_outputs(plan, self._ledger.missing[index])
        try:
            for output in outputs:
                check_record(plan, output, plan.slices[index], by_id[output.id])
        except (KeyError, ValueError):
            return False
        return True

    def _error_of(self, index: int, problem: Problem) -> ScrubjayError:
        """Return why a slice failed, without the slice's name, which the ledger adds."""
        name = f"{self._job.plan.slices[index].shown}: "
        return msgspec.structs.replace(
            problem, message=problem.message.removeprefix(name)
        ).to_error()

    def _give_up(self) -> None:
        """Give up all slices that are not made."""
        error = OutOfTimeError(
            f"not made, and the executor has ended nothing for {self._patience:g} s; it may still "
            "arrive"
        )
        for future, errand in self._under_way.items():
            future.cancel()
            for index in errand.indexes:
                self._ledger.failed(errand.place, index, error)
        for index in self._ledger.handout.clear():
            self._ledger.failed(0, index, error)


def text_of(error: BaseException) -> str:
    """Return the class of a foreign error, and its text if it has one."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

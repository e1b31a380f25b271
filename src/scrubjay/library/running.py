"""Makes the sets of many videos in one run, with one pool of workers for all.

Each set is made by `pipeline.make`, in a thread of its own. More films than cores are under way, so
that a worker that finishes one film's last slice finds another film's, and so that no core waits
while a set is published.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from os import PathLike
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from time import monotonic
from typing import TypeAlias

from scrubjay.engines.shared import WorkerPool
from scrubjay.errors import (
    SandboxError,
    StoreError,
    StoreFullError,
    WorkerStartError,
)
from scrubjay.events import (
    Event,
    FilmEnded,
    FilmOutcome,
    FilmPassed,
    LibraryFinished,
    OnEvent,
    PassedReason,
)
from scrubjay.library.ahead import FilmsAhead
from scrubjay.library.destinations import Destinations
from scrubjay.library.film import Destination, Film
from scrubjay.library.finding import find
from scrubjay.library.notes import Request
from scrubjay.library.passing import OnPassed, Passed
from scrubjay.library.turn import Turn
from scrubjay.places.place import Place, PlaceText

__all__ = ["Search", "make_library"]

Search: TypeAlias = Callable[[OnPassed], Iterable[Film]]
"""Finds videos, and calls a function with what it passes over."""

_STOPPING = (StoreFullError, WorkerStartError, SandboxError)
"""Errors that every other film would also meet."""

_MOST_STORE_ERRORS = 10
"""If this many films in a row fail at their destinations, the others are not tried."""

_MOST_PASSED = 10_000
"""How many reports of what is passed over may wait; then the search waits, so that memory stays
flat, however slowly somebody reads the events."""

_PATIENCE = 5.0
"""Seconds that a stopped run waits for its threads, which may be writing documents."""


def make_library(
    films: Search | Iterable[Film] | PlaceText | Place,
    destination: Destination | str,
    *,
    request: Request = Request(),
    pool: WorkerPool | None = None,
    on_progress: OnEvent | None = None,
    limit: int | None = None,
    retry_failed: bool = False,
    dry_run: bool = False,
    keep_going: bool = True,
) -> LibraryFinished:
    """Make the previews of many videos, or those that are missing.

    Run it again after any interruption. A video whose set is complete is not opened again until it
    changes, and nor is one that failed.

    Args:
        films: the videos, or a folder or a prefix to find them in, or a function that finds them;
            the first ones are made while others are still being found.
        destination: a folder or bucket for the sets, or a template (`library.destinations`), or a
            function that returns where a film's set goes.
        request: what is made of each video.
        pool: makes the slices; it must not be open yet, and is closed at the end. By default one
            with a worker for each core.
        on_progress: called with each event of the run, in this thread; those of one video have its
            name in `film`.
        limit: most videos to make.
        retry_failed: whether to try again what failed in an earlier run.
        dry_run: whether to only say what would be made.
        keep_going: whether to go on after a video that fails.

    Returns:
        How many videos were made, and how many not.

    Raises:
        StoreFullError: no space is left in a destination.
        ScrubjayError: no other video can be made either, or one failed and `keep_going` is not set;
            or the videos could not all be found.
    """
    workers = pool or WorkerPool()
    where = destination if callable(destination) else Destinations(destination, base=Place.of("."))
    run = _Run(
        _search_for(films),
        lambda film, report: Turn(film, where, request, workers, report),
        limit=limit,
        keep_going=keep_going,
    )
    try:
        with workers:
            run.start(2 * workers.workers + 2, retry_failed=retry_failed, dry_run=dry_run)
            finished = run.watch(on_progress or _ignore)
    finally:
        run.join()
    return finished


class _Run:
    """One run over a library.

    Args:
        search: finds the videos.
        turn_of: returns the turn of a film, whose events a function takes.
        limit: most videos to make.
        keep_going: whether to go on after a video that fails.
    """

    def __init__(
        self,
        search: Search,
        turn_of: Callable[[Film, OnEvent], Turn],
        *,
        limit: int | None,
        keep_going: bool,
    ) -> None:
        self._turn_of = turn_of
        self._limit = limit
        self._keep_going = keep_going
        self._lock = Lock()
        self._begun = 0
        self._store_errors = 0
        self._events = SimpleQueue[Event | Exception | None]()
        self._room = Semaphore(_MOST_PASSED)
        self._is_over = False
        self._films = FilmsAhead(search(self._pass), self._events.put)
        self._threads: list[Thread] = []

    def start(self, count: int, **options: bool) -> None:
        """Start the threads in which films have their turns."""
        for number in range(count):
            name = f"scrubjay film {number}"
            thread = Thread(target=self._work, kwargs=options, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def watch(self, on_progress: OnEvent) -> LibraryFinished:
        """Pass events on until all films have had their turn.

        Returns:
            The last event.

        Raises:
            Exception: the run ends early.
        """
        began, working = monotonic(), len(self._threads)
        outcomes, errors = Counter[FilmOutcome](), Counter[str]()
        passed = Counter[PassedReason]()
        duration = Fraction(0)
        try:
            while working:
                match self._events.get():
                    case None:
                        working -= 1
                    case Exception() as error:
                        raise error
                    case event:
                        on_progress(event)
                        if isinstance(event, FilmEnded):
                            outcomes[event.outcome] += 1
                            errors.update(filter(None, [event.error]))
                            duration += event.duration
                        elif isinstance(event, FilmPassed):
                            passed[event.reason] += 1
                            self._room.release()
        finally:
            self._is_over = True
            self._films.stop()
            self._room.release()  # the search may wait for it
        if self._films.error:
            raise self._films.error
        finished = LibraryFinished(
            films=outcomes.total() - outcomes["passed"],
            made=outcomes["made"],
            already=outcomes["already"],
            partial=outcomes["partial"],
            failed=outcomes["failed"],
            due=outcomes["due"],
            passed=dict(passed),
            errors=dict(errors),
            duration=duration,
            seconds=round(monotonic() - began, 3),
        )
        on_progress(finished)
        return finished

    def join(self) -> None:
        """Wait until the threads of a run have ended; its pool is closed."""
        until = monotonic() + _PATIENCE
        for thread in self._threads:
            thread.join(max(0, until - monotonic()))

    def _work(self, *, retry_failed: bool, dry_run: bool) -> None:
        """Let one film after another have its turn."""
        try:
            while (film := self._films.take()) is not None:
                turn = self._turn_of(film, self._events.put)
                ended = turn.take(
                    retry_failed=retry_failed, dry_run=dry_run, may_make=self._may_make
                )
                if ended is None:
                    self._films.stop()
                    return
                self._events.put(ended)
                self._check(turn.error, has_set=turn.has_set)
        except Exception as error:  # noqa: BLE001  the run raises it
            self._events.put(error)
        finally:
            self._events.put(None)

    def _pass(self, passed: Passed) -> None:
        """Report what the search passes over."""
        if self._is_over:
            return
        self._room.acquire()
        self._events.put(FilmPassed(film=passed.name, reason=passed.reason, message=passed.message))

    def _may_make(self) -> bool:
        """Count a film that is to be made; return False if that would be too many."""
        with self._lock:
            self._begun += 1
            return self._limit is None or self._begun <= self._limit

    def _check(self, error: Exception | None, *, has_set: bool) -> None:
        """Raise the error of a film if it ends the run."""
        with self._lock:
            is_unwritten = isinstance(error, StoreError) and not has_set
            self._store_errors = self._store_errors + 1 if is_unwritten else 0
            is_hopeless = self._store_errors >= _MOST_STORE_ERRORS
        if error and (is_hopeless or not self._keep_going or isinstance(error, _STOPPING)):
            raise error


def _search_for(films: Search | Iterable[Film] | PlaceText | Place) -> Search:
    """Return the function that finds some videos."""
    if callable(films):
        return films
    if isinstance(films, str | PathLike | Place):
        root = Place.of(films)
        return lambda on_passed: find(root, on_passed=on_passed)
    return lambda _: films


def _ignore(_: object) -> None:
    pass

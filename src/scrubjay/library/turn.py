"""One film's turn: whether it has its set already, and if not, what becomes of it."""

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from functools import cached_property

from msgspec.structs import replace

from scrubjay import pipeline
from scrubjay.engines.shared import WorkerPool
from scrubjay.errors import IncompleteError, ScrubjayError, SoundOnlyError, StoreError
from scrubjay.events import (
    Event,
    FilmEnded,
    FilmOutcome,
    FilmPassed,
    FilmStarted,
    OnEvent,
    Planned,
    SliceDone,
)
from scrubjay.layouts import is_laid_out, lay_out, target_for
from scrubjay.library.film import Destination, Film
from scrubjay.library.notes import Note, Request, Status, is_lasting, load_note, save_note
from scrubjay.places.place import Place, redacted
from scrubjay.sets.store import Store

__all__ = ["Turn"]

_OUTCOMES: dict[Status, FilmOutcome] = {
    "complete": "already",
    "partial": "partial",
    "failed": "failed",
}


class Turn:
    """The turn of one film in a run over a library.

    Args:
        film: the film.
        destination: returns where its set goes.
        request: what is asked for.
        pool: makes its slices.
        report: called with its events, in this thread.
    """

    def __init__(
        self,
        film: Film,
        destination: Destination,
        request: Request,
        pool: WorkerPool,
        report: OnEvent,
    ) -> None:
        self._film = film
        self._destination = destination
        self._request = request
        self._pool = pool
        self._report = report
        self._duration = Fraction(0)
        self._has_made_slices = False
        self.error: Exception | None = None
        """Why there is no complete set, or why it is not laid out, if this run found that out."""
        self.has_set = False
        """Whether there is a complete set all the same."""

    def take(
        self, *, retry_failed: bool, dry_run: bool, may_make: Callable[[], bool]
    ) -> FilmEnded | None:
        """Make the film's set unless an earlier run has, and return how that ended.

        Args:
            retry_failed: whether to try again what failed before.
            dry_run: whether to only say what would be made.
            may_make: called before anything is made; if it returns False, nothing is, and the
                result is None.
        """
        try:
            known = self._known(retry_failed=retry_failed)
            if known is not None and not (known.outcome == "already" and self._lacks_layout()):
                return known
            if not may_make():
                return None
            if dry_run:
                return self._ended("due")
            if known is None:
                self._make()
        except SoundOnlyError as error:
            return self._sound_only(error)
        except Exception as error:  # noqa: BLE001  a bug met with one film costs no other
            return self._failed(error)
        return self._laid_out()

    @cached_property
    def _store(self) -> Store:
        return Store.open(self._destination(self._film))

    def _known(self, *, retry_failed: bool) -> FilmEnded | None:
        """Return how an earlier run ended, if nothing has changed since; no video is opened."""
        note = load_note(self._store, self._film, self._request.id, self._pool.limits)
        if note is None or (retry_failed and note.status in {"partial", "failed"}):
            return None
        if note.status == "sound":
            return self._passed(note.message, is_news=False)
        outcome = _OUTCOMES[note.status]
        return self._ended(outcome, is_news=False, error=note.error, message=note.message)

    def _make(self) -> None:
        """Make the set, and note that it is complete."""
        film, request = self._film, self._request
        self._report(
            FilmStarted(
                film=film.name,
                source=film.source.shown,
                destination=self._shown(),
                size_bytes=film.stamp.size_bytes or 0,
            )
        )
        with self._pool.engine(disk=film.disk) as engine:
            pipeline.make(
                film.source,
                self._store,
                recipe=request.recipe,
                engine=engine,
                on_progress=self._pass_on,
                remove_stale=request.remove_stale,
                stream=request.stream,
                strict=request.strict,
                clock=request.clock,
            )
        self._save_note("complete")

    @property
    def _targets(self) -> dict[str, Place]:
        """Where the files of each layout go."""
        film, destination = self._film, self._destination(self._film)
        return {name: target_for(name, film.source, destination) for name in self._request.layouts}

    def _lacks_layout(self) -> bool:
        """Whether files are missing where other programs look for them; no video is opened."""
        return not all(
            is_laid_out(self._store, name, target, video=self._film.source.name)
            for name, target in self._targets.items()
        )

    def _laid_out(self) -> FilmEnded:
        """Lay the complete set out, and return how the turn ended."""
        self.has_set, laid, error, message = True, 0, "", ""
        try:
            for name, target in self._targets.items():
                laid += lay_out(
                    self._store,
                    name,
                    target,
                    video=self._film.source.name,
                    replace=self._request.replace_layout,
                )
        except Exception as problem:  # noqa: BLE001  a bug met with one film costs no other
            self.error = problem
            error, message = type(problem).__name__, _message_of(problem)
        is_new = self._has_made_slices or laid > 0
        return self._ended("made" if is_new else "already", error=error, message=message)

    def _pass_on(self, event: Event) -> None:
        if isinstance(event, Planned):
            self._duration = event.remaining
        if isinstance(event, SliceDone):
            self._has_made_slices = True
        self._report(replace(event, film=self._film.name))

    def _sound_only(self, error: SoundOnlyError) -> FilmEnded:
        """Note that the file is no video, and return how the turn ended."""
        with suppress(StoreError):  # then the next run looks at it again
            self._save_note("sound", message=str(error))
        return self._passed(str(error), is_news=True)

    def _passed(self, message: str, *, is_news: bool) -> FilmEnded:
        self._report(FilmPassed(film=self._film.name, reason="sound", message=message))
        return self._ended("passed", is_news=is_news)

    def _failed(self, error: Exception) -> FilmEnded:
        """Note an error that would come again, and return how the turn ended."""
        self.error = error
        status: Status = "partial" if isinstance(error, IncompleteError) else "failed"
        name, message = type(error).__name__, _message_of(error)
        if isinstance(error, ScrubjayError) and is_lasting(error):
            with suppress(StoreError):  # the first error is the important one
                self._save_note(status, error=name, message=message)
        return self._ended(_OUTCOMES[status], error=name, message=message)

    def _save_note(self, status: Status, *, error: str = "", message: str = "") -> None:
        if self._film.stamp.identifies:
            note = Note(
                stamp=self._film.stamp,
                request=self._request.id,
                limits=self._pool.limits,
                status=status,
                error=error,
                message=message,
            )
            save_note(self._store, note)

    def _ended(
        self, outcome: FilmOutcome, *, is_news: bool = True, error: str = "", message: str = ""
    ) -> FilmEnded:
        return FilmEnded(
            film=self._film.name,
            outcome=outcome,
            is_news=is_news,
            destination=self._shown(),
            size_bytes=self._film.stamp.size_bytes or 0,
            duration=self._duration if outcome in {"made", "partial"} else Fraction(0),
            error=error,
            message=message,
        )

    def _shown(self) -> str:
        """Return the address of the set, for people; empty if it has none."""
        with suppress(ScrubjayError):
            if self._store.place is not None:
                return self._store.place.shown
        return ""


def _message_of(error: Exception) -> str:
    """Return what people read of an error."""
    if isinstance(error, ScrubjayError):
        return str(error)
    return f"this is a bug in Scrubjay, please report it: {redacted(str(error))}"

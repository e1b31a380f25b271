"""`scrubjay make` with several videos, or a folder of them."""

# ruff: noqa: PLC0415  what only a run of many videos needs is loaded by that alone
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from scrubjay.cli.exits import ExitCode, worst_code
from scrubjay.cli.many import pool_of, selection_of, with_index
from scrubjay.cli.options import grouped
from scrubjay.cli.report import say, show
from scrubjay.cli.setup import Setup
from scrubjay.cli.watcher import Watcher
from scrubjay.cli.words import about, about_unreadable, describe_library, describe_passed
from scrubjay.errors import RecipeError
from scrubjay.events import Event, FilmEnded, FilmPassed, LibraryFinished, OnEvent
from scrubjay.library.film import Film, is_library
from scrubjay.model import Recipe
from scrubjay.places.place import Place
from scrubjay.shown import printable

if TYPE_CHECKING:
    from scrubjay.cli.progress import LibraryProgress
    from scrubjay.library.indexing import Indexing
    from scrubjay.library.notes import Request
    from scrubjay.library.passing import OnPassed
    from scrubjay.library.patterns import Selection

__all__ = [
    "LibraryWatcher",
    "both",
    "is_one_video",
    "library_options",
    "make_all",
    "request_of",
]

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_MOST_FAILURES = 20
"""Failures that the summary names, and as many files and folders that cannot be read."""

_ONLY_FOR_MANY = (
    ("newer_than", None, "--newer-than"),
    ("limit", None, "--limit"),
    ("dry_run", False, "--dry-run"),
    ("retry_failed", False, "--retry-failed"),
    ("keep_going", True, "--no-keep-going"),
    ("include", (), "--include"),
    ("exclude", (), "--exclude"),
    ("index", True, "--no-index"),
    ("per_disk", 0, "--per-disk"),
    ("only_between", None, "--only-between"),
    ("max_load", None, "--max-load"),
    ("nice", 0, "--nice"),
)
"""Options, their defaults, and what people write to change them."""


class _Moment(click.ParamType[datetime]):
    """A point in time: so long ago (90m, 12h, 7d, 2w), or a date, with a time or without."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        text = str(value)
        try:
            if text[-1:] in _UNITS:
                return datetime.now(UTC) - timedelta(**{_UNITS[text[-1]]: float(text[:-1])})
            return datetime.fromisoformat(text).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is not a time such as 7d, 12h or 2026-11-27", param, ctx)


def library_options(command: Any) -> Any:  # noqa: ANN401  as click's decorators are
    """Give a command the options of a run of many videos."""
    for option in (
        grouped(
            "Many videos",
            "--newer-than",
            type=_Moment(),
            metavar="TIME",
            help="Only videos written since then: 90m, 12h, 7d or 2w ago, or a date.",
        ),
        grouped(
            "Many videos",
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="Make at most N videos; those whose set is complete do not count.",
        ),
        grouped(
            "Many videos",
            "--dry-run",
            is_flag=True,
            help="Only show which videos would be made, and where.",
        ),
        grouped(
            "Many videos",
            "--retry-failed",
            is_flag=True,
            help="Also try videos again that failed or have gaps and have not changed since.",
        ),
        grouped(
            "Many videos",
            "--keep-going/--no-keep-going",
            default=True,
            help="Continue after a video that fails.  [default: yes]",
        ),
    ):
        command = option(command)
    return command


class LibraryWatcher(Watcher):
    """Passes the events of a run over a library on.

    Args:
        as_json: write them to standard output.
        quiet: show people nothing.
        is_endless: whether no summary will come, so that people are told of problems at once where
            there is no terminal for a live display, as in a service's journal.
    """

    def __init__(self, *, as_json: bool, quiet: bool, is_endless: bool = False) -> None:
        super().__init__(as_json=as_json, quiet=quiet)
        self._is_endless = is_endless
        self._failures: list[FilmEnded] = []
        self._unreadable: list[FilmPassed] = []
        self._finished: LibraryFinished | None = None

    def display(self) -> "LibraryProgress":
        """Return the live display."""
        from scrubjay.cli.progress import LibraryProgress

        return LibraryProgress()

    def __call__(self, event: Event) -> None:
        """Handle one event."""
        super().__call__(event)
        match event:
            case FilmEnded():
                self._take_end(event)
            case FilmPassed(reason="unreadable"):
                if len(self._unreadable) < _MOST_FAILURES:
                    self._unreadable.append(event)
                self._say_now(about_unreadable(event))
            case LibraryFinished():
                self._finished = event
            case _:
                pass

    def _take_end(self, event: FilmEnded) -> None:
        if event.message:
            if len(self._failures) < _MOST_FAILURES:
                self._failures.append(event)
            if event.is_news:
                self._say_now(about(event))
        if event.outcome == "due" and not self.as_json:
            show(printable(f"{event.film} -> {event.destination}"))

    def _say_now(self, problem: str) -> None:
        """Print a problem where nothing else shows it."""
        if self._is_endless and not self.is_quiet and not self.is_live:
            say(printable(problem))

    def sum_up(self, output: str) -> None:
        """Print what became of the videos and, on standard output, where the sets are."""
        self.close()
        if self._finished is None or self.as_json:
            return
        if not self.is_quiet:
            say(describe_library(self._finished, self._failures))
            for line in describe_passed(self._finished.passed, self._unreadable):
                say(line)
            self.say_unconfined()
        if not self._finished.due:
            show(output)


def is_one_video(places: Sequence[Place], values: Mapping[str, Any]) -> bool:
    """Whether a command line names one video, and no folder of videos.

    Raises:
        RecipeError: an option makes no sense then.
    """
    if len(places) > 1 or is_library(places[0]):
        return False
    for name, default, flag in _ONLY_FOR_MANY:
        if values[name] != default:
            raise RecipeError(f"{flag} is for several videos, or a folder of them")
    return True


def make_all(
    places: Sequence[Place],
    output: str,
    setup: Setup,
    recipe: Recipe,
    *,
    watcher: LibraryWatcher,
    values: Mapping[str, Any],
) -> None:
    """Make the sets of many videos, and exit with the code of the worst error.

    Args:
        places: videos, and folders or prefixes of them.
        output: where the sets go.
        setup: the command's settings.
        recipe: what is made of each video.
        watcher: shows what happens.
        values: of the command's options.

    Raises:
        ScrubjayError: the run ends early.
    """
    from scrubjay.layouts import recipe_for, target_for
    from scrubjay.library.destinations import Destinations, check_distinct
    from scrubjay.library.running import make_library

    if values["kind"] != "local":
        raise RecipeError(
            f"--engine {values['kind']} makes one video at a time; run the command for each, or "
            "upload the videos to the bucket of a stack"
        )
    for name in values["layouts"]:
        recipe = recipe_for(recipe, name)
        for place in places:
            target_for(name, place, output)  # refuses videos that are not on this machine
    selection = selection_of(values)
    destinations = Destinations(output, base=setup.place("."), roots=places)
    if destinations.may_clash:
        check_distinct(_films(places, selection), destinations)
    is_full = values["limit"] is None and values["newer_than"] is None

    def made(indexing: "Indexing | None") -> LibraryFinished:
        with watcher:
            return make_library(
                lambda on_passed: _chosen(
                    _films(places, selection, on_passed), values["newer_than"]
                ),
                destinations,
                request=request_of(recipe, setup, values),
                pool=pool_of(setup, values),
                on_progress=both(indexing, watcher),
                limit=values["limit"],
                retry_failed=values["retry_failed"],
                dry_run=values["dry_run"],
                keep_going=values["keep_going"],
            )

    if values["dry_run"]:
        finished = made(None)
    else:
        finished = with_index(destinations, values, made, is_full=is_full)
    watcher.sum_up(output)
    code = worst_code(finished.errors)
    if code is not ExitCode.OK:
        raise SystemExit(code)


def request_of(recipe: Recipe, setup: Setup, values: Mapping[str, Any]) -> "Request":
    """Return what is made of each video."""
    from scrubjay.library.notes import Request

    return Request(
        recipe=recipe,
        stream=values["stream"],
        strict=setup.settings.strict,
        clock=values["clock"],
        remove_stale=values["remove_stale"],
        layouts=tuple(values.get("layouts", ())),
        replace_layout=values.get("replace_layout", False),
    )


def both(indexing: OnEvent | None, watcher: OnEvent) -> OnEvent:
    """Return a function that passes each event to the index, if there is one, and then tells it.

    So what was told is in the index, whenever the run is stopped.
    """

    def passing(event: Event) -> None:
        if indexing:
            indexing(event)
        watcher(event)

    return passing


def _films(
    places: Sequence[Place], selection: "Selection", on_passed: "OnPassed" = lambda _: None
) -> Iterator[Film]:
    """Yield the videos at some addresses, and below folders."""
    from scrubjay.library.finding import film_at, find

    for place in places:
        if is_library(place):
            yield from find(place, selection=selection, on_passed=on_passed)
        else:
            yield film_at(place)


def _chosen(films: Iterable[Film], since: datetime | None) -> Iterator[Film]:
    """Yield the videos that were written since a time, and those for which that is unknown."""
    least = since.timestamp() * 1e9 if since else 0
    for film in films:
        if film.stamp.mtime_ns is None or film.stamp.mtime_ns >= least:
            yield film

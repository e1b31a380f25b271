"""`scrubjay watch`: the previews of what arrives in a folder or bucket."""

# ruff: noqa: PLC0415  most commands need none of this
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from scrubjay.cli.library import LibraryWatcher, both, request_of
from scrubjay.cli.many import pool_of, selection_of, sharing_options, with_index
from scrubjay.cli.options import (
    GroupedCommand,
    grouped,
    output_options,
    recipe_base,
    recipe_from,
    recipe_options,
    settings_options,
    stream_option,
)
from scrubjay.cli.report import reported, say
from scrubjay.cli.setup import Setup
from scrubjay.errors import DestinationError, RecipeError, SourceNotFoundError, StoreError
from scrubjay.library.film import Film, is_library
from scrubjay.shown import printable

if TYPE_CHECKING:
    from scrubjay.library.changes import Changes
    from scrubjay.library.destinations import Destinations
    from scrubjay.library.indexing import Indexing
    from scrubjay.library.passing import OnPassed
    from scrubjay.places.place import Place

__all__ = ["Orphans", "watch"]

_POLL_SECONDS = 60.0
"""How often a bucket or a network drive is looked at by default."""


@click.command(
    cls=GroupedCommand,
    short_help="Make the previews of what arrives in a folder or bucket.",
    epilog="\b\nExamples:\n"
    "  scrubjay watch /media/films -o /media/previews\n"
    "  scrubjay watch /media/films -o beside --prune-orphans\n"
    "  scrubjay watch s3://films/ -o s3://previews --poll 300",
)
@click.argument("folder")
@output_options
@grouped(
    "Watching",
    "--settle",
    type=click.FloatRange(min=0),
    default=10,
    metavar="SECONDS",
    help="Wait until a file has not changed for this long.  [default: 10]",
)
@grouped(
    "Watching",
    "--poll",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Look at everything again this often, instead of waiting for the system's events. "
    "[default: 60 for buckets, network drives, and without the extra watch]",
)
@grouped(
    "Watching",
    "--rescan",
    type=click.FloatRange(min=0, min_open=True),
    default=600,
    metavar="SECONDS",
    help="With events, look at everything again this often.  [default: 600]",
)
@grouped(
    "Watching",
    "--prune-orphans",
    is_flag=True,
    help="Remove the set of a video that is removed while this runs.",
)
@grouped(
    "Many videos",
    "--retry-failed",
    is_flag=True,
    help="Also try videos again that failed or have gaps and have not changed since.",
)
@sharing_options
@stream_option
@recipe_base
@recipe_options
@settings_options
def watch(
    folder: str,
    output: str,
    *,
    base: str,
    as_json: bool,
    quiet: bool,
    **values: Any,  # noqa: ANN401  the recipe's and the settings' own options
) -> None:
    """Make the previews of the videos in FOLDER, and of those that arrive, until it is stopped.

    FOLDER is a folder, or a prefix such as s3://bucket/films/. A video that is replaced is made
    again; a set follows its video if that is moved in one file system. Ctrl-C or SIGTERM ends it.
    """
    with reported(as_json=as_json, resumable=True):
        recipe, setup = recipe_from(values, base), Setup(values)
        root = setup.place(folder)
        if not is_library(root):
            raise SourceNotFoundError(f"{root.shown} is not a folder, nor a prefix that ends in /")
        from scrubjay.library.destinations import Destinations
        from scrubjay.library.running import make_library
        from scrubjay.library.watching import Watch

        destinations = Destinations(output, base=setup.place("."), roots=[root])
        if destinations.may_clash:
            raise RecipeError(f"-o {output!r}: films to come could get the same set; add {{path}}")
        watcher = LibraryWatcher(as_json=as_json, quiet=quiet, is_endless=True)

        def work(indexing: "Indexing | None") -> None:
            changes, rescan = _changes_of(root, values)
            orphans = Orphans(
                root,
                destinations,
                indexing,
                prunes=values["prune_orphans"],
                is_quiet=watcher.is_quiet,
            )

            def films(on_passed: "OnPassed") -> Iterator[Film]:
                following = Watch(
                    root,
                    changes,
                    selection=selection_of(values),
                    settle=values["settle"],
                    rescan=rescan,
                    on_passed=on_passed,
                    on_moved=orphans.move,
                    on_gone=orphans.remove,
                )
                return following.films()

            try:
                with watcher:
                    make_library(
                        films,
                        destinations,
                        request=request_of(recipe, setup, values),
                        pool=pool_of(setup, values),
                        on_progress=both(indexing, watcher),
                        retry_failed=values["retry_failed"],
                    )
            finally:
                changes.stop()

        with_index(destinations, values, work)


def _changes_of(root: "Place", values: dict[str, Any]) -> "tuple[Changes, float]":
    """Return what reports changes, and how often all is looked at."""
    from scrubjay.library.changes import NoEvents, changes_of

    changes = changes_of(root, is_polling=values["poll"] is not None)
    if isinstance(changes, NoEvents):
        return changes, values["poll"] or _POLL_SECONDS
    return changes, values["rescan"]


class Orphans:
    """Lets sets follow their videos, in the thread that looks for videos."""

    def __init__(
        self,
        root: "Place",
        destinations: "Destinations",
        indexing: "Indexing | None",
        *,
        prunes: bool,
        is_quiet: bool,
    ) -> None:
        self._root = root
        self._destinations = destinations
        self._indexing = indexing
        self._prunes = prunes
        self._is_quiet = is_quiet

    def move(self, old: str, film: Film) -> None:
        """Move the set of a film that has moved."""
        from scrubjay.library.orphans import move_set

        with suppress(DestinationError):  # its turn reports why it can have no set there
            before = self._set_of(old)
            self._destinations.forget(old)
            move_set(before, self._destinations(film))
        self._forget([old])

    def remove(self, names: list[str]) -> None:
        """Remove the sets of films that are gone, if that is wanted."""
        from scrubjay.library.orphans import remove_set

        for name in names:
            try:
                removed = remove_set(self._set_of(name)) if self._prunes else 0
            except StoreError as error:
                self._say(f"{name} is gone, but its set is still there: {error}")
            else:
                self._say(f"{name} is gone" + ("; its set was removed" if removed else ""))
            self._destinations.forget(name)
        if self._prunes:
            self._forget(names)

    def _set_of(self, name: str) -> "Place":
        address = f"{self._root.address.rstrip('/')}/{name}"
        return self._destinations(Film(source=replace(self._root, address=address), name=name))

    def _forget(self, names: list[str]) -> None:
        if self._indexing:
            self._indexing.forget(names)

    def _say(self, text: str) -> None:
        if not self._is_quiet:
            say(printable(text))

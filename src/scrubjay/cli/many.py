"""What commands on many videos share: which videos, when to work, and the index."""

# ruff: noqa: PLC0415  what only a run of many videos needs is loaded by that alone
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from scrubjay.cli.options import grouped
from scrubjay.errors import StoreError

if TYPE_CHECKING:
    from scrubjay.cli.setup import Setup
    from scrubjay.engines.shared import WorkerPool
    from scrubjay.library.destinations import Destinations
    from scrubjay.library.indexing import Indexing
    from scrubjay.library.patterns import Selection

__all__ = ["pool_of", "selection_of", "sharing_options", "with_index"]

T = TypeVar("T")

_GROUP = "Many videos"


def sharing_options(command: Any) -> Any:  # noqa: ANN401  as click's decorators are
    """Give a command the options that choose videos, and say when to work on them."""
    for option in reversed(
        (
            grouped(
                _GROUP,
                "--include",
                multiple=True,
                metavar="PATTERN",
                help="Only videos whose path matches, such as '*.mkv' or 'Series/**'; can be "
                "repeated.",
            ),
            grouped(
                _GROUP,
                "--exclude",
                multiple=True,
                metavar="PATTERN",
                help="No videos whose path, or a folder in it, matches; can be repeated.",
            ),
            grouped(
                _GROUP,
                "--index/--no-index",
                default=True,
                help="Write index.html and library.json, which show all of them.  [default: yes]",
            ),
            grouped(
                _GROUP,
                "--per-disk",
                type=click.IntRange(min=0),
                default=0,
                metavar="N",
                help="Most workers that read from one disk at once, such as 1 for spinning disks; "
                "0 is any number.  [default: 0]",
            ),
            grouped(
                _GROUP,
                "--only-between",
                metavar="HH:MM-HH:MM",
                help="Begin slices only in these hours, such as 01:00-06:00, and wait for the next "
                "ones.",
            ),
            grouped(
                _GROUP,
                "--max-load",
                type=click.FloatRange(min=0, min_open=True),
                metavar="LOAD",
                help="Begin no slice beside others while the load average is this high.",
            ),
            grouped(
                _GROUP,
                "--nice",
                type=click.IntRange(0, 19),
                default=0,
                metavar="N",
                help="Give way to other programs, from 0 to 19.  [default: 0]",
            ),
        )
    ):
        command = option(command)
    return command


def selection_of(values: Mapping[str, Any]) -> "Selection":
    """Return which paths are wanted.

    Raises:
        RecipeError: a pattern is wrong.
    """
    from scrubjay.library.patterns import Selection

    return Selection(values["include"], values["exclude"])


def pool_of(setup: "Setup", values: Mapping[str, Any]) -> "WorkerPool":
    """Return workers that work when they may, and give way to others.

    Raises:
        RecipeError: an option is wrong.
    """
    from scrubjay.library.gate import Gate, Hours

    between = values["only_between"]
    gate = Gate(hours=Hours.of(between) if between else None, max_load=values["max_load"])
    if values["nice"]:
        os.nice(values["nice"])
    return setup.pool(per_disk=values["per_disk"], may_begin=gate)


def with_index(
    destinations: "Destinations",
    values: Mapping[str, Any],
    work: "Callable[[Indexing | None], T]",
    *,
    is_full: bool = False,
) -> T:
    """Hold the lock of a library during some work, and write its index at the end.

    However and whenever the work is stopped, what it has told the index is written.

    Args:
        destinations: where sets go.
        values: of the command's options.
        work: called with what notes the events of a run; with None after `--no-index`.
        is_full: whether the work looks at every film, so that others can be forgotten.

    Raises:
        DestinationError: another run is at work, or another program's `index.html` is there.
    """
    from scrubjay.library.indexing import Indexing
    from scrubjay.library.lock import locked

    with locked(destinations.root):
        if not values["index"]:
            return work(None)
        indexing = Indexing(destinations.root)
        try:
            done = work(indexing)
            indexing.close(forgets=is_full)
        except BaseException:
            # not a context manager: a signal can arrive before the first line of its `__exit__`
            with suppress(StoreError):  # the first error is the important one
                indexing.close()
            raise
        return done

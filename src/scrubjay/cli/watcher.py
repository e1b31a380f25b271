"""Passes a run's events on, to a program or to a person at a terminal."""

import sys
from abc import ABC, abstractmethod
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from scrubjay.cli.report import say, show
from scrubjay.cli.words import describe_result, describe_step, describe_unconfined
from scrubjay.events import (
    Event,
    Finished,
    OnEvent,
    Planned,
    Probed,
    ShardFinished,
    Unconfined,
)
from scrubjay.keys import PAGE
from scrubjay.model import encode
from scrubjay.places.place import Place

if TYPE_CHECKING:
    from scrubjay.cli.progress import Display

__all__ = ["ShardWatcher", "VideoWatcher", "Watcher"]


class Watcher(ABC):
    """Passes events on.

    Args:
        as_json: write them to standard output.
        quiet: show people nothing.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.is_quiet = quiet or as_json
        self._display: OnEvent | None = None
        self._open = ExitStack()
        self._unconfined: Unconfined | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not self.is_quiet:
            self._display = self._open.enter_context(self.display())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Handle one event."""
        if isinstance(event, Unconfined):
            self._unconfined = event
        if self.as_json:
            show(encode(event))
        if self._display:
            self._display(event)

    @property
    def is_live(self) -> bool:
        """Whether a terminal shows what happens."""
        return self._display is not None

    @abstractmethod
    def display(self) -> "Display":
        """Return the live display."""

    def close(self) -> None:
        """Remove the live display."""
        with suppress(OSError):  # the terminal may be gone
            self._open.close()

    def say_unconfined(self) -> None:
        """Print what the machine lacks to confine workers, if anything."""
        if self._unconfined:
            say(describe_unconfined(self._unconfined))


class VideoWatcher(Watcher):
    """Passes the events of one video on."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        super().__init__(as_json=as_json, quiet=quiet)
        self._probed: Probed | None = None
        self._planned: Planned | None = None
        self._finished: Finished | None = None

    def display(self) -> "Display":
        """Return the live display."""
        from scrubjay.cli.progress import LiveProgress  # noqa: PLC0415  slow to load

        return LiveProgress()

    def __call__(self, event: Event) -> None:
        """Handle one event."""
        super().__call__(event)
        match event:
            case Probed():
                self._probed = event
            case Planned():
                self._planned = event
            case Finished():
                self._finished = event
            case _:
                pass

    def sum_up(self, output: str) -> None:
        """Print what was made and, on standard output, where its page is."""
        self.close()
        if not (self._probed and self._planned and self._finished) or self.as_json:
            return
        if not self.is_quiet:
            say(describe_result(self._probed, self._planned, self._finished))
            self.say_unconfined()
        show(_page_of(output))


class ShardWatcher(Watcher):
    """Passes the events of one step on: of a shard, or of publishing."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        super().__init__(as_json=as_json, quiet=quiet)
        self._finished: Finished | ShardFinished | None = None

    def display(self) -> "Display":
        """Return the live display."""
        from scrubjay.cli.progress import LiveProgress  # noqa: PLC0415  slow to load

        return LiveProgress()

    def __call__(self, event: Event) -> None:
        """Handle one event."""
        super().__call__(event)
        if isinstance(event, Finished | ShardFinished):
            self._finished = event

    def sum_up(self, output: str = "") -> None:
        """Print what was done and, if a set was published, where its page is."""
        self.close()
        if self._finished is None or self.as_json:
            return
        if not self.is_quiet:
            say(describe_step(self._finished))
            self.say_unconfined()
        if isinstance(self._finished, Finished):
            show(_page_of(output))


def _page_of(output: str) -> str:
    is_local = Place.of(output).is_local
    return str(Path(output) / PAGE) if is_local else f"{output.rstrip('/')}/{PAGE}"

"""The live displays of runs, on a terminal's standard error."""

from collections.abc import Iterator
from fractions import Fraction
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from scrubjay.cli.words import about, about_unreadable
from scrubjay.events import (
    Event,
    FilmEnded,
    FilmPassed,
    FilmsFound,
    FilmStarted,
    Planned,
    Probed,
    SliceDone,
    SliceFailed,
    SliceProgress,
    SliceRetried,
    SliceStarted,
)
from scrubjay.shown import printable
from scrubjay.timing import short_clock

__all__ = ["Display", "LibraryProgress", "LiveProgress"]


class Display:
    """What the displays of runs have in common: a line for each worker, and notes above them."""

    bar_columns = 28

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._live.get_renderable = self._draw  # type: ignore[method-assign]
        self._workers: dict[int, tuple[SliceStarted, Fraction]] = {}

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Handle one event of the run."""
        match event:
            case SliceStarted():
                self._workers[event.worker] = (event, event.start)
            case SliceProgress():
                if event.worker in self._workers:
                    self._workers[event.worker] = (self._workers[event.worker][0], event.time)
            case SliceDone():
                self._workers.pop(event.worker, None)
            case SliceRetried():
                self._workers.pop(event.worker, None)
                self._say(f"{_of(event)}retrying slice {event.index}: {event.message}")
            case SliceFailed():
                self._workers = {
                    worker: work
                    for worker, work in self._workers.items()
                    if (work[0].film, work[0].index) != (event.film, event.index)
                }
                self._say(f"{_of(event)}given up: {event.message}")
            case _:
                pass

    def _draw(self) -> Group:
        raise NotImplementedError

    def _say(self, text: str) -> None:
        self._console.print(Text(printable(text), style="yellow"), soft_wrap=True)

    def _under_way(self) -> Fraction:
        """Return how many seconds of video of unfinished slices are made."""
        return sum(
            (at - slice_.start for slice_, at in self._workers.values() if not slice_.is_whole),
            Fraction(0),
        )

    def _rows(self) -> Iterator[tuple[Text, ProgressBar, Text]]:
        """Yield a line for each worker that makes a slice."""
        for place, number in enumerate(sorted(self._workers), start=1):
            slice_, time = self._workers[number]
            bar = ProgressBar(
                total=float(slice_.end - slice_.start),
                completed=float(time - slice_.start),
                width=self.bar_columns,
                complete_style="blue",
            )
            name = "the whole video" if slice_.is_whole else f"slice {slice_.index}"
            span = f"{name}, {short_clock(slice_.start)} to {short_clock(slice_.end)}"
            what = Text(f"{_of(slice_)}{span}", style="dim", no_wrap=True, overflow="ellipsis")
            yield Text(f"worker {place}", style="dim"), bar, what


def _of(event: SliceStarted | SliceRetried | SliceFailed) -> str:
    """Return the name of an event's video, in a run of many."""
    return f"{printable(event.film)}: " if event.film else ""


class LiveProgress(Display):
    """Shows slices done, speed, time left, and what each worker does, on standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._name = ""
        self._plan: Planned | None = None
        self._began = monotonic()
        self._rendered = Fraction(0)
        self._finished = 0

    def __call__(self, event: Event) -> None:
        """Handle one event of the run."""
        super().__call__(event)
        match event:
            case Probed():
                self._name = printable(event.source.name)
            case Planned():
                self._plan = event
                self._began = monotonic()
                self._finished = event.done
            case SliceDone():
                self._finished += 1
                self._rendered += 0 if event.is_whole else event.end - event.start
            case _:
                pass

    def _draw(self) -> Group:
        if self._plan is None:
            return Group(Text(f"Probing {self._name or 'the video'} ..."))
        table = Table.grid(padding=(0, 2))
        table.add_row(*self._total(self._plan))
        for row in self._rows():
            table.add_row(*row)
        return Group(Text(self._name, style="bold", overflow="ellipsis", no_wrap=True), table)

    def _total(self, plan: Planned) -> tuple[Text, ProgressBar, Text]:
        rendered = self._rendered + self._under_way()
        elapsed = max(monotonic() - self._began, 1e-6)
        speed = float(rendered) / elapsed
        left = float(plan.remaining - rendered) / speed if speed else 0.0
        done = float(plan.duration - plan.remaining + rendered)
        facts = f"{speed:.1f}x  ETA {short_clock(left)}" if speed else "starting"
        return (
            Text(f"{self._finished}/{plan.slices} slices"),
            ProgressBar(total=float(plan.duration), completed=done, width=self.bar_columns),
            Text(facts, style="cyan", no_wrap=True),
        )


class _UnderWay:
    """How far a video is."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.plan: Planned | None = None
        self.rendered = Fraction(0)

    @property
    def done_bytes(self) -> float:
        """The bytes of the video, in the proportion in which its slices are made."""
        if self.plan is None or not self.plan.remaining:
            return 0.0
        return self.size_bytes * min(1.0, float(self.rendered / self.plan.remaining))


class LibraryProgress(Display):
    """Shows videos done, hours made, time left, and what each worker does, on standard error."""

    bar_columns = 14

    def __init__(self) -> None:
        super().__init__()
        self._began = monotonic()
        self._found = FilmsFound(films=0, size_bytes=0, is_all=False)
        self._films: dict[object, _UnderWay] = {}
        self._ended = self._failed = 0
        self._known_bytes = self._made_bytes = 0
        self._rendered = Fraction(0)

    def __call__(self, event: Event) -> None:
        """Handle one event of the run."""
        super().__call__(event)
        match event:
            case FilmsFound():
                self._found = event
            case FilmStarted():
                self._films[event.film] = _UnderWay(event.size_bytes)
            case Planned() if event.film in self._films:
                self._films[event.film].plan = event
            case SliceDone() if event.film in self._films and not event.is_whole:
                self._rendered += event.end - event.start
                self._films[event.film].rendered += event.end - event.start
            case FilmEnded():
                self._end(event)
            case FilmPassed(reason="unreadable"):
                self._say(about_unreadable(event))
            case _:
                pass

    def _end(self, event: FilmEnded) -> None:
        self._ended += 1
        if self._films.pop(event.film, None):
            self._made_bytes += event.size_bytes
        else:
            self._known_bytes += event.size_bytes
        if event.outcome == "failed":
            self._failed += 1
        if event.message and event.is_news:
            self._say(about(event))

    def _draw(self) -> Group:
        table = Table.grid(padding=(0, 2))
        table.add_row(*self._total())
        for row in self._rows():
            table.add_row(*row)
        return Group(table)

    def _total(self) -> tuple[Text, ProgressBar, Text]:
        found, elapsed = self._found, max(monotonic() - self._began, 1e-6)
        made = self._made_bytes + sum(each.done_bytes for each in self._films.values())
        total, more = found.size_bytes - self._known_bytes, "" if found.is_all else "+"
        facts = f"{short_clock(self._rendered + self._under_way())} of video"
        if made:
            facts += f"  ETA {short_clock((total - made) * elapsed / made)}{more}"
        if self._failed:
            facts += f"  {self._failed} failed"
        return (
            Text(f"{self._ended}/{found.films}{more} videos"),
            ProgressBar(total=float(max(total, 1)), completed=made, width=self.bar_columns),
            Text(facts, style="cyan", no_wrap=True, overflow="ellipsis"),
        )

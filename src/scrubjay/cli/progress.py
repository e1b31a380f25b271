"""The live display of a run, on a terminal's standard error."""

from fractions import Fraction
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from scrubjay.events import (
    Event,
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

__all__ = ["LiveProgress"]

_BAR_COLUMNS = 28


class LiveProgress:
    """Shows slices done, speed, time left, and what each worker does, on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, refresh_per_second=8, transient=True)
        self._live.get_renderable = self._draw  # type: ignore[method-assign]
        self._name = ""
        self._plan: Planned | None = None
        self._began = monotonic()
        self._rendered = Fraction(0)
        self._finished = 0
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
            case Probed():
                self._name = printable(event.source.name)
            case Planned():
                self._plan = event
                self._began = monotonic()
                self._finished = event.done
            case SliceStarted():
                self._workers[event.worker] = (event, event.start)
            case SliceProgress():
                if event.worker in self._workers:
                    self._workers[event.worker] = (self._workers[event.worker][0], event.time)
            case SliceDone():
                self._workers.pop(event.worker, None)
                self._finished += 1
                self._rendered += 0 if event.is_whole else event.end - event.start
            case SliceRetried():
                self._workers.pop(event.worker, None)
                self._say(f"retrying slice {event.index}: {event.message}")
            case SliceFailed():
                self._workers = {
                    worker: work
                    for worker, work in self._workers.items()
                    if work[0].index != event.index
                }
                self._say(f"given up: {event.message}")
            case _:
                pass

    def _say(self, text: str) -> None:
        self._console.print(Text(printable(text), style="yellow"), soft_wrap=True)

    def _draw(self) -> Group:
        if self._plan is None:
            return Group(Text(f"Probing {self._name or 'the video'} ..."))
        table = Table.grid(padding=(0, 2))
        table.add_row(*self._total(self._plan))
        for number in sorted(self._workers):
            table.add_row(*self._worker(number))
        return Group(Text(self._name, style="bold", overflow="ellipsis", no_wrap=True), table)

    def _total(self, plan: Planned) -> tuple[Text, ProgressBar, Text]:
        under_way = sum(
            (at - part.start for part, at in self._workers.values() if not part.is_whole),
            Fraction(0),
        )
        rendered = self._rendered + under_way
        elapsed = max(monotonic() - self._began, 1e-6)
        speed = float(rendered) / elapsed
        left = float(plan.remaining - rendered) / speed if speed else 0.0
        done = float(plan.duration - plan.remaining + rendered)
        facts = f"{speed:.1f}x  ETA {short_clock(left)}" if speed else "starting"
        return (
            Text(f"{self._finished}/{plan.slices} slices"),
            ProgressBar(total=float(plan.duration), completed=done, width=_BAR_COLUMNS),
            Text(facts, style="cyan", no_wrap=True),
        )

    def _worker(self, number: int) -> tuple[Text, ProgressBar, Text]:
        slice_, time = self._workers[number]
        bar = ProgressBar(
            total=float(slice_.end - slice_.start),
            completed=float(time - slice_.start),
            width=_BAR_COLUMNS,
            complete_style="blue",
        )
        name = "the whole video" if slice_.is_whole else f"slice {slice_.index}"
        span = f"{name}, {short_clock(slice_.start)} to {short_clock(slice_.end)}"
        return Text(f"worker {number + 1}", style="dim"), bar, Text(span, style="dim")

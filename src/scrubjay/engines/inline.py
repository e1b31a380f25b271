"""The simplest engine: makes slices one after another in this process.

It is for destinations in memory, tests, and functions that are isolated already. A video that
crashes the decoder crashes this process.
"""

from functools import partial
from time import monotonic, process_time
from typing import Self

from scrubjay.engines.base import Job, Outcome, Probing
from scrubjay.engines.ledger import Ledger
from scrubjay.errors import ScrubjayError
from scrubjay.events import OnEvent
from scrubjay.limits import Limits
from scrubjay.media.probe import probe_media
from scrubjay.model import Plan, Reading, Used
from scrubjay.places.place import Place
from scrubjay.sets.state import Missing
from scrubjay.slices.reading import explain_reading
from scrubjay.slices.renderer import SliceRenderer
from scrubjay.slices.versions import installed_versions

__all__ = ["InlineEngine"]


class InlineEngine:
    """Makes slices in this process.

    Args:
        limits: how much one video may cost; this engine cannot stop a slice that hangs.
    """

    def __init__(self, *, limits: Limits = Limits()) -> None:
        self.limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left running."""

    def probe(self, source: Place) -> Probing:
        """Probe the video at a place.

        Raises:
            SourceError: the video cannot be opened, has no video stream, or gives no picture.
        """
        return Probing(*probe_media(source, limits=self.limits), installed_versions())

    def explain(self, plan: Plan, source: Place) -> Reading:
        """Count what a plan's pictures will cost to read from the video at a place.

        Raises:
            SourceError: the video cannot be opened, or is not the planned one.
        """
        return explain_reading(plan, source=source)

    def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
        """Make slices, and return what was made and what could not be.

        Raises:
            ScrubjayError: no slice can be made: see `Engine.run`.
        """
        ledger = Ledger(job, missing, attempts=1, on_event=on_event, limits=self.limits)
        last: int | None = None
        with SliceRenderer(
            job.plan, source=job.source, store=job.store, limits=self.limits
        ) as renderer:
            while ledger.handout:
                last = index = ledger.handout.take(last, ())
                ledger.started(0, index)
                began, cpu = monotonic(), process_time()
                try:
                    on_time = partial(ledger.progressed, 0, index)
                    records = renderer.make(index, on_time, outputs=missing[index])
                except ScrubjayError as error:
                    ledger.failed(0, index, error)
                else:
                    used = Used(cpu=process_time() - cpu, seconds=monotonic() - began)
                    ledger.made(0, index, records, used)
        return ledger.outcome

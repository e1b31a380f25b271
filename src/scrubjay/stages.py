"""What every way to make a set has in common: before the slices, and after them."""

import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from scrubjay.engines.base import Engine, Job
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import DestinationError, SourceDamagedError, StoreError
from scrubjay.events import Event, Finished, OnEvent, Planned, Probed, SliceDone, SliceFailed
from scrubjay.fragments import HEAD_BYTES
from scrubjay.keys import FOLDERS, MANIFEST, is_ours
from scrubjay.model import (
    AnimationEntry,
    ClipEntry,
    Manifest,
    Plan,
    Recipe,
    Slice,
    SliceUsage,
    WholeEntry,
)
from scrubjay.places.place import Place
from scrubjay.planning import make_plan
from scrubjay.sets.pruning import prune_earlier, stale_keys
from scrubjay.sets.state import Missing, SetState, is_current
from scrubjay.sets.store import Store
from scrubjay.sets.usage import add_usage
from scrubjay.timing import short_clock

__all__ = [
    "check_apart",
    "check_whole",
    "failed_of",
    "finished_event",
    "ignore",
    "noted_usage",
    "opened",
    "planned_event",
    "planned_for",
    "stopping_at_damage",
    "swept",
    "url_from",
]


def check_apart(video: Place, store: Store) -> None:
    """Check that no object of the set would overwrite the video itself."""
    if store.place is None or (video.scheme, video.bucket) != (
        store.place.scheme,
        store.place.bucket,
    ):
        return
    if video.is_local:
        own, folder = Path(video.address).resolve(), Path(store.place.address).resolve()
        key = own.relative_to(folder).as_posix() if own.is_relative_to(folder) else ""
    else:
        prefix = f"{store.place.key.strip('/')}/".lstrip("/")
        key = video.key.removeprefix(prefix) if video.key.startswith(prefix) else ""
    if is_ours(key):
        raise DestinationError(
            f"the set's {key} would overwrite the video {video.name}; use another destination"
        )


@contextmanager
def opened(engine: Engine | None, *, workers: int = 0) -> Generator[Engine]:
    """Yield the caller's engine, which stays open, or a new one, which is closed at the end."""
    if engine is not None:
        yield engine
        return
    with ProcessEngine(workers=workers) as own:
        yield own


@contextmanager
def swept(store: Store) -> Generator[list[str]]:
    """Remove, at the end, half-written files that killed writers left.

    A run that is stopped does not wait for this, and leaves it to the next.

    Yields:
        The folders to clean; the caller adds those that the run writes into.
    """
    folders = [*FOLDERS]
    try:
        yield folders
    except Exception:
        with suppress(StoreError):  # the first error is the important one
            store.sweep(folders, is_ours)
        raise
    store.sweep(folders, is_ours)


def planned_for(running: Engine, video: Place, recipe: Recipe | None, report: OnEvent) -> Plan:
    """Probe a video, and plan its set."""
    source, media, versions = running.probe(video)
    report(Probed(source=source, media=media))
    return make_plan(source, media, recipe or Recipe(), running.limits, versions=versions)


@contextmanager
def noted_usage(job: Job, report: OnEvent) -> Generator[OnEvent]:
    """Yield a function that passes events on; at the end, note what they say slices used."""
    slices: list[SliceUsage] = []

    def watch(event: Event) -> None:
        if isinstance(event, SliceDone) and event.used is not None:
            slices.append(
                SliceUsage(
                    index=event.index,
                    start=event.start,
                    end=event.end,
                    is_whole=event.is_whole,
                    worker=event.worker,
                    order=len(slices),
                    size_bytes=event.size_bytes,
                    used=event.used,
                )
            )
        report(event)

    is_stopped = True
    try:
        yield watch
        is_stopped = False
    except Exception:
        is_stopped = False
        raise
    finally:
        # a run that is stopped does not wait for a server
        if slices and not (is_stopped and job.store.lanes > 1):
            with suppress(StoreError):  # the set is none the worse without
                if is_current(job.store, job.plan):
                    add_usage(job.store, job.plan, slices)


def stopping_at_damage(report: OnEvent, name: str) -> OnEvent:
    """Return a function that passes events on, and stops the run at the first damaged slice."""

    def checked(event: Event) -> None:
        report(event)
        if isinstance(event, SliceDone) and event.damaged_packets:
            raise _damage(name, event.start, event.end, event.damaged_packets)
        if isinstance(event, SliceFailed) and event.error == SourceDamagedError.__name__:
            raise SourceDamagedError(
                f"{event.message}; nothing was published, because damage is an error with --strict"
            )

    return checked


def check_whole(state: SetState) -> None:
    """Check that no slice of an earlier run is damaged.

    Raises:
        SourceDamagedError: a slice is damaged.
    """
    for records in state.records.values():
        for record in records.values():
            if record.damaged_packets:
                name, packets = state.plan.source.name, record.damaged_packets
                raise _damage(name, record.start, record.end, packets)


def _damage(name: str, start: Fraction, end: Fraction, packets: int) -> SourceDamagedError:
    return SourceDamagedError(
        f"{name} is damaged from {short_clock(start)} to {short_clock(end)} (packets: {packets}); "
        "nothing was published, because damage is an error with --strict"
    )


def failed_of(manifest: Manifest) -> int:
    """Return how many jobs failed: slices, and that for the whole video."""
    return len(manifest.gaps) + (manifest.whole is not None and manifest.whole.status == "failed")


def finished_event(
    planned: Plan, store: Store, manifest: Manifest, *, remove_stale: bool, began: float
) -> Finished:
    """Return the event that says what a published set has.

    Args:
        planned: the plan of the set.
        store: where it is.
        manifest: its manifest.
        remove_stale: whether to remove what is left of earlier plans.
        began: when the run began, in monotonic time.
    """
    whole = manifest.whole or WholeEntry()
    animations: list[AnimationEntry | ClipEntry] = [*manifest.animations, *whole.animations]
    frames, sheets = [*manifest.frames, *whole.frames], [*manifest.sheets, *whole.sheets]
    damaged = [each.damaged_packets for each in manifest.slices if each.damaged_packets]
    return Finished(
        status=manifest.status,
        manifest=MANIFEST,
        slices=len(planned.slices),
        failed=failed_of(manifest),
        animations=len(animations),
        frames=len(frames),
        sheets=len(sheets),
        size_bytes=sum(entry.size_bytes for entry in (*animations, *frames, *sheets))
        + HEAD_BYTES * sum(frame.byte_offset > 0 for frame in frames),
        damaged_slices=len(damaged),
        damaged_packets=sum(damaged),
        over_budget=sum(entry.over_budget for entry in animations),
        stale=0 if remove_stale else len(stale_keys(store, planned)),
        removed=prune_earlier(store, planned) if remove_stale else 0,
        seconds=round(monotonic() - began, 3),
    )


def url_from(store: Store, video: Place) -> str | None:
    """Return the URL of the video for a page in the destination, if it has one."""
    if not video.is_local:
        return video.shown if video.is_public else None
    if store.place is None or not store.place.is_local:
        return None
    return quote(Path(os.path.relpath(video.address, store.place.address)).as_posix())


def planned_event(
    plan: Plan, slices: Iterable[Slice], missing: Missing, *, replaced: bool = False
) -> Planned:
    """Return the event that says how much of some of a plan's slices is still to be made.

    Args:
        plan: the plan.
        slices: all of its slices, or those of one shard.
        missing: what is missing of them, by slice index.
        replaced: whether the destination had another plan before.
    """
    slices = list(slices)
    timeline = [each for each in slices if not each.is_whole]
    whole = len(slices) == len(plan.slices)
    return Planned(
        slices=len(slices),
        done=len(slices) - len(missing),
        replaced=replaced,
        duration=plan.media.duration if whole else _seconds(timeline),
        remaining=_seconds(each for each in timeline if each.index in missing),
    )


def _seconds(slices: Iterable[Slice]) -> Fraction:
    return sum((each.span.duration for each in slices), start=Fraction(0))


def ignore(_: object) -> None:
    """Take an event and do nothing."""

"""The whole way: probe, plan, run, publish."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from scrubjay.engines.base import Engine, Job
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    DestinationError,
    IncompleteError,
    RenderError,
    ScrubjayError,
    SourceDamagedError,
    StoreError,
)
from scrubjay.events import Event, Finished, OnEvent, Planned, Probed, SliceDone, SliceFailed
from scrubjay.keys import FOLDERS, MANIFEST, is_ours
from scrubjay.model import Manifest, MediaInfo, Plan, Reading, Recipe, TrackClock
from scrubjay.places.place import Place, PlaceText
from scrubjay.places.remote import pinned
from scrubjay.planning import make_plan, plan_id
from scrubjay.publishing import publish
from scrubjay.sets.state import (
    check_is_free,
    done_slices,
    load_plan,
    save_plan,
    stale_keys,
    withdraw,
)
from scrubjay.sets.store import Store
from scrubjay.timing import short_clock

__all__ = ["explain", "make", "plan", "probe"]

_MORE_ROUNDS = 2
"""How often slices are made again that were made and are gone."""


def make(
    source: PlaceText | Place,
    destination: PlaceText | Place | Store,
    *,
    recipe: Recipe | None = None,
    engine: Engine | None = None,
    on_progress: OnEvent | None = None,
    remove_stale: bool = False,
    stream: int | None = None,
    strict: bool = False,
    clock: TrackClock | None = None,
) -> Manifest:
    """Make the previews of a video, or what is missing of them.

    Run it again after anything: a kill, a full disk, a crash. Slices that are in the destination
    already are not made again. If the video or the recipe is another one than last time, all
    slices are made anew over the old ones.

    Args:
        source: where the video lies: a path or a URL.
        destination: where the set goes: a folder, a URL, or a store.
        recipe: what to make; None is the `classic` recipe.
        engine: where slices run; None is worker processes on this machine. It stays open: whoever
            opened it closes it.
        on_progress: called with each event of the run, in this thread.
        remove_stale: delete what an earlier plan left in the destination and this one lacks.
        stream: which stream of the file, 0-based; None is the one that browsers show.
        strict: make nothing of a damaged video: end at the first damage, and publish nothing.
        clock: the clock of the tracks that players read: `media` is the video's own, `zero` begins
            at 0; None is the one that most players need for this kind of video.

    Returns:
        The manifest of the complete set.

    Raises:
        SourceDamagedError: `strict`, and the video is damaged.
        IncompleteError: the set is published, but has gaps; it carries the manifest.
        LimitError: it would cost more than the engine's limits allow.
        ScrubjayError: nothing could be made; the destination can be resumed.
    """
    began = monotonic()
    tell = on_progress or _ignore
    video = pinned(Place.of(source, stream=stream))
    if strict:
        tell = _stopping_at_damage(tell, video.name)
    store = destination if isinstance(destination, Store) else Store.open(destination)
    _check_apart(video, store)
    with _swept(store), _opened(engine) as running:
        found, media = running.probe(video)
        tell(Probed(source=found, media=media))
        wanted = make_plan(found, media, recipe or Recipe(), running.limits)
        missing = _begin(store, wanted, tell)
        if strict:
            _check_whole(store, wanted)
        manifest, lost = _made(running, Job(wanted, video, store), missing, tell, clock)
    tell(_finished(wanted, store, manifest, remove_stale=remove_stale, began=began))
    if manifest.status != "complete":  # the store decides, not what the engine told
        causes = list(lost.values()) or [_vanished(manifest)]
        raise IncompleteError(manifest, causes, slices=len(manifest.gaps))
    return manifest


def probe(
    source: PlaceText | Place, *, engine: Engine | None = None, stream: int | None = None
) -> MediaInfo:
    """Look into a video.

    Args:
        source: where the video lies: a path or a URL.
        engine: where it is opened; None is a worker process on this machine.
        stream: which stream of the file, 0-based; None is the one that browsers show.

    Raises:
        SourceError: it cannot be opened, has no video, or gives no picture.
    """
    with _opened(engine, workers=1) as running:
        return running.probe(pinned(Place.of(source, stream=stream)))[1]


def plan(
    source: PlaceText | Place,
    *,
    recipe: Recipe | None = None,
    engine: Engine | None = None,
    stream: int | None = None,
) -> Plan:
    """Say what would be made of a video, without making it.

    Args:
        source: where the video lies: a path or a URL.
        recipe: what to make; None is the `classic` recipe.
        engine: where the video is opened; None is a worker process on this machine.
        stream: which stream of the file, 0-based; None is the one that browsers show.

    Raises:
        SourceError: it cannot be opened, has no video, or gives no picture.
        LimitError: that would cost more than the engine's limits allow.
        RecipeError: the recipe cannot be made of this video.
    """
    with _opened(engine, workers=1) as running:
        found, media = running.probe(pinned(Place.of(source, stream=stream)))
    return make_plan(found, media, recipe or Recipe(), running.limits)


def explain(source: PlaceText | Place, wanted: Plan, *, engine: Engine | None = None) -> Reading:
    """Count how many frames a plan's pictures will cost, and say why, without decoding any.

    Args:
        source: where the video lies: a path or a URL.
        wanted: its plan.
        engine: where the video is read; None is a worker process on this machine.

    Raises:
        SourceError: it cannot be opened, or is another one.
    """
    with _opened(engine, workers=1) as running:
        return running.explain(wanted, pinned(Place.of(source)))


def _check_apart(video: Place, store: Store) -> None:
    """Check that no object of the set would be written over the video itself."""
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
            f"{video.name} lies where the set's {key} is to be written; use another destination"
        )


@contextmanager
def _opened(engine: Engine | None, *, workers: int = 0) -> Generator[Engine]:
    """Give the caller's engine, which stays open, or one of our own, which is closed at the end."""
    if engine is not None:
        yield engine
        return
    with ProcessEngine(workers=workers) as own:
        yield own


@contextmanager
def _swept(store: Store) -> Generator[None]:
    """Remove afterwards what killed workers left half written.

    A run that is stopped waits for nothing, and leaves that to the next.
    """
    try:
        yield
    except Exception:
        with suppress(StoreError):  # the first error says more
            store.sweep(FOLDERS, is_ours)
        raise
    store.sweep(FOLDERS, is_ours)


def _begin(store: Store, wanted: Plan, tell: OnEvent) -> Sequence[int]:
    """Save the plan if it is new, and return the indexes of the slices still to be made."""
    before = load_plan(store)
    if before is None:
        check_is_free(store)
    is_new = before is None or plan_id(before) != plan_id(wanted)
    done = {} if is_new else done_slices(store, wanted)
    missing = [part for part in wanted.slices if part.index not in done]
    if is_new:
        save_plan(store, wanted)
    elif missing:
        withdraw(store)
    tell(
        Planned(
            slices=len(wanted.slices),
            done=len(done),
            replaced=is_new and before is not None,
            duration=wanted.media.duration,
            remaining=sum((part.span.duration for part in missing), start=Fraction(0)),
        )
    )
    return [part.index for part in missing]


def _stopping_at_damage(tell: OnEvent, name: str) -> OnEvent:
    """Return what passes events on, and ends the run at the first slice that is damaged."""

    def checked(event: Event) -> None:
        tell(event)
        if isinstance(event, SliceDone) and event.damaged_packets:
            raise _damage(name, event.start, event.end, event.damaged_packets)
        if isinstance(event, SliceFailed) and event.error == SourceDamagedError.__name__:
            raise SourceDamagedError(
                f"{event.message}; nothing was published, for damage is an error here (strict)"
            )

    return checked


def _check_whole(store: Store, wanted: Plan) -> None:
    """Check that no slice of an earlier run is damaged.

    Raises:
        SourceDamagedError: one is.
    """
    for record in done_slices(store, wanted).values():
        if record.damaged_packets:
            raise _damage(wanted.source.name, record.start, record.end, record.damaged_packets)


def _damage(name: str, start: Fraction, end: Fraction, packets: int) -> SourceDamagedError:
    return SourceDamagedError(
        f"{name} is damaged from {short_clock(start)} to {short_clock(end)} (packets: {packets}); "
        "nothing was published, for damage is an error here (strict)"
    )


def _made(
    running: Engine,
    job: Job,
    missing: Sequence[int],
    tell: OnEvent,
    clock: TrackClock | None,
) -> tuple[Manifest, dict[int, ScrubjayError]]:
    """Make slices and publish the set; return why slices are missing from it.

    Slices that were made and are gone are made again: another run, which has ended, wrote its own
    pictures over them.
    """
    plan, video, store = job
    lost: dict[int, ScrubjayError] = {}
    url = _url_from(store, video)
    for is_last in (*[False] * _MORE_ROUNDS, True):
        if missing:
            lost |= running.run(job, missing, tell)
        if lost and len(lost) == len(plan.slices):
            raise lost[min(lost)]
        reasons = {index: str(error) for index, error in lost.items()}
        manifest = publish(plan, store, reasons=reasons, video_url=url, clock=clock)
        missing = [
            each.index
            for each in manifest.slices
            if each.status == "failed" and each.index not in lost
        ]
        if is_last or not missing:
            return manifest, lost
        withdraw(store)
    raise AssertionError  # the last round returns


def _vanished(manifest: Manifest) -> RenderError:
    gaps = ", ".join(f"{gap.start:g} to {gap.end:g} s" for gap in manifest.gaps)
    return RenderError(f"slices are gone from the destination, or another run changed it: {gaps}")


def _finished(
    wanted: Plan, store: Store, manifest: Manifest, *, remove_stale: bool, began: float
) -> Finished:
    records = done_slices(store, wanted)
    stale = stale_keys(store, wanted, records)
    if remove_stale:
        store.delete(stale)
    return Finished(
        status=manifest.status,
        manifest=MANIFEST,
        slices=len(manifest.slices),
        failed=len(manifest.slices) - len(records),
        animations=len(manifest.animations),
        frames=len(manifest.frames),
        sheets=len(manifest.sheets),
        size_bytes=sum(sum(record.sizes().values()) for record in records.values()),
        damaged_slices=sum(bool(record.damaged_packets) for record in records.values()),
        damaged_packets=sum(record.damaged_packets for record in records.values()),
        over_budget=sum(entry.over_budget for entry in manifest.animations),
        stale=0 if remove_stale else len(stale),
        removed=len(stale) if remove_stale else 0,
        seconds=round(monotonic() - began, 3),
    )


def _url_from(store: Store, video: Place) -> str | None:
    """Return how a page in the destination reaches the video, if it can."""
    if not video.is_local:
        return video.shown if video.is_public else None
    if store.place is None or not store.place.is_local:
        return None
    return quote(Path(os.path.relpath(video.address, store.place.address)).as_posix())


def _ignore(_: object) -> None:
    pass

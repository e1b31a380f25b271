"""The whole pipeline: probe, plan, run, publish."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from time import monotonic
from urllib.parse import quote

from scrubjay.documents.base import tracks_of
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
from scrubjay.fragments import HEAD_BYTES
from scrubjay.identity import plan_id
from scrubjay.keys import FOLDERS, MANIFEST, is_ours
from scrubjay.model import (
    AnimationEntry,
    ClipEntry,
    Manifest,
    MediaInfo,
    Plan,
    Reading,
    Recipe,
    TrackClock,
    WholeEntry,
)
from scrubjay.places.place import Place, PlaceText
from scrubjay.places.remote import pinned
from scrubjay.planning import make_plan
from scrubjay.publishing import publish
from scrubjay.sets.pruning import prune_earlier, stale_keys
from scrubjay.sets.state import (
    SetState,
    all_folders,
    check_is_free,
    load_plan,
    load_state,
    published_seconds_ago,
    save_plan,
    withdraw,
)
from scrubjay.sets.store import Store
from scrubjay.timing import short_clock

__all__ = ["explain", "make", "plan", "probe", "prune"]

_MORE_ROUNDS = 2
"""How often slices that were made and then deleted are made again."""


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
    """Make the previews of a video, or those that are missing.

    Run it again after any interruption: a kill, a full disk, a crash. Outputs of slices that are
    already in the destination are not made again. The set of another video or recipe is made beside
    the old one, which stays complete until the new one is published.

    Args:
        source: the video: a path or a URL.
        destination: where to write the set: a folder, a URL, or a store.
        recipe: what to make; by default the `classic` recipe.
        engine: makes the slices; by default worker processes on this machine. An engine that is
            given stays open.
        on_progress: called with each event of the run, in this thread.
        remove_stale: delete what earlier plans left in the destination.
        stream: video stream of the file, 0-based; by default the one that browsers show.
        strict: stop at the first damage in the video, and publish nothing.
        clock: the clock of the tracks that players read: `media` is the video's own, `zero` begins
            at 0; by default the one that most players need for this kind of video.

    Returns:
        The manifest of the complete set.

    Raises:
        SourceDamagedError: `strict` is set and the video is damaged.
        IncompleteError: the set is published but has gaps; the error has the manifest.
        LimitError: the set would cost more than the engine's limits allow.
        ScrubjayError: nothing was published; the next run resumes the set.
    """
    began = monotonic()
    report = on_progress or _ignore
    video = pinned(Place.of(source, stream=stream))
    if strict:
        report = _stopping_at_damage(report, video.name)
    store = destination if isinstance(destination, Store) else Store.open(destination)
    _check_apart(video, store)
    with _swept(store) as folders, _opened(engine) as running:
        planned = _planned(running, video, recipe, report)
        folders.extend(each.rstrip("/") for each in all_folders(planned.outputs))
        folders.extend({key.rpartition("/")[0] for key in tracks_of(planned).values()} - {""})
        state = _begin(store, planned, report)
        if strict:
            _check_whole(state)
        manifest, lost = _made(running, Job(planned, video, store), state, report, clock)
    report(_finished(planned, store, manifest, remove_stale=remove_stale, began=began))
    if manifest.status != "complete":  # the store decides, not the engine's report
        causes = list(lost.values()) or [_vanished(manifest)]
        raise IncompleteError(manifest, causes, slices=_failed(manifest))
    return manifest


def probe(
    source: PlaceText | Place, *, engine: Engine | None = None, stream: int | None = None
) -> MediaInfo:
    """Probe a video.

    Args:
        source: the video: a path or a URL.
        engine: opens the video; by default a worker process on this machine.
        stream: video stream of the file, 0-based; by default the one that browsers show.

    Raises:
        SourceError: the video cannot be opened, has no video stream, or gives no picture.
    """
    with _opened(engine, workers=1) as running:
        return running.probe(pinned(Place.of(source, stream=stream))).media


def plan(
    source: PlaceText | Place,
    *,
    recipe: Recipe | None = None,
    engine: Engine | None = None,
    stream: int | None = None,
) -> Plan:
    """Return what would be made from a video, without making it.

    Args:
        source: the video: a path or a URL.
        recipe: what to make; by default the `classic` recipe.
        engine: opens the video; by default a worker process on this machine.
        stream: video stream of the file, 0-based; by default the one that browsers show.

    Raises:
        SourceError: the video cannot be opened, has no video stream, or gives no picture.
        LimitError: the set would cost more than the engine's limits allow.
        RecipeError: the recipe cannot be made from this video.
    """
    with _opened(engine, workers=1) as running:
        return _planned(running, pinned(Place.of(source, stream=stream)), recipe, _ignore)


def explain(source: PlaceText | Place, planned: Plan, *, engine: Engine | None = None) -> Reading:
    """Count the frames that a plan's pictures will cost, and say why, without decoding any.

    Args:
        source: the video: a path or a URL.
        planned: the plan of the video.
        engine: reads the video; by default a worker process on this machine.

    Raises:
        SourceError: the video cannot be opened, or is not the planned one.
    """
    with _opened(engine, workers=1) as running:
        return running.explain(planned, pinned(Place.of(source)))


def prune(destination: PlaceText | Place | Store, *, keep_for: float = 0) -> int:
    """Remove the files of earlier recipes and videos from a destination; the current set stays.

    Args:
        destination: where the set is: a folder, a URL, or a store.
        keep_for: remove nothing until the current set has been published for this many seconds,
            because readers may still have the earlier manifest.

    Returns:
        How many objects were removed.

    Raises:
        DestinationError: there is no set, or the current one is not published yet.
        StoreError: an object could not be removed; call it again.
    """
    store = destination if isinstance(destination, Store) else Store.open(destination)
    current = load_plan(store)
    if current is None:
        raise DestinationError("the destination contains no previews; nothing was removed")
    published = published_seconds_ago(store, current)
    if published is None:
        raise DestinationError(
            "the newest set in the destination is not finished, so readers still need the set "
            "before it; nothing was removed: finish the newest set first (scrubjay make)"
        )
    return prune_earlier(store, current) if published >= keep_for else 0


def _check_apart(video: Place, store: Store) -> None:
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
def _opened(engine: Engine | None, *, workers: int = 0) -> Generator[Engine]:
    """Yield the caller's engine, which stays open, or a new one, which is closed at the end."""
    if engine is not None:
        yield engine
        return
    with ProcessEngine(workers=workers) as own:
        yield own


@contextmanager
def _swept(store: Store) -> Generator[list[str]]:
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


def _planned(running: Engine, video: Place, recipe: Recipe | None, report: OnEvent) -> Plan:
    """Probe a video, and plan its set."""
    source, media, versions = running.probe(video)
    report(Probed(source=source, media=media))
    return make_plan(source, media, recipe or Recipe(), running.limits, versions=versions)


def _begin(store: Store, planned: Plan, report: OnEvent) -> SetState:
    """Make the plan the current one, and return the state of its set."""
    before = load_plan(store)
    if before is None:
        check_is_free(store)
    is_new = before is None or plan_id(before) != plan_id(planned)
    state = load_state(store, planned)
    missing = state.missing
    if is_new:
        save_plan(store, planned, documents=tracks_of(planned).values())
    elif missing:
        withdraw(store, planned)
    report(
        Planned(
            slices=len(planned.slices),
            done=len(planned.slices) - len(missing),
            replaced=is_new and before is not None,
            duration=planned.media.duration,
            remaining=sum(
                (each.span.duration for each in planned.timeline if each.index in missing),
                start=Fraction(0),
            ),
        )
    )
    return state


def _stopping_at_damage(report: OnEvent, name: str) -> OnEvent:
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


def _check_whole(state: SetState) -> None:
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


def _made(
    running: Engine, job: Job, state: SetState, report: OnEvent, clock: TrackClock | None
) -> tuple[Manifest, Mapping[int, ScrubjayError]]:
    """Make slices and publish the set; return its manifest, and errors by slice index.

    Slices that were made and then deleted by someone else are made again.
    """
    lost: dict[int, ScrubjayError] = {}
    missing = state.missing
    for _ in range(1 + _MORE_ROUNDS):
        if not missing:
            break
        outcome = running.run(job, missing, report)
        lost |= outcome.lost
        known = {
            index: {**state.records.get(index, {}), **made}
            for index, made in outcome.records.items()
        }
        state = load_state(job.store, job.plan, {**state.records, **known})
        missing = {index: names for index, names in state.missing.items() if index not in lost}
    if lost and not state.made:
        raise lost[min(lost)]
    reasons = {index: str(error) for index, error in lost.items()}
    url = _url_from(job.store, job.source)
    manifest = publish(
        job.plan, job.store, state=state, reasons=reasons, video_url=url, clock=clock
    )
    return manifest, lost


def _vanished(manifest: Manifest) -> RenderError:
    gaps = ", ".join(f"{gap.start:g} to {gap.end:g} s" for gap in manifest.gaps) or "the whole"
    return RenderError(f"slices were deleted from the destination during the run: {gaps}")


def _failed(manifest: Manifest) -> int:
    """Return how many jobs failed: slices, and that for the whole video."""
    return len(manifest.gaps) + (manifest.whole is not None and manifest.whole.status == "failed")


def _finished(
    planned: Plan, store: Store, manifest: Manifest, *, remove_stale: bool, began: float
) -> Finished:
    whole = manifest.whole or WholeEntry()
    animations: list[AnimationEntry | ClipEntry] = [*manifest.animations, *whole.animations]
    frames, sheets = [*manifest.frames, *whole.frames], [*manifest.sheets, *whole.sheets]
    damaged = [each.damaged_packets for each in manifest.slices if each.damaged_packets]
    return Finished(
        status=manifest.status,
        manifest=MANIFEST,
        slices=len(planned.slices),
        failed=_failed(manifest),
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


def _url_from(store: Store, video: Place) -> str | None:
    """Return the URL of the video for a page in the destination, if it has one."""
    if not video.is_local:
        return video.shown if video.is_public else None
    if store.place is None or not store.place.is_local:
        return None
    return quote(Path(os.path.relpath(video.address, store.place.address)).as_posix())


def _ignore(_: object) -> None:
    pass

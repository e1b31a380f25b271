"""The whole pipeline: probe, plan, run, publish."""

from collections.abc import Mapping
from time import monotonic

from scrubjay.documents.base import tracks_of
from scrubjay.engines.base import Engine, Job
from scrubjay.errors import DestinationError, IncompleteError, RenderError, ScrubjayError
from scrubjay.events import OnEvent
from scrubjay.identity import plan_id
from scrubjay.model import Manifest, MediaInfo, Plan, Reading, Recipe, TrackClock
from scrubjay.places.place import Place, PlaceText
from scrubjay.places.remote import pinned
from scrubjay.publishing import publish
from scrubjay.sets.pruning import prune_earlier
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
from scrubjay.stages import (
    check_apart,
    check_whole,
    failed_of,
    finished_event,
    ignore,
    noted_usage,
    opened,
    planned_event,
    planned_for,
    stopping_at_damage,
    swept,
    url_from,
)

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
    report = on_progress or ignore
    video = pinned(Place.of(source, stream=stream))
    if strict:
        report = stopping_at_damage(report, video.name)
    store = destination if isinstance(destination, Store) else Store.open(destination)
    check_apart(video, store)
    with swept(store) as folders, opened(engine) as running:
        planned = planned_for(running, video, recipe, report)
        folders.extend(each.rstrip("/") for each in all_folders(planned.outputs))
        folders.extend({key.rpartition("/")[0] for key in tracks_of(planned).values()} - {""})
        state = _begin(store, planned, report)
        if strict:
            check_whole(state)
        manifest, lost = _made(running, Job(planned, video, store), state, report, clock)
    report(finished_event(planned, store, manifest, remove_stale=remove_stale, began=began))
    if manifest.status != "complete":  # the store decides, not the engine's report
        causes = list(lost.values()) or [_vanished(manifest)]
        raise IncompleteError(manifest, causes, slices=failed_of(manifest))
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
    with opened(engine, workers=1) as running:
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
    with opened(engine, workers=1) as running:
        return planned_for(running, pinned(Place.of(source, stream=stream)), recipe, ignore)


def explain(source: PlaceText | Place, planned: Plan, *, engine: Engine | None = None) -> Reading:
    """Count the frames that a plan's pictures will cost, and say why, without decoding any.

    Args:
        source: the video: a path or a URL.
        planned: the plan of the video.
        engine: reads the video; by default a worker process on this machine.

    Raises:
        SourceError: the video cannot be opened, or is not the planned one.
    """
    with opened(engine, workers=1) as running:
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
    replaced = is_new and before is not None
    report(planned_event(planned, planned.slices, missing, replaced=replaced))
    return state


def _made(
    running: Engine, job: Job, state: SetState, report: OnEvent, clock: TrackClock | None
) -> tuple[Manifest, Mapping[int, ScrubjayError]]:
    """Make slices and publish the set; return its manifest, and errors by slice index.

    Slices that were made and then deleted by someone else are made again.
    """
    lost: dict[int, ScrubjayError] = {}
    missing = state.missing
    with noted_usage(job, report) as watch:
        for _ in range(1 + _MORE_ROUNDS):
            if not missing:
                break
            outcome = running.run(job, missing, watch)
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
    url = url_from(job.store, job.source)
    manifest = publish(
        job.plan, job.store, state=state, reasons=reasons, video_url=url, clock=clock
    )
    return manifest, lost


def _vanished(manifest: Manifest) -> RenderError:
    gaps = ", ".join(f"{gap.start:g} to {gap.end:g} s" for gap in manifest.gaps) or "the whole"
    return RenderError(f"slices were deleted from the destination during the run: {gaps}")

"""Making a set in three steps, each a command of its own, on any machine.

A plan begins the set; shards make its slices; the last step publishes it. The store is all that
they share. Any step may run twice, be killed anywhere and run again: it does only what is missing.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from time import monotonic

from scrubjay.engines.base import Engine, Job
from scrubjay.engines.queue.beginning import begin as begin_set
from scrubjay.engines.queue.notes import Failure, load_origin, note_failure, note_given_up
from scrubjay.engines.queue.progress import progress_of
from scrubjay.errors import (
    DestinationError,
    IncompleteError,
    LostSlicesError,
    ScrubjayError,
    SourceDamagedError,
    UnfinishedError,
    error_class,
)
from scrubjay.events import OnEvent, Probed, ShardFinished
from scrubjay.keys import FAILURES, PLAN, failure_key
from scrubjay.model import Manifest, Plan, Recipe, Slice, TrackClock
from scrubjay.places.place import Place, PlaceText
from scrubjay.places.remote import pinned
from scrubjay.publishing import publish
from scrubjay.sets.state import (
    Missing,
    all_folders,
    check_is_current,
    check_is_free,
    load_plan,
    load_state,
    withdraw,
)
from scrubjay.sets.store import Store
from scrubjay.sharding.division import Shard, slices_of
from scrubjay.stages import (
    check_apart,
    check_whole,
    failed_of,
    finished_event,
    ignore,
    opened,
    planned_event,
    planned_for,
    stopping_at_damage,
    swept,
    url_from,
)
from scrubjay.timing import short_clock

__all__ = ["begin", "finish", "make_shard"]

_MOST_NAMED = 20
"""Runs of missing slices that a message names."""


def begin(
    source: PlaceText | Place,
    destination: PlaceText | Place | Store,
    *,
    recipe: Recipe | None = None,
    engine: Engine | None = None,
    on_progress: OnEvent | None = None,
    stream: int | None = None,
) -> Plan:
    """Plan a video and save the plan, so that `make_shard` can make the slices anywhere.

    A set that was begun with the same plan stays as it is.

    Args:
        source: the video: a path or a URL.
        destination: where to write the set: a folder, a URL, or a store.
        recipe: what to make; by default the `classic` recipe.
        engine: opens the video; by default a worker process on this machine.
        on_progress: called with each event, in this thread.
        stream: video stream of the file, 0-based; by default the one that browsers show.

    Returns:
        The plan.

    Raises:
        SourceError: the video cannot be opened, has no video stream, or gives no picture.
        StoreError: the plan could not be saved.
        ScrubjayError: no set can be made from this video with this recipe.
    """
    report = on_progress or ignore
    video, store = pinned(Place.of(source, stream=stream)), _opened_store(destination)
    check_apart(video, store)
    with opened(engine, workers=1) as running:
        plan = planned_for(running, video, recipe, report)
    before = load_plan(store)
    if before is None:
        check_is_free(store)
    is_new = begin_set(Job(plan, video, store))
    missing = load_state(store, plan).missing
    replaced = is_new and before is not None
    report(planned_event(plan, plan.slices, missing, replaced=replaced))
    return plan


def make_shard(
    destination: PlaceText | Place | Store,
    source: PlaceText | Place,
    *,
    shard: Shard | str,
    engine: Engine | None = None,
    on_progress: OnEvent | None = None,
    strict: bool = False,
) -> ShardFinished:
    """Make what is missing of one shard of a set that was begun.

    Any number of shards run at once, and two that have the same slices do no harm. A slice that
    cannot be made leaves a note, so that `finish` can publish the set with a gap there; the same
    shard run again tries it again.

    Args:
        destination: where the set is: a folder, a URL, or a store.
        source: the video of the set: a path or a URL.
        shard: which one, from 1, of how many: "2/3".
        engine: makes the slices; by default worker processes on this machine. An engine that is
            given stays open.
        on_progress: called with each event, in this thread.
        strict: stop at the first damage in the video.

    Returns:
        What was made, which is also the last event.

    Raises:
        DestinationError: no set was begun there, or another one has replaced it meanwhile.
        SourceChangedError: the video is not the one that was planned.
        VersionError: the set was planned with other versions of the libraries that make pictures.
        LostSlicesError: some slices could not be made; all others of the shard are.
        ScrubjayError: no more slices can be made: the destination is full, say.
    """
    began = monotonic()
    report, store = on_progress or ignore, _opened_store(destination)
    shard = shard if isinstance(shard, Shard) else Shard.of(shard)
    plan, video = _plan_of(store), Place.of(source)
    check_apart(video, store)
    if strict:
        report = stopping_at_damage(report, plan.source.name)
    slices = [plan.slices[index] for index in slices_of(plan, shard)]
    state = load_state(store, plan, among={each.index for each in slices})
    if strict:
        check_whole(state)
    missing = {
        each.index: state.missing[each.index] for each in slices if each.index in state.missing
    }
    report(Probed(source=plan.source, media=plan.media))
    report(planned_event(plan, slices, missing))
    lost: Mapping[int, ScrubjayError] = {}
    size_bytes = 0
    if missing:
        lost, size_bytes = _made(Job(plan, pinned(video), store), missing, engine, report)
    finished = ShardFinished(
        shard=shard.number,
        shards=shard.count,
        slices=len(slices),
        made=len(missing) - len(lost),
        failed=len(lost),
        size_bytes=size_bytes,
        seconds=round(monotonic() - began, 3),
    )
    report(finished)
    if lost:
        raise LostSlicesError.of([*lost.values()])
    return finished


def finish(
    destination: PlaceText | Place | Store,
    *,
    source: PlaceText | Place | None = None,
    give_up: bool = False,
    on_progress: OnEvent | None = None,
    clock: TrackClock | None = None,
    strict: bool = False,
) -> Manifest:
    """Publish a set whose shards are done; call it as often as you like, and several at once.

    Args:
        destination: where the set is: a folder, a URL, or a store.
        source: the video, for the page; by default what `begin` noted.
        give_up: turn slices that no shard has made into gaps.
        on_progress: called with each event, in this thread.
        clock: the clock of the tracks that players read; None means the one that most players need.
        strict: publish nothing if the video is damaged anywhere.

    Returns:
        The manifest of the complete set.

    Raises:
        UnfinishedError: slices are missing, and nothing was published.
        DestinationError: no set was begun there.
        SourceDamagedError: `strict` is set and the video is damaged.
        IncompleteError: the set is published but has gaps; the error has the manifest.
        ScrubjayError: nothing was published.
    """
    began = monotonic()
    store = _opened_store(destination)
    plan = _plan_of(store)
    video = load_origin(store) if source is None else Place.of(source)
    progress = progress_of(store, plan)
    if strict:
        check_whole(progress.state)
    if progress.missing:
        if not give_up:
            raise UnfinishedError(_unfinished(store, plan, progress.missing))
        note_given_up(store, plan, progress.missing)
        progress = progress_of(store, plan)
    lost = {index: _error_of(note) for index, note in sorted(progress.failed.items())}
    damage = [each for each in lost.values() if strict and isinstance(each, SourceDamagedError)]
    if damage or not progress.done:
        raise next(iter(damage or lost.values()))
    with swept(store):
        manifest = publish(
            plan,
            store,
            state=progress.state,
            reasons={index: str(error) for index, error in lost.items()},
            video_url=url_from(store, video),
            clock=clock,
        )
    finished = finished_event(plan, store, manifest, remove_stale=False, began=began)
    (on_progress or ignore)(finished)
    if manifest.status != "complete":
        raise IncompleteError(manifest, [*lost.values()], slices=failed_of(manifest))
    return manifest


def _made(
    job: Job, missing: Missing, engine: Engine | None, report: OnEvent
) -> tuple[Mapping[int, ScrubjayError], int]:
    """Make slices; return why some could not be made, and the size of what was made in bytes.

    Raises:
        PlanReplacedError: another set has been begun in the destination meanwhile.
    """
    plan, _, store = job
    store.delete(_notes_of(store, plan, missing))  # of an earlier attempt
    withdraw(store, plan)
    with swept(store) as folders, opened(engine) as running:
        folders.extend(each.rstrip("/") for each in all_folders(plan.outputs))
        made, lost = running.run(job, missing, report)
        check_is_current(store, plan)
        for index, error in lost.items():
            note_failure(store, plan, plan.slices[index], error)
    records = [each for records in made.values() for each in records.values()]
    return lost, sum(sum(record.sizes().values()) for record in records)


def _notes_of(store: Store, plan: Plan, missing: Missing) -> list[str]:
    """Return the keys of notes that slices could not be made."""
    slices = (plan.slices[index] for index in missing)
    keys = {failure_key(each.start, is_whole=each.is_whole) for each in slices}
    return sorted(keys & store.sizes(FAILURES).keys())


def _opened_store(destination: PlaceText | Place | Store) -> Store:
    return destination if isinstance(destination, Store) else Store.open(destination)


def _plan_of(store: Store) -> Plan:
    plan = load_plan(store)
    if plan is None:
        raise DestinationError(
            f"{_shown(store)} has no {PLAN}: begin the set first (scrubjay plan VIDEO -o "
            "DESTINATION)"
        )
    return plan


def _shown(store: Store) -> str:
    return store.place.shown if store.place else "this store"


def _error_of(note: Failure) -> ScrubjayError:
    return error_class(note.error)(note.message)


def _unfinished(store: Store, plan: Plan, missing: Iterable[int]) -> str:
    """Return a sentence that names every missing slice."""
    slices = [plan.slices[index] for index in missing]
    runs = [
        [each for _, each in run]
        for _, run in groupby(enumerate(slices), lambda pair: pair[1].index - pair[0])
    ]
    named = [_run_text(run) for run in runs[:_MOST_NAMED]]
    more = f" and {len(runs) - _MOST_NAMED} more runs" if len(runs) > _MOST_NAMED else ""
    return (
        f"{_shown(store)}: {len(slices)} of {len(plan.slices)} slices are not made: "
        f"{', '.join(named)}{more}. Nothing was published; run the shards that have them again, or "
        "leave gaps with --give-up"
    )


def _run_text(run: list[Slice]) -> str:
    """Name neighbouring slices; the job for the whole video follows the last one."""
    timeline = [each for each in run if not each.is_whole]
    texts = [each.shown for each in run if each.is_whole]
    if len(timeline) > 1:
        first, last = timeline[0], timeline[-1]
        span = f"{short_clock(first.start)} to {short_clock(last.end)}"
        texts.insert(0, f"slices {first.index} to {last.index} ({span})")
    elif timeline:
        texts.insert(0, timeline[0].shown)
    return ", ".join(texts)

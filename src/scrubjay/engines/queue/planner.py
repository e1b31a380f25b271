"""What happens when a video comes: its plan is saved, and orders for its slices are sent."""

from typing import NamedTuple

from scrubjay.engines.base import Engine, Job
from scrubjay.engines.queue.beginning import begin, send_once, take_back
from scrubjay.engines.queue.notes import is_hopeless, note_problem, save_origin
from scrubjay.engines.queue.orders import Transport
from scrubjay.errors import ScrubjayError, SourceChangedError
from scrubjay.model import Plan, Recipe
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.planning import make_plan
from scrubjay.sets.state import load_plan, save_plan
from scrubjay.sets.store import Store

__all__ = ["PlannedVideo", "plan_if_none", "plan_video"]


class PlannedVideo(NamedTuple):
    """What came of planning a video."""

    plan: Plan
    sent: int
    """Orders."""
    is_new: bool
    """Whether nobody had planned it so before."""


def plan_video(
    video: Place,
    store: Store,
    *,
    recipe: Recipe,
    transport: Transport,
    engine: Engine,
    upload_id: str,
) -> PlannedVideo | ScrubjayError:
    """Plan a video and send what its set lacks.

    Args:
        video: where it lies.
        store: where its set goes.
        recipe: what to make.
        transport: takes orders to the workers.
        engine: opens the video.
        upload_id: names the upload, the same for each retry; empty if it has no name.

    Returns:
        What was planned, or why the video can have no previews, which is written down then.

    Raises:
        SourceChangedError: it has been replaced since, so this upload means nothing any more.
        ScrubjayError: it may go better next time, or a person must change something first.
    """
    try:
        source, plan = _planned(video, recipe, engine)
    except SourceChangedError:
        raise
    except ScrubjayError as error:
        if not is_hopeless(error):
            raise
        take_back(store)
        note_problem(store, video, error=type(error).__name__, message=str(error))
        return error
    job = Job(plan, source, store)
    is_new = begin(job)
    sent = send_once(job, transport, upload_id=upload_id, is_new=is_new)
    return PlannedVideo(plan, sent, is_new)


def plan_if_none(
    video: Place, store: Store, *, recipe: Recipe, engine: Engine
) -> Plan | ScrubjayError | None:
    """Plan a video that nobody has planned; of several workers at once, one plan is kept.

    Args:
        video: where it lies.
        store: where its set goes.
        recipe: what to make.
        engine: opens the video.

    Returns:
        The plan, or why the video can have no previews, which is written down then.

    Raises:
        ScrubjayError: it may go better next time, or a person must change something first.
    """
    try:
        source, plan = _planned(video, recipe, engine)
    except ScrubjayError as error:
        if not is_hopeless(error):
            raise
        note_problem(store, video, error=type(error).__name__, message=str(error))
        return error
    save_origin(store, source)
    save_plan(store, plan, version="")
    return load_plan(store)


def _planned(video: Place, recipe: Recipe, engine: Engine) -> tuple[Place, Plan]:
    source = pinned(video)
    found, media, versions = engine.probe(source)
    return source, make_plan(found, media, recipe, engine.limits, versions=versions)

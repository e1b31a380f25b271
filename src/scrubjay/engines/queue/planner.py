"""Planning an uploaded video: its plan is saved, and orders for its slices are sent."""

from typing import NamedTuple

from scrubjay.documents.base import tracks_of
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
    """The result of planning a video."""

    plan: Plan
    sent: int
    """How many orders were sent."""
    is_new: bool
    """Whether this call saved the plan."""


def plan_video(
    video: Place,
    store: Store,
    *,
    recipe: Recipe,
    transport: Transport,
    engine: Engine,
    upload_id: str,
) -> PlannedVideo | ScrubjayError:
    """Plan a video and send orders for what its set lacks.

    Args:
        video: the video.
        store: where its set is written.
        recipe: what to make.
        transport: sends orders to the workers.
        engine: opens the video.
        upload_id: id of the upload, the same for each retry; empty if it has none.

    Returns:
        The plan, or the error because of which the video can have no previews; a note of that error
        is written to the store.

    Raises:
        SourceChangedError: the video has been replaced since, so this upload is out of date.
        ScrubjayError: planning failed; it may succeed later, or after a person has changed
            something.
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
    """Plan a video that has no plan; of several workers at once, one plan is kept.

    Args:
        video: the video.
        store: where its set is written.
        recipe: what to make.
        engine: opens the video.

    Returns:
        The plan, or the error because of which the video can have no previews; a note of that error
        is written to the store.

    Raises:
        ScrubjayError: planning failed; it may succeed later, or after a person has changed
            something.
    """
    try:
        source, plan = _planned(video, recipe, engine)
    except ScrubjayError as error:
        if not is_hopeless(error):
            raise
        note_problem(store, video, error=type(error).__name__, message=str(error))
        return error
    save_origin(store, source)
    save_plan(store, plan, documents=tracks_of(plan).values(), version="")
    return load_plan(store)


def _planned(video: Place, recipe: Recipe, engine: Engine) -> tuple[Place, Plan]:
    source = pinned(video)
    found, media, versions = engine.probe(source)
    return source, make_plan(found, media, recipe, engine.limits, versions=versions)

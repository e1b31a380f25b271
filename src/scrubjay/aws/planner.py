"""The planner function: a video has come; look into it, save its plan, hand out its slices."""

import os
from collections.abc import Callable, Collection

from scrubjay.aws.beginning import answer, begin, give_back
from scrubjay.aws.completion import is_hopeless, note_problem
from scrubjay.aws.events import Json, Upload, uploads_in
from scrubjay.aws.function import Context, is_below, open_engine, safe, set_place
from scrubjay.aws.log import log
from scrubjay.aws.transports import Transport, open_transport
from scrubjay.engines.base import Engine
from scrubjay.errors import EventError, ScrubjayError, SourceChangedError
from scrubjay.model import Recipe
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.planning import make_plan, plan_id
from scrubjay.sets.store import Store
from scrubjay.settings import function_recipe, load_function_settings, load_limits

__all__ = ["handler", "plan_upload"]

_MARGIN_MS = 35_000
_MARGIN_SHARE = 3
"""The planner sends nothing any more this long before it is ended, or at a third of its time if
that is less: a request that was just begun may take 25 s, and what is left must be noted."""


def handler(event: Json, context: Context) -> dict[str, object]:
    """Plan the videos whose arrival an event tells.

    What cannot be a video is written down beside where its set would be, and is no failure of the
    function. All else raises after every video has been tried, so that Lambda calls again;
    what was planned and sent before is then not done twice.
    """
    with safe(request=context.aws_request_id):
        settings = load_function_settings(os.environ)
        recipe = function_recipe(settings)
        transport = open_transport(settings.transport, settings.target, is_late=_is_late(context))
        output = Place.of(settings.output)
        limits = load_limits({}, os.environ)
    suffixes = settings.suffixes.lower().split()
    failures: list[Exception] = []
    sent = 0
    try:
        with safe(request=context.aws_request_id):
            for upload in uploads_in(event):
                if not _is_wanted(upload, output, suffixes):
                    continue
                try:
                    with (
                        safe(key=upload.key, bucket=upload.bucket),
                        open_engine(context, settings.sandbox, limits) as engine,
                    ):
                        sent += plan_upload(
                            upload,
                            output=output,
                            recipe=recipe,
                            transport=transport,
                            engine=engine,
                            request=context.aws_request_id,
                        )
                except Exception as error:  # noqa: BLE001  the others shall have their turn
                    failures.append(error)
    except EventError as error:  # of what could not be read; all else has had its turn
        failures.append(error)
    if failures:
        raise failures[0]
    return {"sent": sent}


def _is_late(context: Context) -> Callable[[], bool]:
    """Return what says whether it is too late to begin another request."""
    margin_ms = min(_MARGIN_MS, context.get_remaining_time_in_millis() // _MARGIN_SHARE)
    return lambda: context.get_remaining_time_in_millis() < margin_ms


def _is_wanted(upload: Upload, output: Place, suffixes: Collection[str]) -> bool:
    """Whether an object is a video, and not one of ours: the functions must not feed themselves."""
    if not upload.key.lower().endswith(tuple(suffixes)):
        log("INFO", "passed over: this is no video's name", key=upload.key, bucket=upload.bucket)
        return False
    if is_below(Place(address=f"s3://{upload.bucket}/{upload.key}"), output):
        log("INFO", "passed over: it lies where sets lie", key=upload.key, bucket=upload.bucket)
        return False
    return True


def plan_upload(
    upload: Upload,
    *,
    output: Place,
    recipe: Recipe,
    transport: Transport,
    engine: Engine,
    request: str = "",
) -> int:
    """Plan one video and send its slices.

    Args:
        upload: the video.
        output: where all sets lie.
        recipe: what to make.
        transport: takes the slices to the workers.
        engine: opens the video.
        request: names the invocation, and with it the news if they have no sequencer.

    Returns:
        How many slices were sent.

    Raises:
        ScrubjayError: it may go better next time, or a person must change something first.
    """
    store = Store.open(set_place(output, upload.key))
    source = Place(address=f"s3://{upload.bucket}/{upload.key}", etag=upload.etag)
    try:
        source = pinned(source)
        found, media = engine.probe(source)
        plan = make_plan(found, media, recipe, engine.limits)
    except SourceChangedError:
        log("INFO", "passed over: it has been replaced since", key=upload.key)
        return 0
    except ScrubjayError as error:
        if not is_hopeless(error):
            raise
        give_back(store)
        note_problem(store, upload, error)
        return 0
    fresh = Upload(bucket=upload.bucket, key=upload.key, etag=source.etag)
    is_new = begin(store, plan, fresh)
    news = upload.sequencer or request
    sent = answer(store, plan, fresh, transport, news=news, is_new=is_new)
    log(
        "INFO",
        "planned",
        key=upload.key,
        plan=plan_id(plan),
        slices=len(plan.slices),
        sent=sent,
        duration=float(plan.media.duration),
        resumed=not is_new,
    )
    return sent

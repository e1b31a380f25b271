"""The planner function: probes an uploaded video, saves its plan, and sends its slices."""

import os
from collections.abc import Callable, Collection

from scrubjay.aws.envelopes import Json
from scrubjay.aws.events import Upload, uploads_in
from scrubjay.aws.function import Context, open_engine, safe
from scrubjay.aws.log import log
from scrubjay.aws.orders import OrderTransport, Sender, is_below, set_place
from scrubjay.aws.transports import open_sender
from scrubjay.engines.base import Engine
from scrubjay.engines.queue.planner import plan_video
from scrubjay.errors import EventError, ScrubjayError, SourceChangedError
from scrubjay.identity import plan_id
from scrubjay.model import Recipe
from scrubjay.places.place import Place
from scrubjay.sets.store import Store
from scrubjay.settings import function_recipe, load_function_settings, load_limits

__all__ = ["handler", "plan_upload"]

_MARGIN_MS = 35_000
_MARGIN_SHARE = 3
"""The planner stops sending this long before the end of its time, or with a third of its time left
if that is less: a request in flight may take 25 s, and the rest must be noted."""


def handler(event: Json, context: Context) -> dict[str, object]:
    """Plan the uploaded videos that an event reports.

    If an upload can have no previews, a note in the place of its set says why, and the function
    does not fail. Other errors are raised after every video has been tried, so that Lambda calls
    again; nothing is planned or sent twice then.
    """
    with safe(request=context.aws_request_id):
        settings = load_function_settings(os.environ)
        recipe = function_recipe(settings)
        sender = open_sender(settings.transport, settings.target, is_late=_is_late(context))
        output = Place.of(settings.output)
        limits = load_limits({}, os.environ)
    suffixes = settings.suffixes.lower().split()
    failures: list[Exception] = []
    sent = 0
    try:
        with safe(request=context.aws_request_id):
            for upload in uploads_in(event):
                if not _is_video(upload, output, suffixes):
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
                            sender=sender,
                            engine=engine,
                            request=context.aws_request_id,
                        )
                except Exception as error:  # noqa: BLE001  the other videos are still planned
                    failures.append(error)
    except EventError as error:  # raised after all that could be read was handled
        failures.append(error)
    if failures:
        raise failures[0]
    return {"sent": sent}


def _is_late(context: Context) -> Callable[[], bool]:
    """Return a function that says whether it is too late to begin another request."""
    margin_ms = min(_MARGIN_MS, context.get_remaining_time_in_millis() // _MARGIN_SHARE)
    return lambda: context.get_remaining_time_in_millis() < margin_ms


def _is_video(upload: Upload, output: Place, suffixes: Collection[str]) -> bool:
    """Whether an object has a video's name and is not a part of a set."""
    if not upload.key.lower().endswith(tuple(suffixes)):
        log("INFO", "skipped: not the name of a video", key=upload.key, bucket=upload.bucket)
        return False
    if is_below(Place(address=f"s3://{upload.bucket}/{upload.key}"), output):
        log("INFO", "skipped: it is where sets are written", key=upload.key, bucket=upload.bucket)
        return False
    return True


def plan_upload(
    upload: Upload,
    *,
    output: Place,
    recipe: Recipe,
    sender: Sender,
    engine: Engine,
    request: str = "",
) -> int:
    """Plan one video and send its slices.

    Args:
        upload: the video.
        output: where the stack keeps its sets.
        recipe: what to make.
        sender: sends events to the workers.
        engine: opens the video.
        request: id of the invocation, which stands for the upload if that has no sequencer.

    Returns:
        How many orders were sent.

    Raises:
        ScrubjayError: planning failed; it may succeed later, or after a person has changed
            something.
    """
    try:
        planned = plan_video(
            Place(address=f"s3://{upload.bucket}/{upload.key}", etag=upload.etag),
            Store.open(set_place(output, upload.key)),
            recipe=recipe,
            transport=OrderTransport(sender, output),
            engine=engine,
            upload_id=upload.sequencer or request,
        )
    except SourceChangedError:
        log("INFO", "skipped: the video has been replaced since", key=upload.key)
        return 0
    if isinstance(planned, ScrubjayError):
        log("ERROR", f"no previews: {planned}", key=upload.key, error=type(planned).__name__)
        return 0
    log(
        "INFO",
        "planned",
        key=upload.key,
        plan=plan_id(planned.plan),
        slices=len(planned.plan.slices),
        sent=planned.sent,
        duration=float(planned.plan.media.duration),
        resumed=not planned.is_new,
    )
    return planned.sent

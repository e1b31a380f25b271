"""The planner function: a video has come; look into it, save its plan, hand out its slices."""

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
"""The planner sends nothing any more this long before it is ended, or at a third of its time if
that is less: a request that was just begun may take 25 s, and what is left must be noted."""


def handler(event: Json, context: Context) -> dict[str, object]:
    """Plan the videos whose arrival an event reports.

    What cannot be a video is written down beside where its set would be, and is no failure of the
    function. All else raises after every video has been tried, so that Lambda calls again;
    what was planned and sent before is then not done twice.
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
                            sender=sender,
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
    sender: Sender,
    engine: Engine,
    request: str = "",
) -> int:
    """Plan one video and send its slices.

    Args:
        upload: the video.
        output: where all sets lie.
        recipe: what to make.
        sender: takes events to the workers.
        engine: opens the video.
        request: names the invocation, and with it the upload if that has no sequencer.

    Returns:
        How many orders were sent.

    Raises:
        ScrubjayError: it may go better next time, or a person must change something first.
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
        log("INFO", "passed over: it has been replaced since", key=upload.key)
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

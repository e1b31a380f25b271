"""The worker function: renders a slice, and finishes the set if that was its last slice."""

import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from time import monotonic
from typing import cast

from scrubjay.aws.envelopes import Json
from scrubjay.aws.events import READY, VERSIONS_QUESTION, FinishEvent, OrderEvent, orders_in
from scrubjay.aws.function import Context, open_engine, safe
from scrubjay.aws.log import log
from scrubjay.aws.orders import Entry, order_of
from scrubjay.aws.transports import EventBridgeTransport
from scrubjay.engines.base import Job
from scrubjay.engines.processes import ProcessEngine
from scrubjay.engines.queue.completion import Ending
from scrubjay.engines.queue.orders import FinishOrder, Order
from scrubjay.engines.queue.planner import plan_if_none
from scrubjay.engines.queue.worker import Result, Worker
from scrubjay.errors import EventError, OutOfTimeError, ScrubjayError
from scrubjay.events import Event, OnEvent, SliceProgress, Unconfined
from scrubjay.identity import plan_id
from scrubjay.keys import MANIFEST
from scrubjay.limits import Limits
from scrubjay.model import Plan, Recipe, Slice, TrackClock
from scrubjay.places.place import Place
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store
from scrubjay.settings import FunctionSettings, function_recipe, load_function_settings, load_limits
from scrubjay.timing import short_clock

__all__ = ["Invocation", "handler"]

_MARGIN_MS = 10_000
_MARGIN_SHARE = 10
"""A worker gives up this long before the end of its time, or with a tenth of its time left if that
is less."""


def handler(event: Json, context: Context) -> dict[str, object]:
    """Carry out the orders in an event.

    An event may be one of EventBridge or of the reference design, records of SNS or SQS, or a
    direct call. For several messages of SQS, the result names those that failed. In all other
    cases an error is raised, for a single message too, because Lambda counts only raised errors.
    """
    if event == VERSIONS_QUESTION:
        return dict(_versions())
    with safe(request=context.aws_request_id):
        settings = load_function_settings(os.environ)
        limits = load_limits({}, os.environ)
        invocation = Invocation(settings, function_recipe(settings), context, limits)
    if not _is_batch(event) or len(event["Records"]) == 1:
        return {"slices": invocation.serve(event)}
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            invocation.serve({"Records": [record]})
        except Exception:  # noqa: BLE001  it is logged; the queue keeps only this message
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _versions() -> Mapping[str, str]:
    """Return the versions of all that may change a picture's bytes, for plans made elsewhere."""
    from scrubjay.slices.versions import installed_versions  # noqa: PLC0415  FFmpeg loads slowly

    return installed_versions()


def _is_batch(event: Json) -> bool:
    """Whether an event is a batch of queue messages, whose result names each failed one."""
    match event:
        case {"Records": [*records]} if records:
            return all(
                isinstance(each, Mapping) and isinstance(cast("Json", each).get("messageId"), str)
                for each in records
            )
        case _:
            return False


class Invocation:
    """One invocation of the function.

    Args:
        settings: the function's settings.
        recipe: what to make of a video that has no plan yet.
        context: of the invocation; it knows how much time is left.
        limits: how much one video may cost.
    """

    def __init__(
        self, settings: FunctionSettings, recipe: Recipe, context: Context, limits: Limits
    ) -> None:
        self._limits = limits
        self._settings = settings
        self._output = Place.of(settings.output)
        self._recipe = recipe
        self._context = context
        self._margin_ms = min(_MARGIN_MS, context.get_remaining_time_in_millis() // _MARGIN_SHARE)

    def serve(self, event: Json) -> list[dict[str, object]]:
        """Carry out all orders in an event, and return the result of each slice.

        Raises:
            ScrubjayError: an order failed, but may succeed next time.
        """
        request = self._context.aws_request_id
        failures: list[Exception] = []
        lines: list[dict[str, object]] = []
        try:
            with safe(request=request):
                for each in orders_in(event):
                    try:
                        with safe(request=request, **_about(each)):
                            order = order_of(each, self._settings.source_bucket, self._output)
                            lines.extend(self._serve(order))
                    except Exception as error:  # noqa: BLE001  the other orders are carried out
                        failures.append(error)
        except EventError as error:  # raised after all that could be read was handled
            failures.append(error)
        if failures:
            raise failures[0]
        return lines

    def _serve(self, order: Order) -> Iterator[dict[str, object]]:
        """Carry out one order, yielding the log line of each slice."""
        key = order.video.key
        store = Store.open(order.destination or self._output)
        plan = load_plan(store) or self._planned(store, order)
        if plan is None:
            log("INFO", "skipped: this set has no plan", key=key)
            return
        job = Job(plan, order.video, store)
        worker = self._worker(key)
        if isinstance(order, FinishOrder):
            ending = worker.finish(job)
            log("INFO", "finish", key=key, **({"set": ending.status} if ending else {}))
            return
        began, outcome = monotonic(), None
        for outcome in worker.make(job, order):
            line = _line(key, outcome) | {"seconds": round(monotonic() - began, 3)}
            log("WARN" if outcome.outcome == "gap" else "INFO", "slice", **line)
            yield line
            began = monotonic()
        if outcome is None:
            log("INFO", "skipped: the video ends before this time", key=key)

    def _planned(self, store: Store, order: Order) -> Plan | None:
        """Plan a video that has no plan yet.

        Returns:
            None if the video can have no previews, or if the order names a plan, which is gone.
        """
        if order.plan:
            return None
        with self._engine() as engine:
            plan = plan_if_none(order.video, store, recipe=self._recipe, engine=engine)
        if isinstance(plan, ScrubjayError):
            name = type(plan).__name__
            log("ERROR", f"no previews: {plan}", key=order.video.key, error=name)
            return None
        return plan

    def _worker(self, key: str) -> Worker:
        clock = self._settings.track_clock
        chosen: TrackClock | None = None if clock == "auto" else clock
        return Worker(
            open_engine=self._engine,
            announce=self._announce,
            watch=self._watch,
            warn=partial(log, "WARN", key=key),
            track_clock=chosen,
        )

    def _is_late(self) -> bool:
        return self._context.get_remaining_time_in_millis() < self._margin_ms

    def _engine(self) -> ProcessEngine:
        """Return the engine that opens videos, in a process without this function's credentials."""
        return open_engine(
            self._context, self._settings.sandbox, self._limits, margin_ms=self._margin_ms
        )

    def _watch(self, slice_: Slice) -> OnEvent:
        """Return what stops a slice with a clear error before Lambda stops the function."""

        def watch(event: Event) -> None:
            if isinstance(event, Unconfined):
                log("INFO", "workers are only partly confined", missing=event.missing)
            if isinstance(event, SliceProgress) and self._is_late():
                raise OutOfTimeError(
                    f"{slice_.shown} was read up to {short_clock(event.time)} when "
                    "the function's time ran out; give the function more memory or time, or use "
                    "shorter slices"
                )

        return watch

    def _announce(self, job: Job, ending: Ending) -> None:
        """Send `previewsReady` to the bus."""
        plan, video, store = job
        if ending.status == "failed":
            log("ERROR", f"no previews: {ending.error}", key=video.key)
        bus = self._settings.event_bus
        if not bus:
            return
        where = store.place.address if store.place else ""
        detail: dict[str, object] = {
            "key": video.key,
            "bucket": video.bucket,
            "output": where,
            "manifest": f"{where}/{MANIFEST}",
            "status": ending.status,
            "plan": plan_id(plan),
            "slices": len(plan.slices),
            "duration": round(float(plan.media.duration), 6),
        }
        if ending.status == "failed":  # there is no manifest
            detail["error"] = ending.error
            del detail["manifest"]
        sender = EventBridgeTransport(bus, is_late=self._is_late)
        sender.send([Entry(READY, json.dumps(detail, ensure_ascii=False))])


def _about(event: OrderEvent) -> dict[str, object]:
    """Return the fields of the log line for an order that fails."""
    if isinstance(event, FinishEvent):
        return {"key": event.key}
    return {"key": event.key, "start": float(event.start)}


def _line(key: str, outcome: Result) -> dict[str, object]:
    """Return the fields of a slice's log line."""
    line: dict[str, object] = {"key": key, "slice": outcome.index, "outcome": outcome.outcome}
    if outcome.outcome == "gap":
        line |= {"error": outcome.error, "reason": outcome.reason}
    if outcome.outcome == "made":
        line |= {"objects": outcome.objects, "bytes": outcome.size_bytes}
    if outcome.ending:
        line["set"] = outcome.ending.status
    return line

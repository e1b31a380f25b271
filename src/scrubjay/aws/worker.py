"""The worker function: one slice of a video, and the end of the set if it was the last one.

Everything here may happen twice or be cut off anywhere: events are delivered at least once, and a
function may be ended at any moment. What is in the store decides; a second time costs nothing.
"""

import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from time import monotonic
from typing import cast

from msgspec.structs import replace

from scrubjay.aws.completion import (
    Ending,
    failure_of,
    finish,
    is_hopeless,
    note_failure,
    note_problem,
    record_of,
    save_origin,
    was_tried,
)
from scrubjay.aws.events import READY, Entry, Json, Order, Upload, orders_in
from scrubjay.aws.function import Context, open_engine, safe, set_place
from scrubjay.aws.log import log
from scrubjay.aws.task import ReplacedError, Task, found_again, source_of
from scrubjay.aws.transports import EventBridgeTransport
from scrubjay.engines.base import Job
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import (
    EventError,
    LimitError,
    OutOfTimeError,
    PlanReplacedError,
    ScrubjayError,
    SourceChangedError,
    SourceDamagedError,
    SourceNotFoundError,
    StoreError,
    WorkerCrashedError,
    WorkerMemoryError,
    WorkerStalledError,
)
from scrubjay.events import Event, OnEvent, SliceProgress, Unconfined
from scrubjay.keys import MANIFEST, PLAN
from scrubjay.limits import Limits
from scrubjay.model import Plan, Recipe, Slice, SliceRecord, TrackClock, encode_pretty
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.planning import make_plan, plan_id
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store
from scrubjay.settings import FunctionSettings, function_recipe, load_function_settings, load_limits
from scrubjay.timing import short_clock

__all__ = ["Desk", "handler"]

_HOPELESS = (LimitError, SourceDamagedError, SourceChangedError, SourceNotFoundError)
"""Errors that no retry mends: the slice becomes a gap."""

_COSTLY = (OutOfTimeError, WorkerCrashedError, WorkerMemoryError, WorkerStalledError)
"""Errors that cost as much as a slice may cost, and that the next try meets as a rule: a second one
makes a gap, though the transport might deliver the slice 49 times."""

_MARGIN_MS = 10_000
_MARGIN_SHARE = 10
"""A worker gives up this long before it is ended, or at a tenth of its time if that is less."""


def handler(event: Json, context: Context) -> dict[str, object]:
    """Render the slices that an event asks for.

    An event may be one of EventBridge or of the reference design, records of SNS or SQS, or a
    direct call. Of several messages of SQS, the answer names those that failed; everything else
    raises, a single message too: only what raises is counted as an error of the function.
    """
    with safe(request=context.aws_request_id):
        settings = load_function_settings(os.environ)
        limits = load_limits({}, os.environ)
        desk = Desk(settings, function_recipe(settings), context, limits)
    if not _is_batch(event) or len(event["Records"]) == 1:
        return {"slices": desk.serve(event)}
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        try:
            desk.serve({"Records": [record]})
        except Exception:  # noqa: BLE001  it is logged; the queue keeps this message alone
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def _is_batch(event: Json) -> bool:
    """Whether an event is messages of a queue: those have an answer for each."""
    match event:
        case {"Records": [*records]} if records:
            return all(
                isinstance(each, Mapping) and isinstance(cast("Json", each).get("messageId"), str)
                for each in records
            )
        case _:
            return False


class Desk:
    """Where one invocation does its work.

    Args:
        settings: where things lie and go.
        recipe: what to make of a video that nobody has planned.
        context: knows when the function will be ended.
        limits: how much one video may cost.
    """

    def __init__(
        self, settings: FunctionSettings, recipe: Recipe, context: Context, limits: Limits
    ) -> None:
        self._limits = limits
        self._settings = settings
        self._output = Place.of(settings.output)
        self._recipe = recipe
        clock = settings.track_clock
        self._clock: TrackClock | None = None if clock == "auto" else clock
        self._context = context
        self._margin_ms = min(_MARGIN_MS, context.get_remaining_time_in_millis() // _MARGIN_SHARE)

    def serve(self, event: Json) -> list[dict[str, object]]:
        """Make all slices that an event asks for, and say what became of each.

        Raises:
            ScrubjayError: one was not made, but may be next time.
        """
        request = self._context.aws_request_id
        failures: list[Exception] = []
        told: list[dict[str, object]] = []
        try:
            with safe(request=request):
                for order in orders_in(event):
                    about = {"key": order.key, "start": float(order.start)}
                    try:
                        with safe(request=request, **about):
                            told.extend(self._serve(order))
                    except Exception as error:  # noqa: BLE001  the others shall have their turn
                        failures.append(error)
        except EventError as error:  # of what could not be read; all else has had its turn
            failures.append(error)
        if failures:
            raise failures[0]
        return told

    def _serve(self, order: Order) -> Iterator[dict[str, object]]:
        """Make the slices of one order, yielding what the log's line says of each.

        If another plan takes the set over meanwhile, that one's slices are made over ours. Both
        use the same keys: without this, pictures of the one could end up in the other.
        """
        store = Store.open(set_place(self._output, order.key, order.output))
        bucket = order.bucket or self._settings.source_bucket
        if not bucket:
            raise EventError("this event names no bucket, and SCRUBJAY_SOURCE_BUCKET is empty")
        order = replace(order, bucket=bucket)
        plan = load_plan(store) or self._planned(store, order)
        if plan is None:
            log("INFO", "passed over: this set has no plan", key=order.key)
            return
        task = Task.of(store, plan, order)
        while True:  # until no plan comes in between, or the time is over
            try:
                yield from self._make_all(task)
            except ReplacedError as error:
                task = task.taken_over(error.plan)
            else:
                return

    def _planned(self, store: Store, order: Order) -> Plan | None:
        """Plan a video that nobody has planned; of several workers at once, one plan is kept.

        Returns:
            None if it can have none, or if its event says that it had one.
        """
        if order.plan:
            return None
        video = Upload(bucket=order.bucket, key=order.key, etag=order.etag)
        try:
            source = pinned(source_of(order))
            with self._engine() as engine:
                found, media = engine.probe(source)
            plan = make_plan(found, media, self._recipe, self._limits)
        except ScrubjayError as error:
            if not is_hopeless(error):
                raise
            note_problem(store, video, error)
            return None
        save_origin(store, replace(video, etag=source.etag))
        store.put_new(PLAN, encode_pretty(plan), "application/json")
        return load_plan(store)

    def _make_all(self, task: Task) -> Iterator[dict[str, object]]:
        """Make the slices that a task means, each with the look whether it was the last one.

        Raises:
            ReplacedError: another plan has taken the set over; what we wrote may lie in it.
        """
        store, plan, order = task.store, task.plan, task.order
        parts = task.parts()
        if not parts:
            log("INFO", "passed over: the video ends before", key=order.key)
        for part in parts:
            began = monotonic()
            line: dict[str, object] = {"key": order.key, "slice": part.index}
            line |= self._make(task, part)
            video = Upload(bucket=order.bucket, key=order.key)
            announce = partial(self._announce, store, plan, order)
            ending = finish(store, plan, video, announce, clock=self._clock)
            if ending:
                line["set"] = ending.status
            line["seconds"] = round(monotonic() - began, 3)
            log("WARN" if line["outcome"] == "gap" else "INFO", "slice", **line)
            yield line

    def _make(self, task: Task, part: Slice) -> dict[str, object]:
        """Make a slice, unless it is there; return what the log's line says of that."""
        store, plan = task.store, task.plan
        if task.is_there(part):
            return {"outcome": "there already"}
        note = failure_of(store, plan, part)
        if note:  # who wants another try takes the note away
            return {"outcome": "gap", "error": note.error, "reason": note.message}
        try:
            record = self._made(task, part)
        except _HOPELESS as error:
            task.check()
            note_failure(store, plan, part, error)
            return {"outcome": "gap", "error": type(error).__name__, "reason": str(error)}
        except _COSTLY as error:
            if not was_tried(store, plan, part):
                note_failure(store, plan, part, error, is_final=False)
                raise
            task.check()
            note_failure(store, plan, part, error)
            return {"outcome": "gap", "error": type(error).__name__, "reason": str(error)}
        task.check()
        sizes = record.sizes()
        return {"outcome": "made", "objects": len(sizes) + 1, "bytes": sum(sizes.values())}

    def _made(self, task: Task, part: Slice) -> SliceRecord:
        """Make a slice, of whichever version of its video lies there by now.

        Raises:
            SourceChangedError: there is another video.
        """
        store, plan, order = task.store, task.plan, task.order
        source = pinned(source_of(order))
        while True:  # until nobody uploads the same video in between, or the time is over
            try:
                with self._engine() as engine:
                    lost = engine.run(Job(plan, source, store), [part.index], self._watch(part))
                if lost:
                    raise lost[part.index]
            except PlanReplacedError:
                task.check()
                raise
            except SourceChangedError:
                task.check()
                fresh = found_again(plan, order)
                if fresh is None or fresh.etag == source.etag:
                    raise
                log("INFO", "the same video has come as another version", key=order.key)
                source = fresh
                continue
            record = record_of(store, plan, part)
            if record is None:
                raise StoreError(f"the record of slice {part.index} is gone from the destination")
            return record

    def _is_late(self) -> bool:
        return self._context.get_remaining_time_in_millis() < self._margin_ms

    def _engine(self) -> ProcessEngine:
        """Return what opens videos: a process that has nothing of this function's role."""
        return open_engine(
            self._context, self._settings.sandbox, self._limits, margin_ms=self._margin_ms
        )

    def _watch(self, part: Slice) -> OnEvent:
        """Return what ends a slice, with a clear word, before the function is ended without one."""

        def watch(event: Event) -> None:
            if isinstance(event, Unconfined):
                log("INFO", "workers are confined in part", missing=event.missing)
            if isinstance(event, SliceProgress) and self._is_late():
                raise OutOfTimeError(
                    f"slice {part.index} ({short_clock(part.start)} to {short_clock(part.end)}) is "
                    f"read up to {short_clock(event.time)} and the function's time is over: give "
                    "it more memory or time, or ask for shorter slices"
                )

        return watch

    def _announce(self, store: Store, plan: Plan, order: Order, ending: Ending) -> None:
        """Say on the bus that a set is finished."""
        bus = self._settings.event_bus
        if not bus:
            return
        where = store.place.address if store.place else ""
        detail: dict[str, object] = {
            "key": order.key,
            "bucket": order.bucket,
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
        transport = EventBridgeTransport(bus, is_late=self._is_late)
        transport.send([Entry(READY, json.dumps(detail, ensure_ascii=False))])

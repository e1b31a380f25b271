"""What goes wrong on the way: nothing is lost, nothing is published early, redrive ends the set.

The system is deployed in the emulated account; its worker runs under a local Lambda with AWS's
own runtime client, where it is killed, cut short, throttled and fed nonsense from outside.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import msgspec
import pytest

from localaws.lambdas import Function, LambdaService
from localaws.runtime import Environment
from localaws.stack import PATIENCE, Packaged, Stack, eventually, objects_in
from scrubjay.model import Manifest, decode
from scrubjay.simulation.model import simulate
from scrubjay.simulation.scenario import Scenario
from scrubjay.simulation.tally import Totals
from scrubjay.simulation.values import from_toml

_TIMEOUT = 300
"""Seconds an invocation may take, where that is not what is tested: this machine may be busy."""
_MARK = ".scrubjay/announced"
_SLICE_EVENT = {"source": "custom.gifGenerator", "detail-type": "newVideoCreated"}


@pytest.fixture(scope="module")
def service() -> Iterator[LambdaService]:
    """A local Lambda."""
    running = LambdaService()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stack(packaged: Packaged, service: LambdaService) -> Iterator[Stack]:
    """A stack whose worker runs in the local Lambda; slices are 4 s long."""
    with packaged.deployed("failures", SnippetSize=4) as deployed:
        deployed.redirect("Worker", f"{service.url}/async/worker")
        yield deployed


@pytest.fixture
def worker(
    stack: Stack, service: LambdaService, bundle: Path, tmp_path: Path
) -> Iterator[Function]:
    """The worker: its environments begin cold, and what it gives up goes to the stack's queue."""
    sqs, url = stack.emulator.client("sqs"), stack.outputs["WorkerDeadLetterQueueUrl"]
    variables = stack.variables("Worker")
    keys = {
        "AccessKeyId": variables["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": variables["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": variables["AWS_SESSION_TOKEN"],
    }
    role = stack.emulator.client("sqs", keys)  # Lambda keeps failures with the function's rights

    def keep(record: dict[str, Any]) -> None:
        role.send_message(QueueUrl=url, MessageBody=json.dumps(record))

    function = Function(
        name="worker",
        bundle=bundle,
        handler="scrubjay.aws.worker.handler",
        variables=variables,
        timeout=_TIMEOUT,
        logs=tmp_path,
        on_failure=keep,
    )
    yield service.add(function)
    function.stop()
    for queue in (url, stack.outputs["DeliveryDeadLetterQueueUrl"]):
        sqs.purge_queue(QueueUrl=queue)


@pytest.fixture(scope="module")
def film(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 16 s of a film in 1080p: each of its four slices is a second's work."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(media / "real" / "film_1080p24_30s.mp4") as whole, av.open(path, "w") as cut:
        video = whole.streams.video[0]
        copied = cut.add_stream_from_template(video)
        for packet in whole.demux(video):
            if packet.pts is not None and packet.pts * packet.time_base < 16:
                packet.stream = copied
                cut.mux(packet)
    return path


@pytest.fixture
def ready(stack: Stack) -> str:
    """A queue that hears of every set that is ready from now on."""
    queue = stack.listen()
    stack.heard(queue)
    return queue


def _upload(stack: Stack, video: Path, key: str) -> str:
    stack.upload(video, key)
    return key


def _read(log: Path) -> str:
    return log.read_text() if log.exists() else ""  # where no worker ever started


def _complete(stack: Stack, worker: Function, key: str) -> Manifest:
    eventually(
        f"the end of {key}",
        lambda: _MARK in stack.set_of(key),
        fails=lambda: _read(worker.log) + stack.logs("Planner"),
    )
    return decode(stack.read(key, "manifest.json"), Manifest)


def _assert_complete(stack: Stack, manifest: Manifest, key: str, slices: int) -> None:
    assert manifest.status == "complete"
    assert len(manifest.slices) == slices
    assert objects_in(manifest).items() <= stack.set_of(key).items()


def _planned(stack: Stack, key: str) -> None:
    eventually("a plan", lambda: ".scrubjay/plan.json" in stack.set_of(key))


def _dead(stack: Stack, count: int) -> list[dict[str, Any]]:
    """Wait for dead letters of the worker; return their records."""
    queue = "WorkerDeadLetterQueueUrl"
    eventually("dead letters", lambda: len(stack.messages(queue)) >= count)
    return [json.loads(each["Body"]) for each in stack.messages(queue)]


def _redrive(stack: Stack) -> None:
    print(stack.scrubjay("aws", "redrive", "--stack", stack.name))  # noqa: T201


def _predicted(slices: int, **engine: object) -> Totals:
    """Return what a simulation says of one film whose slices take a second each."""
    tree = {
        "name": "the deployed stack",
        "films": {"length": slices * 30},
        "arrivals": {"films": 1},
        "slices": {"seconds": 1, "planning": 0.2},
        "engine": {"kind": "aws-lambda", "start": 0, **engine},
    }
    return simulate(msgspec.convert(tree, Scenario, dec_hook=from_toml)).totals


def _kill_at_work(environment: Environment) -> bool:
    """Kill an environment when it has worked for a moment; return whether that hit an event."""
    environment.ready.wait(PATIENCE)
    begun = environment.cpu_seconds
    while environment.busy and environment.cpu_seconds < begun + 0.1:
        time.sleep(0.005)
    if environment.busy:
        os.kill(environment.process.pid, signal.SIGKILL)
        eventually("the end of an event", lambda: not environment.busy)
    return environment.outcome is not None and environment.outcome.kind == "crash"


def test_worker_that_is_killed_is_run_again(
    stack: Stack, worker: Function, film: Path, ready: str
) -> None:
    """Killed in the middle of a slice, as the kernel kills: it is run again, and the set ends."""
    doomed, lock = {0, 1, 3}, threading.Lock()
    missed: list[int] = []

    def kill(environment: Environment, event: bytes) -> None:
        index = json.loads(event)["detail"]["index"]
        with lock:
            if index in doomed:
                doomed.remove(index)
            elif missed:
                missed.pop()
            else:
                return
        if not _kill_at_work(environment):  # it was faster than we: the next one has to do
            with lock:
                missed.append(index)

    worker.on_start = kill
    worker.reserved = 4
    key = _upload(stack, film, "killed.mp4")
    _assert_complete(stack, _complete(stack, worker, key), key, slices=4)
    assert not doomed
    crashes = [each for each in worker.outcomes if each.kind == "crash"]
    assert len(crashes) == 3
    assert {json.loads(each.body)["errorType"] for each in crashes} == {"Runtime.ExitError"}
    assert stack.told(ready)["key"] == key
    assert stack.messages("WorkerDeadLetterQueueUrl") == []


def test_worker_that_runs_out_of_time_leaves_a_dead_letter(
    stack: Stack, worker: Function, film: Path, ready: str
) -> None:
    """Too short a time fails three times and is kept; with enough time, redrive ends the set."""
    worker.timeout = 0.25
    key = _upload(stack, film, "slow.mp4")
    records = _dead(stack, 4)
    assert _MARK not in stack.set_of(key)
    assert "manifest.json" not in stack.set_of(key)
    assert stack.heard(ready) == []
    for record in records:
        told = record["requestContext"]
        assert (told["condition"], told["approximateInvokeCount"]) == ("RetriesExhausted", 3)
        assert told["functionArn"].endswith(":live")
        assert record["requestPayload"]["detail"]["key"] == key
        assert record["responseContext"]["functionError"] == "Unhandled"
        assert "Signature" not in json.dumps(record)
        assert "Token" not in json.dumps(record)
    totals = _predicted(4, timeout=worker.timeout)
    assert worker.counts["invocations"] == totals.invocations - 1, "all but the planner's"
    assert worker.counts["failures"] == totals.retries + totals.dead_letters
    assert len(records) == totals.dead_letters
    worker.recycle()
    worker.timeout = _TIMEOUT
    _redrive(stack)
    _assert_complete(stack, _complete(stack, worker, key), key, slices=4)
    assert stack.messages("WorkerDeadLetterQueueUrl") == []
    assert stack.told(ready)["key"] == key


def test_throttled_slices_wait_for_their_turn(
    stack: Stack, worker: Function, clip: Path, ready: str
) -> None:
    """One environment for three slices: the others wait, no attempt is lost, nothing is dead."""
    worker.reserved = 1
    worker.speed = 20
    key = _upload(stack, clip, "throttled.mp4")
    _assert_complete(stack, _complete(stack, worker, key), key, slices=3)
    assert worker.counts["throttles"] > 0
    assert worker.counts["busiest"] == 1
    assert worker.counts["failures"] == 0
    totals = _predicted(3, reserved=1)
    assert worker.counts["invocations"] == totals.invocations - 1 == 3
    assert (totals.retries, totals.dead_letters) == (0, 0)
    assert totals.throttles > 0
    assert stack.told(ready)["key"] == key


def test_slice_that_finds_no_room_for_too_long_leaves_a_dead_letter(
    stack: Stack, worker: Function, clip: Path
) -> None:
    """Without any environment, events grow too old; their letters tell so; redrive ends the set."""
    worker.reserved = 0
    worker.speed = 20_000  # six hours are a second
    key = _upload(stack, clip, "crowded.mp4")
    for record in _dead(stack, 3):
        told = record["requestContext"]
        assert (told["condition"], told["approximateInvokeCount"]) == ("EventAgeExceeded", 0)
        assert "responsePayload" not in record
    assert worker.counts["invocations"] == 0
    worker.reserved, worker.speed = 1000, 60
    _redrive(stack)
    _assert_complete(stack, _complete(stack, worker, key), key, slices=3)


def test_same_events_twice_make_the_same_set(
    stack: Stack, worker: Function, clip: Path, ready: str
) -> None:
    """Every event comes three times: one manifest, the same objects, nothing fails."""
    seen: list[bytes] = []

    def thrice(event: bytes) -> None:
        seen.append(event)
        for _ in range(3):
            worker.run_later(event)

    worker.on_arrival = thrice
    key = _upload(stack, clip, "twice.mp4")
    manifest = _complete(stack, worker, key)
    worker.settle(PATIENCE)
    _assert_complete(stack, manifest, key, slices=3)
    assert len(seen) == 3
    assert worker.counts["invocations"] == 9
    assert worker.counts["failures"] == 0
    assert decode(stack.read(key, "manifest.json"), Manifest) == manifest
    assert stack.told(ready)["key"] == key
    before = stack.set_of(key)
    for event in seen:
        worker.run_later(event)
    worker.settle(PATIENCE)
    assert stack.set_of(key) == before
    assert stack.heard(ready) == []


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param({"key": "no such video.mp4", "start": 0, "end": "x"}, id="not a time"),
        pytest.param({"start": 0, "end": 30}, id="no key"),
    ],
)
def test_poisoned_event_is_kept_and_harms_nobody(
    stack: Stack, worker: Function, clip: Path, detail: dict[str, object]
) -> None:
    """Nonsense on the bus fails three times and is kept; a set made meanwhile is complete."""
    entry = {
        "Source": "custom.gifGenerator",
        "DetailType": "newVideoCreated",
        "EventBusName": stack.outputs["EventBusName"],
        "Detail": json.dumps(detail),
    }
    stack.emulator.client("events").put_events(Entries=[entry])
    key = _upload(stack, clip, f"beside-{len(detail)}.mp4")
    _assert_complete(stack, _complete(stack, worker, key), key, slices=3)
    (record,) = _dead(stack, 1)
    assert record["requestPayload"]["detail"] == detail
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorType"] == "EventError"
    assert "responsePayload" in record
    _redrive(stack)  # it is not ours to understand: it stays, and is said
    assert len(stack.messages("WorkerDeadLetterQueueUrl")) == 1


def test_undelivered_event_is_understood(
    stack: Stack, worker: Function, clip: Path, ready: str
) -> None:
    """What EventBridge could not hand over is the event itself; redrive sends it again.

    The emulator delivers or forgets, so the letter is written here as EventBridge writes it.
    """
    lost: list[bytes] = []
    worker.on_arrival = lost.append
    key = _upload(stack, clip, "undelivered.mp4")
    eventually("three events", lambda: len(lost) == 3)
    assert _MARK not in stack.set_of(key)
    text = {"DataType": "String", "StringValue": ""}
    for event in lost:
        stack.emulator.client("sqs").send_message(
            QueueUrl=stack.outputs["DeliveryDeadLetterQueueUrl"],
            MessageBody=event.decode(),
            MessageAttributes={
                "RULE_ARN": {**text, "StringValue": "arn:aws:events:us-east-1:0:rule/bus/slice"},
                "TARGET_ARN": {**text, "StringValue": worker.arn},
                "ERROR_CODE": {**text, "StringValue": "NO_PERMISSIONS"},
                "ERROR_MESSAGE": {**text, "StringValue": "not authorized to invoke"},
            },
        )
    worker.on_arrival = None
    _redrive(stack)
    _assert_complete(stack, _complete(stack, worker, key), key, slices=3)
    assert stack.told(ready)["key"] == key
    assert stack.messages("DeliveryDeadLetterQueueUrl") == []


def test_damaged_video_ends_as_a_partial_set(
    stack: Stack, worker: Function, media: Path, ready: str
) -> None:
    """What nobody can decode is a gap, told of at once: no retry, no dead letter, no waiting."""
    video = media / "bad" / "garbage_after_30pct.mp4"
    key = _upload(stack, video, "damaged.mp4")
    manifest = _complete(stack, worker, key)
    assert manifest.status == "partial"
    assert manifest.gaps
    assert stack.messages("WorkerDeadLetterQueueUrl") == []
    assert stack.told(ready)["status"] == "partial"


def test_worker_writes_no_file_and_stays_small(stack: Stack, worker: Function, film: Path) -> None:
    """Slices of 1080p are made without any file (none may be written), in the default memory."""
    key = _upload(stack, film, "large.mp4")
    _assert_complete(stack, _complete(stack, worker, key), key, slices=4)
    worker.recycle()
    print(f"peak {max(worker.peaks_mb):.0f} MB; cold {worker.inits}; {worker.outcomes}")  # noqa: T201
    assert max(worker.peaks_mb) < 1769


def test_failing_message_of_a_queue_is_tried_and_kept(packaged: Packaged, clip: Path) -> None:
    """By SQS, a bad message is tried as often as the queue says and kept; slices go on."""
    with packaged.deployed("queue", Transport="sqs", SnippetSize=4) as stack:
        sqs, queue = stack.emulator.client("sqs"), stack.outputs["TransportTarget"]
        names = ["RedrivePolicy", "VisibilityTimeout"]
        told = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        policy = json.loads(told["RedrivePolicy"])
        assert int(policy["maxReceiveCount"]) == 49
        policy["maxReceiveCount"] = 3  # 24 hours of tries are too long for a test
        hurried = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "1"}
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=hurried)
        poison = json.dumps({**_SLICE_EVENT, "detail": {"key": "x", "start": "y"}})
        sqs.send_message(QueueUrl=queue, MessageBody=poison)
        eventually("the letter", lambda: stack.messages("DeliveryDeadLetterQueueUrl"))
        eventually("three tries", lambda: _tries(stack) >= 3)  # the last may yet be at work
        assert _tries(stack) == 3
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=told)  # a slice may take over a second
        stack.upload(clip, "queued.mp4")
        eventually("the set", lambda: _MARK in stack.set_of("queued.mp4"), fails=stack.all_logs)
        letters = stack.messages("DeliveryDeadLetterQueueUrl")
        assert [each["Body"] for each in letters] == [poison]


def _tries(stack: Stack) -> int:
    """How often the worker has refused a message, as the emulator noted.

    What the worker logs is no measure: the emulator waits only milliseconds for it to be said.
    """
    queue = stack.outputs["TransportTarget"].rpartition("/")[2]
    failed = f"failed processing SQS batch from {queue} "
    noted = [line for line in stack.emulator.log().splitlines() if failed in line]
    return sum("errorMessage=this event is not valid" in line for line in noted)

"""What a person does with a deployed stack: make, status, redrive."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner
from smallcloud import BUS, FAILED, LATER, LOST, SOURCE_BUCKET, Cloud, Context

import scrubjay
from scrubjay.aws import dead_letters, planner, status, worker
from scrubjay.aws import engine as aws_engine
from scrubjay.aws.dead_letters import read_dead_letter, redrive_dead_letters
from scrubjay.aws.engine import AwsLambdaEngine
from scrubjay.aws.orders import Entry
from scrubjay.aws.stack import Stack
from scrubjay.aws.status import stack_status
from scrubjay.aws.transports import SqsTransport, open_sender
from scrubjay.cli.main import cli
from scrubjay.engines.queue import engine as queue_engine
from scrubjay.engines.queue.engine import QueueEngine
from scrubjay.engines.queue.status import set_status
from scrubjay.errors import EventError, IncompleteError, OutOfTimeError, StackError, TransportError
from scrubjay.events import Event, SliceDone, SliceFailed
from scrubjay.keys import MANIFEST
from scrubjay.model import Recipe
from scrubjay.sets.store import Store

Uploaded = Callable[..., dict[str, Any]]

SET = "previews/movie.mp4/"
FOUR = Recipe(slice_length=Fraction(4))


@pytest.fixture
def stack(cloud: Cloud) -> Stack:
    """A stack with the outputs of the template."""
    outputs = {
        "SourceBucketName": SOURCE_BUCKET,
        "OutputLocation": "s3://gifs/previews",
        "PlannerFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:planner:live",
        "WorkerFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:worker:live",
        "Transport": "eventbridge",
        "TransportTarget": BUS,
        "EventBusName": BUS,
        "DeliveryDeadLetterQueueUrl": cloud.url(LOST),
        "WorkerDeadLetterQueueUrl": cloud.url(FAILED),
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": text} for name, text in outputs.items()},
    }
    service: Any = boto3.client("cloudformation")
    service.create_stack(StackName="previews", TemplateBody=json.dumps(template))
    return Stack("previews")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for messages that may yet come, and look often whether slices have."""
    monkeypatch.setattr(dead_letters, "_WAIT", 0)
    monkeypatch.setattr(queue_engine, "_SHORTEST_WAIT", 0.1)
    monkeypatch.setattr(queue_engine, "_LONGEST_WAIT", 0.2)


@pytest.fixture
def workers(cloud: Cloud) -> Iterator[list[int]]:
    """Workers that take what the bus hands on; the list names slices that they refuse."""
    refused: list[int] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            for event in cloud.take(LATER):
                is_slice = event["detail-type"] == "newVideoCreated"
                if is_slice and event["detail"]["index"] not in refused:
                    worker.handler(event, Context())
            stop.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    yield refused
    stop.set()
    thread.join()


def _put(cloud: Cloud, queue: str, *bodies: object) -> None:
    for body in bodies:
        text = body if isinstance(body, str) else json.dumps(body)
        cloud.sqs.send_message(QueueUrl=cloud.url(queue), MessageBody=text)


@pytest.mark.usefixtures("workers")
@pytest.mark.parametrize("place", ["s3://gifs/previews/movie.mp4", "s3://gifs/previews/my/own"])
def test_a_stack_makes_a_set(cloud: Cloud, stack: Stack, clip: Path, place: str) -> None:
    """Slices are sent, made elsewhere, followed by their records; the set is complete."""
    cloud.upload(clip, "movie.mp4")
    told: list[Event] = []
    with AwsLambdaEngine(stack, patience=120) as engine:
        made = scrubjay.make(
            f"s3://{SOURCE_BUCKET}/movie.mp4",
            place,
            recipe=FOUR,
            engine=engine,
            on_progress=told.append,
        )
    assert made.status == "complete"
    assert {each.index for each in told if isinstance(each, SliceDone)} == {0, 1, 2}
    assert cloud.read(f"{place.removeprefix('s3://gifs/')}/manifest.json")["status"] == "complete"
    assert not set_status(Store.open(stack.set_at(place))).missing


class _FastClock:
    """A clock that leaps ahead by `leap` seconds whenever somebody has waited."""

    def __init__(self) -> None:
        self._ahead = self.leap = 0.0

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float, /) -> None:
        """Wait."""
        time.sleep(seconds)
        self._ahead += self.leap


def test_what_does_not_arrive_is_named(
    cloud: Cloud,
    stack: Stack,
    clip: Path,
    workers: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When patience ends, the missing slice is a gap with a word of where to look; it heals."""
    cloud.upload(clip, "movie.mp4")
    workers.append(1)
    told: list[Event] = []
    clock = _FastClock()
    monkeypatch.setattr(aws_engine, "QueueEngine", partial(QueueEngine, clock=clock))
    _put(cloud, FAILED, "a letter")

    def lose_patience(event: Event) -> None:
        told.append(event)
        if sum(isinstance(each, SliceDone) for each in told) == 2:
            clock.leap = 600

    with (
        AwsLambdaEngine(stack, patience=120) as engine,
        pytest.raises(IncompleteError, match=r"slice 1 .*1 failed.*redrive") as caught,
    ):
        scrubjay.make(
            f"s3://{SOURCE_BUCKET}/movie.mp4",
            "s3://gifs/previews/movie.mp4",
            recipe=FOUR,
            engine=engine,
            on_progress=lose_patience,
        )
    assert isinstance(caught.value.causes[0], OutOfTimeError)
    assert [each.index for each in told if isinstance(each, SliceFailed)] == [1]
    assert cloud.read(SET + MANIFEST)["status"] == "partial"
    workers.clear()
    clock.leap = 0
    with AwsLambdaEngine(stack, patience=120) as engine:
        made = scrubjay.make(
            f"s3://{SOURCE_BUCKET}/movie.mp4",
            "s3://gifs/previews/movie.mp4",
            recipe=FOUR,
            engine=engine,
        )
    assert made.status == "complete"


def test_the_engine_refuses_what_workers_cannot_reach(stack: Stack, clip: Path) -> None:
    """Videos elsewhere, sets elsewhere and unknown stacks are refused with a sentence."""
    with (
        AwsLambdaEngine(stack) as engine,
        pytest.raises(StackError, match="can only read videos in s3://videos"),
    ):
        scrubjay.make(clip, "s3://gifs/previews/x", engine=engine)
    with pytest.raises(StackError, match="is not a set of the stack"):
        stack.set_at("s3://other/previews/x")
    with pytest.raises(StackError, match="the stack nothing failed"):
        _ = Stack("nothing").outputs


@pytest.fixture
def events(cloud: Cloud, uploaded: Uploaded, clip: Path) -> list[dict[str, Any]]:
    """The clip, uploaded and planned: the events of its three slices, by index."""
    planner.handler(uploaded(("movie.mp4", cloud.upload(clip, "movie.mp4"))), Context())
    return sorted(cloud.take(LATER), key=lambda each: each["detail"]["index"])


def _wrapped(kind: str, event: dict[str, Any]) -> object:
    match kind:
        case "rule":
            return event
        case "invocation":
            return {
                "version": "1.0",
                "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
                "requestPayload": event,
                "responsePayload": {"errorMessage": "boom"},
            }
        case "topic":
            return {"Type": "Notification", "MessageId": "1", "Message": json.dumps(event)}
        case "invocation by a topic":
            record = {"EventSource": "aws:sns", "Sns": {"Message": json.dumps(event)}}
            return {"requestContext": {}, "requestPayload": {"Records": [record]}}
        case _:
            return {"detail": event["detail"], "source": event["source"]}


@pytest.mark.parametrize("kind", ["rule", "invocation", "topic", "invocation by a topic", "queue"])
def test_dead_letters_are_sent_again(
    cloud: Cloud, stack: Stack, events: list[dict[str, Any]], kind: str
) -> None:
    """Whichever way a slice died, it is sent again as it was; only then its letter is deleted."""
    _put(cloud, LOST, _wrapped(kind, events[0]))
    _put(cloud, FAILED, _wrapped(kind, events[1]), "poison", {"hello": "world"})
    looked = redrive_dead_letters(stack, dry_run=True)
    assert (looked.orders, looked.uploads, len(looked.unreadable)) == (2, 0, 2)
    assert cloud.take(LATER) == []
    done = redrive_dead_letters(stack)
    assert (done.orders, len(done.unreadable)) == (2, 2)
    again = sorted(cloud.take(LATER), key=lambda each: each["detail"]["index"])
    assert [each["detail"] for each in again] == [each["detail"] for each in events[:2]]
    assert stack_status(stack).queues == {"not delivered": 0, "failed": 2}
    for event in (*again, events[2]):
        worker.handler(event, Context())
    assert SET + MANIFEST in cloud.there()


def test_a_letter_stays_until_it_is_sent(
    cloud: Cloud, stack: Stack, events: list[dict[str, Any]]
) -> None:
    """If the transport fails, no letter is lost."""
    _put(cloud, LOST, events[0])
    stack.__dict__["sender"] = open_sender("sqs", f"{cloud.url(LOST)}-that-is-gone")
    with pytest.raises(StackError, match="gone failed"):
        redrive_dead_letters(stack)
    assert stack_status(stack).queues["not delivered"] == 1
    assert len(cloud.take(LOST)) == 1


def test_a_letter_that_is_refused_stops_no_other(
    cloud: Cloud, stack: Stack, events: list[dict[str, Any]]
) -> None:
    """Poison, and a letter that a service refuses for its size, stay; the others are sent."""
    large = json.loads(json.dumps(events[0]))
    large["detail"]["extra"] = "x" * 230_000
    poison = "[" * 100_000
    for letter in (large, poison, events[1], {"detail": {"key": "a", "start": -1, "end": 1e99}}):
        body = letter if isinstance(letter, str) else json.dumps(letter)
        cloud.sqs.send_message(QueueUrl=cloud.url(LOST), MessageBody=body)
    stack.__dict__["sender"] = _Picky(SqsTransport(cloud.url(LATER)))
    found = redrive_dead_letters(stack)
    assert (found.orders, len(found.unreadable)) == (1, 3)
    assert any("sending failed" in why for why in found.unreadable.values())
    assert stack_status(stack).queues["not delivered"] == 3
    assert [each["detail"]["index"] for each in cloud.take(LATER)] == [1]


class _Picky:
    """A transport whose service refuses a whole request for one large entry."""

    def __init__(self, inner: SqsTransport) -> None:
        self._inner = inner

    def send(self, entries: Sequence[Entry]) -> None:
        """Send."""
        if any(len(entry.detail) > 200_000 for entry in entries):
            raise TransportError("too large")
        self._inner.send(entries)


def test_a_video_s_letter_goes_to_the_planner(uploaded: Uploaded) -> None:
    """News of videos that the planner failed on are told apart from slices."""
    news = uploaded(("a.mp4", "x"), ("b.mp4", "y"))
    letter = read_dead_letter(json.dumps({"requestPayload": news}))
    assert (len(letter.orders), len(letter.uploads)) == (0, 2)
    event = {
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "videos"}, "object": {"key": "c.mp4"}},
    }
    assert read_dead_letter(json.dumps(event)).uploads == [event]
    with pytest.raises(EventError):
        read_dead_letter(json.dumps({"detail-type": "Object Created", "detail": {}}))


def _aws(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["aws", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("stack")
def test_a_set_is_reconciled(cloud: Cloud, events: list[dict[str, Any]]) -> None:
    """`aws redrive SET` sends what is missing, by key or address; `status` says what that is."""
    worker.handler(events[1], Context())
    assert "1 of 3 slices done" in _aws("status", "--stack", "previews", "movie.mp4")
    seen = json.loads(_aws("redrive", "--stack", "previews", "movie.mp4", "--dry-run", "--json"))
    assert (seen["indexes"], seen["dry_run"]) == ([0, 2], True)
    assert cloud.take(LATER) == []
    text = _aws("redrive", "--stack", "previews", "s3://gifs/previews/movie.mp4")
    assert "2 of 3 slices sent again: 0, 2" in text
    for event in cloud.take(LATER):
        worker.handler(event, Context())
    state = json.loads(_aws("status", "--stack", "previews", "movie.mp4", "--json"))
    assert (state["done"], state["missing"], state["announced"]) == (3, [], True)
    assert "no slices are missing" in _aws("redrive", "--stack", "previews", "movie.mp4")


@pytest.mark.usefixtures("stack")
def test_a_person_can_give_up(cloud: Cloud, events: list[dict[str, Any]]) -> None:
    """`--give-up` makes gaps of what is missing, and the set is published as partial."""
    worker.handler(events[1], Context())
    assert "2 of 3 slices given up" in _aws(
        "redrive", "--stack", "previews", "movie.mp4", "--give-up"
    )
    [event] = cloud.take(LATER)
    worker.handler(event, Context())
    manifest = cloud.read(SET + MANIFEST)
    assert manifest["status"] == "partial"
    assert [gap["reason"] for gap in manifest["gaps"]] == ["given up by hand"] * 2


@pytest.mark.usefixtures("events")
def test_a_stack_is_looked_at(cloud: Cloud, stack: Stack) -> None:
    """`aws status` counts letters; a broken upload says why there is no set."""
    _put(cloud, LOST, "one", "two")
    text = _aws("status", "--stack", stack.name)
    assert "slices are sent by eventbridge" in text
    assert "2  messages not delivered" in text
    cloud.s3.put_object(
        Bucket="gifs",
        Key="previews/bad.mp4/.scrubjay/error.json",
        Body=b'{"message": "bad.mp4 is no video"}',
    )
    assert "no previews: bad.mp4 is no video" in _aws("status", "--stack", stack.name, "bad.mp4")


@pytest.mark.usefixtures("cloud")
def test_alarms_have_the_template_s_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alarms are found among the stack's resources, page by page (moto makes none in a stack)."""
    formation, watch = boto3.client("cloudformation"), boto3.client("cloudwatch")
    kind = "AWS::CloudWatch::Alarm"
    resource = {"LastUpdatedTimestamp": 0, "ResourceStatus": "CREATE_COMPLETE"}
    with Stubber(formation) as stack, Stubber(watch) as alarms:
        for page, logical in enumerate(("Throttles", "Letters")):
            named = {"LogicalResourceId": logical, "PhysicalResourceId": f"s-{logical}-1"}
            answer: dict[str, Any] = {
                "StackResourceSummaries": [{**resource, **named, "ResourceType": kind}]
            }
            stack.add_response(
                "list_stack_resources", answer | ({} if page else {"NextToken": "2"})
            )
        found = [
            {"AlarmName": "s-Letters-1", "StateValue": "ALARM"},
            {"AlarmName": "s-Throttles-1", "StateValue": "OK"},
        ]
        wanted = {"AlarmNames": ["s-Throttles-1", "s-Letters-1"]}
        alarms.add_response("describe_alarms", {"MetricAlarms": found}, wanted)
        clients = {"cloudformation": formation, "cloudwatch": watch}
        monkeypatch.setattr(status, "client", clients.__getitem__)
        assert status._alarms("s") == {"Letters": "ALARM", "Throttles": "OK"}


@pytest.mark.usefixtures("workers", "stack")
def test_make_speaks_to_a_stack(cloud: Cloud, clip: Path) -> None:
    """`scrubjay make s3://... --engine aws-lambda` says where the page is, as any other make."""
    cloud.upload(clip, "movie.mp4")
    words = "make s3://videos/movie.mp4 -o s3://gifs/previews/movie.mp4 --slice-length 4"
    words += " --engine aws-lambda --stack previews --patience 120"
    done = CliRunner().invoke(cli, words.split(), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "s3://gifs/previews/movie.mp4/index.html"
    without = CliRunner().invoke(cli, ["make", "x.mp4", "-o", "y", "--engine", "aws-lambda"])
    assert (without.exit_code, "needs --stack" in without.output) == (2, True)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without boto3 the command line works, and says what `aws` needs."""
    for name in ("boto3", "botocore", "botocore.config", "botocore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    done = CliRunner().invoke(cli, ["aws", "status", "--stack", "previews"])
    assert (done.exit_code, "pip install 'scrubjay[aws]'" in done.output) == (6, True)

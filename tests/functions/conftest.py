"""Amazon's services on this machine (moto's server), with a video in a bucket."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from smallcloud import (
    BUS,
    FAILED,
    LATER,
    LOST,
    QUEUE,
    SETS_BUCKET,
    SOURCE_BUCKET,
    Cloud,
    Context,
)
from starting import responds, started

from scrubjay.aws import planner, worker
from scrubjay.aws.events import VERSIONS_QUESTION
from scrubjay.aws.function import Context as LambdaContext
from scrubjay.aws.function import open_engine
from scrubjay.aws.stack import Stack
from scrubjay.engines.inline import InlineEngine
from scrubjay.limits import Limits
from scrubjay.sandbox.confinement import Sandbox


@pytest.fixture(scope="session")
def clip(small_clip: Path) -> Path:
    """The smallest clip: what happens to its slices is tested here, and not their pictures."""
    return small_clip


@pytest.fixture(autouse=True)
def _in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions open videos in this process, which is quicker, unless a test is about that."""
    if "own_processes" in request.fixturenames:
        return

    def open_inline(
        context: LambdaContext, sandbox: Sandbox, limits: Limits, *, margin_ms: int = 0
    ) -> InlineEngine:
        with open_engine(context, sandbox, limits, margin_ms=margin_ms) as engine:
            return InlineEngine(limits=engine.limits)

    monkeypatch.setattr(planner, "open_engine", open_inline)
    monkeypatch.setattr(worker, "open_engine", open_inline)


@pytest.fixture
def own_processes() -> None:
    """Let the functions open videos in processes of their own, as they do on Lambda."""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Moto's server, on a port of its own, for all tests."""
    process, port = started(_start, lambda port: responds(f"http://127.0.0.1:{port}/moto-api/"))
    with process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _start(port: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def cloud(server: str, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud with two buckets, a bus, queues and a topic; the functions' environment is set."""
    request = urllib.request.Request(f"{server}/moto-api/reset", method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310  our own server
        pass
    for name in [each for each in os.environ if each.startswith(("AWS_", "SCRUBJAY_"))]:
        monkeypatch.delenv(name)
    environ = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
    }
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    s3, sqs, sns, events = (boto3.client(name) for name in ("s3", "sqs", "sns", "events"))
    cloud = Cloud(s3, sqs, sns, events, environ)
    for bucket in (SOURCE_BUCKET, SETS_BUCKET):
        cloud.s3.create_bucket(Bucket=bucket)
    for queue in (QUEUE, LATER, LOST, FAILED):
        cloud.sqs.create_queue(QueueName=queue)
    cloud.events.create_event_bus(Name=BUS)
    cloud.events.put_rule(
        Name="all", EventBusName=BUS, EventPattern='{"source": ["custom.gifGenerator"]}'
    )
    listener = cloud.sqs.get_queue_attributes(
        QueueUrl=cloud.url(LATER), AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    cloud.events.put_targets(
        Rule="all", EventBusName=BUS, Targets=[{"Id": "listener", "Arn": listener}]
    )
    settings = {
        "SCRUBJAY_OUTPUT": f"s3://{SETS_BUCKET}/previews",
        "SCRUBJAY_SOURCE_BUCKET": SOURCE_BUCKET,
        "SCRUBJAY_TRANSPORT": "eventbridge",
        "SCRUBJAY_TARGET": BUS,
        "SCRUBJAY_EVENT_BUS": BUS,
        "SCRUBJAY_SLICE_LENGTH": "4",
    }
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    return cloud


@pytest.fixture
def uploaded() -> Callable[..., dict[str, Any]]:
    """Make S3's own notification of objects: `uploaded((key, etag), ...)`."""

    def uploaded(
        *objects: tuple[str, str], bucket: str = SOURCE_BUCKET, sequencer: str = "0A"
    ) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "eventName": "ObjectCreated:Put",
                    "s3": {
                        "s3SchemaVersion": "1.0",
                        "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                        "object": {"key": key, "size": 1, "eTag": etag}
                        | ({"sequencer": sequencer} if sequencer else {}),
                    },
                }
                for key, etag in objects
            ]
        }

    return uploaded


@pytest.fixture(autouse=True)
def _deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulated account runs no functions: the worker answers in this process."""
    monkeypatch.setattr(Stack, "versions", worker.handler(VERSIONS_QUESTION, Context()))

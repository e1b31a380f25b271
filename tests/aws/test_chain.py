"""The deployed system in an emulated account: a video goes in, its previews come out."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.stack import Packaged, Stack, eventually, objects_in
from scrubjay.aws.transports import TRANSPORTS
from scrubjay.model import Manifest, decode

KEY = "holiday films/2026/ein Löffel+Tee.mp4"
"""With all that breaks careless keys: folders, spaces, an umlaut, a plus."""


def _manifest(stack: Stack, key: str) -> Manifest:
    return decode(stack.read(key, "manifest.json"), Manifest)


def _set_key(stack: Stack, suffix: str = "/manifest.json") -> str:
    """The folder of the one set that there is, below the prefix."""
    found = [name for name in stack.keys(f"{stack.prefix}/") if name.endswith(suffix)]
    return found[0].removeprefix(f"{stack.prefix}/").removesuffix(suffix) if found else ""


def _assert_whole(stack: Stack, key: str) -> Manifest:
    """The manifest says that the set is complete, and every object that it names is there."""
    manifest, objects = _manifest(stack, key), stack.set_of(key)
    assert manifest.status == "complete"
    assert not manifest.gaps
    assert objects_in(manifest).items() <= objects.items()
    for name in objects_in(manifest):
        head = stack.emulator.client("s3").head_object(
            Bucket=stack.bucket, Key=f"{stack.prefix}/{key}/{name}"
        )
        assert head["ContentType"] in {"image/gif", "image/jpeg"}
    return manifest


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_video_becomes_a_set(packaged: Packaged, film: Path, transport: str) -> None:
    """Whatever carries the slices: upload a video, and its whole set appears, and is told of."""
    events = "eventbridge" if transport in {"sns", "sqs"} else "direct"
    name = f"chain-{transport}"
    with packaged.deployed(name, Transport=transport, SourceEvents=events, SnippetSize=20) as stack:
        ready = stack.listen()
        began = time.monotonic()
        stack.upload(film, KEY)
        key = eventually("the set", lambda: _set_key(stack), fails=stack.all_logs)
        print(f"{transport}: {time.monotonic() - began:.1f} s from upload to manifest")  # noqa: T201
        eventually("the mark", lambda: ".scrubjay/announced" in stack.set_of(key))
        manifest = _assert_whole(stack, key)
        assert [each.end for each in manifest.slices][-1] == pytest.approx(39.85, abs=0.1)
        assert len(manifest.slices) == 2
        told = stack.told(ready)
        assert told["key"] == KEY
        assert told["status"] == "complete"
        assert told["manifest"] == f"s3://{stack.bucket}/{stack.prefix}/{key}/manifest.json"
        for queue in ("DeliveryDeadLetterQueueUrl", "WorkerDeadLetterQueueUrl"):
            assert stack.messages(queue) == []


def test_command_makes_a_set_with_the_deployed_workers(packaged: Packaged, clip: Path) -> None:
    """`scrubjay make --engine aws-lambda` plans here, and the workers there make the slices."""
    with packaged.deployed("command", Transport="lambda", SnippetSize=30) as stack:
        stack.upload(clip, "clip.mp4")
        source = f"s3://{stack.outputs['SourceBucketName']}/clip.mp4"
        goal = f"{stack.outputs['OutputLocation']}/by-hand"
        how = ("--engine", "aws-lambda", "--stack", stack.name, "--slice-length", "4")
        stack.scrubjay("make", source, "-o", goal, *how)
        manifest = _assert_whole(stack, "by-hand")
        assert len(manifest.slices) == 3
        mark = ".scrubjay/announced"
        eventually("the other set", lambda: mark in stack.set_of("clip.mp4"), fails=stack.all_logs)
        ask = ("aws", "status", "--stack", stack.name, "clip.mp4")
        assert "published, announced" in stack.scrubjay(*ask)
        _assert_new_parameters_are_used(stack, clip)


def _assert_new_parameters_are_used(stack: Stack, clip: Path) -> None:
    """After an update with another slice length, the aliases run it."""
    stack.update(Transport="lambda", SnippetSize=6)
    stack.upload(clip, "after.mp4")
    eventually("the set", lambda: "manifest.json" in stack.set_of("after.mp4"))
    assert len(_assert_whole(stack, "after.mp4").slices) == 2


@pytest.mark.parametrize(
    ("function", "sid"),
    [
        ("Planner", "ReadVideos"),
        ("Planner", "BeginSets"),
        ("Planner", "TakeBackSets"),
        ("Planner", "HandOutSlices"),
        ("Worker", "ReadVideos"),
        ("Worker", "WriteSets"),
        ("Worker", "ListSets"),
        ("Worker", "SayPreviewsReady"),
    ],
)
def test_every_permission_is_needed(
    strict_stack: Stack, clip: Path, function: str, sid: str
) -> None:
    """Take one statement out of a role: its function is refused, and nothing is ready."""
    iam, ready = strict_stack.emulator.client("iam"), strict_stack.listen()
    policy = {"RoleName": strict_stack.role(function), "PolicyName": function.lower()}
    whole = iam.get_role_policy(**policy)["PolicyDocument"]
    kept = [each for each in whole["Statement"] if each["Sid"] != sid]
    assert len(kept) == len(whole["Statement"]) - 1
    iam.put_role_policy(**policy, PolicyDocument=json.dumps({**whole, "Statement": kept}))
    key = f"{function}-{sid}.mp4"
    try:
        strict_stack.upload(clip, key)
        why = eventually("a refusal", lambda: _refusal(strict_stack, function, key))
        assert re.search("AccessDenied|refuse|denied|forbid", why), why
        # the emulator tries what failed before again, though the stack says that it should not
        told = [each["detail"]["key"] for each in strict_stack.heard(ready)]
        assert key not in told
        assert ".scrubjay/announced" not in strict_stack.set_of(key)
    finally:
        iam.put_role_policy(**policy, PolicyDocument=json.dumps(whole))


def _refusal(stack: Stack, function: str, key: str) -> str:
    """What a function has logged as an error about a video."""
    lines = stack.logs(function).splitlines()
    return next((each for each in lines if f'"key": "{key}"' in each and '"ERROR"' in each), "")


@pytest.fixture(scope="module")
def strict_stack(packaged: Packaged) -> Iterator[Stack]:
    """A stack whose permissions are taken away."""
    with packaged.deployed("strict", MaximumRetryAttempts=0) as stack:
        yield stack

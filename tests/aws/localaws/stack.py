"""The template, built and deployed by the real `sam`, and what a test asks of a deployed stack."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from localaws.emulator import Emulator
from localaws.tools import ROOT, TEMPLATE, WORK, alone, program, run, scrubbed
from scrubjay.model import Manifest

__all__ = ["PATIENCE", "Packaged", "Stack", "build", "eventually", "objects_in"]

T = TypeVar("T")

_UNKNOWN_CONDITION = re.compile(
    r" +Condition:\n +StringEquals:\n +events:source: \S+\n"
    r" +events:detail-type:(?: \S+\n|\n(?: +- \w+\n)+)"
)
"""What Amazon checks of each entry that is put on a bus; the emulator knows neither key and would
refuse all of them. `test_template.py` holds the template to these conditions."""


def build(architecture: str) -> Path:
    """Run `sam build` as the documentation says; return the folder of its artifacts.

    Built once a run.
    """
    folder, stamp = WORK / f"build-{architecture}", WORK / f".build-{architecture}"
    this_run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    with alone("build"):
        if not (this_run and stamp.is_file() and stamp.read_text() == this_run):
            _build(architecture, folder)
            stamp.write_text(this_run)
    return folder


def _build(architecture: str, folder: Path) -> None:
    override = ("--parameter-overrides", f"Architecture={architecture}")
    where = ("--build-dir", str(folder))
    # what Python compiles is then valid on Lambda, whatever unpacking does to times
    env = scrubbed(PYC_INVALIDATION_MODE="CHECKED_HASH")
    run(program("sam"), "build", *override, *where, env=env, cwd=TEMPLATE.parent)


PATIENCE = 300.0
"""Seconds for which anything is waited for: it is there in a few, unless the machine is busy."""
_LONGEST_PAUSE = 0.5
"""Seconds between two questions: each takes the emulator some time, and that of what it runs."""


def eventually(
    what: str,
    ask: Callable[[], T],
    *,
    seconds: float = PATIENCE,
    fails: Callable[[], str] | None = None,
) -> T:
    """Ask until the answer is true, less and less often; return it.

    Raises:
        AssertionError: it never was; `fails` adds to the message.
    """
    end, pause = time.monotonic() + seconds, 0.1
    while not (answer := ask()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not in {seconds} s\n{fails() if fails else ''}")
        time.sleep(pause)
        pause = min(1.2 * pause, _LONGEST_PAUSE)
    return answer


def objects_in(manifest: Manifest) -> dict[str, int]:
    """The pictures that a manifest names, and their sizes in bytes."""
    animations = {each.key: each.size_bytes for each in manifest.animations}
    frames = {each.key: each.size_bytes for each in manifest.frames}
    return animations | frames | {each.key: each.size_bytes for each in manifest.sheets}


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """A built template whose bundle lies in a bucket of an emulator: it can be deployed often."""

    emulator: Emulator
    template: Path
    bucket: str

    @classmethod
    def upload(cls, emulator: Emulator, built: Path, folder: Path) -> "Packaged":
        """Put a build's bundle where CloudFormation finds it."""
        bucket, template = "artifacts", folder / "packaged.yaml"
        emulator.client("s3").create_bucket(Bucket=bucket)
        source = ("--template-file", str(built / "template.yaml"), "--s3-bucket", bucket)
        output = ("--output-template-file", str(template))
        run(program("sam"), "package", *source, *output, env=emulator.environment(), cwd=folder)
        text, count = _UNKNOWN_CONDITION.subn("", template.read_text())
        assert count == 2
        template.write_text(text)
        return cls(emulator=emulator, template=template, bucket=bucket)

    @contextmanager
    def deployed(self, name: str, **parameters: object) -> Iterator["Stack"]:
        """Deploy a stack, and delete it afterwards."""
        stack = Stack(self, name)
        stack.update(**parameters)
        try:
            yield stack
        finally:
            stack.delete()


class Stack:
    """A deployed stack.

    Args:
        packaged: what is deployed.
        name: the stack.
    """

    def __init__(self, packaged: Packaged, name: str) -> None:
        self._packaged = packaged
        self.name = name
        self.emulator = packaged.emulator
        self.outputs: dict[str, str] = {}

    def update(self, **parameters: object) -> None:
        """Deploy, or deploy again with other parameters."""
        given = [
            f"{key}={value}" for key, value in {"Architecture": "x86_64", **parameters}.items()
        ]
        template = ("--template-file", str(self._packaged.template))
        bucket = ("--s3-bucket", self._packaged.bucket, "--capabilities", "CAPABILITY_IAM")
        quiet = ("--no-confirm-changeset", "--no-fail-on-empty-changeset")
        deploy = (program("sam"), "deploy", "--stack-name", self.name, *template, *bucket, *quiet)
        override = ("--parameter-overrides", *given)
        run(*deploy, *override, env=self.emulator.environment(), cwd=self._packaged.template.parent)
        described = self.emulator.client("cloudformation").describe_stacks(StackName=self.name)
        found = described["Stacks"][0]["Outputs"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in found}
        self._mend_mapping()
        if self.outputs["Transport"] == "sqs":
            self._mend_policy()

    def _mend_mapping(self) -> None:
        """Make the queue's MaximumConcurrency a number: the emulator keeps parameters as text."""
        functions = self.emulator.client("lambda")
        for each in functions.list_event_source_mappings()["EventSourceMappings"]:
            if scaling := each.get("ScalingConfig"):
                functions.update_event_source_mapping(UUID=each["UUID"], ScalingConfig=scaling)

    def _mend_policy(self) -> None:
        """Allow the emulator's `sqs:SendMessageBatch`: for AWS, that is `sqs:SendMessage`."""
        allow = {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        put = {"RoleName": self.role("Planner"), "PolicyName": "emulator"}
        self.emulator.client("iam").put_role_policy(**put, PolicyDocument=policy)

    def role(self, function: str) -> str:
        """The name of the role of `Planner` or `Worker`."""
        return self._physical(f"{function}Role")

    def _physical(self, logical: str) -> str:
        described = self.emulator.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=logical
        )
        return str(described["StackResourceDetail"]["PhysicalResourceId"])

    def variables(self, function: str) -> dict[str, str]:
        """What the process of `Planner` or `Worker` is given, the keys of its role included."""
        arn = self.outputs[f"{function}FunctionArn"]
        told = self.emulator.client("lambda").get_function_configuration(FunctionName=arn)
        keys = self.emulator.client("sts").assume_role(
            RoleArn=told["Role"], RoleSessionName=told["FunctionName"]
        )["Credentials"]
        given: dict[str, str] = {
            **told["Environment"]["Variables"],
            **self.emulator.trust(),
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }
        return given

    def redirect(self, function: str, url: str) -> None:
        """Let the emulator hand the events of `Planner` or `Worker` on to an address."""
        functions, arn = self.emulator.client("lambda"), self.outputs[f"{function}FunctionArn"]
        name = arn.split(":")[6]
        told = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {**told, "MINISTACK_LAMBDA_PROXY_URL": url}
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def logs(self, function: str) -> str:
        """What `Planner` or `Worker` has logged."""
        logs = self.emulator.client("logs")
        group = self._physical(f"{function}Logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return "\n".join(each["message"] for page in pages for each in page["events"])

    def all_logs(self) -> str:
        """What both functions have logged."""
        return f"{self.logs('Planner')}\n{self.logs('Worker')}"

    def delete(self) -> None:
        """Empty its buckets, and delete it with them."""
        s3 = self.emulator.client("s3")
        for bucket in (self.outputs.get("SourceBucketName"), self.bucket):
            for key in self.keys("", bucket=bucket) if bucket else []:
                s3.delete_object(Bucket=bucket, Key=key)
        self.emulator.client("cloudformation").delete_stack(StackName=self.name)

    @property
    def bucket(self) -> str:
        """The bucket of previews."""
        return urlsplit(self.outputs.get("OutputLocation", "")).netloc

    @property
    def prefix(self) -> str:
        """The folder of previews in it."""
        return urlsplit(self.outputs["OutputLocation"]).path.strip("/")

    def upload(self, video: Path, key: str) -> None:
        """Put a video into the source bucket: all that a user does."""
        bucket = self.outputs["SourceBucketName"]
        self.emulator.client("s3").upload_file(str(video), bucket, key)

    def keys(self, prefix: str, bucket: str | None = None) -> dict[str, int]:
        """Every object below a prefix: its key and size."""
        pages = self.emulator.client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=bucket or self.bucket, Prefix=prefix)
        return {each["Key"]: each["Size"] for page in found for each in page.get("Contents", [])}

    def set_of(self, key: str) -> dict[str, int]:
        """The objects of a video's set, by their keys in the set."""
        prefix = f"{self.prefix}/{key}/"
        return {name.removeprefix(prefix): size for name, size in self.keys(prefix).items()}

    def read(self, video: str, key: str) -> bytes:
        """Read an object of a video's set."""
        name = f"{self.prefix}/{video}/{key}"
        body = self.emulator.client("s3").get_object(Bucket=self.bucket, Key=name)["Body"]
        return bytes(body.read())

    def download(self, video: str, folder: Path) -> Path:
        """Copy a video's set into a folder."""
        for key in self.set_of(video):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.read(video, key))
        return folder

    def messages(self, output: str) -> list[dict[str, Any]]:
        """Look at the messages of a queue, named by an output, and leave them there."""
        sqs, url = self.emulator.client("sqs"), self.outputs[output]
        found = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        return list(found.get("Messages", []))

    def listen(self) -> str:
        """Send every `previewsReady` to a new queue from now on; return the queue's URL."""
        sqs, events = self.emulator.client("sqs"), self.emulator.client("events")
        url = str(sqs.create_queue(QueueName=f"{self.name}-ready")["QueueUrl"])
        wanted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        queue = wanted["Attributes"]["QueueArn"]
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        bus, pattern = self.outputs["EventBusName"], {"detail-type": ["previewsReady"]}
        rule = f"{self.name}-ready"
        events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "ready", "Arn": queue}])
        return url

    def heard(self, queue: str) -> list[dict[str, Any]]:
        """Take the events that have come to a queue."""
        taken = []
        sqs = self.emulator.client("sqs")
        while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for each in found:
                taken.append(json.loads(each["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
        return taken

    def told(self, queue: str) -> dict[str, Any]:
        """Take the news that a set is ready: one, or the same one again, for two may finish it.

        Raises:
            AssertionError: there is none, or of several sets.
        """
        heard = eventually("news of a set", lambda: self.heard(queue))
        details = [event["detail"] for event in heard]
        assert all(each == details[0] for each in details), details
        return dict(details[0])

    def scrubjay(self, *arguments: str, timeout: int = 600) -> str:
        """Run the `scrubjay` command against the emulated account."""
        env = {**self.emulator.environment(), "PYTHONPATH": os.fspath(ROOT / "src")}
        command = str(ROOT / ".venv" / "bin" / "scrubjay")
        return run(command, *arguments, env=env, timeout=timeout)

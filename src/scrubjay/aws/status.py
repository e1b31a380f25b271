"""The status of a deployed stack: its queues and alarms."""

from typing import Any

import msgspec

from scrubjay.aws.clients import aws_errors, client
from scrubjay.aws.stack import Stack

__all__ = ["StackStatus", "dead_letter_counts", "stack_status"]

_MOST_ALARMS = 100
"""Names in one DescribeAlarms request."""


class StackStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a deployed stack."""

    stack: str
    transport: str
    queues: dict[str, int]
    """Messages in each queue."""
    alarms: dict[str, str]
    """`OK`, `ALARM` or `INSUFFICIENT_DATA`, by the alarm's name in the template."""


def stack_status(stack: Stack) -> StackStatus:
    """Return the status of a stack's queues and alarms.

    Raises:
        EngineError: the queues or alarms could not be read.
    """
    outputs = stack.outputs
    queues = dead_letter_counts(stack)
    if outputs.transport == "sqs":
        queues["waiting"] = _depth(client("sqs"), outputs.transport_target)
    return StackStatus(
        stack=stack.name, transport=outputs.transport, queues=queues, alarms=_alarms(stack.name)
    )


def dead_letter_counts(stack: Stack) -> dict[str, int]:
    """Count the messages in the dead-letter queues.

    Raises:
        EngineError: the queues could not be read.
    """
    sqs = client("sqs")
    return {what: _depth(sqs, url) for what, url in stack.dead_letters.items()}


def _depth(sqs: Any, url: str) -> int:  # noqa: ANN401  boto3's
    """Return how many messages a queue has, including those that are being read."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    with aws_errors(url):
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def _alarms(stack: str) -> dict[str, str]:
    with aws_errors(f"the stack {stack}"):
        pages = client("cloudformation").get_paginator("list_stack_resources")
        found = [
            resource
            for page in pages.paginate(StackName=stack)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
        ]
    names = {each["PhysicalResourceId"]: each["LogicalResourceId"] for each in found}
    if not names:
        return {}
    with aws_errors("CloudWatch"):
        answer = client("cloudwatch").describe_alarms(AlarmNames=list(names)[:_MOST_ALARMS])
    states = {names[each["AlarmName"]]: each["StateValue"] for each in answer["MetricAlarms"]}
    return dict(sorted(states.items()))

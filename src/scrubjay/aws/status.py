"""How a deployed stack is, and how far a set is."""

from collections.abc import Iterator
from typing import Any

import msgspec

from scrubjay.aws.clients import aws_errors, client
from scrubjay.aws.completion import standing
from scrubjay.aws.stack import Stack
from scrubjay.errors import DestinationError
from scrubjay.keys import ANNOUNCED, MANIFEST, PROBLEM
from scrubjay.model import Plan
from scrubjay.places.place import Place
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

__all__ = ["SetStatus", "StackStatus", "letters_waiting", "set_status", "stack_status"]

_MOST_ALARMS = 100
"""In one request of DescribeAlarms."""


class StackStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a deployed stack is."""

    stack: str
    transport: str
    queues: dict[str, int]
    """Messages in each queue."""
    alarms: dict[str, str]
    """`OK`, `ALARM` or `INSUFFICIENT_DATA`, by the alarm's name in the template."""


class SetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far a set is."""

    set: str
    slices: int
    done: int
    failed: dict[int, str]
    """Why, by slice index."""
    missing: list[int]
    published: bool
    announced: bool
    problem: str = ""
    """Why there are no previews at all."""


def stack_status(stack: Stack) -> StackStatus:
    """Ask a stack's queues and alarms.

    Raises:
        EngineError: they could not be asked.
    """
    outputs = stack.outputs
    queues = letters_waiting(stack)
    if outputs.transport == "sqs":
        queues["waiting"] = _depth(client("sqs"), outputs.transport_target)
    return StackStatus(
        stack=stack.name, transport=outputs.transport, queues=queues, alarms=_alarms(stack.name)
    )


def letters_waiting(stack: Stack) -> dict[str, int]:
    """Count the messages in the dead-letter queues.

    Raises:
        EngineError: they could not be asked.
    """
    sqs = client("sqs")
    return {what: _depth(sqs, url) for what, url in stack.dead_letters.items()}


def _depth(sqs: Any, url: str) -> int:  # noqa: ANN401  boto3's
    """Return how many messages a queue holds, those included that somebody looks at just now."""
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


def set_status(place: Place) -> SetStatus:
    """Look how far a set is.

    Raises:
        DestinationError: there is no set.
        StoreError: it could not be read.
    """
    store = Store.open(place)
    there = store.sizes().keys()
    plan = load_plan(store)
    if plan is None and PROBLEM not in there:
        raise DestinationError(f"{place.shown} holds no set, and no word of why")
    if plan is None:
        plan_facts: dict[str, Any] = {"slices": 0, "done": 0, "failed": {}, "missing": []}
    else:
        plan_facts = dict(_facts(store, plan))
    return SetStatus(
        set=place.shown,
        published=MANIFEST in there,
        announced=ANNOUNCED in there,
        problem=_problem(store) if PROBLEM in there else "",
        **plan_facts,
    )


def _facts(store: Store, plan: Plan) -> Iterator[tuple[str, Any]]:
    state = standing(store, plan)
    yield "slices", len(plan.slices)
    yield "done", len(state.done)
    yield "failed", {index: note.message for index, note in state.failed.items()}
    yield "missing", state.missing


def _problem(store: Store) -> str:
    try:
        return str(msgspec.json.decode(store.get(PROBLEM), type=dict[str, str])["message"])
    except (msgspec.DecodeError, KeyError):
        return "error.json is unreadable"

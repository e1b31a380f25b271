"""What AWS documents of its services, and what it leaves open; each with its source.

A rule that is not certain can be changed with `--what-if NAME=VALUE`, to see whether it matters.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from scrubjay.errors import ScenarioError

__all__ = ["RULES", "Rule", "Rules", "rules_with"]

_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/"
_SNS = "https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html"
_EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html"


class Rule(NamedTuple):
    """A number by which a service works."""

    value: float
    unit: str
    means: str
    source: str
    is_certain: bool


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of all rules; see `RULES` for what each means."""

    scaling_step: float
    scaling_step_seconds: float
    ramp_2021_step: float
    ramp_2021_seconds: float
    idle_seconds: float
    start_is_billed: float
    async_first_backoff: float
    async_most_backoff: float
    async_jitter: float
    async_first_retry: float
    async_second_retry: float
    eventbridge_first_backoff: float
    eventbridge_most_backoff: float
    sns_immediate: float
    sns_steps: float
    sns_most_backoff: float
    sqs_first_pollers: float
    sqs_pollers_a_minute: float
    sqs_most_pollers: float
    sqs_throttled_counts: float
    already_done_seconds: float


RULES: Mapping[str, Rule] = {
    "scaling_step": Rule(
        1000, "environments", "that a function may add in `scaling_step_seconds`",
        _LAMBDA + "scaling-behavior.html", is_certain=True,
    ),
    "scaling_step_seconds": Rule(
        10, "s", "in which a function may add `scaling_step` environments; refilled continuously",
        _LAMBDA + "scaling-behavior.html", is_certain=True,
    ),
    "ramp_2021_step": Rule(
        500, "environments", "that the functions of an account might add each minute in 2021",
        _LAMBDA + "burst-concurrency.html (as of 2021)", is_certain=True,
    ),
    "ramp_2021_seconds": Rule(
        60, "s", "between two steps of 2021's ramp",
        _LAMBDA + "burst-concurrency.html (as of 2021)", is_certain=True,
    ),
    "idle_seconds": Rule(
        600, "s", "after which an idle environment is removed",
        "not documented; observed as 5 to 15 minutes", is_certain=False,
    ),
    "start_is_billed": Rule(
        1, "", "1 if the start of an environment is billed, else 0",
        "https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase "
        "(since August 2025)", is_certain=True,
    ),
    "async_first_backoff": Rule(
        1, "s", "before Lambda tries a throttled asynchronous event again; it then doubles",
        _LAMBDA + "invocation-async-error-handling.html", is_certain=True,
    ),
    "async_most_backoff": Rule(
        300, "s", "between two attempts of a throttled asynchronous event, at most",
        _LAMBDA + "invocation-async-error-handling.html", is_certain=True,
    ),
    "async_jitter": Rule(
        0.5, "share", "by which a throttled event's next attempt is earlier or later, at most",
        "not documented; without it, all events that wait would be tried at the same moments",
        is_certain=False,
    ),
    "async_first_retry": Rule(
        60, "s", "before the first retry of an attempt that failed",
        _LAMBDA + "invocation-async-error-handling.html", is_certain=True,
    ),
    "async_second_retry": Rule(
        120, "s", "before the second retry of an attempt that failed",
        _LAMBDA + "invocation-async-error-handling.html", is_certain=True,
    ),
    "eventbridge_first_backoff": Rule(
        1, "s", "before EventBridge delivers an event again; it then doubles, with jitter",
        _EVENTS + " (exponential with jitter; numbers not documented)", is_certain=False,
    ),
    "eventbridge_most_backoff": Rule(
        490, "s", "between two deliveries of an event, at most: 185 attempts span 24 hours",
        _EVENTS + " (exponential with jitter; numbers not documented)", is_certain=False,
    ),
    "sns_immediate": Rule(3, "attempts", "without delay", _SNS, is_certain=True),
    "sns_steps": Rule(
        10, "attempts", "with exponential backoff, after two with 1 s", _SNS, is_certain=True
    ),
    "sns_most_backoff": Rule(
        20, "s", "between two attempts, at most: 100,015 attempts span 23 days", _SNS,
        is_certain=True,
    ),
    "sqs_first_pollers": Rule(
        5, "messages", "that a queue gives to its function at once, to begin with",
        _LAMBDA + "services-sqs-scaling.html", is_certain=True,
    ),
    "sqs_pollers_a_minute": Rule(
        300, "messages", "more at once each minute, up to",
        _LAMBDA + "services-sqs-scaling.html", is_certain=True,
    ),
    "sqs_most_pollers": Rule(
        1000, "messages", "at once, or the queue's own maximum concurrency",
        _LAMBDA + "services-sqs-scaling.html (newer pages say 1,250)", is_certain=False,
    ),
    "sqs_throttled_counts": Rule(
        1, "", "1 if a message that was received and throttled counts as received, else 0",
        "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html",
        is_certain=False,
    ),
    "already_done_seconds": Rule(
        0.2, "s", "that a worker needs to find a slice already made",
        "measured with the built bundle: docs/aws/cost.md", is_certain=True,
    ),
}  # fmt: skip
"""By name."""


def rules_with(changes: Sequence[str] = ()) -> Rules:
    """Return the rules, some of them changed.

    Args:
        changes: such as "idle_seconds=300".

    Raises:
        ScenarioError: no rule has that name, or the value is not a number of at least 0.
    """
    values = {name: rule.value for name, rule in RULES.items()}
    for change in changes:
        name, sign, text = change.partition("=")
        if name not in values or not sign:
            raise ScenarioError(
                f"--what-if {change}: expected NAME=VALUE with one of {', '.join(values)}"
            )
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not 0 <= value < float("inf"):
            raise ScenarioError(f"--what-if {change}: expected a number of at least 0")
        values[name] = value
    return Rules(**values)

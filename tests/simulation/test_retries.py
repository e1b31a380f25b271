"""What fails is tried again as often as its transport does, and is lost as it loses."""

from fractions import Fraction
from pathlib import Path

import pytest
from memoryqueue import MemoryQueue
from msgspec.structs import replace
from test_closed_forms import published, scenario

from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue.orders import SliceOrder
from scrubjay.engines.queue.planner import plan_video
from scrubjay.model import Recipe, encode
from scrubjay.places.place import Place
from scrubjay.sets.store import Store
from scrubjay.simulation.model import simulate
from scrubjay.simulation.rules import rules_with

_LAMBDA = {"kind": "aws-lambda", "start": 0, "delivery": 0, "request": 0}


def test_a_failing_slice_is_retried_twice_and_lost() -> None:
    """Lambda tries a failing event three times, over three minutes; its set is not published."""
    simulated = simulate(scenario(_LAMBDA, scripted=[{"film": 0, "slice": 3, "attempts": 9}]))
    totals = simulated.totals
    assert (totals.made, totals.lost, totals.dead_letters, totals.retries) == (9, 1, 1, 2)
    assert totals.published == 0
    assert simulated.is_complete
    assert simulated.ended_at == pytest.approx(1 + 2 + 60 + 2 + 120 + 2)


def test_a_queue_shows_a_failing_slice_again() -> None:
    """SQS shows a failed message after six times the worker's timeout, until it succeeds."""
    simulated = simulate(
        scenario(
            {
                **_LAMBDA,
                "transport": "sqs",
                "timeout": 100,
                "provisioned": 10,
                "max_concurrency": 9,
            },
            scripted=[{"film": 0, "slice": 3, "attempts": 4}],
        )
    )
    totals = simulated.totals
    assert (totals.made, totals.retries, totals.dead_letters) == (10, 4, 0)
    assert published(simulated) == pytest.approx(1 + 4 * 600 + 2 + 0.5, abs=2)


def test_a_message_that_always_fails_is_a_dead_letter() -> None:
    """It is received as often as the queue allows; by default as often as fits into a day."""
    always = [{"film": 0, "slice": 0, "attempts": 10_000}]
    few = simulate(scenario({**_LAMBDA, "transport": "sqs", "max_receives": 3}, scripted=always))
    assert (few.totals.retries, few.totals.dead_letters) == (2, 1)
    day = simulate(scenario({**_LAMBDA, "transport": "sqs"}, scripted=always))
    assert day.totals.retries == 48, "49 receipts, as the template says"
    assert day.ended_at > 86400


@pytest.mark.parametrize("transport", ["eventbridge", "sns"])
def test_delivery_is_retried_while_lambda_cannot_be_called(transport: str) -> None:
    """A bus and a topic deliver again for as long as it takes; nothing is lost in an hour."""
    outage = {"of": "delivery", "start": 0.5, "length": "1h"}
    simulated = simulate(scenario({**_LAMBDA, "transport": transport}, outages=[outage]))
    assert simulated.totals.made == 10
    assert simulated.totals.redeliveries > 10
    assert 3600 < published(simulated) < 3600 + 600


def test_the_planner_gives_up_calling_lambda_itself() -> None:
    """Without a transport between, three times six requests are all there is."""
    outage = {"of": "delivery", "start": 0.5, "length": "1h"}
    simulated = simulate(scenario({**_LAMBDA, "transport": "lambda"}, outages=[outage]))
    assert (simulated.totals.made, simulated.totals.dead_letters) == (0, 10)


def test_events_that_find_no_room_for_too_long_are_lost() -> None:
    """Lambda keeps a throttled event for `max_age`, and then it is a dead letter."""
    engine = {**_LAMBDA, "reserved": 1, "max_age": 60}
    simulated = simulate(scenario(engine, slices={"seconds": 50, "planning": 0}))
    assert simulated.totals.made < 10
    assert simulated.totals.dead_letters == 10 - simulated.totals.made
    assert simulated.totals.throttles > 0


@pytest.mark.parametrize("fate", ["damaged", "poisoned"])
def test_hopeless_slices_become_gaps(fate: str) -> None:
    """A damaged slice is a gap at once, one that kills workers at the second attempt."""
    simulated = simulate(scenario(_LAMBDA, failures={fate: 1}))
    totals = simulated.totals
    assert (totals.gaps, totals.made, totals.published) == (10, 0, 1)
    assert totals.retries == (10 if fate == "poisoned" else 0)


def test_duplicates_harm_nothing() -> None:
    """An order that comes twice finds its slice made; each slice counts once."""
    simulated = simulate(scenario({"kind": "local", "workers": 1}, failures={"duplicates": 1}))
    totals = simulated.totals
    assert (totals.made, totals.duplicates, totals.published) == (10, 10, 1)


def test_a_cluster_tries_for_a_day() -> None:
    """Errors that may pass are tried again with growing delays; after a day a slice is lost."""
    short = {"of": "store", "start": 2, "length": "1h"}
    simulated = simulate(scenario({"kind": "cluster"}, outages=[short]))
    assert (simulated.totals.made, simulated.totals.lost) == (10, 0)
    long = {"of": "store", "start": 2, "length": "25h"}
    simulated = simulate(scenario({"kind": "cluster"}, outages=[long], horizon="3d"))
    assert simulated.totals.dead_letters == simulated.totals.lost == 10 - simulated.totals.made


def test_workers_that_are_all_lost_come_back() -> None:
    """Attempts in progress end with the machines; none begins before they are back."""
    outage = {"of": "workers", "start": 1.5, "length": 100}
    simulated = simulate(scenario({"kind": "local", "workers": 10}, outages=[outage]))
    assert simulated.totals.retries == 10
    assert published(simulated) == pytest.approx(101.5 + 2 + 0.5)


def test_an_uncertain_rule_can_be_changed() -> None:
    """What-if: a second retry that comes at once ends the test's set two minutes earlier."""
    fails = [{"film": 0, "slice": 3, "attempts": 2}]
    as_documented = simulate(scenario(_LAMBDA, scripted=fails))
    changed = simulate(
        scenario(_LAMBDA, scripted=fails), rules=rules_with(["async_second_retry=0"])
    )
    assert published(as_documented) - published(changed) == pytest.approx(120)


def test_the_queue_in_memory_does_what_the_model_predicts(clip: Path) -> None:
    """Deliveries, failures and dead letters of a real queue core, with one slice that fails."""
    store = Store.in_memory()
    queue = MemoryQueue(memory=store, attempts=3)
    recipe = Recipe(slice_length=Fraction(1))
    plan_video(
        Place.of(clip), store, recipe=recipe, transport=queue, engine=InlineEngine(), upload_id="a"
    )
    slices = len(queue.sent)
    first = queue.sent[0]
    assert isinstance(first, SliceOrder)
    queue.waiting[0] = encode(replace(first, index=99))
    deliveries = 0
    while queue.waiting:
        queue.deliver()
        deliveries += 1
    predicted = simulate(
        scenario(
            {**_LAMBDA, "transport": "sqs", "max_receives": 3},
            films={"length": slices * 30},
            scripted=[{"film": 0, "slice": 0, "attempts": 99}],
        )
    ).totals
    assert deliveries == predicted.invocations - 1, "all but the planner's"
    assert len(queue.dead) == predicted.dead_letters == 1
    assert len(queue.outcomes) == predicted.made

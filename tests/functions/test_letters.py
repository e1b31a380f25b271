"""Dead letters of which only a part can be read."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from scrubjay.aws.dead_letters import read_dead_letter
from scrubjay.errors import EventError

Uploaded = Callable[..., dict[str, Any]]


def test_what_can_be_read_of_a_letter_is(uploaded: Uploaded) -> None:
    """The good records of a letter are sent again; it says that there is another."""
    news = uploaded(("a.mp4", "x"), ("b.mp4", "y"))
    news["Records"].insert(1, {"hello": "world"})
    letter = read_dead_letter(json.dumps({"requestPayload": news}))
    assert (len(letter.orders), len(letter.uploads)) == (0, 2)
    assert "not a record of SNS, SQS or S3" in letter.problem
    slices = [{"detail": {"key": "a.mp4", "start": 0, "end": 3}}, {"detail": {"key": ""}}]
    records = [{"Sns": {"Message": json.dumps(each)}} for each in slices]
    letter = read_dead_letter(json.dumps({"requestPayload": {"Records": records}}))
    assert (len(letter.orders), len(letter.uploads)) == (1, 0)
    assert "is not valid" in letter.problem


def test_an_order_to_finish_stays_one() -> None:
    """What a worker failed to finish is sent again as that, and as no slice."""
    event = {"detail-type": "finishPreviews", "detail": {"key": "a.mp4", "plan": "p"}}
    [order] = read_dead_letter(json.dumps({"requestPayload": event})).orders
    assert json.loads(order.envelope) == {"source": "custom.gifGenerator"} | event
    with pytest.raises(EventError, match="start"):
        read_dead_letter(json.dumps(event | {"detail-type": "newVideoCreated"}))


@pytest.mark.parametrize("body", ["poison", "{}", '{"Records": [{}]}', '{"requestPayload": 3}'])
def test_a_letter_without_anything_is_none(body: str) -> None:
    """A letter of which nothing can be read raises, and stays where it is."""
    with pytest.raises(EventError):
        read_dead_letter(body)

"""Dead letters of which only a part can be read."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from scrubjay.aws.redrive import read_letter
from scrubjay.errors import EventError

Uploaded = Callable[..., dict[str, Any]]


def test_what_can_be_read_of_a_letter_is(uploaded: Uploaded) -> None:
    """The good records of a letter are sent again; it says that there is another."""
    news = uploaded(("a.mp4", "x"), ("b.mp4", "y"))
    news["Records"].insert(1, {"hello": "world"})
    letter = read_letter(json.dumps({"requestPayload": news}))
    assert (len(letter.slices), len(letter.videos)) == (0, 2)
    assert "no record of SNS, SQS or S3" in letter.problem
    slices = [{"detail": {"key": "a.mp4", "start": 0, "end": 3}}, {"detail": {"key": ""}}]
    records = [{"Sns": {"Message": json.dumps(each)}} for each in slices]
    letter = read_letter(json.dumps({"requestPayload": {"Records": records}}))
    assert (len(letter.slices), len(letter.videos)) == (1, 0)
    assert "unreadable" in letter.problem


@pytest.mark.parametrize("body", ["poison", "{}", '{"Records": [{}]}', '{"requestPayload": 3}'])
def test_a_letter_without_anything_is_none(body: str) -> None:
    """A letter of which nothing can be read raises, and stays where it is."""
    with pytest.raises(EventError):
        read_letter(body)

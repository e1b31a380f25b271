"""What the planner does when it hears of the same upload more than once."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from smallcloud import BUS, LATER, SOURCE_BUCKET, Cloud, Context

from scrubjay.aws import planner, transports, worker
from scrubjay.aws.events import Upload, uploads_in
from scrubjay.aws.planner import plan_upload
from scrubjay.aws.transports import EventBridgeTransport
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import TransportError
from scrubjay.keys import ANNOUNCED, MANIFEST, SENT
from scrubjay.model import Recipe
from scrubjay.places.place import Place

Uploaded = Callable[..., dict[str, Any]]

SET = "previews/movie.mp4/"


def _sent(event: dict[str, Any], request: str = "one") -> object:
    context = Context()
    context.aws_request_id = request
    return planner.handler(event, context)["sent"]


def test_the_same_event_is_answered_once(cloud: Cloud, uploaded: Uploaded, clip: Path) -> None:
    """A duplicate sends nothing of what is in flight; another upload sends what is missing."""
    etag = cloud.upload(clip, "movie.mp4")
    event = uploaded(("movie.mp4", etag))
    assert _sent(event) == 3
    assert _sent(event, "two") == 0
    first, *_ = cloud.take(LATER)
    worker.handler(first, Context())
    assert _sent(event, "three") == 0
    assert cloud.take(LATER) == []
    assert _sent(uploaded(("movie.mp4", etag), sequencer="0B"), "four") == 2


def test_the_same_event_still_ends_a_set(cloud: Cloud, uploaded: Uploaded, clip: Path) -> None:
    """A set that lacks nothing but its announcement is healed by a duplicate all the same."""
    event = uploaded(("movie.mp4", cloud.upload(clip, "movie.mp4")))
    assert _sent(event) == 3
    for each in cloud.take(LATER):
        worker.handler(each, Context())
    cloud.take(LATER)
    cloud.s3.delete_object(Bucket="gifs", Key=SET + ANNOUNCED)
    assert _sent(event) == 1
    [finish] = cloud.take(LATER)
    assert finish["detail-type"] == "finishPreviews"
    assert not {"start", "end", "index"} & finish["detail"].keys()
    assert worker.handler(finish, Context()) == {"slices": []}
    assert {SET + MANIFEST, SET + ANNOUNCED} <= cloud.there()
    assert _sent(event) == 0


def test_without_a_sequencer_the_invocation_counts(
    cloud: Cloud, uploaded: Uploaded, clip: Path
) -> None:
    """An event that S3 has not numbered is the same one in Lambda's retries alone."""
    event = uploaded(("movie.mp4", cloud.upload(clip, "movie.mp4")), sequencer="")
    assert _sent(event) == 3
    assert _sent(event) == 0
    assert _sent(event, "two") == 3


def test_an_upload_is_numbered_by_s3(uploaded: Uploaded) -> None:
    """Both shapes of the news have the sequencer; two of one version in one event are one."""
    [upload] = uploads_in(uploaded(("a.mp4", "x"), ("a.mp4", "x"), sequencer="0C"))
    assert upload == Upload(bucket=SOURCE_BUCKET, key="a.mp4", etag="x", sequencer="0C")
    thing = {"key": "a.mp4", "etag": "x", "sequencer": "0C"}
    detail = {"bucket": {"name": SOURCE_BUCKET}, "object": thing}
    assert list(uploads_in({"detail-type": "Object Created", "detail": detail})) == [upload]


def test_a_new_plan_has_sent_nothing(
    cloud: Cloud, uploaded: Uploaded, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another recipe takes the set and gives it back, each time all slices are sent."""
    event = uploaded(("movie.mp4", cloud.upload(clip, "movie.mp4")))
    for length, count in (("4", 3), ("6", 2), ("4", 3)):
        monkeypatch.setenv("SCRUBJAY_SLICE_LENGTH", length)
        assert _sent(event) == count
        assert _sent(event) == 0


def test_a_retry_sends_what_was_refused(
    cloud: Cloud, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a send that failed in part, the same news send the rest, and that once."""
    monkeypatch.setattr(transports, "_FIRST_WAIT", 0.004)
    monkeypatch.setattr(transports, "_LONGEST_WAIT", 0.05)
    etag = cloud.upload(clip, "movie.mp4")
    upload = Upload(bucket=SOURCE_BUCKET, key="movie.mp4", etag=etag, sequencer="0A")

    def plan_with(sender: EventBridgeTransport) -> int:
        place, recipe = Place.of("s3://gifs/previews"), Recipe(slice_length=Fraction(4))
        return plan_upload(
            upload,
            output=place,
            recipe=recipe,
            sender=sender,
            engine=InlineEngine(),
        )

    bus: Any = boto3.client("events")
    bad, good = {"ErrorCode": "ThrottlingException"}, {"EventId": "1"}
    with Stubber(bus) as stub:
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [good, bad, good]})
        for _ in range(transports.ATTEMPTS - 1):
            stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [bad]})
        with pytest.raises(TransportError):
            plan_with(EventBridgeTransport(BUS, bus))
        stub.assert_no_pending_responses()
    assert cloud.read(SET + SENT)["left"] == [1]
    assert plan_with(EventBridgeTransport(BUS)) == 1
    assert [each["detail"]["index"] for each in cloud.take(LATER)] == [1]
    assert plan_with(EventBridgeTransport(BUS)) == 0


def test_a_planner_without_time_leaves_the_rest_to_its_retry(
    cloud: Cloud, uploaded: Uploaded, clip: Path
) -> None:
    """Slices that there was no time for are noted as refused, and a retry sends them."""

    class Late(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.left -= 30_000
            return self.left

    event = uploaded(("movie.mp4", cloud.upload(clip, "movie.mp4")))
    with pytest.raises(TransportError, match="sending function has no time left"):
        planner.handler(event, Late())
    assert cloud.read(SET + SENT)["left"] == [0, 1, 2]
    assert cloud.take(LATER) == []
    assert _sent(event) == 3

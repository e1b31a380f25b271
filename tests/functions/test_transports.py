import json
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import ANY, Stubber
from smallcloud import BUS, LATER, QUEUE, Cloud

from scrubjay.aws import transports
from scrubjay.aws.orders import Entry
from scrubjay.aws.transports import (
    MOST_BYTES,
    MOST_ENTRIES,
    TRANSPORTS,
    EventBridgeTransport,
    LambdaTransport,
    SqsTransport,
    open_sender,
)
from scrubjay.errors import StackError, TransportError


def _entries(count: int, filling: str = "") -> list[Entry]:
    return [
        Entry("newVideoCreated", json.dumps({"key": f"{number}{filling}"}))
        for number in range(count)
    ]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a hundredth as long between tries, and have keys that nobody knows."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(transports, "_FIRST_WAIT", 0.004)
    monkeypatch.setattr(transports, "_LONGEST_WAIT", 0.05)


@pytest.fixture
def bus() -> Any:  # noqa: ANN401  boto3's
    """A client of EventBridge that speaks to nobody."""
    return boto3.client("events")


def test_the_limits_are_the_services_own() -> None:
    """Ten entries a request, and less than any service's bytes: as botocore's models have them."""
    session = botocore.session.get_session()
    events = session.get_service_model("events")
    assert events.shape_for("PutEventsRequestEntryList").metadata["max"] == MOST_ENTRIES
    texts = {
        name: session.get_service_model(service).operation_model(name).documentation
        for service, name in [
            ("events", "PutEvents"),
            ("sqs", "SendMessageBatch"),
            ("sns", "PublishBatch"),
            ("lambda", "Invoke"),
        ]
    }
    assert "less than 1MB" in texts["PutEvents"]
    assert f"up to {MOST_ENTRIES} messages" in texts["SendMessageBatch"]
    assert "1,048,576 bytes" in texts["SendMessageBatch"]
    assert f"{MOST_BYTES:,} bytes" in texts["PublishBatch"]
    assert "asynchronous invocations, the maximum payload size is 1 MB" in texts["Invoke"]


@pytest.mark.parametrize("kind", ["eventbridge", "sqs"])
def test_many_slices_arrive(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """More slices than all lanes send at once all arrive, in whatever order, each once."""
    monkeypatch.setattr(transports, "_LANES", 4)  # the emulated services are slow
    target = {"eventbridge": BUS, "sqs": cloud.url(QUEUE)}[kind]
    open_sender(kind, target).send(_entries(85))
    taken = cloud.take({"eventbridge": LATER, "sqs": QUEUE}[kind])
    assert sorted(int(each["detail"]["key"]) for each in taken) == list(range(85))
    assert {(each["source"], each["detail-type"]) for each in taken} == {
        ("custom.gifGenerator", "newVideoCreated")
    }


def test_a_topic_takes_slices(cloud: Cloud) -> None:
    """What a topic hands on holds the same event as a bus does."""
    arn = cloud.sns.create_topic(Name="slices")["TopicArn"]
    queue = cloud.sqs.get_queue_attributes(QueueUrl=cloud.url(QUEUE), AttributeNames=["QueueArn"])
    cloud.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue["Attributes"]["QueueArn"])
    open_sender("sns", arn).send(_entries(25))
    messages = [json.loads(each["Message"]) for each in cloud.take(QUEUE)]
    assert {each["detail"]["key"] for each in messages} == {str(n) for n in range(25)}


def test_only_refused_entries_are_sent_again(bus: Any) -> None:  # noqa: ANN401  boto3's
    """Of a request that fails in part, the failed entries alone go out again."""
    entries = _entries(3)
    good = {"EventId": "1"}
    bad = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
    with Stubber(bus) as stub:
        for number, (count, results) in enumerate(
            [(2, [bad, good, bad]), (1, [good, bad]), (0, [good])]
        ):
            wanted = [[0, 1, 2], [0, 2], [2]][number]
            stub.add_response(
                "put_events",
                {"FailedEntryCount": count, "Entries": results},
                {
                    "Entries": [
                        {
                            "EventBusName": "b",
                            "Source": ANY,
                            "DetailType": ANY,
                            "Detail": entries[index].detail,
                        }
                        for index in wanted
                    ]
                },
            )
        EventBridgeTransport("b", bus).send(entries)
        stub.assert_no_pending_responses()


def test_what_is_refused_for_good_is_raised(bus: Any) -> None:  # noqa: ANN401  boto3's
    """After so many tries the error says how many are left, where, and why."""
    refusal = {"ErrorCode": "InternalFailure", "ErrorMessage": "no"}
    with Stubber(bus) as stub:
        for _ in range(transports.ATTEMPTS):
            stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [refusal]})
        with pytest.raises(
            TransportError, match=r"1 of 1 events .* to b in 6 attempts; .*InternalFail"
        ):
            EventBridgeTransport("b", bus).send(_entries(1))
        stub.assert_no_pending_responses()


def test_a_throttled_call_is_made_again() -> None:
    """Lambda's 429 passes; a missing right does not, and is raised at once."""
    service: Any = boto3.client("lambda")
    with Stubber(service) as stub:
        stub.add_client_error("invoke", "TooManyRequestsException", "Rate Exceeded", 429)
        stub.add_response("invoke", {"StatusCode": 202})
        LambdaTransport("worker", service).send(_entries(1))
        stub.assert_no_pending_responses()
        stub.add_client_error("invoke", "AccessDeniedException", "no", 403)
        with pytest.raises(StackError, match=r"worker failed.*AccessDenied"):
            LambdaTransport("worker", service).send(_entries(1))


def test_only_one_loop_sends_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore sends each request of a transport once: tries are not multiplied by tries."""
    del cloud
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    tries: list[object] = []
    transport = EventBridgeTransport(BUS)
    transport.service.meta.events.register("before-send", lambda **about: tries.append(about))
    with pytest.raises(TransportError, match="in 6 attempts"):
        transport.send(_entries(1))
    assert len(tries) == transports.ATTEMPTS


@pytest.mark.parametrize("left", [0, 1, 2])
def test_nothing_is_begun_when_time_is_over(bus: Any, left: int) -> None:  # noqa: ANN401  boto3's
    """What the sender has no time for counts as refused; the error says so, and which."""
    looks: list[bool] = []

    def is_late() -> bool:
        looks.append(len(looks) >= left)
        return looks[-1]

    entries = _entries(1)
    refusal = {"ErrorCode": "InternalFailure", "ErrorMessage": "no"}
    with Stubber(bus) as stub:
        if left:
            stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [refusal]})
        with pytest.raises(TransportError, match="time") as caught:
            EventBridgeTransport("b", bus, is_late=is_late).send(entries)
        stub.assert_no_pending_responses()
    assert caught.value.refused == {0}


def test_a_queue_s_partial_failure_is_mended() -> None:
    """What SendMessageBatch names as failed is sent again."""
    service: Any = boto3.client("sqs")
    entries = _entries(2)
    with Stubber(service) as stub:
        failed = {"Id": "1", "SenderFault": False, "Code": "InternalError"}
        stub.add_response("send_message_batch", {"Successful": [], "Failed": [failed]})
        stub.add_response(
            "send_message_batch",
            {"Successful": [], "Failed": []},
            {"QueueUrl": "u", "Entries": [{"Id": "0", "MessageBody": entries[1].envelope}]},
        )
        SqsTransport("u", service).send(entries)
        stub.assert_no_pending_responses()


def test_requests_stay_small() -> None:
    """Ten entries or 256 KiB, whichever comes first; one that is larger goes alone."""
    sizes = [
        [len(entry.envelope) for entry in batch]
        for batch in transports._batches(_entries(25), MOST_ENTRIES)
    ]
    assert [len(each) for each in sizes] == [10, 10, 5]
    large = _entries(7, filling="x" * 100_000)
    batches = list(transports._batches(large, MOST_ENTRIES))
    assert [len(batch) for batch in batches] == [2, 2, 2, 1]
    assert all(sum(len(e.envelope) for e in batch) <= MOST_BYTES for batch in batches)


def test_a_transport_needs_a_name_and_a_target() -> None:
    """An unknown name and an empty target are told apart."""
    assert set(TRANSPORTS) == {"eventbridge", "sns", "lambda", "sqs"}
    with pytest.raises(StackError, match="unknown transport 'pigeon'"):
        open_sender("pigeon", "x")
    with pytest.raises(StackError, match="no target"):
        open_sender("sns", "")

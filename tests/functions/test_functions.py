"""Planner and worker, one after another, against a cloud of our own and a real video."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from smallcloud import BUS, LATER, SOURCE_BUCKET, Cloud, Context

import scrubjay
from scrubjay.aws import planner, worker
from scrubjay.engines.queue.notes import is_hopeless, note_failure
from scrubjay.engines.queue.progress import progress_of, reopen
from scrubjay.engines.queue.status import set_status
from scrubjay.errors import (
    EventError,
    OutOfTimeError,
    RecipeError,
    RenderError,
    SourceForbiddenError,
)
from scrubjay.keys import (
    ANNOUNCED,
    FAILURES,
    MANIFEST,
    ORIGIN,
    PLAN,
    PROBLEM,
    RECORDS,
    SENT,
    failure_key,
    generation_key,
    set_prefix,
)
from scrubjay.model import Animation, Recipe, Still
from scrubjay.sets.state import load_plan
from scrubjay.sets.store import Store

Uploaded = Callable[..., dict[str, Any]]

KEY = "films/first part.mp4"
SET = "previews/films/first~20part.mp4/"


@pytest.fixture
def planned(cloud: Cloud, uploaded: Uploaded, clip: Path) -> list[dict[str, Any]]:
    """The clip, uploaded and planned: the events of its three slices."""
    etag = cloud.upload(clip, KEY)
    event = uploaded(("films/first+part.mp4", etag))
    assert planner.handler(event, Context()) == {"sent": 3}
    return cloud.take(LATER)


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _recorded(cloud: Cloud, folder: str) -> set[str]:
    """Return the slices of which every output has a record, as their records are called."""
    keys = cloud.there(folder + RECORDS)
    outputs = {key.split("/")[-2] for key in keys}
    names = Counter(key.split("/")[-1].removesuffix(".json") for key in keys)
    return {name for name, count in names.items() if count == len(outputs)}


def test_the_planner_sends_an_event_a_slice(
    cloud: Cloud, planned: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The events have the reference's names, and touch; the plan lies in the destination."""
    del capsys
    assert {(each["source"], each["detail-type"]) for each in planned} == {
        ("custom.gifGenerator", "newVideoCreated")
    }
    details = sorted((each["detail"] for each in planned), key=lambda each: each["index"])
    assert [(each["start"], each["end"]) for each in details] == [(0, 4), (4, 8), (8, 12)]
    assert {each["key"] for each in details} == {KEY}
    assert {each["length"] for each in details} == {12}
    assert all(each["tsCreated"] > 1e12 for each in details)
    generation = SET + generation_key(details[0]["plan"])
    assert cloud.there(SET) == {SET + PLAN, SET + ORIGIN, SET + SENT, generation}
    assert cloud.read(SET + ORIGIN)["address"] == f"s3://{SOURCE_BUCKET}/{KEY}"


@pytest.mark.usefixtures("own_processes")
def test_the_last_worker_publishes_and_says_so(
    cloud: Cloud, planned: list[dict[str, Any]], clip: Path, tmp_path: Path
) -> None:
    """Nothing is published before the last slice; then the set is what a local run makes."""
    for number, event in enumerate(planned):
        assert SET + MANIFEST not in cloud.there()
        worker.handler(event, Context())
        assert len(_recorded(cloud, SET)) == number + 1
    scrubjay.make(clip, tmp_path / "local", recipe=Recipe(slice_length=Fraction(4)))
    pictures = {
        path.relative_to(tmp_path / "local"): path for path in (tmp_path / "local").rglob("*.*f")
    }
    assert len(pictures) == 3
    for name, path in pictures.items():
        found = cloud.s3.get_object(Bucket="gifs", Key=f"{SET}{name}")
        assert found["Body"].read() == path.read_bytes()
        assert found["ContentType"] == "image/gif"
    [told] = cloud.take(LATER)
    assert told["detail-type"] == "previewsReady"
    assert told["detail"] == {
        "key": KEY,
        "bucket": SOURCE_BUCKET,
        "output": f"s3://gifs/{SET[:-1]}",
        "manifest": f"s3://gifs/{SET}manifest.json",
        "status": "complete",
        "plan": told["detail"]["plan"],
        "slices": 3,
        "duration": 12,
    }
    assert cloud.read(SET + MANIFEST)["status"] == "complete"


@pytest.mark.parametrize(("setting", "clock"), [("auto", "media"), ("zero", "zero")])
def test_tracks_are_on_the_clock_that_is_set(
    cloud: Cloud,
    planned: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    clock: str,
) -> None:
    """The last worker writes the tracks on the clock of its settings, as the manifest says."""
    monkeypatch.setenv("SCRUBJAY_TRACK_CLOCK", setting)
    for event in planned:
        worker.handler(event, Context())
    assert cloud.read(SET + MANIFEST)["track_clock"] == clock


def test_a_slice_is_made_once(
    cloud: Cloud, planned: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same event again costs a look: nothing is rendered, nothing is told twice."""
    worker.handler(planned[0], Context())
    capsys.readouterr()
    answer = worker.handler(planned[0], Context())
    assert [each["outcome"] for each in answer["slices"]] == ["already done"]  # type: ignore[attr-defined]
    [line] = _lines(capsys.readouterr().out)
    assert line["slice"] == planned[0]["detail"]["index"]
    for event in (*planned, *planned):
        worker.handler(event, Context())
    assert len(cloud.take(LATER)) == 1


@pytest.mark.parametrize("lost", [[MANIFEST, ANNOUNCED], [ANNOUNCED]])
def test_a_crash_at_the_end_is_healed(
    cloud: Cloud, planned: list[dict[str, Any]], lost: list[str]
) -> None:
    """A worker that died after the last record, or after publishing, is finished by a duplicate."""
    for event in planned:
        worker.handler(event, Context())
    cloud.take(LATER)
    for name in lost:
        cloud.s3.delete_object(Bucket="gifs", Key=SET + name)
    worker.handler(planned[1], Context())
    assert {SET + MANIFEST, SET + ANNOUNCED} <= cloud.there()
    assert [each["detail-type"] for each in cloud.take(LATER)] == ["previewsReady"]


def test_the_same_video_again_sends_what_is_missing(
    cloud: Cloud, planned: list[dict[str, Any]], uploaded: Uploaded
) -> None:
    """A second upload resumes: slices with a record are not sent; a finished set is left."""
    etag = planned[0]["detail"]["etag"]
    event = uploaded(("films/first+part.mp4", etag), sequencer="0B")
    worker.handler(planned[0], Context())
    assert planner.handler(event, Context()) == {"sent": 2}
    again = cloud.take(LATER)
    indexes = {each["detail"]["index"] for each in again}
    assert indexes == {0, 1, 2} - {planned[0]["detail"]["index"]}
    for each in again:
        worker.handler(each, Context())
    cloud.take(LATER)
    assert planner.handler(event, Context()) == {"sent": 0}
    cloud.s3.delete_object(Bucket="gifs", Key=SET + MANIFEST)
    assert planner.handler(event, Context()) == {"sent": 1}
    worker.handler(cloud.take(LATER)[0], Context())
    assert SET + MANIFEST in cloud.there()


def test_pictures_that_are_gone_are_made_again(
    cloud: Cloud, planned: list[dict[str, Any]], uploaded: Uploaded
) -> None:
    """A record whose pictures somebody deleted does not count, for planner and worker alike."""
    for event in planned:
        worker.handler(event, Context())
    cloud.take(LATER)
    [gone] = [key for key in cloud.there(f"{SET}frames/") if key.endswith("/000005.jpg")]
    cloud.s3.delete_object(Bucket="gifs", Key=gone)
    etag = planned[0]["detail"]["etag"]
    event = uploaded(("films/first+part.mp4", etag), sequencer="0B")
    assert planner.handler(event, Context()) == {"sent": 1}
    worker.handler(cloud.take(LATER)[0], Context())
    assert {gone, SET + MANIFEST} <= cloud.there()


def test_an_older_plan_s_events_mean_nothing(
    cloud: Cloud,
    planned: list[dict[str, Any]],
    uploaded: Uploaded,
    other_clip: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """When another video takes the key, its plan takes the set; late events are passed over."""
    worker.handler(planned[0], Context())
    etag = cloud.upload(other_clip, KEY)
    assert planner.handler(uploaded(("films/first+part.mp4", etag)), Context()) == {"sent": 2}
    for event in planned:
        capsys.readouterr()
        assert worker.handler(event, Context()) == {"slices": []}
        assert "another plan" in capsys.readouterr().out
    for event in cloud.take(LATER):
        worker.handler(event, Context())
    assert cloud.read(SET + MANIFEST)["media"]["duration"] == 5
    assert cloud.read(SET + MANIFEST)["status"] == "complete"


@pytest.mark.parametrize("wrap", ["bare", "Key", "detail", "sns", "sqs", "sns in sqs"])
def test_the_reference_s_own_event_works(cloud: Cloud, clip: Path, wrap: str) -> None:
    """`key` or `Key`, an inclusive end, no plan, no bucket: the slices that overlap are made."""
    cloud.upload(clip, "long.mp4")
    detail = {"key": "long.mp4", "start": 4, "end": 7, "length": 12.0, "tsCreated": 1}
    event: dict[str, Any] = {"source": "custom.gifGenerator", "detail": detail}
    text = json.dumps(event)
    match wrap:
        case "bare":
            event = detail
        case "Key":
            event = {"Key": detail.pop("key")} | detail
        case "sns":
            event = {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": text}}]}
        case "sqs":
            event = {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": text}]}
        case "sns in sqs":
            body = json.dumps({"Type": "Notification", "Message": text})
            event = {"Records": [{"messageId": "1", "eventSource": "aws:sqs", "body": body}]}
        case _:
            pass
    answer = worker.handler(event, Context())
    assert "slices" in answer or answer == {"batchItemFailures": []}
    assert _recorded(cloud, "previews/long.mp4/") == {"000004-000008"}
    assert f"previews/long.mp4/{PLAN}" in cloud.there()


def test_an_event_of_three_seconds_means_their_slices(
    cloud: Cloud, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference's 30 s are ten of ours if slices are 3 s long; beyond the end is nothing."""
    monkeypatch.setenv("SCRUBJAY_SLICE_LENGTH", "3")
    cloud.upload(clip, "long.mp4")
    worker.handler({"key": "long.mp4", "start": 0, "end": 8, "length": 12.0}, Context())
    found = _recorded(cloud, "previews/long.mp4/")
    assert found == {"000000-000003", "000003-000006", "000006-000009"}
    late = {"key": "long.mp4", "start": 2250, "end": 2279, "length": 3294.024}
    assert worker.handler(late, Context()) == {"slices": []}


@pytest.mark.usefixtures("own_processes")
def test_a_damaged_slice_ends_as_a_gap(
    cloud: Cloud, uploaded: Uploaded, tmp_path: Path, clip: Path
) -> None:
    """A stretch that gives no picture is noted, raises nothing, and the set ends as partial."""
    data = bytearray(clip.read_bytes())
    fifth = len(data) // 5
    data[fifth : 4 * fifth] = bytes(3 * fifth)
    (tmp_path / "hurt.mp4").write_bytes(data)
    etag = cloud.upload(tmp_path / "hurt.mp4", "hurt.mp4")
    planner.handler(uploaded(("hurt.mp4", etag)), Context())
    events = cloud.take(LATER)
    for event in (*events, *events):
        worker.handler(event, Context())
    manifest = cloud.read("previews/hurt.mp4/manifest.json")
    notes = cloud.there(f"previews/hurt.mp4/{FAILURES}")
    assert manifest["status"] == "partial"
    assert len(notes) == len(manifest["gaps"]) > 0
    assert "damaged" in manifest["gaps"][0]["reason"]
    [told] = cloud.take(LATER)
    assert told["detail"]["status"] == "partial"
    assert planner.handler(uploaded(("hurt.mp4", etag)), Context()) == {"sent": 0}
    again = uploaded(("hurt.mp4", etag), sequencer="0B")
    assert planner.handler(again, Context()) == {"sent": len(notes)}
    assert not cloud.there(f"previews/hurt.mp4/{FAILURES}")
    assert "previews/hurt.mp4/manifest.json" not in cloud.there()


def test_a_late_slice_mends_a_partial_set(cloud: Cloud, planned: list[dict[str, Any]]) -> None:
    """A slice that is made after a set was told of as partial makes it complete, and is told of."""
    store = Store.open(f"s3://gifs/{SET}")
    plan = load_plan(store)
    assert plan
    last = planned[2]["detail"]["index"]
    note_failure(store, plan, plan.slices[last], RenderError("no"))
    for event in planned[:2]:
        worker.handler(event, Context())
    assert cloud.read(SET + MANIFEST)["status"] == "partial"
    store.delete([failure_key(plan.slices[last].start)])  # and no more than that
    worker.handler(planned[2], Context())
    assert cloud.read(SET + MANIFEST)["status"] == "complete"
    told = [each["detail"]["status"] for each in cloud.take(LATER)]
    assert told == ["partial", "complete"]


def test_a_queue_hears_of_each_message(cloud: Cloud, planned: list[dict[str, Any]]) -> None:
    """Of a batch of SQS only what failed is named, and the rest is done."""
    bodies = [json.dumps(planned[0]), "{}", json.dumps(planned[1]), "no JSON"]
    records = [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]
    answer = worker.handler({"Records": records}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m3"}]}
    assert len(_recorded(cloud, SET)) == 2


def test_a_queue_s_single_message_raises(cloud: Cloud, planned: list[dict[str, Any]]) -> None:
    """A message that comes alone fails aloud, for only then does Lambda count an error."""
    with pytest.raises(EventError):
        worker.handler({"Records": [{"messageId": "m", "body": "{}"}]}, Context())
    record = {"messageId": "m", "body": json.dumps(planned[0])}
    answer: Any = worker.handler({"Records": [record]}, Context())
    assert [each["outcome"] for each in answer["slices"]] == ["made"]
    assert len(_recorded(cloud, SET)) == 1


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    "event",
    [
        {},
        [],
        None,
        "text",
        {"Records": []},
        {"detail": 3},
        {"detail": {"key": "a.mp4", "start": "soon", "end": 3}},
        {"detail": {"key": "", "start": 0, "end": 3}},
        {"detail": {"key": "a.mp4", "start": 0, "end": 3, "output": 7}},
        {"Records": [{"Sns": {"Message": "{"}}]},
    ],
)
def test_a_poisoned_event_raises(event: Any) -> None:  # noqa: ANN401  anything
    """What nobody understands raises one clear error, so that it ends as a dead letter."""
    with pytest.raises(EventError):
        worker.handler(event, Context())


def test_an_event_cannot_write_elsewhere(cloud: Cloud, planned: list[dict[str, Any]]) -> None:
    """A place outside the output is refused, dots and neighbours included."""
    before = cloud.there()
    for output in ("s3://gifs/previews/../x", "s3://videos/x", "s3://gifs/previewsx", "/tmp/x"):  # noqa: S108
        event = json.loads(json.dumps(planned[0]))
        event["detail"]["output"] = output
        with pytest.raises(scrubjay.errors.PlaceError, match="not below"):
            worker.handler(event, Context())
    assert cloud.there() == before


@pytest.mark.usefixtures("own_processes")
def test_a_slice_that_takes_too_long_says_so(
    cloud: Cloud, planned: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Before Lambda ends it, the worker gives up with a word of what would help."""

    class Impatient(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.left -= 7_000
            return self.left

    with pytest.raises(OutOfTimeError, match="shorter slices"):
        worker.handler(planned[0], Impatient(milliseconds=20_000))
    assert not cloud.there(SET + RECORDS)
    lines = _lines(capsys.readouterr().out)
    assert [line["level"] for line in lines].count("ERROR") == 1


@pytest.mark.parametrize("wrap", ["bare", "sqs"])
def test_a_slice_that_takes_too_long_twice_is_a_gap(
    cloud: Cloud, planned: list[dict[str, Any]], wrap: str
) -> None:
    """The second time is the last: no transport tries it again. A redrive does, and it is made."""

    class Impatient(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.left -= 7_000
            return self.left

    event = planned[0]
    if wrap == "sqs":
        event = {"Records": [{"messageId": "m", "body": json.dumps(planned[0])}]}
    with pytest.raises(OutOfTimeError):
        worker.handler(event, Impatient(milliseconds=20_000))
    answer: Any = worker.handler(event, Impatient(milliseconds=20_000))
    assert [(each["outcome"], each["error"]) for each in answer["slices"]] == [
        ("gap", "OutOfTimeError")
    ]
    for each in planned[1:]:
        worker.handler(each, Context())
    assert cloud.read(SET + MANIFEST)["status"] == "partial"
    store = Store.open(f"s3://gifs/{SET}")
    plan = load_plan(store)
    assert plan
    reopen(store, plan, progress_of(store, plan), [planned[0]["detail"]["index"]])
    worker.handler(event, Context())
    assert cloud.read(SET + MANIFEST)["status"] == "complete"


def test_a_slice_that_took_too_long_once_is_made(
    cloud: Cloud, planned: list[dict[str, Any]]
) -> None:
    """A first failure for want of time leaves no gap behind."""

    class Impatient(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.left -= 7_000
            return self.left

    with pytest.raises(OutOfTimeError):
        worker.handler(planned[0], Impatient(milliseconds=20_000))
    for each in (*planned[1:], planned[0]):
        assert SET + MANIFEST not in cloud.there()
        worker.handler(each, Context())
    assert cloud.read(SET + MANIFEST)["status"] == "complete"


@pytest.mark.usefixtures("own_processes")
def test_a_bomb_is_not_planned(
    cloud: Cloud, uploaded: Uploaded, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small video that claims to be huge, or one beyond the stack's limits, sends no slice."""
    for name in ("bomb_402h_2frames.mp4", "bomb_20h_65kB.mp4"):
        etag = cloud.upload(media / "reports" / name, name)
        assert planner.handler(uploaded((name, etag)), Context()) == {"sent": 0}
        problem = cloud.read(f"previews/{name}/{PROBLEM}")
        assert problem["error"] == "LimitError"
        assert "--" in problem["message"]
    monkeypatch.setenv("SCRUBJAY_MAX_SLICES", "3")
    etag = cloud.upload(media / "odd/s_slideshow_1_per_10s.mp4", "slides.mp4")
    assert planner.handler(uploaded(("slides.mp4", etag)), Context()) == {"sent": 0}
    assert "--max-slices" in cloud.read(f"previews/slides.mp4/{PROBLEM}")["message"]
    assert cloud.take(LATER) == []


@pytest.mark.usefixtures("own_processes")
def test_no_secret_is_told(
    cloud: Cloud,
    planned: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither logs, errors, events nor anything stored holds a key, a signature or a query."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-the-test")
    worker.handler(planned[0], Context())
    cloud.s3.delete_object(Bucket=SOURCE_BUCKET, Key=KEY)
    worker.handler(planned[1], Context())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Exception, match="destination") as caught:
        worker.handler(planned[2], Context())
    said = capsys.readouterr().out + repr(caught.value) + str(caught.value)
    stored = b"".join(
        cloud.s3.get_object(Bucket="gifs", Key=key)["Body"].read() for key in cloud.there()
    )
    for secret in ("secret-of-the-test", "token-of-the-test", "X-Amz-Signature", "AKIAEXAMPLE"):
        assert secret not in said
        assert secret.encode() not in stored


def test_what_is_no_video_is_written_down(
    cloud: Cloud,
    uploaded: Uploaded,
    media: Path,
    clip: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A broken upload is a note beside where its set would be, and no failure of the function."""
    event = uploaded(
        *(
            (f"bad/{name}", cloud.upload(media / "bad" / name, f"bad/{name}"))
            for name in ("text.mp4",)
        )
    )
    assert planner.handler(event, Context()) == {"sent": 0}
    note = cloud.read(f"previews/bad/text.mp4/{PROBLEM}")
    assert note["error"] == "SourceUnreadableError"
    assert note["source"] == "s3://videos/bad/text.mp4"
    [line] = _lines(capsys.readouterr().out)
    assert line["level"] == "ERROR"
    assert not cloud.take(LATER)
    etag = cloud.upload(clip, "bad/text.mp4")
    assert planner.handler(uploaded(("bad/text.mp4", etag)), Context()) == {"sent": 3}
    assert f"previews/bad/text.mp4/{PROBLEM}" not in cloud.there()


def test_what_replaces_a_video_takes_its_set_back(
    cloud: Cloud, planned: list[dict[str, Any]], uploaded: Uploaded, media: Path, clip: Path
) -> None:
    """A set is published no longer when something that is no video takes its key; late slices too.

    The same video put there again finds its slices made.
    """
    for event in planned:
        worker.handler(event, Context())
    cloud.take(LATER)
    broken = cloud.upload(media / "bad" / "text.mp4", KEY)
    event = uploaded(("films/first+part.mp4", broken), sequencer="0B")
    assert planner.handler(event, Context()) == {"sent": 0}
    assert SET + MANIFEST not in cloud.there()
    assert cloud.read(SET + PROBLEM)["error"] == "SourceUnreadableError"
    assert worker.handler(planned[0], Context()) == {"slices": []}
    assert SET + MANIFEST not in cloud.there()
    etag = cloud.upload(clip, KEY)
    event = uploaded(("films/first+part.mp4", etag), sequencer="0C")
    assert planner.handler(event, Context()) == {"sent": 1}  # the order to finish
    for each in cloud.take(LATER):
        worker.handler(each, Context())
    assert cloud.read(SET + MANIFEST)["status"] == "complete"
    assert SET + PROBLEM not in cloud.there()


def test_a_set_with_nothing_in_it_has_failed(
    cloud: Cloud, planned: list[dict[str, Any]], uploaded: Uploaded, clip: Path
) -> None:
    """A video that is gone before its workers begin: no manifest, a note, and a word on the bus.

    A duplicate changes nothing; when the video is there again, all is made.
    """
    cloud.s3.delete_object(Bucket=SOURCE_BUCKET, Key=KEY)
    for event in (*planned, *planned):
        worker.handler(event, Context())
    assert not {SET + MANIFEST, SET + "index.html"} & cloud.there()
    note = cloud.read(SET + PROBLEM)
    assert (note["error"], note["source"]) == ("SourceNotFoundError", f"s3://{SOURCE_BUCKET}/{KEY}")
    [told] = cloud.take(LATER)
    assert told["detail-type"] == "previewsReady"
    assert told["detail"]["status"] == "failed"
    assert "does not exist" in told["detail"]["error"]
    assert "manifest" not in told["detail"]
    state = set_status(Store.open(f"s3://gifs/{SET[:-1]}"))
    assert (state.slices, state.done, len(state.failed)) == (3, 0, 3)
    assert (state.published, state.announced) == (False, True)
    assert state.problem == note["message"]
    etag = cloud.upload(clip, KEY)
    event = uploaded(("films/first+part.mp4", etag))
    assert planner.handler(event, Context()) == {"sent": 0}  # the same news as before
    assert SET + PROBLEM in cloud.there()
    event = uploaded(("films/first+part.mp4", etag), sequencer="0B")
    assert planner.handler(event, Context()) == {"sent": 3}
    assert SET + PROBLEM not in cloud.there()
    for each in cloud.take(LATER):
        worker.handler(each, Context())
    assert cloud.read(SET + MANIFEST)["status"] == "complete"
    assert [each["detail"]["status"] for each in cloud.take(LATER)] == ["complete"]


def test_a_malformed_record_does_not_stop_the_others(
    cloud: Cloud, uploaded: Uploaded, clip: Path
) -> None:
    """Whichever record of an event cannot be read, the others are served, and then it raises."""
    etags = {name: cloud.upload(clip, f"{name}.mp4") for name in ("a", "b")}
    event = uploaded(*((f"{name}.mp4", etag) for name, etag in etags.items()))
    event["Records"].insert(0, {"hello": "world"})
    event["Records"].insert(2, {"s3": {"bucket": {}}, "eventName": "ObjectCreated:Put"})
    with pytest.raises(EventError, match="does not report an upload"):
        planner.handler(event, Context())
    slices = cloud.take(LATER)
    assert {each["detail"]["key"] for each in slices} == {"a.mp4", "b.mp4"}
    carried = [{"Sns": {"Message": json.dumps(each)}} for each in slices[:2]]
    with pytest.raises(EventError, match="not JSON"):
        worker.handler({"Records": [{"Sns": {"Message": "{"}}, *carried]}, Context())
    recorded = {key.rpartition("/")[2] for key in cloud.there() if RECORDS in key}
    assert len(recorded) in {1, 2}
    assert len([key for key in cloud.there() if RECORDS in key]) == 6


def test_one_bad_record_does_not_stop_the_others(
    cloud: Cloud, uploaded: Uploaded, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every video of an event has its turn; what may pass is raised afterwards."""
    good = cloud.upload(clip, "good.mp4")
    event = uploaded(("gone.mp4", ""), ("good.mp4", good))
    event["Records"][0]["s3"]["bucket"]["name"] = "nobody-s-bucket"
    planner.handler(event, Context())
    assert len(cloud.take(LATER)) == 3
    monkeypatch.setenv("SCRUBJAY_TARGET", "no-such-bus")
    monkeypatch.setenv("SCRUBJAY_TRANSPORT", "sqs")
    with pytest.raises(scrubjay.errors.EngineError):
        planner.handler(uploaded(("good.mp4", good), sequencer="0B"), Context())
    assert BUS


def test_only_videos_are_planned(
    cloud: Cloud, uploaded: Uploaded, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other suffixes, deletions, S3's test event and what lies among the sets are passed over."""
    cloud.upload(clip, "film.MOV")
    assert planner.handler(uploaded(("notes.txt", ""), ("film.MOV", "")), Context()) == {"sent": 3}
    assert planner.handler({"Service": "Amazon S3", "Event": "s3:TestEvent"}, Context()) == {
        "sent": 0
    }
    inside = uploaded(("previews/film.mp4", ""), bucket="gifs")
    assert planner.handler(inside, Context()) == {"sent": 0}
    removed = uploaded(("film.MOV", ""))
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    assert planner.handler(removed, Context()) == {"sent": 0}
    monkeypatch.setenv("SCRUBJAY_SUFFIXES", ".MP4 .webm")
    assert planner.handler(uploaded(("film.MOV", "")), Context()) == {"sent": 0}
    with pytest.raises(EventError):
        planner.handler({"hello": "world"}, Context())


def test_eventbridge_keys_are_not_decoded(cloud: Cloud, clip: Path) -> None:
    """An `Object Created` event names the key as it is: a plus is a plus."""
    etag = cloud.upload(clip, "1+1 =%32.mp4")
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": SOURCE_BUCKET},
            "object": {"key": "1+1 =%32.mp4", "etag": etag, "size": 1},
        },
    }
    assert planner.handler(event, Context()) == {"sent": 3}
    for slice_event in cloud.take(LATER):
        worker.handler(slice_event, Context())
    assert f"previews/{set_prefix('1+1 =%32.mp4')}/{MANIFEST}" in cloud.there()


def test_settings_are_checked(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong setting is named; the recipe may be a preset or TOML, with the two old parameters."""
    del cloud
    monkeypatch.setenv("SCRUBJAY_RECIPE", "tolerance = 'x'")
    with pytest.raises(RecipeError, match="SCRUBJAY_RECIPE: tolerance"):
        planner.handler({"Event": "s3:TestEvent"}, Context())
    monkeypatch.setenv("SCRUBJAY_RECIPE", "classic")
    monkeypatch.delenv("SCRUBJAY_OUTPUT")
    with pytest.raises(RecipeError, match="output"):
        worker.handler({}, Context())


def test_a_forbidden_video_is_a_failure_of_the_function() -> None:
    """Missing rights are mended by a person, and then a retry helps: they must not be swallowed."""
    assert not is_hopeless(SourceForbiddenError("no"))


def test_two_plans_never_mix(
    cloud: Cloud,
    planned: list[dict[str, Any]],
    uploaded: Uploaded,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a worker made for a plan that was replaced lies in no set of the new one."""
    etag = planned[0]["detail"]["etag"]
    other = "slice_length = 3\n[animations]\nwidth = 100\n[frames]\nwidth = 200"

    class Overtaken(Context):
        def get_remaining_time_in_millis(self) -> int:
            if self.left == 59_998:  # the slice is begun: its first sign of progress
                monkeypatch.setenv("SCRUBJAY_RECIPE", other)
                monkeypatch.setenv("SCRUBJAY_SLICE_LENGTH", "0")
                planner.handler(uploaded(("films/first+part.mp4", etag)), Context())
            self.left -= 1
            return self.left

    event = next(each for each in planned if each["detail"]["index"] == 1)
    worker.handler(event, Overtaken())
    events = cloud.take(LATER)
    assert len(events) == 4
    for each in events:
        worker.handler(each, Context())
    recipe = Recipe(
        slice_length=Fraction(3), animations=(Animation(width=100),), frames=(Still(width=200),)
    )
    scrubjay.make(clip, tmp_path / "local", recipe=recipe)
    for path in (tmp_path / "local" / "frames").rglob("*.jpg"):
        key = path.relative_to(tmp_path / "local").as_posix()
        found = cloud.s3.get_object(Bucket="gifs", Key=SET + key)
        assert found["Body"].read() == path.read_bytes()
    assert cloud.read(SET + MANIFEST)["recipe"]["slice_length"] == 3


@pytest.mark.usefixtures("own_processes")
def test_the_last_workers_may_end_together(cloud: Cloud, planned: list[dict[str, Any]]) -> None:
    """Workers that end at the same moment make one manifest, and it is told of."""
    with ThreadPoolExecutor(6) as pool:
        answers = pool.map(lambda event: worker.handler(event, Context()), [*planned, *planned])
        assert len(list(answers)) == 6
    assert cloud.read(SET + MANIFEST)["status"] == "complete"
    assert {each["detail-type"] for each in cloud.take(LATER)} == {"previewsReady"}


def test_a_set_may_lie_in_a_file_system(
    cloud: Cloud, uploaded: Uploaded, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mounted folder does as well as a bucket."""
    monkeypatch.setenv("SCRUBJAY_OUTPUT", str(tmp_path / "previews"))
    planner.handler(uploaded(("a/movie.mp4", cloud.upload(clip, "a/movie.mp4"))), Context())
    for event in cloud.take(LATER):
        worker.handler(event, Context())
    manifest = json.loads((tmp_path / "previews/a/movie.mp4/manifest.json").read_text())
    assert manifest["status"] == "complete"
    [told] = cloud.take(LATER)
    assert told["detail"]["manifest"] == f"{tmp_path}/previews/a/movie.mp4/manifest.json"


def test_the_worker_starts_without_boto3() -> None:
    """Importing the worker imports neither boto3 nor the command line: every start is billed."""
    code = (
        "import sys, scrubjay.aws.worker; print(*{each.partition('.')[0] for each in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"boto3", "botocore", "click", "rich"} & set(done.stdout.split())

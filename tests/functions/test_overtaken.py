"""Workers, planners and finishers that get in each other's way at the worst moment."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from smallcloud import LATER, SOURCE_BUCKET, Cloud, Context

import scrubjay
from scrubjay.aws import planner, worker
from scrubjay.documents.webvtt import clock_for, webvtt
from scrubjay.engines.base import Job
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue import worker as core
from scrubjay.engines.queue.beginning import begin
from scrubjay.engines.queue.completion import Ending, finish
from scrubjay.engines.queue.notes import failure_of, note_failure
from scrubjay.errors import SourceChangedError
from scrubjay.keys import FAILURES, MANIFEST, ORIGIN, PAGE, PLAN, WEBVTT, record_key
from scrubjay.model import Manifest, Plan, Recipe, decode
from scrubjay.places.place import Place
from scrubjay.publishing import publish
from scrubjay.sets.state import done_slices, save_plan
from scrubjay.sets.store import Store

Events = list[dict[str, Any]]
Uploaded = Callable[..., dict[str, Any]]

SET = "previews/movie.mp4/"
VIDEO = Place.of("s3://videos/movie.mp4")
SECOND = SET + record_key(Fraction(4))
OTHER = "slice_length = 4\n[animations]\nwidth = 100\n[frames]\nwidth = 200"


@pytest.fixture
def old(cloud: Cloud, uploaded: Uploaded, clip: Path) -> Events:
    """The events of the clip's first plan, by index."""
    planner.handler(uploaded(("movie.mp4", cloud.upload(clip, "movie.mp4"))), Context())
    return _by_index(cloud.take(LATER))


@pytest.fixture
def replan(
    cloud: Cloud, uploaded: Uploaded, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Events]:
    """Plan the same clip for other pictures, and return the events by index."""

    def replan() -> Events:
        monkeypatch.setenv("SCRUBJAY_RECIPE", OTHER)
        monkeypatch.setenv("SCRUBJAY_SLICE_LENGTH", "0")
        planner.handler(uploaded(("movie.mp4", ""), sequencer="0B"), Context())
        return _by_index(cloud.take(LATER))

    return replan


def _by_index(events: Events) -> Events:
    return sorted(events, key=lambda each: each["detail"]["index"])


def _is_published(cloud: Cloud, plan: str) -> bool:
    """Whether the set is complete, of that plan, and told of once."""
    told = [(each["detail"]["plan"], each["detail"]["status"]) for each in cloud.take(LATER)]
    return told == [(plan, "complete")] and cloud.read(SET + MANIFEST)["status"] == "complete"


def test_the_overtaken_one_may_be_the_last(
    cloud: Cloud, old: Events, replan: Callable[[], Events]
) -> None:
    """An old slice over the new set keeps its last worker from ending it; who mends it does."""
    new: Events = []

    class Overtaken(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.left -= 1
            if self.left == 59_997:  # the old slice is begun: its first sign of progress
                new.extend(replan())
                for event in new[:2]:
                    worker.handler(event, Context())
            elif len(new) == 3 and cloud.read(SECOND)["plan"] == old[1]["detail"]["plan"]:
                worker.handler(new[2], Context())
                new.append({})
                assert SET + MANIFEST not in cloud.there()
            return self.left

    worker.handler(old[1], Overtaken())
    assert len(new) == 4
    assert _is_published(cloud, new[0]["detail"]["plan"])


@pytest.mark.parametrize("left", ["all", "a picture"])
def test_a_retry_mends_what_a_killed_worker_left(
    cloud: Cloud, old: Events, replan: Callable[[], Events], left: str
) -> None:
    """An old worker killed with its pictures over the new plan's is tried again, and mends them."""
    if left == "all":
        worker.handler(old[1], Context())
    new = replan()
    if left == "a picture":
        worker.handler(new[1], Context())
        cloud.s3.put_object(Bucket="gifs", Key=f"{SET}frames/000005.jpg", Body=b"of the old plan")
    for event in (new[0], new[2]):
        worker.handler(event, Context())
    assert SET + MANIFEST not in cloud.there()
    worker.handler(old[1], Context())
    assert _is_published(cloud, new[0]["detail"]["plan"])


def test_an_overtaken_worker_notes_no_failure(
    cloud: Cloud,
    old: Events,
    uploaded: Uploaded,
    other_clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That its video is gone says nothing of the new one's: that one's slice is made instead."""
    new: Events = []

    def look_late(store: Store, *about: Any) -> Any:  # noqa: ANN401  as the real one
        if not new:
            etag = cloud.upload(other_clip, "movie.mp4")
            planner.handler(uploaded(("movie.mp4", etag), sequencer="0B"), Context())
            new.extend(_by_index(cloud.take(LATER)))
            worker.handler(new[0], Context())
        return failure_of(store, *about)

    monkeypatch.setattr(core, "failure_of", look_late)
    worker.handler(old[1], Context())
    assert not cloud.there(SET + FAILURES)
    assert _is_published(cloud, new[0]["detail"]["plan"])


@pytest.fixture
def upload_again(cloud: Cloud, clip: Path) -> Callable[[], str]:
    """Put the very same video under the same key as another version: in parts."""

    def upload_again() -> str:
        s3, about = cloud.s3, {"Bucket": SOURCE_BUCKET, "Key": "movie.mp4"}
        name = s3.create_multipart_upload(**about)["UploadId"]
        part = s3.upload_part(**about, UploadId=name, PartNumber=1, Body=clip.read_bytes())
        parts = {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}
        s3.complete_multipart_upload(**about, UploadId=name, MultipartUpload=parts)
        return str(s3.head_object(**about)["ETag"]).strip('"')

    return upload_again


def test_the_same_video_may_come_as_another_version(
    cloud: Cloud, old: Events, uploaded: Uploaded, upload_again: Callable[[], str]
) -> None:
    """Events that name the old version make their slices of the new one, and so do new ones."""
    etag = upload_again()
    assert etag != old[0]["detail"]["etag"]
    planner.handler(uploaded(("movie.mp4", etag), sequencer="0B"), Context())
    new = _by_index(cloud.take(LATER))
    assert [each["detail"]["etag"] for each in new] == [etag] * 3
    for event in (old[0], *new, *old):
        worker.handler(event, Context())
    assert not cloud.there(SET + FAILURES)
    assert _is_published(cloud, new[0]["detail"]["plan"])


def test_a_redrive_names_the_version_that_is_there(
    cloud: Cloud, old: Events, uploaded: Uploaded, upload_again: Callable[[], str]
) -> None:
    """What a set is made of is noted anew with each upload of the same video."""
    for event in old[:2]:
        worker.handler(event, Context())
    etag = upload_again()
    planner.handler(uploaded(("movie.mp4", etag), sequencer="0B"), Context())
    assert cloud.read(SET + ORIGIN)["etag"].strip('"') == etag


def test_a_video_that_changes_all_the_time_is_no_gap(
    cloud: Cloud, old: Events, monkeypatch: pytest.MonkeyPatch, upload_again: Callable[[], str]
) -> None:
    """While the same video is being uploaded again and again, each version is tried."""
    about: Any = {"Bucket": SOURCE_BUCKET, "Key": "movie.mp4"}
    first = cloud.s3.get_object(**about)
    data = first["Body"].read()
    looks: list[Any] = []
    found_again = core.found_again

    def look_and_replace(*what: Any) -> Any:  # noqa: ANN401  as the real one
        looks.append(found_again(*what))
        if len(looks) == 1:
            cloud.s3.put_object(**about, Body=data)
        return looks[-1]

    upload_again()
    monkeypatch.setattr(core, "found_again", look_and_replace)
    answer: Any = worker.handler(old[0], Context())
    assert [each["outcome"] for each in answer["slices"]] == ["made"]
    assert len(looks) == 2
    assert looks[1].etag == first["ETag"]


def test_another_video_is_a_gap(cloud: Cloud, old: Events, other_clip: Path) -> None:
    """As long as nobody has planned it, a video that replaces the planned one gives no slice."""
    cloud.upload(other_clip, "movie.mp4")
    answer: Any = worker.handler(old[0], Context())
    assert [each["error"] for each in answer["slices"]] == ["SourceChangedError"]


class Interrupted(Store):
    """A store where something happens just before an object is written."""

    def interrupt(self, key: str, meanwhile: Callable[[], object]) -> None:
        """Do something, once, before an object of that key is written."""
        self.interruption = {key: meanwhile}

    def put(self, key: str, data: bytes, media_type: str) -> None:
        """Write an object, after what is to happen before it."""
        self.interruption.pop(key, lambda: None)()
        super().put(key, data, media_type)

    def put_new(self, key: str, data: bytes, media_type: str) -> bool:
        """Write a new object, after what is to happen before it."""
        self.interruption.pop(key, lambda: None)()
        return super().put_new(key, data, media_type)


@pytest.fixture
def store() -> Interrupted:
    """A store in memory."""
    store = Interrupted.in_memory()
    assert isinstance(store, Interrupted)
    store.interruption = {}
    return store


def _plan(clip: Path, seconds: int) -> Plan:
    recipe = Recipe(slice_length=Fraction(seconds))
    return scrubjay.plan(clip, recipe=recipe, engine=InlineEngine())


@pytest.fixture
def made(store: Interrupted, clip: Path) -> Plan:
    """The plan of a set in the store, whose slices are all made."""
    plan = _plan(clip, 6)
    save_plan(store, plan)
    for part in plan.slices:
        scrubjay.render_slice(plan, part.index, source=clip, store=store)
    return plan


def test_a_complete_manifest_has_a_complete_track(store: Interrupted, made: Plan) -> None:
    """A finisher who saw less must not leave its track and page beside the complete manifest."""
    record = record_key(made.slices[1].start)

    def finish_partly() -> None:
        data = store.get(record)
        store.delete([record])
        assert publish(made, store).status == "partial"
        store.put(record, data, "application/json")

    store.interrupt(MANIFEST, finish_partly)
    assert publish(made, store).status == "complete"
    assert decode(store.get(MANIFEST), Manifest).status == "complete"
    assert store.get(WEBVTT) == webvtt(made, done_slices(store, made), clock_for(made.media))
    assert b'"partial"' not in store.get(PAGE)


def test_what_is_replaced_is_not_told_of(store: Interrupted, made: Plan, clip: Path) -> None:
    """A finisher that is overtaken while it publishes says nothing."""
    told: list[Ending] = []
    store.interrupt(PAGE, lambda: save_plan(store, _plan(clip, 4)))
    assert finish(Job(made, VIDEO, store), told.append) is None
    assert told == []


def test_a_new_plan_withdraws_what_came_late(store: Interrupted, made: Plan, clip: Path) -> None:
    """Documents that an overtaken finisher wrote just before the new plan lay there are removed."""
    plan = _plan(clip, 4)
    store.interrupt(PLAN, lambda: publish(made, store))
    assert begin(Job(plan, VIDEO, store))
    assert not {MANIFEST, PAGE, WEBVTT} & store.sizes().keys()
    assert json.loads(store.get(PLAN))["slices"]


def test_a_plan_that_comes_back_has_no_old_notes(
    store: Interrupted, made: Plan, clip: Path
) -> None:
    """What failed under a plan says nothing when the same video takes the set once more."""
    note_failure(store, made, made.slices[0], SourceChangedError("it was another one"))
    assert begin(Job(_plan(clip, 4), VIDEO, store))
    assert begin(Job(made, VIDEO, store))
    assert failure_of(store, made, made.slices[0]) is None


def test_of_two_planners_one_begins(store: Interrupted, clip: Path) -> None:
    """Who finds that another has just saved the same plan knows that it is not new."""
    job = Job(_plan(clip, 4), VIDEO, store)
    answers: list[bool] = []
    store.interrupt(PLAN, lambda: answers.append(begin(job)))
    answers.append(begin(job))
    assert answers == [True, False]

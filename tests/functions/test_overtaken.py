"""Workers, planners and finishers that get in each other's way at the worst moment."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from smallcloud import LATER, SOURCE_BUCKET, Cloud, Context

import scrubjay
from scrubjay.aws import planner, worker
from scrubjay.documents.base import tracks_of
from scrubjay.engines.base import Job
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.queue import worker as core
from scrubjay.engines.queue.beginning import begin
from scrubjay.engines.queue.completion import Ending, finish
from scrubjay.engines.queue.notes import failure_of, note_failure
from scrubjay.errors import SourceChangedError
from scrubjay.identity import plan_id
from scrubjay.keys import FAILURES, MANIFEST, ORIGIN, PAGE, PLAN, record_key
from scrubjay.model import Manifest, Plan, Recipe, decode
from scrubjay.places.place import Place
from scrubjay.publishing import publish
from scrubjay.sets.state import is_current, save_plan
from scrubjay.sets.store import Store

Events = list[dict[str, Any]]
Uploaded = Callable[..., dict[str, Any]]

SET = "previews/movie.mp4/"
VIDEO = Place.of("s3://videos/movie.mp4")
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
    """Whether the set is complete, of that plan, and announced once."""
    said = [(each["detail"]["plan"], each["detail"]["status"]) for each in cloud.take(LATER)]
    manifest = cloud.read(SET + MANIFEST)
    return said == [(plan, "complete")] and (manifest["plan"], manifest["status"]) == (
        plan,
        "complete",
    )


def test_an_order_for_a_replaced_plan_is_passed_over(
    cloud: Cloud, old: Events, replan: Callable[[], Events]
) -> None:
    """It makes nothing and ends nothing; the new plan's own orders do."""
    new = replan()
    before = cloud.there()
    answer: Any = worker.handler(old[1], Context())
    assert answer == {"slices": []}
    assert cloud.there() == before
    for event in new:
        worker.handler(event, Context())
    assert _is_published(cloud, new[0]["detail"]["plan"])


def test_a_worker_that_is_overtaken_spoils_nothing(
    cloud: Cloud, old: Events, replan: Callable[[], Events]
) -> None:
    """What it makes lies beside the new set, which the others end meanwhile."""
    new: Events = []

    class Overtaken(Context):
        def get_remaining_time_in_millis(self) -> int:
            self.left -= 1
            if self.left == 59_997:  # the old slice is begun: its first sign of progress
                new.extend(replan())
                for event in new:
                    worker.handler(event, Context())
            return self.left

    worker.handler(old[1], Overtaken())
    assert len(new) == 3
    assert _is_published(cloud, new[0]["detail"]["plan"])


def test_the_old_set_stays_until_the_new_one_is_there(
    cloud: Cloud, old: Events, replan: Callable[[], Events]
) -> None:
    """Every object that the old manifest names is there until the last order is carried out."""
    for event in old:
        worker.handler(event, Context())
    cloud.take(LATER)
    manifest = cloud.read(SET + MANIFEST)
    named = {
        SET + entry["key"]
        for kind in ("animations", "frames", "sheets")
        for entry in manifest[kind]
    }
    new = replan()
    for event in new:
        assert cloud.read(SET + MANIFEST) == manifest
        assert named <= cloud.there()
        worker.handler(event, Context())
    assert named <= cloud.there()
    assert _is_published(cloud, new[0]["detail"]["plan"])


def test_one_more_output_is_made_alone(
    cloud: Cloud, old: Events, uploaded: Uploaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe that adds an output to a finished set makes nothing else again."""
    for event in old:
        worker.handler(event, Context())
    cloud.take(LATER)
    before = cloud.there()
    recipe = '[[frames]]\n[[frames]]\nname = "small"\nwidth = 40'
    monkeypatch.setenv("SCRUBJAY_RECIPE", recipe)
    planner.handler(uploaded(("movie.mp4", ""), sequencer="0B"), Context())
    objects = 0
    for event in _by_index(cloud.take(LATER)):
        answer: Any = worker.handler(event, Context())
        objects += sum(each["objects"] for each in answer["slices"])
    fresh = {key for key in cloud.there() - before if "/generations/" not in key}
    assert objects == len(fresh)
    assert {key.removeprefix(SET).split("/")[0] for key in fresh} == {"small", ".scrubjay"}
    assert cloud.read(SET + MANIFEST)["status"] == "complete"


def test_another_video_s_worker_notes_its_own_failure(
    cloud: Cloud, old: Events, uploaded: Uploaded, other_clip: Path
) -> None:
    """Orders for a video that was replaced say nothing of the new one."""
    etag = cloud.upload(other_clip, "movie.mp4")
    planner.handler(uploaded(("movie.mp4", etag), sequencer="0B"), Context())
    new = _by_index(cloud.take(LATER))
    for event in (*old, *new):
        worker.handler(event, Context())
    assert not cloud.there(SET + FAILURES)
    assert _is_published(cloud, new[0]["detail"]["plan"])


@pytest.fixture
def upload_again(cloud: Cloud, clip: Path) -> Callable[[], str]:
    """Put the very same video under the same key as another version: in parts."""

    def upload_again() -> str:
        s3, about = cloud.s3, {"Bucket": SOURCE_BUCKET, "Key": "movie.mp4"}
        name = s3.create_multipart_upload(**about)["UploadId"]
        slice_ = s3.upload_part(**about, UploadId=name, PartNumber=1, Body=clip.read_bytes())
        parts = {"Parts": [{"ETag": slice_["ETag"], "PartNumber": 1}]}
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

    def put_if(self, key: str, data: bytes, media_type: str, version: str) -> bool:
        """Write an object on condition, after what is to happen before it."""
        self.interruption.pop(key, lambda: None)()
        return super().put_if(key, data, media_type, version)


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
    for slice_ in plan.slices:
        scrubjay.render_slice(plan, slice_.index, source=clip, store=store)
    return plan


def test_a_complete_manifest_has_a_complete_track(store: Interrupted, made: Plan) -> None:
    """A finisher who saw less does not leave its track and page beside the complete manifest."""
    slice_ = made.slices[1]
    keys = [record_key(each.id, slice_.start, slice_.end) for each in made.outputs]
    [track] = [key for key in tracks_of(made).values() if key.endswith(".vtt")]

    def finish_partly() -> None:
        kept = {key: store.get(key) for key in keys}
        store.delete(keys)
        assert publish(made, store).status == "partial"
        for key, data in kept.items():
            store.put(key, data, "application/json")

    store.interrupt(MANIFEST, finish_partly)
    assert publish(made, store).status == "complete"
    assert decode(store.get(MANIFEST), Manifest).status == "complete"
    sheets = [sheet.key for sheet in decode(store.get(MANIFEST), Manifest).sheets]
    assert all(key.encode() in store.get(track) for key in sheets)
    assert b'"partial"' not in store.get(PAGE)


@pytest.mark.parametrize("key", [PAGE, MANIFEST])
def test_what_is_replaced_is_not_announced(
    store: Interrupted, made: Plan, clip: Path, key: str
) -> None:
    """A finisher that is overtaken while it publishes says nothing, and the new set stays."""
    new = _plan(clip, 4)

    def overtake() -> None:
        save_plan(store, new)
        for slice_ in new.slices:
            scrubjay.render_slice(new, slice_.index, source=clip, store=store)
        assert publish(new, store).status == "complete"

    endings: list[Ending] = []
    store.interrupt(key, overtake)
    assert finish(Job(made, VIDEO, store), endings.append) is None
    assert endings == []
    manifest = decode(store.get(MANIFEST), Manifest)
    assert (manifest.plan, manifest.status) == (plan_id(new), "complete")
    assert all(sheet.key.encode() in store.get(PAGE) for sheet in manifest.sheets)


def test_a_new_plan_waits_for_its_set(store: Interrupted, made: Plan, clip: Path) -> None:
    """What a finisher published just before the new plan came stays until its set is made."""
    store.interrupt(PLAN, lambda: publish(made, store))
    assert begin(Job(_plan(clip, 4), VIDEO, store))
    assert decode(store.get(MANIFEST), Manifest).plan == plan_id(made)
    assert is_current(store, _plan(clip, 4))


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

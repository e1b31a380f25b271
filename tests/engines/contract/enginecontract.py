"""What every engine does, whatever it is: subclasses give a fixture `bench` with one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

import scrubjay
from scrubjay.engines.base import Engine, Job
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import IncompleteError, ScrubjayError, SourceError, SourceNotFoundError
from scrubjay.events import Event, SliceDone, SliceFailed
from scrubjay.identity import plan_id
from scrubjay.keys import MANIFEST, RECORDS, record_key
from scrubjay.model import Animation, Manifest, Plan, Recipe, Sheet, SliceRecord, Still, decode
from scrubjay.places.place import Place
from scrubjay.places.remote import pinned
from scrubjay.planning import make_plan
from scrubjay.sets.state import load_plan, load_state, save_plan
from scrubjay.sets.store import Store

__all__ = ["RECIPE", "Bench", "EngineContract", "made_by"]

RECIPE = Recipe(
    slice_length=Fraction(3),
    animations=(Animation(width=64, fps=Fraction(2)),),
    frames=(Still(width=64),),
    sheets=(Sheet(),),
)
"""Small pictures of the clip's four slices."""

_SHEETS = Recipe(slice_length=Fraction(6), animations=(), frames=(), sheets=(Sheet(width=64),))
"""Of the clip's two slices."""

_WITH_WHOLE = replace(
    _SHEETS,
    animations=(Animation(name="hover", per="video", width=64),),
    frames=(Still(name="poster", per="video", width=64),),
    sheets=(*_SHEETS.sheets, Sheet(name="overview", per="video", width=64)),
)
"""The same, and one job for the whole video."""

_ALL = tuple(output.name for output in RECIPE.outputs)


class Bench(ABC):
    """An engine, and places that it can reach."""

    engine: Engine

    @abstractmethod
    def put(self, video: Path) -> Place:
        """Put a video where the engine can read it."""

    @abstractmethod
    def remove(self, video: Place) -> None:
        """Take a video away."""

    @abstractmethod
    def destination(self) -> Place:
        """Return a new place where the engine can write."""


def made_by(store: Store) -> dict[str, bytes]:
    """Return all that engines have to make alike: pictures, records, tracks and manifest.

    The page names the video, and what a queue needs beside them is its own affair. Ids stand for
    the versions of libraries, which may be others where the slices are made: they are written as
    the names of their outputs.
    """
    plan = load_plan(store)
    assert plan
    ids = {output.id: f"({output.name})" for output in plan.outputs} | {plan_id(plan): "(plan)"}

    def plain(text: bytes) -> bytes:
        for id_, name in ids.items():
            text = text.replace(id_.encode(), name.encode())
        return text

    found = store.sizes()
    alike = {key for key in found if not key.startswith(".scrubjay/") or key.startswith(RECORDS)}
    return {plain(key.encode()).decode(): plain(store.get(key)) for key in alike - {"index.html"}}


class EngineContract:
    """Tests of one engine."""

    def test_a_set_is_what_a_serial_run_makes(
        self, bench: Bench, clip: Path, tmp_path: Path
    ) -> None:
        """The same bytes, whoever makes the slices; with each `slice_done` its record is there."""
        where = bench.destination()
        store = Store.open(where)
        outputs = _plan(bench, clip).outputs
        done: list[int] = []

        def look(event: Event) -> None:
            if isinstance(event, SliceDone):
                done.append(event.index)
                assert all(
                    store.has(record_key(each.id, event.start, event.end)) for each in outputs
                )

        made = scrubjay.make(
            bench.put(clip), where, recipe=RECIPE, engine=bench.engine, on_progress=look
        )
        assert made.status == "complete"
        assert sorted(done) == [0, 1, 2, 3]
        scrubjay.make(clip, tmp_path / "serial", recipe=RECIPE, engine=InlineEngine())
        assert made_by(store) == made_by(Store.open(tmp_path / "serial"))

    def test_only_what_is_asked_for_is_made(self, bench: Bench, clip: Path) -> None:
        """Of a new set's four slices, the two that are asked for have records afterwards."""
        job = _job(bench, clip)
        events: list[Event] = []
        asked = {1: _ALL, 2: ("frames",)}
        outcome = bench.engine.run(job, asked, events.append)
        assert outcome.lost == {}
        assert {index: tuple(made) for index, made in outcome.records.items()} == asked
        assert sorted(e.index for e in events if isinstance(e, SliceDone)) == [1, 2]
        made = load_state(job.store, job.plan).records
        assert made.keys() == {1, 2}
        assert all(
            made[index][name] == record
            for index, records in outcome.records.items()
            for name, record in records.items()
        )

    def test_what_is_missing_is_made_and_nothing_else(self, bench: Bench, clip: Path) -> None:
        """A finished set costs no slice; one without a record, or without a picture, that one."""
        video, where = bench.put(clip), bench.destination()

        def made() -> list[int]:
            events: list[Event] = []
            scrubjay.make(
                video, where, recipe=RECIPE, engine=bench.engine, on_progress=events.append
            )
            return sorted(each.index for each in events if isinstance(each, SliceDone))

        assert made() == [0, 1, 2, 3]
        assert made() == []
        store = Store.open(where)
        plan = _plan(bench, clip)
        store.delete([record_key(plan.outputs[1].id, Fraction(3), Fraction(6))])
        assert made() == [1]
        record: SliceRecord = load_state(store, plan).records[2]["sheets"]
        store.delete([next(iter(record.sizes()))])
        assert made() == [2]
        assert decode(store.get(MANIFEST), Manifest).status == "complete"

    def test_the_whole_video_is_one_more_job(
        self, bench: Bench, clip: Path, tmp_path: Path
    ) -> None:
        """What the video has once is made after its slices; added later, it is all that is made."""
        video, where = bench.put(clip), bench.destination()
        made: list[list[int]] = []
        for recipe in (_SHEETS, _WITH_WHOLE, _WITH_WHOLE):
            events: list[Event] = []
            manifest = scrubjay.make(
                video, where, recipe=recipe, engine=bench.engine, on_progress=events.append
            )
            made.append(sorted(each.index for each in events if isinstance(each, SliceDone)))
        assert made == [[0, 1], [2], []]
        assert manifest.status == "complete"
        assert manifest.whole
        assert [sheet.count for sheet in manifest.whole.sheets] == [6]
        scrubjay.make(clip, tmp_path / "serial", recipe=_WITH_WHOLE, engine=InlineEngine())
        assert made_by(Store.open(where)) == made_by(Store.open(tmp_path / "serial"))

    def test_a_damaged_stretch_is_a_gap(self, bench: Bench, clip: Path, tmp_path: Path) -> None:
        """What nobody can decode is reported once, by its name; all else is made and published."""
        data = bytearray(clip.read_bytes())
        fifth = len(data) // 5
        data[fifth : 4 * fifth] = bytes(3 * fifth)
        hurt = tmp_path / "hurt.mp4"
        hurt.write_bytes(data)
        where = bench.destination()
        events: list[Event] = []
        with pytest.raises(IncompleteError) as caught:
            scrubjay.make(
                bench.put(hurt),
                where,
                recipe=RECIPE,
                engine=bench.engine,
                on_progress=events.append,
            )
        lost = [each for each in events if isinstance(each, SliceFailed)]
        assert [each.message.count(f"slice {each.index} (") for each in lost] == [1] * len(lost)
        failed = sorted(each.index for each in lost)
        done = sorted(each.index for each in events if isinstance(each, SliceDone))
        assert failed
        assert sorted(failed + done) == [0, 1, 2, 3]
        assert len(caught.value.causes) == len(failed)
        manifest = decode(Store.open(where).get(MANIFEST), Manifest)
        assert manifest.status == "partial"
        assert [each.index for each in manifest.slices if each.status == "failed"] == failed

    def test_a_video_that_is_gone_gives_no_slice(self, bench: Bench, clip: Path) -> None:
        """The run ends with that error, or every slice has it; no record is written."""
        job = _job(bench, clip)
        bench.remove(job.source)
        lost: Mapping[int, ScrubjayError]
        try:
            lost = bench.engine.run(job, {0: _ALL, 1: _ALL}, _ignore).lost
        except ScrubjayError as error:
            lost = {0: error, 1: error}
        assert {type(error) for error in lost.values()} == {SourceNotFoundError}
        assert lost.keys() == {0, 1}
        assert not load_state(job.store, job.plan).records

    def test_a_text_is_no_video(self, bench: Bench, tmp_path: Path) -> None:
        """Looking into what is not a video raises, and nothing is begun."""
        text = tmp_path / "text.mp4"
        text.write_text("not a video")
        where = bench.destination()
        with pytest.raises(SourceError):
            scrubjay.make(bench.put(text), where, engine=bench.engine)
        assert not Store.open(where).sizes()

    def test_looking_into_a_video(self, bench: Bench, clip: Path) -> None:
        """The facts, and what its pictures cost to read, are the same on every engine."""
        video = pinned(bench.put(clip))
        plan = _plan(bench, clip)
        found, media, _ = bench.engine.probe(video)
        assert (found.fingerprint, media) == (plan.source.fingerprint, plan.media)
        there = bench.engine.explain(plan, video)
        assert there == InlineEngine().explain(plan, Place.of(clip))

    def test_an_engine_makes_one_set_after_another(
        self, bench: Bench, clip: Path, other_clip: Path
    ) -> None:
        """The caller's engine stays open, and serves several videos."""
        for video in (clip, other_clip, clip):
            where = bench.destination()
            made = scrubjay.make(bench.put(video), where, recipe=RECIPE, engine=bench.engine)
            assert made.status == "complete"


def _job(bench: Bench, video: Path) -> Job:
    """Begin a set by hand."""
    plan, store = _plan(bench, video), Store.open(bench.destination())
    save_plan(store, plan)
    return Job(plan, pinned(bench.put(video)), store)


def _plan(bench: Bench, video: Path) -> Plan:
    """Plan a video as the engine does, whose workers may have other versions of libraries."""
    source, media, versions = bench.engine.probe(pinned(bench.put(video)))
    return make_plan(source, media, RECIPE, versions=versions)


def _ignore(_: object) -> None:
    pass

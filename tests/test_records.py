"""Records that lie: every one that differs from its plan counts for nothing."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.keys import PLAN, record_key
from scrubjay.model import (
    Animation,
    Plan,
    PlannedOutput,
    Recipe,
    Sheet,
    Slice,
    SliceRecord,
    Still,
    decode,
    decode_as,
    encode,
)
from scrubjay.sets.records import check_record
from scrubjay.sets.state import load_state
from scrubjay.sets.store import Store

BOTH = Recipe(
    slice_length=Fraction(4),
    animations=(Animation(fps=Fraction(2), width=64),),
    frames=(Still(width=64),),
    sheets=(Sheet(width=64),),
)
PACKED = replace(BOTH, frames=(Still(width=64), Still(name="packed", format="mjpg", width=64)))


class _Made(NamedTuple):
    """A plan, and the second of its slices as it was made."""

    plan: Plan
    records: dict[str, SliceRecord]
    """By output."""
    store: Store

    @property
    def slice_(self) -> Slice:
        return self.plan.slices[1]

    def output(self, name: str) -> PlannedOutput:
        return next(output for output in self.plan.outputs if output.name == name)

    def key(self, name: str) -> str:
        return record_key(self.output(name).id, self.slice_.start, self.slice_.end)


@pytest.fixture(scope="module")
def made(clip: Path) -> _Made:
    """The second slice of the clip, alone."""
    store = Store.in_memory()
    plan = scrubjay.plan(clip, recipe=PACKED, engine=InlineEngine())
    records = scrubjay.render_slice(plan, 1, source=clip, store=store)
    names = [output.name for output in plan.outputs]
    return _Made(plan, dict(zip(names, records, strict=True)), store)


@pytest.mark.parametrize(
    "recipe",
    [
        BOTH,
        Recipe(
            slice_length=Fraction(7, 3),
            animations=(Animation(fps=Fraction(7, 3), max_bytes=1024),),
            sheets=(),
        ),
        Recipe(slice_length=Fraction(1, 2), frames=()),
        Recipe(animations=(), sheets=(Sheet(interval=Fraction(5, 2), columns=2, rows=1),)),
        Recipe(sheets=(), frames=(Still(interval=Fraction(5)),)),
        Recipe(tolerance=Fraction(3), animations=()),
        PACKED,
        Recipe(sheets=(), frames=(Still(format="mjpg", interval=Fraction(5)),)),
    ],
    ids=range(8),
)
def test_what_is_made_matches_its_plan(clip: Path, recipe: Recipe) -> None:
    """The records of every recipe pass, so that nothing is made twice."""
    store = Store.in_memory()
    scrubjay.make(clip, store, recipe=recipe, engine=InlineEngine())
    plan = decode(store.get(PLAN), Plan)
    assert load_state(store, plan).missing == {}


ANYWHERE: list[tuple[str, Any]] = [
    ("output", "0" * 12),
    ("start", "0"),
    ("end", "1e9"),
    ("artifacts", []),
    ("artifacts.0.key", ".scrubjay/plan.json"),
    ("artifacts.0.key", "../../etc/passwd"),
    ("artifacts.0.key", "manifest.json"),
    ("artifacts.0.media_type", "text/html"),
    ("artifacts.0.start", "9/2"),
    ("artifacts.0.end", "99"),
    ("artifacts.0.pictures", 10**9),
    ("artifacts.0.pictures", 0),
    ("artifacts.0.source_times", ["4"] * 1000),
    ("artifacts.0.size_bytes", 0),
    ("artifacts.0.size_bytes", 22 << 20),
    ("artifacts.0.size_bytes", 1 << 50),
    ("damaged_packets", 10**12),
]
"""What no record may say, whichever output it is of."""

LIES: list[tuple[str, str, Any]] = [
    *(
        (name, path, value)
        for name in ("animations", "frames", "packed", "sheets")
        for path, value in ANYWHERE
    ),
    ("packed", "artifacts.0.source_times", ["4"]),
    ("packed", "artifacts.0.picture_bytes", []),
    ("packed", "artifacts.0.picture_bytes.1", 0),
    ("packed", "artifacts.0.picture_bytes.1", 7),
    ("frames", "artifacts.0.picture_bytes", [7]),
    ("animations", "artifacts.0.source_times", ["4"]),
    ("animations", "artifacts.0.pictures", 7),
    ("frames", "artifacts.0.source_times", []),
    ("frames", "artifacts.0.source_times", ["999999999"]),
    ("frames", "artifacts.0.source_times", ["-999999999"]),
    ("frames", "artifacts.1.size_bytes", 1 << 40),
    ("frames", "artifacts.3.end", "17/2"),
    ("sheets", "artifacts.0.source_times", []),
    ("sheets", "artifacts.0.source_times", ["4", "5", "6", "999999999"]),
]


def _changed(record: SliceRecord, path: str, value: object) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(encode(record))
    section: Any = tree
    *steps, last = path.split(".")
    for step in steps:
        section = section[int(step)] if step.isdigit() else section[step]
    section[int(last) if last.isdigit() else last] = value
    return tree


def test_there_is_something_to_lie_about(made: _Made) -> None:
    """The records that are falsified below are right before."""
    for name, record in made.records.items():
        check_record(made.plan, made.output(name), made.slice_, record)
    assert {name: len(each.artifacts) for name, each in made.records.items()} == {
        "animations": 1,
        "frames": 4,
        "packed": 1,
        "sheets": 1,
    }


@pytest.mark.parametrize(("name", "path", "value"), LIES)
def test_a_lie_undoes_its_slice(made: _Made, name: str, path: str, value: object) -> None:
    """A record with one wrong key, time, count or size is refused: its output is made again."""
    plan, records, store = made
    lie = _changed(records[name], path, value)
    assert lie != json.loads(encode(records[name]))
    with pytest.raises(ValueError):  # noqa: PT011  each lie has a text of its own
        check_record(plan, made.output(name), made.slice_, decode_as(lie, SliceRecord))
    store.put(made.key(name), json.dumps(lie).encode(), "application/json")
    assert load_state(store, plan).missing[1] == (name,)
    store.put(made.key(name), encode(records[name]), "application/json")
    assert load_state(store, plan).records == {1: records}


def test_the_keys_of_another_output_are_a_lie(made: _Made) -> None:
    """A record that names the artifacts of an output of the same times is refused."""
    plan = made.plan
    other = decode_as(json.loads(encode(made.records["frames"])), SliceRecord)
    swapped = [
        msgspec.structs.replace(each, key=each.key.replace("frames/", "sheets/"))
        for each in other.artifacts
    ]
    lie = msgspec.structs.replace(other, artifacts=tuple(swapped))
    with pytest.raises(ValueError, match="artifacts are not those"):
        check_record(plan, made.output("frames"), made.slice_, lie)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("output", "../../../etc"),
        ("artifacts.0.blake2b", "x"),
        ("artifacts.0.blake2b", "0" * 31 + "\n"),
        ("artifacts.0.size_bytes", -1),
        ("artifacts.0.pictures", -1),
        ("artifacts.0.start", "1e99"),
        ("artifacts.0.key", ""),
        ("damaged_packets", -1),
    ],
)
def test_what_no_record_can_hold_is_not_read(made: _Made, path: str, value: object) -> None:
    """Values that are out of range for any plan do not even decode."""
    for record in made.records.values():
        with pytest.raises(msgspec.ValidationError):
            decode_as(_changed(record, path, value), SliceRecord)


@given(data=st.data())
@settings(max_examples=60)
def test_any_change_is_refused_or_harmless(made: _Made, data: st.DataObject) -> None:
    """Whatever a record says instead, what passes has the plan's own keys, times and counts."""
    name, path = data.draw(st.sampled_from([(name, path) for name, path, _ in LIES]))
    value = data.draw(st.one_of(st.integers(), st.text(), st.none(), st.fractions().map(str)))
    record = made.records[name]
    try:
        found = decode_as(_changed(record, path, value), SliceRecord)
        check_record(made.plan, made.output(name), made.slice_, found)
    except ValueError:
        return
    assert found.sizes().keys() == record.sizes().keys()
    for one, other in zip(found.artifacts, record.artifacts, strict=True):
        assert (one.start, one.end, one.pictures) == (other.start, other.end, other.pictures)
        assert max(map(abs, one.source_times), default=0) < 1e5


def test_a_poisoned_record_leaves_no_trace(clip: Path) -> None:
    """A set with a poisoned record is repaired by the next run, and its manifest is as before."""
    store = Store.in_memory()
    before = scrubjay.make(clip, store, recipe=BOTH, engine=InlineEngine())
    plan = decode(store.get(PLAN), Plan)
    for output in plan.outputs:
        key = record_key(output.id, plan.slices[1].start, plan.slices[1].end)
        record = decode(store.get(key), SliceRecord)
        for path, value in ANYWHERE[:8]:
            store.put(key, json.dumps(_changed(record, path, value)).encode(), "application/json")
            assert scrubjay.make(clip, store, recipe=BOTH, engine=InlineEngine()) == before
            assert decode(store.get(key), SliceRecord) == record

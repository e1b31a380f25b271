"""Records that lie: every one that differs from its plan counts for nothing."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.keys import PLAN, record_key
from scrubjay.model import (
    Animation,
    Plan,
    Recipe,
    Sheet,
    SliceRecord,
    Still,
    decode,
    decode_as,
    encode,
)
from scrubjay.sets.records import check_record
from scrubjay.sets.state import done_slices
from scrubjay.sets.store import Store

BOTH = Recipe(
    slice_length=Fraction(4),
    animations=(Animation(fps=Fraction(2), width=64),),
    frames=(Still(width=64),),
    sheets=(Sheet(width=64),),
)


@pytest.fixture(scope="module")
def made(clip: Path) -> tuple[Plan, SliceRecord, Store]:
    """A plan, the record of its second slice, and where that lies."""
    store = Store.in_memory()
    plan = scrubjay.plan(clip, recipe=BOTH, engine=InlineEngine())
    return plan, scrubjay.render_slice(plan, 1, source=clip, store=store), store


@pytest.mark.parametrize(
    "recipe",
    [
        BOTH,
        Recipe(
            slice_length=Fraction(7, 3), animations=(Animation(fps=Fraction(7, 3), max_bytes=1),)
        ),
        Recipe(slice_length=Fraction(1, 2), frames=()),
        Recipe(animations=(), sheets=(Sheet(interval=Fraction(7, 2)),)),
        Recipe(sheets=(), frames=(Still(interval=Fraction(5)),)),
        Recipe(tolerance=Fraction(3), animations=()),
    ],
    ids=range(6),
)
def test_what_is_made_matches_its_plan(clip: Path, recipe: Recipe) -> None:
    """The records of every recipe pass, so that nothing is made twice."""
    store = Store.in_memory()
    scrubjay.make(clip, store, recipe=recipe, engine=InlineEngine())
    plan = decode(store.get(PLAN), Plan)
    assert len(done_slices(store, plan)) == len(plan.slices)


LIES: list[tuple[str, Any]] = [
    ("plan", "0" * 32),
    ("index", 2),
    ("index", 10**9),
    ("start", "0"),
    ("end", "1e9"),
    ("animation", None),
    ("animation.key", ".scrubjay/plan.json"),
    ("animation.key", "animations/000008.gif"),
    ("animation.media_type", "text/html"),
    ("animation.frames", 10**9),
    ("animation.frames", 0),
    ("animation.size_bytes", 22 << 20),
    ("animation.size_bytes", 0),
    ("animation.over_budget", True),
    ("frames", []),
    ("frames.0.key", "../../etc/passwd"),
    ("frames.0.key", "manifest.json"),
    ("frames.0.time", "9/2"),
    ("frames.0.source_time", "999999999"),
    ("frames.0.source_time", "-999999999"),
    ("frames.1.size_bytes", 1 << 40),
    ("sheet", None),
    ("sheet.key", "sheets/000000.jpg"),
    ("sheet.start", "0"),
    ("sheet.end", "99"),
    ("sheet.source_times", []),
    ("sheet.source_times", ["4"] * 1000),
    ("sheet.size_bytes", 1 << 50),
    ("damaged_packets", 10**12),
]


def _changed(record: SliceRecord, path: str, value: object) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(encode(record))
    section: Any = tree
    *steps, last = path.split(".")
    for step in steps:
        section = section[int(step)] if step.isdigit() else section[step]
    section[last] = value
    return tree


@pytest.mark.parametrize(("path", "value"), LIES)
def test_a_lie_undoes_its_slice(
    made: tuple[Plan, SliceRecord, Store], path: str, value: object
) -> None:
    """A record with one wrong key, time, count or size is refused: the slice is made again."""
    plan, record, store = made
    lie = _changed(record, path, value)
    with pytest.raises(ValueError):  # noqa: PT011  each lie has a text of its own
        check_record(plan, decode_as(lie, SliceRecord))
    store.put(record_key(record.start), json.dumps(lie).encode(), "application/json")
    assert done_slices(store, plan) == {}
    store.put(record_key(record.start), encode(record), "application/json")
    assert done_slices(store, plan) == {1: record}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("frames.0.blake2b", "x"),
        ("frames.0.blake2b", "0" * 31 + "\n"),
        ("animation.size_bytes", -1),
        ("animation.frames", -1),
        ("frames.0.time", "1e99"),
        ("damaged_packets", -1),
        ("index", -1),
    ],
)
def test_what_no_record_can_hold_is_not_read(
    made: tuple[Plan, SliceRecord, Store], path: str, value: object
) -> None:
    """Values that are out of range for any plan do not even decode."""
    with pytest.raises(msgspec.ValidationError):
        decode_as(_changed(made[1], path, value), SliceRecord)


@given(data=st.data())
@settings(max_examples=60)
def test_any_change_is_refused_or_harmless(
    made: tuple[Plan, SliceRecord, Store], data: st.DataObject
) -> None:
    """Whatever a record says instead, what passes has the plan's own keys, times and counts."""
    plan, record, _ = made
    path = data.draw(st.sampled_from([path for path, _ in LIES]))
    value = data.draw(st.one_of(st.integers(), st.text(), st.none(), st.fractions().map(str)))
    try:
        found = decode_as(_changed(record, path, value), SliceRecord)
        check_record(plan, found)
    except ValueError:
        return
    assert found.sizes().keys() == record.sizes().keys()
    assert [each.time for each in found.frames] == [each.time for each in record.frames]
    assert max(abs(each.source_time) for each in found.frames) < 1e5


def test_a_poisoned_record_leaves_no_trace(clip: Path) -> None:
    """A set with a poisoned record is repaired by the next run, and its manifest is as before."""
    store = Store.in_memory()
    before = scrubjay.make(clip, store, recipe=BOTH, engine=InlineEngine())
    key = record_key(Fraction(4))
    record = decode(store.get(key), SliceRecord)
    for path, value in LIES[:12]:
        store.put(key, json.dumps(_changed(record, path, value)).encode(), "application/json")
        assert scrubjay.make(clip, store, recipe=BOTH, engine=InlineEngine()) == before
    assert decode(store.get(key), SliceRecord) == record

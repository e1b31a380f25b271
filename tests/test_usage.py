"""What making a set used is noted beside it, and nowhere else."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import DestinationError
from scrubjay.events import Event, SliceDone
from scrubjay.identity import plan_id
from scrubjay.keys import PLAN, USAGE
from scrubjay.model import Recipe, Sheet, Usage, decode
from scrubjay.sets.state import load_plan, load_state
from scrubjay.sets.store import Store
from scrubjay.sets.usage import add_usage, load_usage
from scrubjay.verifying.verify import verify

_RECIPE = Recipe(slice_length=Fraction(4), animations=(), frames=(), sheets=(Sheet(width=60),))


def test_a_run_notes_what_each_slice_used(clip: Path, tmp_path: Path) -> None:
    """CPU, seconds, memory and bytes of each slice, as its event says; the set is as sound."""
    events: list[Event] = []
    with ProcessEngine(workers=1) as engine:
        scrubjay.make(
            clip, tmp_path / "set", recipe=_RECIPE, engine=engine, on_progress=events.append
        )
    done = [event for event in events if isinstance(event, SliceDone)]
    store = Store.open(str(tmp_path / "set"))
    plan = load_plan(store)
    assert plan
    usage = load_usage(store, plan)
    assert usage.plan == plan_id(plan)
    assert [each.index for each in usage.slices] == [0, 1, 2]
    assert {each.index: each.used for each in usage.slices} == {
        each.index: each.used for each in done
    }
    records = load_state(store, plan).records
    for each in usage.slices:
        sizes = [record.sizes() for record in records[each.index].values()]
        assert each.size_bytes == sum(sum(size.values()) for size in sizes)
        assert 0 < each.used.cpu < 60
        assert 0 < each.used.seconds < 600
        assert each.used.memory_bytes > 10 << 20
    assert usage.slices[0].used.opening > 0
    assert usage.slices[1].used.opening == 0
    (report,) = verify(tmp_path / "set").sets
    assert report.holds


def test_a_resumed_run_adds_to_the_note(clip: Path) -> None:
    """What earlier runs noted stays; a slice that is made again replaces its own line."""
    store = Store.in_memory()
    scrubjay.make(clip, store, recipe=_RECIPE, engine=InlineEngine())
    plan = load_plan(store)
    assert plan
    before = load_usage(store, plan).slices
    record = next(key for key in store.sizes() if "000004-000008" in key)
    store.delete([record])
    scrubjay.make(clip, store, recipe=_RECIPE, engine=InlineEngine())
    after = load_usage(store, plan).slices
    assert (before[0], before[2]) == (after[0], after[2])
    assert before[1] != after[1]
    assert after[1].order == 0


def test_a_finished_set_is_not_touched(clip: Path) -> None:
    """A run that makes nothing writes no note."""
    store = Store.in_memory()
    scrubjay.make(clip, store, recipe=_RECIPE, engine=InlineEngine())
    version = store.version(USAGE)
    scrubjay.make(clip, store, recipe=_RECIPE, engine=InlineEngine())
    assert store.version(USAGE) == version


@pytest.mark.parametrize("text", ["", "[]", '{"plan": 7}', '{"plan": "0", "slices": [{}]}'])
def test_a_wrong_note_counts_as_none(clip: Path, text: str) -> None:
    """Whatever is in it, a note that cannot be read, or is another plan's, is no error."""
    store = Store.in_memory()
    scrubjay.make(clip, store, recipe=_RECIPE, engine=InlineEngine())
    plan = load_plan(store)
    assert plan
    store.put(USAGE, text.encode(), "application/json")
    assert load_usage(store, plan) == Usage(plan=plan_id(plan))
    add_usage(store, plan, [])
    assert decode(store.get(USAGE), Usage).plan == plan_id(plan)


def test_a_note_that_cannot_be_written_fails_no_run(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is published all the same."""
    store = Store.in_memory()

    def refuse(*_: object) -> bool:
        raise DestinationError("no")

    monkeypatch.setattr("scrubjay.stages.add_usage", refuse)
    made = scrubjay.make(clip, store, recipe=_RECIPE, engine=InlineEngine())
    assert made.status == "complete"
    assert not store.has(USAGE)
    assert json.loads(store.get(PLAN))

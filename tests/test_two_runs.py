"""Several runs in one destination: of one recipe they agree, of two the newer one wins."""

import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.engines.base import Job
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import IncompleteError, PlanReplacedError, RenderError, ScrubjayError
from scrubjay.events import Event, OnEvent, Planned, SliceDone, SliceProgress
from scrubjay.keys import MANIFEST
from scrubjay.model import Animation, Manifest, Recipe, Still, decode
from scrubjay.planning import plan_id
from scrubjay.publishing import publish
from scrubjay.sets.state import check_plan, save_plan, save_record
from scrubjay.sets.store import Store

LONG = 120
"""Seconds after which a test that waits has failed."""

FAST = Animation(fps=Fraction(2), width=64)
OLD = Recipe(slice_length=Fraction(4), animations=FAST, frames=(Still(width=64),))
NEW = Recipe(slice_length=Fraction(4), animations=FAST, frames=(Still(width=96),))

Tree = Callable[[Path], dict[str, str]]


class _Run(threading.Thread):
    """A run in a thread of its own."""

    def __init__(self, clip: Path, folder: Path, recipe: Recipe, on_event: OnEvent) -> None:
        super().__init__(daemon=True)
        self._make: Callable[[], Manifest] = lambda: scrubjay.make(
            clip, folder, recipe=recipe, engine=InlineEngine(), on_progress=on_event
        )
        self.manifest: Manifest | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        """Make the set."""
        try:
            self.manifest = self._make()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.error = error


def _ignore(_: Event) -> None:
    pass


@pytest.mark.parametrize("moment", ["planned", "first slice done", "all done"])
@pytest.mark.parametrize("index", [0, 1])
def test_the_older_of_two_recipes_ends_with_a_clear_error(
    clip: Path, tmp_path: Path, tree: Tree, moment: str, index: int
) -> None:
    """A run that is overtaken amid a slice writes nothing more; the newer set is right."""
    folder = tmp_path / "set"
    may_go_on, is_amid = threading.Event(), threading.Event()

    def pause(event: Event) -> None:
        if isinstance(event, SliceProgress) and event.index == index and event.time % 4 >= 2:
            is_amid.set()
            assert may_go_on.wait(LONG)

    def let(event: Event) -> None:
        is_moment = {
            "planned": isinstance(event, Planned),
            "first slice done": isinstance(event, SliceDone),
            "all done": False,
        }
        if is_moment[moment]:
            may_go_on.set()
            older.join(LONG)

    older = _Run(clip, folder, OLD, pause)
    newer = _Run(clip, folder, NEW, let)
    older.start()
    assert is_amid.wait(LONG)
    newer.start()
    newer.join(LONG)
    may_go_on.set()
    older.join(LONG)
    assert isinstance(older.error, PlanReplacedError), older.error
    assert newer.error is None
    scrubjay.make(clip, tmp_path / "alone", recipe=NEW, engine=InlineEngine())
    alone = tree(tmp_path / "alone")
    found = tree(folder)
    assert found.pop("index.html")
    assert {key: found.get(key) for key in alone if key != "index.html"} == {
        key: digest for key, digest in alone.items() if key != "index.html"
    }


def test_what_an_overtaken_slice_may_have_spoilt_is_made_again(clip: Path, tmp_path: Path) -> None:
    """A run that lost undoes the slice that it may have written over; the newer run repairs it."""
    folder = tmp_path / "set"
    store = Store.open(folder)
    old = scrubjay.plan(clip, recipe=OLD, engine=InlineEngine())
    spoil: list[None] = [None]

    def meddle(event: Event) -> None:
        if isinstance(event, SliceDone) and event.index == 1 and spoil:
            spoil.clear()
            alone = Store.in_memory()
            record = scrubjay.render_slice(old, 1, source=clip, store=alone)
            for key in record.sizes():  # as if these had been on their way for long
                store.put(key, alone.get(key), "image/jpeg")
            with pytest.raises(PlanReplacedError, match="another recipe or video"):
                save_record(store, record)

    manifest = scrubjay.make(clip, folder, recipe=NEW, engine=InlineEngine(), on_progress=meddle)
    fresh = Store.in_memory()
    scrubjay.make(clip, fresh, recipe=NEW, engine=InlineEngine())
    assert manifest.status == "complete"
    assert all(store.get(each.key) == fresh.get(each.key) for each in manifest.frames)


def test_a_plan_that_was_replaced_is_not_published(clip: Path, tmp_path: Path) -> None:
    """A finisher whose plan is not the destination's any more writes no manifest."""
    store = Store.open(tmp_path)
    old, new = (scrubjay.plan(clip, recipe=each, engine=InlineEngine()) for each in (OLD, NEW))
    save_plan(store, old)
    for part in old.slices:
        scrubjay.render_slice(old, part.index, source=clip, store=store)
    save_plan(store, new)
    with pytest.raises(PlanReplacedError):
        publish(old, store)
    assert not store.has(MANIFEST)


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_plan_is_checked_without_reading_it_again(clip: Path, tmp_path: Path, kind: str) -> None:
    """While the plan's file is the same one, looking at its version is enough."""
    store = Store.in_memory() if kind == "memory" else Store.open(tmp_path)
    old, new = (scrubjay.plan(clip, recipe=each, engine=InlineEngine()) for each in (OLD, NEW))
    check_plan(store, "any")  # there is none yet
    save_plan(store, old)
    check_plan(store, plan_id(old))
    check_plan(store, plan_id(old))
    save_plan(store, new)
    check_plan(store, plan_id(new))
    with pytest.raises(PlanReplacedError):
        check_plan(store, plan_id(old))


def test_simultaneous_runs_agree(clip: Path, tmp_path: Path, tree: Tree) -> None:
    """Eight runs of one recipe at once end with one complete set, as one run makes it."""
    folder = tmp_path / "set"
    runs = [_Run(clip, folder, NEW, _ignore) for _ in range(8)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(LONG * 2)
    assert [run.error for run in runs] == [None] * 8
    scrubjay.make(clip, tmp_path / "alone", recipe=NEW, engine=InlineEngine())
    assert tree(folder) == tree(tmp_path / "alone")


def test_finishers_of_a_partial_set_agree_on_its_reasons(clip: Path) -> None:
    """Two that publish the same gaps for different reasons end with one manifest and page."""
    store = Store.in_memory()
    plan = scrubjay.plan(clip, recipe=NEW, engine=InlineEngine())
    scrubjay.render_slice(plan, 0, source=clip, store=store)
    first = publish(plan, store, reasons={1: "one reason", 2: "another"})
    second = publish(plan, store, reasons={1: "quite another", 2: "reason"})
    assert first == second == decode(store.get(MANIFEST), Manifest)
    assert b"quite another" not in store.get("index.html")
    assert b"one reason" in store.get("index.html")


def test_slices_that_nobody_makes_are_not_tried_for_ever(clip: Path) -> None:
    """An engine that says a slice is made, and it is not, ends as a set with a gap."""

    class Lazy(InlineEngine):
        """Says that slice 1 is made."""

        def run(
            self, job: Job, indexes: Sequence[int], on_event: OnEvent
        ) -> dict[int, ScrubjayError]:
            """Make the others."""
            return super().run(job, [index for index in indexes if index != 1], on_event)

    with pytest.raises(IncompleteError) as caught:
        scrubjay.make(clip, Store.in_memory(), recipe=NEW, engine=Lazy())
    assert isinstance(caught.value.causes[0], RenderError)

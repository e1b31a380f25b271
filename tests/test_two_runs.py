"""Several runs in one destination: of one recipe they agree, of two the newer one wins."""

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.engines.base import Job, Outcome
from scrubjay.engines.inline import InlineEngine
from scrubjay.errors import IncompleteError, PlanReplacedError, RenderError
from scrubjay.events import Event, OnEvent, Planned, SliceDone, SliceProgress, SliceStarted
from scrubjay.keys import MANIFEST, USAGE
from scrubjay.model import Animation, Manifest, Recipe, Still, decode
from scrubjay.publishing import publish
from scrubjay.sets.state import Missing, save_plan
from scrubjay.sets.store import Store

LONG = 120
"""Seconds after which a test that waits has failed."""

FAST = Animation(fps=Fraction(2), width=64)
OLD = Recipe(slice_length=Fraction(4), animations=(FAST,), frames=(Still(width=64),))
NEW = Recipe(slice_length=Fraction(4), animations=(FAST,), frames=(Still(width=96),))

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
    """A run that is overtaken amid a slice publishes nothing; the newer set is as if alone."""
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
    assert {key: found.get(key) for key in alone} == alone
    scrubjay.make(clip, folder, recipe=NEW, engine=InlineEngine(), remove_stale=True)
    assert tree(folder) == alone


def test_an_overtaken_slice_spoils_nothing(clip: Path) -> None:
    """What a run that lost still writes lies beside the newer set, of which nothing is made twice.

    Where both plans have an output in common, it is written with the same bytes.
    """
    store, alone, events = Store.in_memory(), Store.in_memory(), list[Event]()
    old = scrubjay.plan(clip, recipe=OLD, engine=InlineEngine())

    def meddle(event: Event) -> None:
        events.append(event)
        if isinstance(event, SliceDone):
            scrubjay.render_slice(old, event.index, source=clip, store=store)

    for each, on_event in ((alone, _ignore), (store, meddle)):
        manifest = scrubjay.make(
            clip, each, recipe=NEW, engine=InlineEngine(), on_progress=on_event
        )
        assert manifest.status == "complete"
    assert [event.index for event in events if isinstance(event, SliceStarted)] == [0, 1, 2]
    keys = alone.sizes().keys() - {USAGE}
    assert {key: store.get(key) for key in keys} == {key: alone.get(key) for key in keys}
    old_ids, new_ids = (
        {output.id for output in plan.outputs}
        for plan in (old, scrubjay.plan(clip, recipe=NEW, engine=InlineEngine()))
    )
    assert len(old_ids & new_ids) == 2  # the animations and sheets of both are the same ones
    stills = {key.split("/")[1] for key in store.sizes() if key.startswith("frames/")}
    assert stills == old_ids ^ new_ids


@pytest.mark.parametrize("is_published", [False, True])
def test_a_plan_that_was_replaced_is_not_published(
    clip: Path, tmp_path: Path, tree: Tree, *, is_published: bool
) -> None:
    """A finisher whose plan is not the destination's any more writes no document at all."""
    store = Store.open(tmp_path)
    first = Recipe(slice_length=Fraction(6), animations=(FAST,), frames=(), sheets=())
    if is_published:
        scrubjay.make(clip, store, recipe=first, engine=InlineEngine())
    old, new = (scrubjay.plan(clip, recipe=each, engine=InlineEngine()) for each in (OLD, NEW))
    save_plan(store, old)
    for slice_ in old.slices:
        scrubjay.render_slice(old, slice_.index, source=clip, store=store)
    save_plan(store, new)
    before = tree(tmp_path)
    with pytest.raises(PlanReplacedError):
        publish(old, store)
    assert tree(tmp_path) == before
    assert store.has(MANIFEST) == is_published


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

        def run(self, job: Job, missing: Missing, on_event: OnEvent) -> Outcome:
            """Make the others."""
            others = {index: names for index, names in missing.items() if index != 1}
            made = super().run(job, others, on_event)
            return Outcome({**made.records, 1: made.records.get(0, {})}, {})

    store = Store.in_memory()
    with pytest.raises(IncompleteError) as caught:
        scrubjay.make(clip, store, recipe=NEW, engine=Lazy())
    assert isinstance(caught.value.causes[0], RenderError)
    gaps = decode(store.get(MANIFEST), Manifest).gaps
    assert [(gap.start, gap.end) for gap in gaps] == [(4, 8)]

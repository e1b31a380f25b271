"""Who makes the last slice of a set notices it, at the price of one list."""

import random
from collections.abc import Callable, Iterable
from fractions import Fraction

import pytest

from scrubjay.engines.base import Job
from scrubjay.engines.queue.completion import Ending, finish
from scrubjay.engines.queue.notes import note_failure
from scrubjay.errors import RenderError
from scrubjay.keys import failure_key
from scrubjay.model import Artifact, Plan, Recipe, Slice, SliceRecord, Still
from scrubjay.places.place import Place
from scrubjay.planning import artifacts_of
from scrubjay.sets.state import read_record, save_plan, save_record
from scrubjay.sets.store import Store

Planned = Callable[..., Plan]

_SLICES = 400
_VIDEO = Place.of("s3://videos/film.mp4")


class _Counted:
    """A set whose slices end, and what looking after each of them costs."""

    def __init__(self, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.plan = Store.in_memory(), plan
        self.endings: list[Ending] = []
        self.lists = self.looks = 0
        save_plan(self.store, plan)
        has, sizes = Store.has, Store.sizes

        def counted_has(store: Store, key: str) -> bool:
            self.looks += 1
            return has(store, key)

        def counted_sizes(store: Store, prefix: str = "") -> dict[str, int]:
            self.lists += 1
            return sizes(store, prefix)

        monkeypatch.setattr(Store, "has", counted_has)
        monkeypatch.setattr(Store, "sizes", counted_sizes)

    def end(self, order: Iterable[int], *, fails: int | None = None) -> None:
        """Let slices end in an order; after each, its worker looks."""
        for index in order:
            slice_ = self.plan.slices[index]
            if index == fails:
                note_failure(self.store, self.plan, slice_, RenderError("no"))
            else:
                save_record(self.store, self.plan.outputs[0], self._record(slice_))
            finish(Job(self.plan, _VIDEO, self.store), self.endings.append)

    def _record(self, slice_: Slice) -> SliceRecord:
        """Make a slice of a recipe whose only still is the first slice's."""
        output = self.plan.outputs[0]
        stills = [
            Artifact(
                key=each.key,
                media_type="image/jpeg",
                start=each.start,
                end=each.end,
                pictures=1,
                source_times=(each.start,),
                size_bytes=1,
                blake2b="0" * 32,
            )
            for each in artifacts_of(self.plan, output, slice_)
        ]
        for still in stills:
            self.store.put(still.key, b"0", "image/jpeg")
        return SliceRecord(
            output=output.id, start=slice_.start, end=slice_.end, artifacts=tuple(stills)
        )


@pytest.fixture
def counted(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> _Counted:
    """A set of 400 slices of which none has ended."""
    recipe = Recipe(
        animations=(),
        frames=(Still(interval=Fraction(86_400), width=16),),
        sheets=(),
    )
    return _Counted(planned(Fraction(30 * _SLICES), recipe), monkeypatch)


def test_slices_in_order_cost_a_look_each(counted: _Counted) -> None:
    """Sent and made in order, each slice but the last costs two looks, and the set a few lists."""
    counted.end(range(_SLICES - 1))
    assert (counted.lists, counted.looks, counted.endings) == (0, 2 * (_SLICES - 1), [])
    counted.end([_SLICES - 1])
    assert [each.status for each in counted.endings] == ["complete"]
    assert counted.lists <= 12


def test_slices_in_any_order_cost_few_lists(counted: _Counted) -> None:
    """In the worst order the set is listed a few times, not once for each slice."""
    order = random.Random(8).sample(range(_SLICES), _SLICES)  # noqa: S311  no secret
    counted.end(order)
    assert [each.status for each in counted.endings] == ["complete"]
    assert counted.lists < _SLICES // 8
    assert counted.looks < 12 * _SLICES


def test_a_slice_that_hangs_back_ends_the_set(counted: _Counted) -> None:
    """The first slice, made last, ends the set as any other does; so does a gap."""
    counted.end(range(1, _SLICES), fails=_SLICES - 1)
    assert counted.endings == []
    counted.end([0])
    assert [each.status for each in counted.endings] == ["partial"]
    store, last = counted.store, counted.plan.slices[-1]
    assert store.has(failure_key(last.start))
    assert read_record(store, counted.plan, counted.plan.outputs[0], last) is None


def test_a_set_ends_once(counted: _Counted) -> None:
    """Whatever is delivered once more after the end tells nothing again."""
    counted.end(range(_SLICES))
    counted.end([3, _SLICES - 1])
    assert len(counted.endings) == 1

"""Whoever opens an engine closes it: one that is lent stays open, and serves several calls."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay import Store
from scrubjay.aws.engine import AwsLambdaEngine
from scrubjay.doctor import examine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import SourceError
from scrubjay.events import Event, Planned
from scrubjay.model import Recipe
from scrubjay.places.place import Place

Tree = Callable[[Path], dict[str, str]]
Workers = Callable[[int], list[int]]

_QUICK = Recipe(slice_length=Fraction(2))


def test_a_lent_engine_keeps_its_workers(
    clip: Path, tmp_path: Path, tree: Tree, workers_of: Workers
) -> None:
    """Every call for one video finds the same worker processes; the end of `with` ends them."""
    with ProcessEngine(workers=2) as engine:
        scrubjay.make(clip, tmp_path / "first", recipe=_QUICK, engine=engine)
        before = sorted(workers_of(os.getpid()))
        assert before
        scrubjay.probe(clip, engine=engine)
        plan = scrubjay.plan(clip, recipe=_QUICK, engine=engine)
        scrubjay.explain(clip, plan, engine=engine)
        examine(Place.of(clip), engine)
        scrubjay.make(clip, tmp_path / "second", recipe=_QUICK, engine=engine)
        assert sorted(workers_of(os.getpid())) == before
    assert workers_of(os.getpid()) == []
    first, second = tree(tmp_path / "first"), tree(tmp_path / "second")
    assert first == second


def test_a_lent_engine_goes_on_to_another_video(
    clip: Path, other_clip: Path, tmp_path: Path, tree: Tree
) -> None:
    """The sets are those that engines of their own make."""
    with ProcessEngine(workers=2) as engine:
        for name, video in (("one", clip), ("other", other_clip)):
            scrubjay.make(video, tmp_path / name, recipe=_QUICK, engine=engine)
            scrubjay.make(video, tmp_path / f"{name}-alone", recipe=_QUICK)
            assert tree(tmp_path / name) == tree(tmp_path / f"{name}-alone")


def test_a_lent_engine_outlives_errors(clip: Path, tmp_path: Path) -> None:
    """A bad video or a caller's own error ends its call; the engine serves the next one."""
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")

    def fail(event: Event) -> None:
        if not isinstance(event, Planned):
            return
        raise LookupError

    with ProcessEngine(workers=1) as engine:
        with pytest.raises(SourceError):
            scrubjay.probe(bad, engine=engine)
        with pytest.raises(LookupError):
            scrubjay.make(clip, Store.in_memory(), engine=engine, on_progress=fail)
        assert scrubjay.make(clip, Store.in_memory(), engine=engine).status == "complete"


def test_an_engine_that_opens_videos_for_another_stays_open(
    clip: Path, workers_of: Workers
) -> None:
    """The engine of a deployed stack closes its own opener, and none that was lent to it."""
    with ProcessEngine(workers=1) as local:
        scrubjay.probe(clip, engine=local)
        before = workers_of(os.getpid())
        with AwsLambdaEngine("stack", local=local):
            pass
        assert workers_of(os.getpid()) == before

"""Damage is reported as what it is, and does not depend on the order in which slices are made."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest

import scrubjay
from scrubjay.errors import (
    IncompleteError,
    NoVideoError,
    ObjectNotFoundError,
    SourceDamagedError,
)
from scrubjay.events import Event, Finished
from scrubjay.keys import MANIFEST
from scrubjay.model import Manifest, Recipe, SliceRecord, Still, decode
from scrubjay.places.place import Place
from scrubjay.sets.store import Store
from scrubjay.slices.renderer import SliceRenderer

_QUICK = Recipe(
    slice_length=Fraction(2),
    animations=(),
    frames=(Still(interval=Fraction(1, 4), width=96),),
    sheets=(),
)

_DAMAGED = [
    "reports/09_concealed_damage.mp4",
    "bad/packet_loss_2pct.ts",
    "bad/hole_30pct_zeros.mp4",
    "bad/bitflip_mdat_2000.mp4",
    "bad/fuzz_webm_00.webm",
    "bad/trunc_50pct.mkv",
]

Outcome = tuple[SliceRecord, ...] | str


def _manifest(video: Path, recipe: Recipe = _QUICK) -> tuple[Manifest, list[Event]]:
    events: list[Event] = []
    store, engine = Store.in_memory(), scrubjay.InlineEngine()
    with suppress(IncompleteError):
        scrubjay.make(video, store, recipe=recipe, engine=engine, on_progress=events.append)
    return decode(store.get(MANIFEST), Manifest), events


def _made(video: Path, threads: int, *runs: list[int]) -> dict[int, Outcome]:
    """Make slices, each run at a bench of its own."""
    plan = scrubjay.plan(video, recipe=_QUICK, engine=scrubjay.InlineEngine())
    store, made = Store.in_memory(), dict[int, Outcome]()
    for indexes in runs or [[part.index] for part in plan.slices]:
        with SliceRenderer(plan, source=Place.of(video), store=store, threads=threads) as bench:
            for index in indexes:
                try:
                    made[index] = bench.make(index)
                except SourceDamagedError as error:
                    made[index] = str(error)
    return made


@pytest.mark.parametrize("name", _DAMAGED)
def test_pictures_of_damage_do_not_depend_on_the_order(media: Path, name: str) -> None:
    """A slice shows the same bytes alone, after others, in any order, with any threads."""
    video = media / name
    alone = _made(video, 1)
    rising = sorted(alone)
    assert _made(video, 1, rising) == alone
    assert _made(video, 1, rising[::-1]) == alone
    assert _made(video, 3, rising[1:], rising[:1]) == alone


@pytest.mark.parametrize(
    ("name", "least"), [("reports/09_concealed_damage.mp4", 20), ("bad/packet_loss_2pct.ts", 60)]
)
def test_what_the_decoder_conceals_is_damage(media: Path, name: str, least: int) -> None:
    """A frame that the decoder guesses, or calls corrupt, counts as damaged wherever it is read."""
    manifest, events = _manifest(media / name)
    assert sum(part.damaged_packets for part in manifest.slices) >= least
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.damaged_slices > 1
    assert finished.damaged_packets >= least


def test_a_slice_of_noise_is_a_gap(media: Path) -> None:
    """Where the decoder calls nearly every picture corrupt there is nothing to show."""
    with pytest.raises(SourceDamagedError, match="could only guess"):
        _manifest(media / "bad" / "bitflip_mdat_2000.mp4")


@pytest.mark.parametrize(
    "name", ["real/coffee_run_17s.ts", "odd/s_ts_pts_wrap.ts", "odd/s_theora.ogv"]
)
def test_no_damage_is_reported_of_whole_videos(media: Path, name: str) -> None:
    """A video that plays everywhere has no damaged packet."""
    manifest, _ = _manifest(media / name)
    assert manifest.status == "complete"
    assert [part.damaged_packets for part in manifest.slices] == [0] * len(manifest.slices)


def test_strict_runs_end_at_damage(media: Path) -> None:
    """With `strict`, damage is an error that says where, and nothing is published."""
    video, engine = media / "reports" / "09_concealed_damage.mp4", scrubjay.InlineEngine()
    store = Store.in_memory()
    for _ in range(2):  # the second run finds the damaged slice in the store
        with pytest.raises(SourceDamagedError, match=r"is damaged from 0:00 to 0:02 .*strict"):
            scrubjay.make(video, store, recipe=_QUICK, engine=engine, strict=True)
        with pytest.raises(ObjectNotFoundError):
            store.get(MANIFEST)
    assert scrubjay.make(video, store, recipe=_QUICK, engine=engine).status == "complete"


def test_strict_runs_of_whole_videos_are_like_others(clip: Path) -> None:
    """With `strict`, a video without damage gives the same set."""
    engine = scrubjay.InlineEngine()
    manifest = scrubjay.make(clip, Store.in_memory(), recipe=_QUICK, engine=engine, strict=True)
    assert manifest == scrubjay.make(clip, Store.in_memory(), recipe=_QUICK, engine=engine)


def test_a_stream_may_be_named(media: Path) -> None:
    """`stream` takes another track than the one that browsers show; what is none is refused."""
    video, engine = media / "reports" / "04_two_tracks.mp4", scrubjay.InlineEngine()
    sizes = [
        (manifest.media.width, manifest.media.height)
        for manifest in (
            scrubjay.make(video, Store.in_memory(), recipe=_QUICK, engine=engine, stream=stream)
            for stream in (None, 0, 1)
        )
    ]
    assert sizes == [(320, 180), (320, 180), (640, 360)]
    assert scrubjay.plan(video, engine=engine, stream=1).media.stream_index == 1
    with pytest.raises(NoVideoError, match=r"has no stream 7; its video streams: 0 \(h264\), 1"):
        scrubjay.probe(video, engine=engine, stream=7)
    with pytest.raises(NoVideoError, match=r"stream 0 of .* is audio"):
        scrubjay.probe(media / "odd" / "audio_only.mp4", engine=engine, stream=0)

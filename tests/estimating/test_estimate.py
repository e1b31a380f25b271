"""Estimates of real videos, beside the sets that are made of them."""

import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace

import scrubjay
from scrubjay.engines.base import Probing
from scrubjay.engines.inline import InlineEngine
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import DestinationError, SourceUnreadableError
from scrubjay.estimating.charging import Profile
from scrubjay.estimating.checking import check, plan_of
from scrubjay.estimating.estimate import (
    Answer,
    Asked,
    estimate_assumed,
    estimate_video,
    sample_for,
)
from scrubjay.estimating.page import estimate_page, survey_page
from scrubjay.estimating.pieces import Cost
from scrubjay.estimating.reporting import cutting_rows, estimate_rows, survey_rows
from scrubjay.estimating.sampling import Sampler
from scrubjay.estimating.surveying import survey
from scrubjay.estimating.values import Range
from scrubjay.keys import USAGE
from scrubjay.library.film import Film, Stamp
from scrubjay.limits import Limits
from scrubjay.model import Animation, Recipe, Sheet, Still
from scrubjay.places.place import Place
from scrubjay.prices.book import load_prices
from scrubjay.sets.store import Store

_RECIPE = Recipe(
    slice_length=Fraction(2),
    animations=(Animation(width=80), Animation(name="clip", format="mp4", per="video")),
    frames=(Still(width=120), Still(name="poster", per="video", width=120)),
    sheets=(Sheet(width=60), Sheet(name="packed", width=60, interval=Fraction(2), columns=1)),
    documents=("page", "webvtt", "storyboard", "poster", "hls"),
)
_PRICES = load_prices("aws-us-east-1")


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let temporary files be found."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def _asked(recipe: Recipe = _RECIPE, **changes: object) -> Asked:
    asked = Asked(recipe=recipe, profile=Profile(workers=2), prices=_PRICES, has_choices=False)
    return asked._replace(**changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def answer(small_clip: Path) -> Answer:
    """Estimate the clip with its neighbouring choices, once for all tests."""
    with ProcessEngine(workers=2) as engine:
        return estimate_video(Place.of(small_clip), engine, _asked(has_choices=True, seconds=600.0))


def test_an_estimate_is_what_is_made(answer: Answer, small_clip: Path, tmp_path: Path) -> None:
    """Objects are counted exactly, bytes are near; CPU is what slices, the whole and the rest take.

    How near CPU is, is measured by `bench/estimates.py`.
    """
    store = Store.open(str(tmp_path / "set"))
    with ProcessEngine(workers=2) as engine:
        scrubjay.make(small_clip, store, recipe=_RECIPE, engine=engine)
    made = store.sizes()
    found = answer.estimate
    assert found.objects == len(made)
    assert found.size_bytes.p50 == pytest.approx(sum(made.values()), rel=0.25)
    for name in ("animations", "frames", "sheets", "clip", "poster"):
        sizes = [size for key, size in made.items() if key.startswith(f"{name}/")]
        assert found.artifacts[name] == len(sizes)
        assert found.outputs[name].p50 == pytest.approx(sum(sizes), rel=0.3)
    assert found.requests.put == found.objects
    assert found.requests.get == 0
    assert found.slices == 6
    assert 0 < found.whole_cpu < found.cpu.p10 < found.cpu.p50 < found.cpu.p90
    assert 0 < found.first_preview.p50 < found.wall.p50 <= found.cpu.p50
    assert found.memory_bytes.p50 > 50 << 20


def test_nothing_is_left_behind(answer: Answer, own_temporary_folder: Path) -> None:
    """Whatever was rendered is gone."""
    assert answer.estimate.sampled.rendered > 0
    assert not [*own_temporary_folder.iterdir()]


def test_neighbouring_choices_differ_as_they_should(answer: Answer) -> None:
    """No stills are fewer objects, MP4 is fewer bytes, shorter slices are more objects."""
    found, choices = answer.estimate, {each.name: each for each in answer.choices}
    assert set(choices) >= {
        "slices of 10 s",
        "no stills",
        "stills every 2 s",
        "stills every 10 s",
        "animations as AVIF",
        "animations as MP4",
    }
    assert choices["no stills"].objects == found.objects - 12 - 6  # and their records
    assert choices["stills every 2 s"].objects == found.objects - 6
    assert choices["animations as MP4"].size_bytes < found.size_bytes.p50
    assert choices["slices of 10 s"].objects < found.objects
    assert all(each.cost > 0 for each in answer.choices)


def test_an_interrupted_estimate_says_what_it_has(
    small_clip: Path, own_temporary_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after a spot gives an estimate; before, it ends the command. Nothing is left."""
    recipe = Recipe(slice_length=Fraction(1), animations=(), frames=(), sheets=(Sheet(width=60),))
    monkeypatch.setattr("scrubjay.estimating.sampling._SMALL", 0.0)
    monkeypatch.setattr("scrubjay.estimating.sampling._PAIRS_FROM", 1000)
    render, calls, stop_at = Sampler.render, 0, 3

    def stopping(self: Sampler, *arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise KeyboardInterrupt
        return render(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Sampler, "render", stopping)
    engine = InlineEngine()
    found = estimate_video(Place.of(small_clip), engine, _asked(recipe)).estimate
    assert found.sampled.is_stopped
    assert found.sampled.spots == 1
    assert "stopped early" in dict(estimate_rows(found))["made from"]
    calls, stop_at = 0, 1
    with pytest.raises(KeyboardInterrupt):
        estimate_video(Place.of(small_clip), engine, _asked(recipe))
    assert not [*own_temporary_folder.iterdir()]


def test_a_check_compares_with_what_was_used(small_clip: Path) -> None:
    """The set's own slices, or its video again, predict what all of it used."""
    store = Store.in_memory()
    engine = InlineEngine()
    scrubjay.make(small_clip, store, recipe=_RECIPE, engine=engine)
    plan = plan_of(store, "the set")
    fresh = sample_for(plan, Place.of(small_clip), engine, seconds=600.0)
    for found in (check(store, "the set"), check(store, "the set", fresh)):
        rows = {row.what: row for row in found.rows}
        assert found.slices == 6
        sizes = [size for key, size in store.sizes().items() if key.startswith("animations/")]
        assert rows["animations"].used == sum(sizes)
        assert abs(rows["all artifacts"].error) < 0.25
        assert rows["CPU of the slices"].used > 0
        assert rows["CPU of the slices"].estimated.p50 > 0
    assert "CPU of the whole video's outputs" in rows
    store.delete([USAGE])
    with pytest.raises(DestinationError, match="does not say what making it used"):
        check(store, "the set")
    with pytest.raises(DestinationError, match="contains no previews"):
        check(Store.in_memory(), "nothing")


def test_a_longer_video_and_more_of_them_cost_more(small_clip: Path) -> None:
    """What depends on the length is multiplied, and all by the number of videos."""
    engine = InlineEngine()
    place, recipe = Place.of(small_clip), replace(_RECIPE, slice_length=Fraction(4))
    limits = Limits(base_objects=10**6, base_output=10**6)
    del limits
    one = estimate_video(place, engine, _asked(recipe)).estimate
    two = estimate_video(place, engine, _asked(recipe, duration=Fraction(24), videos=3)).estimate
    assert (one.slices, two.slices) == (3, 3 * 6)
    assert two.outputs["frames"].p50 == pytest.approx(6 * one.outputs["frames"].p50, rel=0.01)
    assert two.outputs["poster"].p50 == 3 * one.outputs["poster"].p50


def test_a_poster_alone_has_no_slices(small_clip: Path) -> None:
    """A recipe whose outputs are all of the whole video is one job."""
    poster = Still(name="poster", per="video", width=60)
    recipe = Recipe(animations=(), frames=(poster,), sheets=(), documents=("poster",))
    answer = estimate_video(Place.of(small_clip), InlineEngine(), _asked(recipe))
    assert answer.estimate.slices == 0
    assert set(answer.estimate.outputs) == {"poster", "documents", "records"}
    assert not answer.cutting.pays


def test_functions_cost_what_the_prices_say(tmp_path: Path) -> None:
    """Seconds, calls, events, PUTs and GETs by hand, from a file of prices of one's own."""
    prices = (Path(scrubjay.__file__).parent / "prices" / "aws-us-east-1.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(
        prices.replace("arm64 = 0.0000133334", "arm64 = 1")
        .replace("price = 0.0000002", "price = 3")
        .replace("sqs = 0.0000004", "sqs = 5")
        .replace("put = 0.000005", "put = 7")
        .replace("get = 0.0000004", "get = 11")
        .replace("gb_month = 0.023", "gb_month = 13")
    )
    profile = Profile(engine="aws-lambda", workers=100, transport="sqs", memory_mb=2048)
    recipe = Recipe(frames=())
    asked = _asked(recipe, profile=profile, prices=load_prices(str(path)), duration=Fraction(300))
    found = estimate_assumed(asked, Limits()).estimate
    cost, requests = found.cost, found.requests
    assert cost.requests == 3 * (10 + 1)
    assert cost.events == pytest.approx(5 * 10 * 2.1)
    assert cost.puts == 7 * (requests.put + requests.list)
    assert cost.gets == 11 * requests.get
    assert requests.get == 70 + 10 * 6 + 2 * 20
    assert cost.compute.p50 / 2 == pytest.approx(found.cpu.p50 + 1.2 * 11)
    known = cost.requests + cost.events + cost.puts + cost.gets
    assert cost.total.p50 == pytest.approx(cost.compute.p50 + known)
    assert cost.storage_month.p50 == pytest.approx(found.size_bytes.p50 / 1e9 * 13)


def test_the_page_needs_no_network(answer: Answer) -> None:
    """One page with all charts; nothing in it is loaded from elsewhere."""
    found = answer.estimate
    rows = [*estimate_rows(found), *cutting_rows(answer.cutting)]
    page = estimate_page("Estimate", rows, found, answer.costs, answer.cutting, answer.choices)
    assert page.count('id="chart-') == 5
    assert answer.cutting.sentence in page
    assert 'src="http' not in page


_KINDS = ("h264", "hevc")


class _Library:
    """A thousand videos whose cost is known."""

    def __init__(self, answer: Answer, probing: Probing) -> None:
        self._answer = answer
        self._probing = probing
        self.films = [
            Film(
                source=Place.of(f"/films/{number}.mp4"),
                name=f"{number}.{'mkv' if number % 3 else 'mp4'}",
                stamp=Stamp(size_bytes=1_000_000 * (1 + number % 7)),
            )
            for number in range(1000)
        ]
        self.probed = 0
        self.sampled = 0

    def seconds(self, film: Film) -> float:
        assert film.stamp.size_bytes
        return film.stamp.size_bytes / 10_000

    def cpu(self, film: Film) -> float:
        factor = 2.0 if film.name.endswith("mkv") else 1.0
        return self.seconds(film) * 0.1 * factor

    def probe(self, film: Film) -> Probing:
        self.probed += 1
        if film.name.startswith("13"):
            raise SourceUnreadableError("not a video")
        codec = "hevc" if film.name.endswith("mkv") else "h264"
        media = replace(self._probing.media, codec=codec, duration=Fraction(self.seconds(film)))
        return self._probing._replace(media=media)

    def estimate(self, film: Film, seconds: float) -> object:
        assert seconds > 0
        self.sampled += 1
        if self.sampled == 20:
            raise KeyboardInterrupt
        return replace(
            self._answer.estimate,
            video=film.name,
            duration=self.seconds(film),
            cpu=Range.around(self.cpu(film), 0.1),
        )


def test_some_videos_stand_for_all(
    answer: Answer, small_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interval from few videos of each kind contains what all of them cost."""
    library = _Library(answer, InlineEngine().probe(Place.of(small_clip)))
    clock: Callable[[], float] = lambda: library.probed * 0.5 + library.sampled  # noqa: E731
    monkeypatch.setattr("scrubjay.estimating.surveying.monotonic", clock)
    found = survey(
        library.films,
        library.probe,
        library.estimate,  # type: ignore[arg-type]
        seconds=60.0,
        workers=4,
    )
    readable = [film for film in library.films if not film.name.startswith("13")]
    total = sum(map(library.cpu, readable))
    assert found.is_stopped
    assert found.sampled == 19
    assert found.films == 1000
    assert found.cpu.p10 < total < found.cpu.p90
    assert found.cpu.p50 == pytest.approx(total, rel=0.2)
    hours = sum(map(library.seconds, readable)) / 3600
    assert found.hours.p10 < hours < found.hours.p90
    assert {each.name.split(",")[0] for each in found.strata} == {"h264", "hevc"}
    assert sum(each.sampled for each in found.strata) == 19
    assert "1,000" in dict(survey_rows(found))["videos"]
    assert survey_page("Library", survey_rows(found), found).count('id="chart-') == 2


def test_startup_is_part_of_short_videos(answer: Answer) -> None:
    """What the command itself takes is part of its time."""
    costs = answer.costs
    assert costs.before >= Cost(cpu=0.3, seconds=0.3).cpu

"""Estimates what making previews costs: of a video, of a film as most are, or of many videos."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.engines.base import Engine
from scrubjay.estimating.assuming import assumed
from scrubjay.estimating.charging import Profile
from scrubjay.estimating.choosing import Choice, choices_of
from scrubjay.estimating.cutting import Costs, Cutting, cutting_of
from scrubjay.estimating.fitting import fitted
from scrubjay.estimating.pieces import Cost, Sampling
from scrubjay.estimating.predicting import Basis, costs_of, predicted
from scrubjay.estimating.sampling import Sampler, measured_start, sample
from scrubjay.estimating.surveying import Survey, survey
from scrubjay.estimating.values import Estimate, Sampled
from scrubjay.library.film import Film
from scrubjay.limits import Limits
from scrubjay.model import Plan, Recipe
from scrubjay.places.place import Place
from scrubjay.planning import make_plan
from scrubjay.prices.book import Prices

__all__ = ["Answer", "Asked", "estimate_assumed", "estimate_many", "estimate_video", "sample_for"]

_TEMPORARY = "scrubjay-estimate-"

_OPENED = Callable[[], Engine]


class Asked(NamedTuple):
    """What an estimate is asked for."""

    recipe: Recipe
    profile: Profile
    prices: Prices
    seconds: float = 15.0
    """After which no other part of a video is rendered."""
    own_start: Cost = Cost(cpu=0.3, seconds=0.3)
    """What starting the command takes."""
    videos: int = 1
    """How many such videos."""
    duration: Fraction | None = None
    """How long they are; by default as long as the video."""
    seed: int = 1
    """Of the choice of parts."""
    has_choices: bool = True
    """Whether to estimate neighbouring choices, too."""


class Answer(NamedTuple):
    """An estimate, and what follows from the same measurements."""

    estimate: Estimate
    costs: Costs
    cutting: Cutting
    choices: Sequence[Choice]


def estimate_video(source: Place, engine: Engine, asked: Asked) -> Answer:
    """Estimate one video from parts that are rendered into a temporary folder.

    Ctrl-C ends the rendering early, once a part is measured; the estimate says so.

    Args:
        source: the video.
        engine: renders the parts.
        asked: what is asked for.

    Raises:
        ScrubjayError: the video cannot be read, or no part of it can be rendered.
        KeyboardInterrupt: before any part was measured.
    """
    with TemporaryDirectory(prefix=_TEMPORARY) as folder:
        sampler = Sampler(engine, source, Path(folder))
        sampling = sample(
            sampler, asked.recipe, seconds=asked.seconds, start=measured_start(), seed=asked.seed
        )
        basis = _basis(sampling, engine.limits, asked)
        choices: list[Choice] = []
        if asked.has_choices and not sampling.is_stopped:
            found = choices_of(
                sampler, sampling, basis, asked.profile, asked.prices, count=asked.videos
            )
            try:
                choices.extend(found)
            except KeyboardInterrupt:
                basis = basis._replace(sampled=replace(basis.sampled, is_stopped=True))
    return _answered(basis, asked, choices)


def estimate_assumed(asked: Asked, limits: Limits) -> Answer:
    """Estimate a film without having one.

    Args:
        asked: what is asked for, with a duration.
        limits: of the engine.

    Raises:
        RecipeError: the recipe cannot be made from such a film.
        LimitError: the set would cost more than the limits allow.
    """
    return _answered(assumed(asked.duration or Fraction(3600), asked.recipe, limits), asked, [])


def estimate_many(
    films: Sequence[Film], open_engine: _OPENED, asked: Asked, on_progress: Callable[[str], None]
) -> Survey:
    """Estimate many videos from some of them.

    Args:
        films: all of them, at least one.
        open_engine: returns a new engine.
        asked: what is asked for; its `seconds` are for all videos.
        on_progress: called with a sentence now and then.

    Raises:
        SourceError: no video that was tried can be read.
        KeyboardInterrupt: before any video was sampled.
    """
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine())
        start = measured_start()

        def estimated(film: Film, seconds: float) -> Estimate:
            with TemporaryDirectory(prefix=_TEMPORARY) as folder:
                sampler = Sampler(engine, film.source, Path(folder))
                sampling = sample(
                    sampler, asked.recipe, seconds=seconds, start=start, seed=asked.seed
                )
            basis = _basis(sampling, engine.limits, asked)
            if sampling.is_stopped:
                raise KeyboardInterrupt
            return predicted(basis, asked.profile, asked.prices)

        return survey(
            films,
            lambda film: engine.probe(film.source),
            estimated,
            seconds=asked.seconds,
            workers=asked.profile.workers,
            seed=asked.seed,
            on_progress=on_progress,
        )


def sample_for(plan: Plan, source: Place, engine: Engine, *, seconds: float) -> Sampling:
    """Render parts of the video of a set again, with the set's own recipe.

    Args:
        plan: of the set.
        source: its video.
        engine: renders the parts.
        seconds: after which no other part is rendered.

    Raises:
        ScrubjayError: the video cannot be read, or no part of it can be rendered.
    """
    with TemporaryDirectory(prefix=_TEMPORARY) as folder:
        sampler = Sampler(engine, source, Path(folder))
        return sample(sampler, plan.recipe, seconds=seconds, start=measured_start())


def _basis(sampling: Sampling, limits: Limits, asked: Asked) -> Basis:
    """Return what an estimate is made from."""
    plan = sampling.plan
    if asked.duration is not None:
        media = replace(plan.media, duration=asked.duration, packets=_packets(plan, asked.duration))
        plan = make_plan(plan.source, media, plan.recipe, limits, versions=plan.versions)
    return Basis(
        plan=plan,
        rates=fitted(sampling),
        whole=sampling.whole,
        own_start=asked.own_start,
        start=sampling.start,
        probe=sampling.probe,
        planning=sampling.planning,
        own=sampling.own,
        own_memory_bytes=_own_memory_bytes(),
        sampled=Sampled(
            seconds=sampling.seconds,
            rendered=sampling.rendered,
            spots=len(sampling.spots),
            is_stopped=sampling.is_stopped,
            note="",
        ),
        is_of_parts=max((piece.length for piece in sampling.pieces), default=0.0)
        < float(min(sampling.plan.recipe.slice_length, sampling.plan.media.duration)) / 2,
    )


def _packets(plan: Plan, duration: Fraction) -> int:
    return max(1, round(plan.media.packets * duration / plan.media.duration))


def _own_memory_bytes() -> int:
    """Return the most memory that this process has taken."""
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit


def _answered(basis: Basis, asked: Asked, choices: Sequence[Choice]) -> Answer:
    estimate = predicted(basis, asked.profile, asked.prices, count=asked.videos)
    costs = costs_of(basis, asked.profile)
    cutting = cutting_of(
        costs,
        slice_length=float(basis.plan.recipe.slice_length)
        if basis.plan.timeline
        else costs.duration,
        workers=asked.profile.workers,
        engine=asked.profile.engine,
    )
    return Answer(estimate, costs, cutting, choices)

"""The same estimate for neighbouring choices, so that a person can choose."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from scrubjay.errors import LimitError, RecipeError
from scrubjay.estimating.charging import Profile
from scrubjay.estimating.fitting import OutputRates, Rates
from scrubjay.estimating.pieces import Piece, Sampling
from scrubjay.estimating.predicting import Basis, predicted
from scrubjay.estimating.sampling import Sampler, part_of
from scrubjay.estimating.values import Estimate
from scrubjay.model import Animation, Recipe, Still
from scrubjay.planning import make_plan
from scrubjay.prices.book import Prices
from scrubjay.timing import Span

__all__ = ["Choice", "choices_of"]

_SECONDS = 10
"""Seconds of video that are rendered for each choice."""

_INTERVALS = (1, 2, 10)
_FORMATS = ("gif", "avif", "mp4")
_SLICE_LENGTHS = (10, 30, 60)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe that differs in one thing, and what it would cost."""

    name: str
    cpu: float
    wall: float
    objects: int
    size_bytes: float
    cost: float
    storage_month: float

    @classmethod
    def of(cls, name: str, estimate: Estimate) -> "Choice":
        """Return the middle of an estimate."""
        return cls(
            name=name,
            cpu=estimate.cpu.p50,
            wall=estimate.wall.p50,
            objects=estimate.objects,
            size_bytes=estimate.size_bytes.p50,
            cost=estimate.cost.total.p50,
            storage_month=estimate.cost.storage_month.p50,
        )


class _Changed(NamedTuple):
    name: str
    recipe: Recipe


def choices_of(
    sampler: Sampler,
    sampling: Sampling,
    basis: Basis,
    profile: Profile,
    prices: Prices,
    *,
    count: int = 1,
) -> Iterator[Choice]:
    """Yield the neighbouring choices; for most, a few seconds of the video are rendered.

    Args:
        sampler: has rendered what the estimate is made from.
        sampling: what it measured.
        basis: what the estimate is made from.
        profile: where slices are made.
        prices: what a cloud charges.
        count: how many videos.
    """
    recipe = basis.plan.recipe
    for length in _SLICE_LENGTHS:
        if length != recipe.slice_length and basis.plan.timeline:
            changed = replace(recipe, slice_length=Fraction(length))
            found = _with(basis, changed, basis.rates)
            if found:
                yield Choice.of(
                    f"slices of {length} s", predicted(found, profile, prices, count=count)
                )
    if not sampling.pieces:
        return
    first = sampling.pieces[0]
    start = Fraction(first.start)
    span = Span(start=start, end=min(start + _SECONDS, sampling.plan.media.duration))
    before = _rendered(sampler, sampling, recipe, span)
    for name, changed in _changes(recipe):
        try:
            after = _rendered(sampler, sampling, changed, span)
        except (RecipeError, LimitError):
            continue
        if before is None or after is None:
            continue
        found = _with(basis, changed, _changed(basis.rates, changed, before, after))
        if found:
            yield Choice.of(name, predicted(found, profile, prices, count=count))


def _with(basis: Basis, recipe: Recipe, rates: Rates) -> Basis | None:
    """Return what an estimate for another recipe is made from; None if it cannot be planned."""
    plan = basis.plan
    try:
        planned = make_plan(plan.source, plan.media, recipe, versions=plan.versions)
    except (RecipeError, LimitError):
        return None
    return basis._replace(plan=planned, rates=rates)


def _rendered(sampler: Sampler, sampling: Sampling, recipe: Recipe, span: Span) -> Piece | None:
    plan = part_of(sampling.probing, recipe, span, sampler.engine)
    return next(iter(sampler.render(plan, [0])), None)


def _changes(recipe: Recipe) -> Iterator[_Changed]:
    """Yield recipes that differ in one thing."""
    stills = [each for each in recipe.frames if each.per == "slice"]
    others = tuple(each for each in recipe.frames if each.per != "slice")
    if stills:
        yield from _tried("no stills", recipe, frames=others)
        for interval in _INTERVALS:
            if interval != stills[0].interval:
                every = (replace(stills[0], interval=Fraction(interval)), *stills[1:], *others)
                yield from _tried(f"stills every {interval} s", recipe, frames=every)
    else:
        yield from _tried("a still every second", recipe, frames=(Still(), *others))
    place = next(
        (place for place, each in enumerate(recipe.animations) if each.per == "slice"), None
    )
    if place is None:
        return
    animation = recipe.animations[place]
    for format_ in _FORMATS:
        if format_ != animation.format:
            other = [*recipe.animations]
            try:
                other[place] = Animation(
                    name=animation.name,
                    format=format_,
                    of=animation.of,
                    seconds=animation.seconds,
                    fps=animation.fps,
                    width=animation.width,
                    max_bytes=animation.max_bytes,
                )
            except ValueError:
                continue
            yield from _tried(f"animations as {format_.upper()}", recipe, animations=tuple(other))


def _tried(name: str, recipe: Recipe, **fields: object) -> Iterator[_Changed]:
    """Yield a changed recipe, unless there is none: documents may need an output."""
    try:
        yield _Changed(name, replace(recipe, **fields))
    except ValueError:
        return


def _changed(rates: Rates, recipe: Recipe, before: Piece, after: Piece) -> Rates:
    """Return the rates of a recipe of which the same piece was rendered."""
    own = [each.used.cpu - each.used.opening - rates.lead_in for each in (after, before)]
    factor = max(own[0], 0.01) / max(own[1], 0.01)
    outputs: dict[str, OutputRates] = {}
    for output in recipe.outputs_per("slice"):
        known = rates.outputs.get(output.name)
        size, pictures = after.bytes_of(output.name), max(1, after.pictures_of(output.name))
        if known is None:
            each = size / (after.length if isinstance(output, Animation) else pictures)
            outputs[output.name] = OutputRates(fixed=0.0, each=each, share=rates.share)
        elif isinstance(output, Animation):
            more = size / max(1, before.bytes_of(output.name))
            outputs[output.name] = OutputRates(
                fixed=known.fixed * more, each=known.each * more, share=known.share
            )
        else:
            outputs[output.name] = known
    return Rates(
        second=rates.second * factor,
        fixed=rates.fixed,
        opening=rates.opening,
        lead_in=rates.lead_in,
        share=rates.share,
        outputs=outputs,
        memory_bytes=max(rates.memory_bytes, after.used.memory_bytes),
        record_bytes=rates.record_bytes,
    )

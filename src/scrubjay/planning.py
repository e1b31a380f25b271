"""From what a video is and what is asked for to what will be made. Pure: no files, no decoding."""

from collections.abc import Iterator
from fractions import Fraction
from hashlib import blake2b
from math import ceil

import msgspec

from scrubjay.costs import check_counts, check_memory
from scrubjay.errors import RecipeError
from scrubjay.limits import Limits
from scrubjay.model import MediaInfo, Plan, Recipe, SheetGrid, Size, Slice, SourceRef, encode
from scrubjay.timing import Target, multiples_in, samples_in, spans_of

__all__ = [
    "MAX_JPEG_PX",
    "Targets",
    "instants_of",
    "make_plan",
    "plan_id",
    "spacing_of",
    "targets_from",
    "targets_of",
]

MAX_JPEG_PX = 65_500
"""Largest width or height of a JPEG that libjpeg writes (JPEG_MAX_DIMENSION)."""


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """The instants of one slice at which a picture is wanted, each sorted, in exact seconds."""

    animation: tuple[Fraction, ...]
    frames: tuple[Fraction, ...]
    sheet: tuple[Fraction, ...]


def make_plan(
    source: SourceRef, media: MediaInfo, recipe: Recipe, limits: Limits = Limits()
) -> Plan:
    """Lay down slices and picture sizes for one video.

    Args:
        source: which video it is.
        media: what is in it.
        recipe: what to make of it.
        limits: how much it may cost.

    Raises:
        LimitError: it would cost more than that.
        RecipeError: the recipe asks for larger pictures or sheets than can be made or held.
    """
    check_counts(source, media, recipe, limits)
    spans = spans_of(media.duration, recipe.slice_length)
    plan = Plan(
        source=source,
        media=media,
        recipe=recipe,
        animation=_fitted(media, recipe.animations.width) if recipe.animations.enabled else None,
        frame=_fitted(media, recipe.frames.width) if recipe.frames.enabled else None,
        sheet=_grid(media, recipe) if recipe.sheets.enabled else None,
        slices=tuple(
            Slice(index=index, start=span.start, end=span.end) for index, span in enumerate(spans)
        ),
    )
    check_memory(plan, limits)
    return plan


def plan_id(plan: Plan) -> str:
    """Name a plan by its content: the same source, recipe and renderer give the same id.

    The source's file name is for people: a renamed video is still the same one.
    """
    nameless = msgspec.structs.replace(plan.source, name="")
    content = encode(msgspec.structs.replace(plan, source=nameless))
    return blake2b(content, digest_size=16).hexdigest()


def targets_of(plan: Plan, part: Slice) -> Targets:
    """Return the instants at which a slice needs a picture.

    Stills and thumbnails stand on the whole video's grid, so that they do not depend on how it was
    cut; an animation's pictures are counted from its slice's start.
    """
    recipe = plan.recipe

    def grid(interval: Fraction, *, wanted: bool) -> Iterator[Fraction]:
        return multiples_in(part.span, interval) if wanted else iter(())

    return Targets(
        animation=tuple(samples_in(part.span, recipe.animations.fps)) if plan.animation else (),
        frames=tuple(grid(recipe.frames.interval, wanted=plan.frame is not None)),
        sheet=tuple(grid(recipe.sheets.interval, wanted=plan.sheet is not None)),
    )


def instants_of(plan: Plan, part: Slice) -> list[Fraction]:
    """Return all instants at which a slice needs a picture, rising, each once."""
    targets = targets_of(plan, part)
    return sorted({*targets.animation, *targets.frames, *targets.sheet})


def targets_from(plan: Plan, index: int) -> Iterator[Target]:
    """Yield every instant of a slice and of all that follow it, with its neighbours.

    Neighbours are found across the cuts, so that what they decide does not depend on them.
    """
    last = instants_of(plan, plan.slices[index - 1])[-1:] if index else []
    before = last[0] if last else None
    time: Fraction | None = None
    for part in plan.slices[index:]:
        for after in instants_of(plan, part):
            if time is not None:
                yield Target(before, time, after)
                before = time
            time = after
    if time is not None:
        yield Target(before, time, None)


def spacing_of(recipe: Recipe) -> Fraction:
    """Return the least time between two instants of one kind, in seconds."""
    wanted = [
        (recipe.animations.enabled, 1 / recipe.animations.fps),
        (recipe.frames.enabled, recipe.frames.interval),
        (recipe.sheets.enabled, recipe.sheets.interval),
    ]
    return min(interval for enabled, interval in wanted if enabled)


def _fitted(media: MediaInfo, width: int) -> Size:
    """Return the displayed size scaled to `width` px, never enlarged; 0 is the displayed size."""
    width = min(width, media.width) if width else media.width
    height = max(1, round(Fraction(width * media.height, media.width)))
    if max(width, height) > MAX_JPEG_PX:
        raise RecipeError(
            f"pictures would be {width} x {height} px, and a JPEG or GIF holds {MAX_JPEG_PX} px a "
            "side; ask for a smaller width"
        )
    return Size(width=width, height=height)


def _grid(media: MediaInfo, recipe: Recipe) -> SheetGrid:
    """Lay out a sheet that holds the thumbnails of the fullest slice."""
    length = min(recipe.slice_length, media.duration)
    most = max(1, ceil(length / recipe.sheets.interval))
    columns = min(recipe.sheets.columns, most)
    grid = SheetGrid(
        columns=columns, rows=ceil(most / columns), thumbnail=_fitted(media, recipe.sheets.width)
    )
    largest = max(grid.columns * grid.thumbnail.width, grid.rows * grid.thumbnail.height)
    if largest > MAX_JPEG_PX:
        raise RecipeError(
            f"a sheet of {grid.columns} x {grid.rows} thumbnails would be {largest} px long, and "
            f"a JPEG holds {MAX_JPEG_PX}; ask for shorter slices, more columns or a longer "
            "sheets.interval"
        )
    return grid

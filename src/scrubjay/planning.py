"""From what a video is and what is asked for to what will be made. Pure: no files, no decoding."""

from collections.abc import Iterator
from fractions import Fraction
from hashlib import blake2b
from math import ceil

import msgspec

from scrubjay.costs import check_counts, check_memory
from scrubjay.errors import RecipeError
from scrubjay.limits import Limits
from scrubjay.model import (
    MediaInfo,
    Plan,
    Recipe,
    SheetGrid,
    Size,
    Slice,
    SourceRef,
    Stereo,
    encode,
)
from scrubjay.timing import Target, multiples_in, samples_in, spans_of

__all__ = [
    "MAX_JPEG_PX",
    "Targets",
    "eye_size",
    "instants_of",
    "make_plan",
    "plan_id",
    "spacing_of",
    "targets_from",
    "targets_of",
]

MAX_JPEG_PX = 65_500
"""Largest width or height of a JPEG that libjpeg writes (JPEG_MAX_DIMENSION)."""

_WIDEST, _NARROWEST = 2.4, 1.2
"""Shapes beyond which a stereo video must hold two whole pictures: cinema's is 2.39, and upright
video is not made in stereo."""


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
    shown = _shown(media, recipe)
    plan = Plan(
        source=source,
        media=media,
        recipe=recipe,
        animation=_fitted(shown, recipe.animations.width) if recipe.animations.enabled else None,
        frame=_fitted(shown, recipe.frames.width) if recipe.frames.enabled else None,
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


def eye_size(both: tuple[int, int], layout: Stereo) -> tuple[int, int]:
    """Return the size at which one eye's picture is shown.

    Two pictures side by side or one above the other are either whole, so that both together have
    an unusual shape, or pressed together into the shape of one.

    Args:
        both: width and height of both pictures as displayed, not turned.
        layout: how they lie.
    """
    width, height = both
    if layout in {"left-right", "right-left"} and width > _WIDEST * height:
        return max(1, width // 2), height
    if layout in {"top-bottom", "bottom-top"} and width < _NARROWEST * height:
        return width, max(1, height // 2)
    return both


def _shown(media: MediaInfo, recipe: Recipe) -> tuple[int, int]:
    """Return the size in px of what is shown of a video: all of it, or one eye's picture."""
    if recipe.stereo == "both":
        return media.width, media.height
    if media.rotation_deg in {90, 270}:
        height, width = eye_size((media.height, media.width), media.stereo)
        return width, height
    return eye_size((media.width, media.height), media.stereo)


def _fitted(shown: tuple[int, int], width: int) -> Size:
    """Return the displayed size scaled to `width` px, never enlarged; 0 is the displayed size."""
    width = min(width, shown[0]) if width else shown[0]
    height = max(1, round(Fraction(width * shown[1], shown[0])))
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
        columns=columns,
        rows=ceil(most / columns),
        thumbnail=_fitted(_shown(media, recipe), recipe.sheets.width),
    )
    largest = max(grid.columns * grid.thumbnail.width, grid.rows * grid.thumbnail.height)
    if largest > MAX_JPEG_PX:
        raise RecipeError(
            f"a sheet of {grid.columns} x {grid.rows} thumbnails would be {largest} px long, and "
            f"a JPEG holds {MAX_JPEG_PX}; ask for shorter slices, more columns or a longer "
            "sheets.interval"
        )
    return grid

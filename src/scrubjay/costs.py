"""What a set costs, counted without listing it, and whether its limits allow that. Pure."""

from fractions import Fraction
from math import ceil

import msgspec

from scrubjay.errors import LimitError, RecipeError
from scrubjay.keys import MANIFEST, PAGE, PLAN, WEBVTT
from scrubjay.limits import Limits, option_of
from scrubjay.model import MediaInfo, Plan, Recipe, SourceRef
from scrubjay.timing import short_clock

__all__ = ["Counts", "check_counts", "check_memory", "counts_of"]

_ANIMATION_PIXEL_BYTES = 6
"""Memory for a pixel of an animation: its picture, and a GIF that cannot compress it (measured on
noise: 5.9 bytes)."""

_SHEET_PIXEL_BYTES = 9
"""Memory for a pixel of a sheet: the thumbnails, the sheet, and its JPEG at worst."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much a set has of everything."""

    slices: int
    animations: int
    animation_pictures: int
    stills: int
    sheets: int
    thumbnails: int

    @property
    def objects(self) -> int:
        """Objects in the store: pictures, slice records, the plan and the documents."""
        documents = len((PLAN, MANIFEST, PAGE, *([WEBVTT] if self.sheets else [])))
        return self.animations + self.stills + self.sheets + self.slices + documents


def counts_of(duration: Fraction, recipe: Recipe) -> Counts:
    """Count what a video of that length becomes.

    Args:
        duration: of the video in seconds, above 0.
        recipe: what is made of it.
    """
    slices = ceil(duration / recipe.slice_length)
    last = duration - (slices - 1) * recipe.slice_length
    fps = recipe.animations.fps
    pictures = (slices - 1) * ceil(recipe.slice_length * fps) + ceil(last * fps)
    thumbnails = ceil(duration / recipe.sheets.interval)
    return Counts(
        slices=slices,
        animations=slices if recipe.animations.enabled else 0,
        animation_pictures=pictures if recipe.animations.enabled else 0,
        stills=ceil(duration / recipe.frames.interval) if recipe.frames.enabled else 0,
        sheets=_sheets(recipe, slices, thumbnails) if recipe.sheets.enabled else 0,
        thumbnails=thumbnails if recipe.sheets.enabled else 0,
    )


def _sheets(recipe: Recipe, slices: int, thumbnails: int) -> int:
    """Count the slices in which a thumbnail falls."""
    interval = recipe.sheets.interval
    if interval > recipe.slice_length:
        return thumbnails  # no two fall in one slice
    start_of_last = (slices - 1) * recipe.slice_length
    return slices - 1 + (ceil(start_of_last / interval) < thumbnails)


def check_counts(source: SourceRef, media: MediaInfo, recipe: Recipe, limits: Limits) -> None:
    """Check, before anything is planned, that a video may become that much.

    Raises:
        LimitError: it may not; the text names the option that allows it.
    """
    name = source.name
    if media.duration > limits.max_duration:
        raise LimitError(
            f"{name} lasts {short_clock(media.duration)}, and {short_clock(limits.max_duration)} "
            f"are allowed; {option_of('max_duration')} raises that"
        )
    counts = counts_of(media.duration, recipe)
    if counts.slices > limits.max_slices:
        raise LimitError(
            f"{name} would be cut into {counts.slices} slices, and {limits.max_slices} are "
            f"allowed; ask for longer slices, or raise {option_of('max_slices')}"
        )
    if counts.objects > limits.max_objects:
        raise LimitError(
            f"{name} would become {counts.objects} objects, and {limits.max_objects} are "
            f"allowed; ask for fewer stills, or raise {option_of('max_objects')}"
        )
    allowed = limits.objects_for(media.packets, source.size_bytes)
    if counts.objects > allowed:
        raise LimitError(
            f"{name} would become {counts.objects} objects, and {allowed} are allowed for the "
            f"{media.packets} coded pictures that its {source.size_bytes} bytes hold over "
            f"{short_clock(media.duration)}; if its clock is right, raise "
            f"{option_of('base_objects')} or {option_of('objects_per_packet')}"
        )


def check_memory(plan: Plan, limits: Limits) -> None:
    """Check that the pictures of a slice fit into a worker's memory, where they are held.

    Raises:
        RecipeError: they do not; the text says what to change.
    """
    needed = slice_bytes_of(plan)
    if needed > limits.picture_bytes:
        raise RecipeError(
            f"the pictures of a slice of {plan.source.name} would take {needed >> 20} MiB of "
            f"memory, and {limits.picture_bytes >> 20} MiB are allowed, half of "
            f"{option_of('memory_limit')}; ask for shorter slices, smaller pictures or fewer of "
            "them a second"
        )


def slice_bytes_of(plan: Plan) -> int:
    """Return what the pictures of the longest slice take in memory at most."""
    longest = min(plan.recipe.slice_length, plan.media.duration)
    needed = 0
    if plan.animation:
        size = plan.animation
        pictures = ceil(longest * plan.recipe.animations.fps)
        needed += pictures * size.width * size.height * _ANIMATION_PIXEL_BYTES
    if plan.sheet:
        grid = plan.sheet
        pixels = grid.columns * grid.rows * grid.thumbnail.width * grid.thumbnail.height
        needed += pixels * _SHEET_PIXEL_BYTES
    return needed

"""The size of a set, calculated without listing it, and checked against limits. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

import msgspec

from scrubjay.errors import LimitError, RecipeError
from scrubjay.limits import Limits, option_of
from scrubjay.model import (
    Animation,
    MediaInfo,
    Output,
    Plan,
    PlannedOutput,
    Recipe,
    Sheet,
    SourceRef,
    Still,
)
from scrubjay.registry import DOCUMENTS, FORMATS
from scrubjay.spread import cells_over, shares_over
from scrubjay.timing import short_clock

__all__ = ["Count", "Counts", "check_counts", "check_memory", "counts_of", "pictures_of_whole"]

_ANIMATION_PIXEL_BYTES = 6
"""Memory for a pixel of an animation: its picture, and a GIF that cannot compress it (measured on
noise: 5.9 bytes)."""

_CODED_PIXEL_BYTES = 2
"""Memory for a pixel of an animation that is coded as its pictures come: the file, three times
while it is completed (measured on noise: 0.6 bytes once)."""

_SHEET_PIXEL_BYTES = 9
"""Memory for a pixel of a sheet: the thumbnails, the sheet, and its JPEG at worst."""

_PACKED_PIXEL_BYTES = 9
"""Memory for a pixel of packed stills: their JPEGs at worst (measured on noise: 4.2 bytes), and the
file of them."""

_OWN_OBJECTS = 4
"""The plan, the notes of its generation and of what was used, and the manifest."""


class Count(NamedTuple):
    """Counts of one output."""

    artifacts: int
    pictures: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a set."""

    slices: int
    """Of the timeline."""
    outputs: tuple[Count, ...]
    """In the order of the recipe's outputs."""
    records: int
    documents: int
    """Files beside the manifest, at most: some documents have several, or one for each output."""

    @property
    def objects(self) -> int:
        """Objects in the store: artifacts, records, the plan and its note, and the documents."""
        artifacts = sum(output.artifacts for output in self.outputs)
        return artifacts + self.records + self.documents + _OWN_OBJECTS


def counts_of(duration: Fraction, recipe: Recipe) -> Counts:
    """Count the slices, artifacts and pictures of a set.

    Args:
        duration: duration of the video in seconds, above 0.
        recipe: what is made.
    """
    per_slice, whole = recipe.outputs_per("slice"), recipe.outputs_per("video")
    slices = ceil(duration / recipe.slice_length) if per_slice else 0
    outputs = tuple(_count(output, duration, recipe, slices) for output in recipe.outputs)
    return Counts(
        slices=slices,
        outputs=outputs,
        records=slices * len(per_slice) + len(whole),
        documents=_documents(recipe, outputs),
    )


def _documents(recipe: Recipe, counts: Sequence[Count]) -> int:
    """Count the files of a recipe's documents, at most."""
    total = 0
    for kind in (DOCUMENTS[name] for name in recipe.documents):
        artifacts = [
            count.artifacts
            for output, count in zip(recipe.outputs, counts, strict=True)
            if kind.can_read(output.kind, output.format)
        ]
        for file in kind.files:
            total += sum(artifacts) if "{number}" in file else max(1, len(artifacts))
    return total


def _count(output: Output, duration: Fraction, recipe: Recipe, slices: int) -> Count:
    if output.per == "video":
        return Count(1, pictures_of_whole(output, duration))
    if isinstance(output, Animation):
        last = duration - (slices - 1) * recipe.slice_length
        whole = (slices - 1) * output.pictures(recipe.slice_length)
        return Count(slices, whole + output.pictures(last))
    pictures = ceil(duration / output.interval)
    if isinstance(output, Sheet):
        return Count(ceil(pictures / output.grid(recipe.slice_length, duration).cells), pictures)
    if not FORMATS[output.kind][output.format].is_packed or output.interval > recipe.slice_length:
        return Count(pictures, pictures)  # no two pictures fall in one slice
    start_of_last = (slices - 1) * recipe.slice_length
    files = slices - 1 + (ceil(start_of_last / output.interval) < pictures)
    return Count(files, pictures)


def pictures_of_whole(output: Output, duration: Fraction) -> int:
    """Count the pictures of the artifact that a whole video has of an output, at most.

    Args:
        output: one that is made of the whole video.
        duration: of the video in seconds, above 0.
    """
    match output:
        case Animation():
            shares = shares_over(duration, output.moments, output.length)
            return sum(ceil(share.length * output.fps) for share in shares)
        case Still():
            return 1
        case Sheet():
            return cells_over(duration, output.columns, output.rows).number


def check_counts(source: SourceRef, media: MediaInfo, recipe: Recipe, limits: Limits) -> None:
    """Check, before planning, that the set of a video is within the limits on its size.

    Raises:
        LimitError: it is not; the text names the option that raises the limit.
    """
    name = source.name
    if media.duration > limits.max_duration:
        raise LimitError(
            f"{name} lasts {short_clock(media.duration)}, over the limit of "
            f"{short_clock(limits.max_duration)}; raise it with {option_of('max_duration')}"
        )
    counts = counts_of(media.duration, recipe)
    if counts.slices > limits.max_slices:
        raise LimitError(
            f"{name} would be cut into {counts.slices} slices, over the limit of "
            f"{limits.max_slices}; use longer slices, or raise {option_of('max_slices')}"
        )
    if counts.objects > limits.max_objects:
        raise LimitError(
            f"{name} would give a set of {counts.objects} objects, over the limit of "
            f"{limits.max_objects}; make fewer stills, or raise {option_of('max_objects')}"
        )
    allowed = limits.objects_for(media.packets, source.size_bytes)
    if counts.objects > allowed:
        raise LimitError(
            f"{name} would give a set of {counts.objects} objects, over the limit of {allowed} "
            f"for {media.packets} coded pictures in {source.size_bytes} bytes over "
            f"{short_clock(media.duration)}; if the video's clock is right, raise "
            f"{option_of('base_objects')} or {option_of('objects_per_packet')}"
        )


def check_memory(plan: Plan, limits: Limits) -> None:
    """Check that the pictures of a slice fit into a worker's memory.

    Raises:
        RecipeError: they do not; the text says what to change.
    """
    needed = slice_bytes_of(plan)
    if needed > limits.picture_bytes:
        unit, advice = ("range", "a shorter range") if plan.part else ("slice", "shorter slices")
        raise RecipeError(
            f"the pictures of a {unit} of {plan.source.name} would take {needed >> 20} MiB of "
            f"memory, over the limit of {limits.picture_bytes >> 20} MiB (half of "
            f"{option_of('memory_limit')}); use {advice}, smaller pictures or fewer frames per "
            "second"
        )


def slice_bytes_of(plan: Plan) -> int:
    """Return the most bytes of memory that the pictures of a slice, or of the whole job, take."""
    longest = min(plan.recipe.slice_length, plan.media.duration)
    sizes = {False: 0, True: 0}
    for output in plan.outputs:
        sizes[output.is_whole] += _bytes_of(output, longest, plan.media.duration)
    return max(sizes.values())


def _bytes_of(output: PlannedOutput, longest: Fraction, duration: Fraction) -> int:
    canvas = output.canvas
    pixels = canvas.width * canvas.height
    if isinstance(output.options, Animation):
        pictures = ceil(longest / output.options.spacing)
        if output.is_whole:
            pictures = pictures_of_whole(output.options, duration)
        options, format_ = output.options, output.format
        is_held = not format_.encoder or options.max_bytes or options.of == "highlight"
        each = _ANIMATION_PIXEL_BYTES if is_held else _CODED_PIXEL_BYTES
        return pixels * (pictures * each + format_.encoder_bytes_per_px)
    if output.format.is_packed:
        return ceil(longest / output.spacing) * pixels * _PACKED_PIXEL_BYTES
    own = _SHEET_PIXEL_BYTES if isinstance(output.options, Sheet) else 0
    return pixels * (own + output.format.encoder_bytes_per_px)

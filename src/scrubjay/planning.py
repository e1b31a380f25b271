"""From a probed video and a recipe to a plan. Pure: no files, no decoding."""

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.costs import check_counts, check_memory, pictures_of_whole
from scrubjay.errors import RecipeError
from scrubjay.identity import VERSIONS, output_id
from scrubjay.keys import artifact_key
from scrubjay.limits import Limits
from scrubjay.model import (
    Animation,
    Layout,
    MediaInfo,
    Output,
    Plan,
    PlannedOutput,
    Recipe,
    Sheet,
    Size,
    Slice,
    SourceRef,
    Stereo,
    Still,
)
from scrubjay.needs import check_documents
from scrubjay.registry import FORMATS
from scrubjay.spread import cells_over
from scrubjay.timing import Span, Target, spans_of

__all__ = [
    "PlannedArtifact",
    "artifacts_of",
    "chosen_outputs",
    "eye_size",
    "instants_of",
    "make_plan",
    "spacing_of",
    "targets_from",
]

_WIDEST, _NARROWEST = 2.4, 1.2
"""Shapes beyond which a stereo video must contain two pictures of full size: cinema has 2.39, and
stereo video is not upright."""

_LEAST_BUDGET = 1024
"""Bytes that any animation may have: headers take several hundred, whatever the format."""


def make_plan(
    source: SourceRef,
    media: MediaInfo,
    recipe: Recipe,
    limits: Limits = Limits(),
    *,
    versions: Mapping[str, str] = VERSIONS,
    part: Span | None = None,
) -> Plan:
    """Plan the slices and picture sizes of one video, or one slice of a part of it.

    Args:
        source: the video's identity.
        media: what is in the video.
        recipe: what to make.
        limits: how much the set may cost.
        versions: versions of the libraries that will make the slices.
        part: the part to make, as one slice whose grids begin where it does; None is all.

    Raises:
        LimitError: the set would be over a limit.
        RecipeError: pictures or sheets would be too large or too small for their format, or too
            large for memory; or the workers' FFmpeg cannot make a format; or a document needs an
            output that the recipe does not have.
    """
    _check_encoders(recipe, versions)
    covered = media if part is None else replace(media, duration=part.duration)
    check_counts(source, covered, recipe, limits)
    plan = Plan(
        source=source,
        media=media,
        recipe=recipe,
        layouts=tuple(
            replace(
                _layout(media, recipe, output, output_id(source, media, recipe, output, versions)),
                grid_start=part.start if part else Fraction(0),
            )
            for output in recipe.outputs
        ),
        slices=tuple(_slices(media.duration, recipe, part)),
        versions=dict(versions),
        part=part,
    )
    check_memory(plan, limits)
    check_documents(plan)
    return plan


def _check_encoders(recipe: Recipe, versions: Mapping[str, str]) -> None:
    """Check that the workers have the encoders, where it is known what they have."""
    for output in recipe.outputs if "av" in versions else ():
        encoder = FORMATS[output.kind][output.format].encoder
        if encoder and encoder not in versions:
            raise RecipeError(
                f"format of {output.name!r} is {output.format!r}, and the workers' FFmpeg has no "
                f"encoder {encoder} for it; choose another format, or install PyAV from its wheel"
            )


def _slices(duration: Fraction, recipe: Recipe, part: Span | None) -> Iterator[Slice]:
    """Yield the slices of the timeline, and last the job for the whole video, if there is one."""
    index = 0
    if recipe.outputs_per("slice"):
        spans = spans_of(duration, recipe.slice_length) if part is None else [part]
        for index, span in enumerate(spans, start=1):
            yield Slice(index=index - 1, start=span.start, end=span.end)
    if recipe.outputs_per("video"):
        yield Slice(index=index, start=Fraction(0), end=duration, is_whole=True)


def chosen_outputs(plan: Plan, names: Collection[str]) -> tuple[PlannedOutput, ...]:
    """Return the outputs of those names, in the plan's order."""
    return tuple(output for output in plan.outputs if output.name in names)


class PlannedArtifact(NamedTuple):
    """One artifact that a slice is to have."""

    key: str
    start: Fraction
    """The time of its first picture, in seconds."""
    end: Fraction
    pictures: int


def artifacts_of(plan: Plan, output: PlannedOutput, slice_: Slice) -> list[PlannedArtifact]:
    """Return the artifacts that an output has in a slice, rising in time; there may be none."""
    options = output.options
    if output.is_whole or slice_.is_whole:
        return [_planned_whole(output, slice_)] if output.is_whole and slice_.is_whole else []
    instants = list(output.instants(slice_.span))
    if not instants:
        return []

    def planned(start: Fraction, end: Fraction, count: int) -> PlannedArtifact:
        key = artifact_key(output.name, output.id, start, output.format.suffix)
        return PlannedArtifact(key, start, end, count)

    match options:
        case Animation():
            return [planned(slice_.start, slice_.end, options.pictures(slice_.span.duration))]
        case Still() if output.format.is_packed:
            end = min(instants[-1] + options.interval, plan.media.duration)
            return [planned(instants[0], end, len(instants))]
        case Still():
            return [planned(start, end, 1) for start, end in pairwise([*instants, slice_.end])]
        case Sheet():
            cells = output.layout.columns * output.layout.rows
            groups = [instants[at : at + cells] for at in range(0, len(instants), cells)]
            last = plan.media.duration
            return [
                planned(each[0], min(each[-1] + options.interval, last), len(each))
                for each in groups
            ]


def _planned_whole(output: PlannedOutput, slice_: Slice) -> PlannedArtifact:
    """Return the only artifact of an output of the whole video."""
    key = artifact_key(output.name, output.id, slice_.start, output.format.suffix)
    pictures = pictures_of_whole(output.options, slice_.end)
    return PlannedArtifact(key, slice_.start, slice_.end, pictures)


def instants_of(
    plan: Plan, slice_: Slice, outputs: Collection[PlannedOutput] = ()
) -> list[Fraction]:
    """Return the instants at which a slice needs a picture, rising, each once.

    Args:
        plan: what the slice belongs to.
        slice_: one of the timeline.
        outputs: which need pictures; all of the plan's slices if empty.
    """
    needed = outputs or plan.outputs_of(slice_)
    return sorted({time for each in needed for time in each.instants(slice_.span)})


def targets_from(
    plan: Plan, index: int, outputs: Collection[PlannedOutput] = ()
) -> Iterator[Target]:
    """Yield every instant of a slice and of all that follow it, with its neighbours.

    Neighbours are found across the cuts, so that what they decide does not depend on them.

    Args:
        plan: what the slice belongs to.
        index: of the slice, one of the timeline.
        outputs: which need pictures; all of the plan's slices if empty.
    """
    last = instants_of(plan, plan.slices[index - 1], outputs)[-1:] if index else []
    before = last[0] if last else None
    time: Fraction | None = None
    for slice_ in plan.timeline[index:]:
        for after in instants_of(plan, slice_, outputs):
            if time is not None:
                yield Target(before, time, after)
                before = time
            time = after
    if time is not None:
        yield Target(before, time, None)


def spacing_of(recipe: Recipe) -> Fraction:
    """Return the least time between two instants of one output of slices, in seconds."""
    spacings = (output.spacing for output in recipe.outputs_per("slice"))
    return min(spacings, default=recipe.slice_length)


def eye_size(both: tuple[int, int], layout: Stereo) -> tuple[int, int]:
    """Return the size at which one eye's picture is shown.

    The two pictures, side by side or one above the other, either have their full size, so that both
    together have an unusual shape, or are squeezed into the shape of one.

    Args:
        both: width and height of both pictures as displayed, not rotated.
        layout: how they are arranged.
    """
    width, height = both
    if layout in {"left-right", "right-left"} and width > _WIDEST * height:
        return max(1, width // 2), height
    if layout in {"top-bottom", "bottom-top"} and width < _NARROWEST * height:
        return width, max(1, height // 2)
    return both


def _shown(media: MediaInfo, recipe: Recipe) -> tuple[int, int]:
    """Return the size in px of what is shown of a video: the whole picture, or one eye's."""
    if recipe.stereo == "both":
        return media.width, media.height
    if media.rotation_deg in {90, 270}:
        height, width = eye_size((media.height, media.width), media.stereo)
        return width, height
    return eye_size((media.width, media.height), media.stereo)


def _layout(media: MediaInfo, recipe: Recipe, output: Output, id_: str) -> Layout:
    """Return the size of an output's pictures, and a sheet's columns and rows."""
    size = _fitted(_shown(media, recipe), output)
    if isinstance(output, Animation) and 0 < output.max_bytes < _LEAST_BUDGET:
        raise RecipeError(
            f"max_bytes of {output.name!r} is {output.max_bytes}, which not even one picture "
            f"fits into; use {_LEAST_BUDGET} or more, or 0 for no limit"
        )
    if not isinstance(output, Sheet):
        return Layout(id=id_, size=size)
    interval: Fraction | None = None
    if output.per == "video":
        cells, interval = cells_over(media.duration, output.columns, output.rows)
        columns = min(output.columns, cells)
        rows = ceil(cells / columns)
    else:
        columns, rows = output.grid(recipe.slice_length, media.duration)
    largest, held = max(columns * size.width, rows * size.height), _largest_side(output)
    if largest > held:
        raise RecipeError(
            f"{output.name!r}: a sheet of {columns} x {rows} thumbnails would be {largest} px "
            f"long, over the {held} px of a {output.format.upper()}; use other columns and rows, "
            "or a longer interval"
        )
    return Layout(id=id_, size=size, columns=columns, rows=rows, interval=interval)


def _fitted(shown: tuple[int, int], output: Output) -> Size:
    """Return the displayed size scaled to an output's width, never enlarged."""
    width = min(output.width, shown[0]) if output.width else shown[0]
    height = max(1, round(Fraction(width * shown[1], shown[0])))
    held = _largest_side(output)
    if max(width, height) > held:
        raise RecipeError(
            f"{output.name!r}: pictures would be {width} x {height} px, over the {held} px a side "
            f"of a {output.format.upper()}; use a smaller width"
        )
    least = FORMATS[output.kind][output.format].smallest_side_px
    if min(width, height) < least:
        raise RecipeError(
            f"{output.name!r}: pictures would be {width} x {height} px, under the {least} px a "
            f"side that {output.format.upper()} needs; use a larger width or another format"
        )
    return Size(width=width, height=height)


def _largest_side(output: Output) -> int:
    return FORMATS[output.kind][output.format].largest_side_px

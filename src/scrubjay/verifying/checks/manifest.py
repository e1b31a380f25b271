"""The manifest says what the plan and the records say."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from math import ceil
from typing import cast

import msgspec

from scrubjay.identity import plan_id
from scrubjay.keys import MANIFEST
from scrubjay.model import Animation, Artifact, Manifest, PlannedOutput, Recipe
from scrubjay.verifying.differences import Row, differences
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Placed, Subject

__all__ = ["check_manifest"]

_MICROSECONDS = 6
_OF_MEDIA = (
    "width", "height", "rotation_deg", "codec", "container", "has_audio", "warnings",
)  # fmt: skip
_TIMES_OF_MEDIA = ("duration", "origin", "first_picture")


def check_manifest(subject: Subject) -> Iterator[Finding]:
    """Compare each part of the manifest with what it should be."""
    if (manifest := subject.manifest) is None:
        return
    if manifest.plan != plan_id(subject.plan):
        yield _finding("it is that of another plan", plan_id(subject.plan), manifest.plan)
        return
    for what, expected, found in _parts(subject, manifest):
        for each in differences(expected, found, what):
            yield _finding(each.message, each.expected, each.found)


def _finding(message: str, expected: str, found: str) -> Finding:
    return Finding(check="manifest", key=MANIFEST, message=message, expected=expected, found=found)


def _parts(subject: Subject, manifest: Manifest) -> Iterator[tuple[str, list[Row], list[Row]]]:
    """Yield the name of each part, what it should have, and what it has."""
    yield "manifest", [_head(subject)], [_row(manifest, ("status", "source", "recipe"))]
    media = _row(manifest.media, (*_OF_MEDIA, *_TIMES_OF_MEDIA))
    yield "media", [_media(subject)], [media]
    yield "slice", _slices(subject), [_row(each) for each in manifest.slices]
    yield "gap", _gaps(subject), [_row(each, ("start", "end")) for each in manifest.gaps]
    whole = manifest.whole
    has_whole = subject.plan.whole is not None
    yield "part", [{"whole": has_whole}], [{"whole": whole is not None}]
    for is_whole, part in ((False, manifest), (True, whole)):
        if part is not None:
            prefix = "whole " if is_whole else ""
            rows = _entries(subject, is_whole=is_whole)
            yield f"{prefix}animation", rows["animations"], [_row(e) for e in part.animations]
            yield f"{prefix}still", rows["frames"], [_row(e) for e in part.frames]
            yield f"{prefix}sheet", rows["sheets"], [_row(e) for e in part.sheets]


def _row(value: object, names: tuple[str, ...] = ()) -> Row:
    struct: Mapping[str, object] = msgspec.structs.asdict(value)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    return {name: struct[name] for name in names} if names else struct


def _seconds(time: Fraction) -> float:
    return round(float(time), _MICROSECONDS)


def _head(subject: Subject) -> Row:
    return {
        "status": "partial" if subject.gaps else "complete",
        "source": subject.plan.source,
        "recipe": _recipe(subject.plan.recipe),
    }


def _recipe(recipe: Recipe) -> object:
    """Return a recipe as JSON has it: exact fractions are numbers there."""
    plain = msgspec.to_builtins(recipe, builtin_types=(Fraction,))

    def numbered(value: object) -> object:
        if isinstance(value, Fraction):
            return value.numerator if value.denominator == 1 else _seconds(value)
        if isinstance(value, dict):
            named = cast("dict[str, object]", value)
            return {name: numbered(each) for name, each in named.items()}
        if isinstance(value, list | tuple):
            return [numbered(each) for each in cast("Sequence[object]", value)]
        return value

    return numbered(plain)


def _media(subject: Subject) -> Row:
    media = subject.plan.media
    return {
        **{name: getattr(media, name) for name in _OF_MEDIA},
        **{name: _seconds(getattr(media, name)) for name in _TIMES_OF_MEDIA},
    }


def _slices(subject: Subject) -> list[Row]:
    rows: list[Row] = []
    for slice_ in subject.plan.timeline:
        is_gap = slice_.index in subject.gaps
        records = [
            subject.records.get((slice_.index, output.name))
            for output in subject.plan.outputs_of(slice_)
        ]
        damaged = max((each.damaged_packets for each in records if each), default=0)
        rows.append(
            {
                "index": slice_.index,
                "start": _seconds(slice_.start),
                "end": _seconds(slice_.end),
                "status": "failed" if is_gap else "done",
                "damaged_packets": 0 if is_gap else damaged,
            }
        )
    return rows


def _gaps(subject: Subject) -> list[Row]:
    return [
        {"start": _seconds(each.start), "end": _seconds(each.end)}
        for each in subject.plan.timeline
        if each.index in subject.gaps
    ]


def _entries(subject: Subject, *, is_whole: bool) -> dict[str, list[Row]]:
    """Return what the manifest should list, by kind."""
    rows: dict[str, list[Row]] = {"animations": [], "frames": [], "sheets": []}
    for output in subject.plan.outputs:
        if output.is_whole == is_whole:
            for placed in subject.placed(output):
                if placed.artifact:
                    rows[output.options.kind] += _rows_of(output, placed, placed.artifact)
    return rows


def _rows_of(output: PlannedOutput, placed: Placed, artifact: Artifact) -> Iterator[Row]:
    common: dict[str, object] = {
        "output": output.name,
        "key": artifact.key,
        "media_type": artifact.media_type,
        "size_bytes": artifact.size_bytes,
    }
    sides = {"width": output.canvas.width, "height": output.canvas.height}
    match output.options.kind:
        case "animations":
            yield common | sides | _animation(output, placed, artifact)
        case "frames":
            yield from (common | sides | each for each in _stills(output, placed, artifact))
        case "sheets":
            yield common | _sheet(output, placed, artifact)


def _animation(output: PlannedOutput, placed: Placed, artifact: Artifact) -> dict[str, object]:
    options = output.options
    assert isinstance(options, Animation)  # noqa: S101  as its kind says
    due, step = placed.due, 1 / options.fps
    row: dict[str, object] = {
        "frames": artifact.pictures,
        "over_budget": 0 < options.max_bytes < artifact.size_bytes,
    }
    if output.is_whole:
        share = min(options.length, due.end)
        each = ceil(share / step)
        times = artifact.source_times[::each]
        return row | {
            "duration": _seconds(artifact.pictures * step),
            "moments": tuple(map(_seconds, times)),
        }
    begins, ends = due.start, due.end
    if artifact.shown_from is not None:
        begins = artifact.shown_from
        ends = min(due.end, begins + artifact.pictures * step)
    return row | {
        "start": _seconds(due.start),
        "end": _seconds(due.end),
        "shown_start": _seconds(begins),
        "shown_end": _seconds(ends),
    }


def _stills(
    output: PlannedOutput, placed: Placed, artifact: Artifact
) -> Iterator[dict[str, object]]:
    times = artifact.source_times if output.is_whole else placed.due.times
    sizes = artifact.picture_bytes or (artifact.size_bytes,)
    # what is left of the file is the head of each picture, and all heads are alike
    head = (artifact.size_bytes - sum(sizes)) // len(sizes)
    begins = accumulate((head + size for size in sizes), initial=head)
    for time, source_time, size, begin in zip(
        times, artifact.source_times, sizes, begins, strict=False
    ):
        yield {
            "time": _seconds(time),
            "source_time": _seconds(source_time),
            "size_bytes": size,
            "byte_offset": begin,
        }


def _sheet(output: PlannedOutput, placed: Placed, artifact: Artifact) -> dict[str, object]:
    layout = output.layout
    return {
        "start": _seconds(placed.due.start),
        "end": _seconds(placed.due.end),
        "columns": layout.columns,
        "rows": layout.rows,
        "thumbnail_width": layout.size.width,
        "thumbnail_height": layout.size.height,
        "interval": _seconds(output.spacing),
        "count": artifact.pictures,
    }

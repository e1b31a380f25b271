"""What a reader of the manifest sees covers the video: slices, stills and sheets.

Only numbers of the manifest are used here, as a player has them.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from math import ceil

from scrubjay.keys import MANIFEST
from scrubjay.model import Manifest, PlannedOutput, Sheet, SheetEntry, Still
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Subject

__all__ = ["check_coverage"]

_ROUNDING = 2e-6
"""Seconds by which two numbers of the manifest may differ: it has microseconds."""


def check_coverage(subject: Subject) -> Iterator[Finding]:
    """Find holes in what the manifest covers."""
    if (manifest := subject.manifest) is None:
        return
    yield from _slices(subject, manifest)
    for output in subject.plan.outputs:
        if not output.is_whole and isinstance(output.options, Still):
            yield from _stills(subject, manifest, output)
        if not output.is_whole and isinstance(output.options, Sheet):
            entries = [each for each in manifest.sheets if each.output == output.name]
            yield from _sheets(subject, manifest, output, entries)


def _slices(subject: Subject, manifest: Manifest) -> Iterator[Finding]:
    slices = manifest.slices
    if not slices:
        if subject.plan.timeline:
            yield _wrong("slices", "the manifest has no slices", subject.plan.timeline[0].start)
        return
    edges = [(0.0, slices[0].start)]
    edges += [(one.end, other.start) for one, other in pairwise(slices)]
    edges.append((slices[-1].end, manifest.media.duration))
    for one, other in edges:
        if abs(one - other) > _ROUNDING:
            what = "a hole" if one < other else "an overlap"
            yield _wrong(
                "slices",
                f"the slices leave {what} between {min(one, other):g} and {max(one, other):g} s",
                one,
            )
    for each in slices:
        if not each.start < each.end:
            yield _wrong("slices", f"slice {each.index} ends before it begins", each.start)


def _is_in_gap(manifest: Manifest, time: float) -> bool:
    return any(gap.start - _ROUNDING <= time < gap.end - _ROUNDING for gap in manifest.gaps)


def _stills(subject: Subject, manifest: Manifest, output: PlannedOutput) -> Iterator[Finding]:
    there = {round(each.time, 6) for each in manifest.frames if each.output == output.name}
    due = [
        round(float(k * output.spacing), 6)
        for k in range(ceil(subject.plan.media.duration / output.spacing))
    ]
    missing = [time for time in due if time not in there and not _is_in_gap(manifest, time)]
    if missing:
        yield _wrong(
            "stills",
            f"{output.name!r} has no still of {len(missing)} of {len(due)} times, and they are in "
            f"no gap; the first is {missing[0]:g} s",
            missing[0],
        )
    extra = sorted(there.difference(due))
    if extra:
        yield _wrong("stills", f"{output.name!r} has a still of {extra[0]:g} s", extra[0])


def _sheets(
    subject: Subject, manifest: Manifest, output: PlannedOutput, entries: list[SheetEntry]
) -> Iterator[Finding]:
    """Check that the cells of sheets cover the video, and fit into their grids."""
    duration = manifest.media.duration
    for each in entries:
        cells = each.columns * each.rows
        last = each.start + (each.count - 1) * each.interval
        if not 0 < each.count <= cells:
            yield _wrong(
                "sheets", f"{each.key} has {each.count} thumbnails in {cells} cells", each.start
            )
        elif not last < each.end <= last + each.interval + _ROUNDING:
            yield _wrong("sheets", f"{each.key} has thumbnails outside of its time", each.start)
        elif each.count < cells and each.end < duration - _ROUNDING:
            yield _wrong(
                "sheets",
                f"{each.key} is not full, and only the last sheet of a video may be",
                each.start,
            )
    there = {
        round((each.start + k * each.interval) / float(output.spacing))
        for each in entries
        for k in range(min(each.count, output.layout.columns * output.layout.rows))
    }
    number = ceil(subject.plan.media.duration / output.spacing)
    missing = [
        k
        for k in range(number)
        if k not in there and not _is_in_gap(manifest, float(k * output.spacing))
    ]
    if missing:
        yield _wrong(
            "sheets",
            f"{output.name!r} has no thumbnail of {len(missing)} of {number} times, and they are "
            "in no gap",
            missing[0] * output.spacing,
        )


def _wrong(check: str, message: str, start: float | Fraction) -> Finding:
    return Finding(
        check=check, key=MANIFEST, message=message, expected="", found="", start=float(start)
    )

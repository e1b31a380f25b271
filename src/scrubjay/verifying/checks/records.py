"""Each output of each slice has a record, and it says what the plan says."""

from collections.abc import Iterator
from fractions import Fraction

from scrubjay.keys import record_key
from scrubjay.model import Animation, Artifact, PlannedOutput, Slice, SliceRecord
from scrubjay.verifying.differences import differences
from scrubjay.verifying.expected import Due, due_in
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Subject

__all__ = ["check_records"]

_SLACK = 3600
"""Seconds by which a picture may lie outside the video, because clocks of damaged files jump."""


def check_records(subject: Subject) -> Iterator[Finding]:
    """Compare every record with the plan; a gap needs none."""
    for slice_ in subject.plan.slices:
        for output in subject.plan.outputs_of(slice_):
            key = record_key(output.id, slice_.start, slice_.end)
            record = subject.records.get((slice_.index, output.name))
            if record is not None:
                yield from _differences(subject, output, slice_, record, key)
            elif slice_.index not in subject.gaps and key not in subject.sizes:
                yield Finding(
                    check="record",
                    key=key,
                    message=f"the record of {output.name!r} in {slice_.shown} is missing",
                    expected="",
                    found="",
                    start=float(slice_.start),
                )


def _differences(
    subject: Subject, output: PlannedOutput, slice_: Slice, record: SliceRecord, key: str
) -> Iterator[Finding]:
    planned = [{"output": output.id, "start": slice_.start, "end": slice_.end}]
    recorded = [{"output": record.output, "start": record.start, "end": record.end}]
    dues = list(due_in(subject.plan, output, slice_))
    known = {due.key: due for due in dues}
    rows = [
        {
            "key": due.key,
            "media type": output.format.media_type,
            "start": due.start,
            "end": due.end,
        }
        for due in dues
    ]
    named = [
        {"key": each.key, "media type": each.media_type, "start": each.start, "end": each.end}
        for each in record.artifacts
    ]
    found = [
        *differences(planned, recorded, "record"),
        *differences(rows, named, "object"),
    ]
    for difference in found:
        yield Finding(
            check="record",
            key=key,
            message=difference.message,
            expected=difference.expected,
            found=difference.found,
            start=float(slice_.start),
        )
    for artifact in record.artifacts:
        if due := known.get(artifact.key):
            for problem in _facts(subject, due, artifact):
                yield Finding(
                    check="record",
                    key=artifact.key,
                    message=f"its record {problem}",
                    expected="",
                    found="",
                    start=float(due.start),
                )


def _facts(subject: Subject, due: Due, artifact: Artifact) -> Iterator[str]:
    """Say what is wrong with the counts and times of an object in its record."""
    options = due.output.options
    is_animation = isinstance(options, Animation)
    may_lack = is_animation and due.output.is_whole
    least = 1 if may_lack else due.pictures
    if not least <= artifact.pictures <= due.pictures:
        yield f"has {artifact.pictures} pictures instead of {due.pictures}"
    timed = artifact.pictures if not is_animation or due.output.is_whole else 0
    if len(artifact.source_times) != timed:
        yield f"has {len(artifact.source_times)} times of the video's pictures instead of {timed}"
    elif due.times and not due.output.is_whole:
        yield from _late(subject, due, artifact)
    end = subject.plan.media.duration + subject.plan.recipe.tolerance + _SLACK
    if any(not -_SLACK <= time <= end for time in artifact.source_times):
        yield "names a time outside the video"
    is_highlight = isinstance(options, Animation) and options.of == "highlight"
    shown_from = artifact.shown_from
    if is_highlight != (shown_from is not None):
        yield "does not fit what the animation shows"
    elif shown_from is not None and not due.start <= shown_from < due.end:
        yield "shows a part outside its slice"
    packed = artifact.pictures if due.output.format.is_packed else 0
    if len(artifact.picture_bytes) != packed or 0 in artifact.picture_bytes:
        yield f"has the sizes of {len(artifact.picture_bytes)} pictures instead of {packed}"


def _late(subject: Subject, due: Due, artifact: Artifact) -> Iterator[str]:
    """Say which picture is shown before the video shows it."""
    tolerance, first = subject.plan.recipe.tolerance, subject.plan.media.first_picture
    earlier = Fraction(-_SLACK)
    for time, source_time in zip(due.times, artifact.source_times, strict=False):
        if source_time > max(time + tolerance, first):
            yield f"shows a picture of {float(source_time):g} s at {float(time):g} s"
            return
        if source_time < earlier and not tolerance:
            yield f"shows a picture of {float(source_time):g} s after a later one"
            return
        earlier = source_time

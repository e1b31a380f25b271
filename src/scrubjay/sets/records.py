"""Checks that a slice record agrees with its plan. Pure.

Others may be able to write records, and so may workers that decode strangers' files. So a record
that differs from its plan in anything but a picture's bytes is ignored.
"""

from collections.abc import Iterator

from scrubjay.fragments import HEAD_BYTES
from scrubjay.model import Animation, Artifact, Plan, PlannedOutput, Slice, SliceRecord
from scrubjay.planning import PlannedArtifact, artifacts_of

__all__ = ["check_record"]

_SLACK = 3600
"""Seconds by which a picture may be outside the video: clocks of damaged files jump a little."""

_MOST_DAMAGED = 10_000_000
"""Most damaged packets of one slice: no slice has more packets."""

_PIXEL_BYTES, _HEAD_BYTES = 6, 1 << 16
"""Most bytes that any encoder writes for a pixel, and before the first pixel."""


def check_record(plan: Plan, output: PlannedOutput, slice_: Slice, record: SliceRecord) -> None:
    """Check that a record is that of an output's slice: its keys, times, counts and sizes.

    Args:
        plan: the plan.
        output: one of the plan's outputs.
        slice_: one of the plan's slices.
        record: the record to check.

    Raises:
        ValueError: the record differs from the plan; the text says how.
    """
    if record.output != output.id:
        raise ValueError("it belongs to another output")
    if (record.start, record.end) != (slice_.start, slice_.end):
        raise ValueError("its slice is elsewhere in the video")
    if record.damaged_packets > _MOST_DAMAGED:
        raise ValueError("it counts more damaged packets than a slice can have")
    planned = artifacts_of(plan, output, slice_)
    if [artifact.key for artifact in record.artifacts] != [each.key for each in planned]:
        raise ValueError("its artifacts are not those that the plan has in that slice")
    for artifact, expected in zip(record.artifacts, planned, strict=True):
        for problem in (*_facts(plan, output, artifact, expected), *_bytes(output, artifact)):
            raise ValueError(f"{artifact.key}: {problem}")


def _facts(
    plan: Plan, output: PlannedOutput, artifact: Artifact, expected: PlannedArtifact
) -> Iterator[str]:
    """Say what is wrong with an artifact's type, times and counts."""
    is_animation = output.options.kind == "animations"
    if artifact.media_type != output.format.media_type:
        yield f"its media type is {artifact.media_type!r}"
    if (artifact.start, artifact.end) != (expected.start, expected.end):
        yield "it is for another time"
    begins = artifact.start if artifact.shown_from is None else artifact.shown_from
    is_highlight = isinstance(output.options, Animation) and output.options.of == "highlight"
    if is_highlight == (artifact.shown_from is None) or not artifact.start <= begins < artifact.end:
        yield "it shows another part of its slice"
    may_lack = is_animation and output.is_whole  # moments that cannot be decoded
    if artifact.pictures != expected.pictures and not (
        may_lack and 0 < artifact.pictures < expected.pictures
    ):
        yield f"it has {artifact.pictures} pictures instead of {expected.pictures}"
    count = 0 if is_animation and not output.is_whole else artifact.pictures
    if len(artifact.source_times) != count:
        yield f"it has {len(artifact.source_times)} source times instead of {count}"
    latest = plan.media.duration + plan.recipe.tolerance + _SLACK
    if any(not -_SLACK <= time <= latest for time in artifact.source_times):
        yield "it shows a picture from outside the video"


def _bytes(output: PlannedOutput, artifact: Artifact) -> Iterator[str]:
    canvas = output.canvas
    is_one = output.options.kind != "animations" and not output.format.is_packed
    pictures = 1 if is_one else artifact.pictures
    pixels = canvas.width * canvas.height
    if (
        not 0
        < artifact.size_bytes
        <= _HEAD_BYTES + pictures * (_HEAD_BYTES + _PIXEL_BYTES * pixels)
    ):
        yield f"an artifact of {canvas.width} x {canvas.height} px cannot have that many bytes"
    sizes = artifact.picture_bytes
    if len(sizes) != (pictures if output.format.is_packed else 0) or 0 in sizes:
        yield f"it has the sizes of {len(sizes)} pictures"
    elif sizes and artifact.size_bytes != sum(sizes) + len(sizes) * HEAD_BYTES:
        yield "the sizes of its pictures do not add up to its size"

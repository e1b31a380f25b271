"""Builds the manifest, which has all that a reader needs, from slice records."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import chain
from math import ceil
from typing import Any, TypeVar, cast

import msgspec

from scrubjay.fragments import offsets
from scrubjay.identity import plan_id
from scrubjay.model import (
    Animation,
    AnimationEntry,
    Artifact,
    ClipEntry,
    FrameEntry,
    Gap,
    Kind,
    Manifest,
    ManifestMedia,
    MediaInfo,
    Plan,
    PlannedOutput,
    Recipe,
    SheetEntry,
    SliceEntry,
    SliceRecord,
    TrackClock,
    WholeEntry,
)
from scrubjay.spread import shares_over

__all__ = ["build_manifest", "clock_for"]

E = TypeVar("E")

_NO_REASON = "not made"

_KEPT = frozenset({"mov", "mp4", "matroska", "webm"})
"""Containers whose clock most browsers keep, because they play them without scripts."""


def build_manifest(
    plan: Plan,
    made: Mapping[int, Mapping[str, SliceRecord]],
    reasons: Mapping[int, str],
    tracks: Mapping[str, str],
    track_clock: TrackClock | None,
) -> Manifest:
    """Return the manifest of a set.

    Args:
        plan: the plan of the set.
        made: records of complete slices, by slice index and output name.
        reasons: why slices were not made, by slice index.
        tracks: documents beside the manifest, name to key.
        track_clock: the clock of their times; None means the one that most players need for this
            kind of video.
    """
    outputs = [output for output in plan.outputs if not output.is_whole]
    return Manifest(
        status="complete" if len(made) == len(plan.slices) else "partial",
        plan=plan_id(plan),
        source=plan.source,
        media=_media(plan.media),
        recipe=_recipe(plan.recipe),
        slices=tuple(
            SliceEntry(
                index=slice_.index,
                start=_seconds(slice_.start),
                end=_seconds(slice_.end),
                status="done" if slice_.index in made else "failed",
                damaged_packets=_damaged_in(made.get(slice_.index, {})),
            )
            for slice_ in plan.timeline
        ),
        animations=tuple(_listed(outputs, made, "animations", _animation)),
        frames=tuple(chain.from_iterable(_listed(outputs, made, "frames", _frames))),
        sheets=tuple(_listed(outputs, made, "sheets", _sheet)),
        whole=_whole(plan, made, reasons),
        gaps=tuple(
            Gap(
                start=_seconds(slice_.start),
                end=_seconds(slice_.end),
                reason=reasons.get(slice_.index, _NO_REASON),
            )
            for slice_ in plan.timeline
            if slice_.index not in made
        ),
        tracks=dict(tracks),
        track_clock=track_clock or clock_for(plan.media),
    )


def clock_for(media: MediaInfo) -> TrackClock:
    """Return the clock on which most players show a video: docs/decisions/0005."""
    return "zero" if _KEPT.isdisjoint(media.container.split(",")) else "media"


def _whole(
    plan: Plan, made: Mapping[int, Mapping[str, SliceRecord]], reasons: Mapping[int, str]
) -> WholeEntry | None:
    """Describe what was made once of the whole video."""
    if plan.whole is None:
        return None
    index = plan.whole.index
    if index not in made:
        return WholeEntry(status="failed", reason=reasons.get(index, _NO_REASON))
    outputs = plan.outputs_of(plan.whole)
    only = {index: made[index]}
    return WholeEntry(
        animations=tuple(_listed(outputs, only, "animations", _clip)),
        frames=tuple(chain.from_iterable(_listed(outputs, only, "frames", _frames))),
        sheets=tuple(_listed(outputs, only, "sheets", _sheet)),
    )


def _listed(
    outputs: Iterable[PlannedOutput],
    made: Mapping[int, Mapping[str, SliceRecord]],
    kind: Kind,
    entry: Callable[[PlannedOutput, Artifact], E],
) -> Iterator[E]:
    """Yield the entries of a kind, output by output, each rising in time."""
    for output in outputs:
        if output.options.kind == kind:
            for index in sorted(made):
                record = made[index].get(output.name)
                for artifact in record.artifacts if record else ():
                    yield entry(output, artifact)


def _damaged_in(records: Mapping[str, SliceRecord]) -> int:
    """Return how many packets of a slice are damaged; its outputs may come from several runs."""
    return max((record.damaged_packets for record in records.values()), default=0)


def _seconds(time: Fraction) -> float:
    return round(float(time), 6)


def _media(media: MediaInfo) -> ManifestMedia:
    rate = media.frame_rate
    return ManifestMedia(
        duration=_seconds(media.duration),
        origin=_seconds(media.origin),
        width=media.width,
        height=media.height,
        rotation_deg=media.rotation_deg,
        frame_rate=None if rate is None else round(float(rate), 3),
        codec=media.codec,
        container=media.container,
        first_picture=_seconds(media.first_picture),
        has_audio=media.has_audio,
        warnings=media.warnings,
    )


def _recipe(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain JSON, with numbers where it has exact fractions."""

    def number(value: object) -> object:
        if isinstance(value, Fraction):
            return int(value) if value.denominator == 1 else _seconds(value)
        raise NotImplementedError

    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(recipe, enc_hook=number))
    return plain


def _animation(output: PlannedOutput, artifact: Artifact) -> AnimationEntry:
    canvas = output.canvas
    shown = artifact.start, artifact.end
    if artifact.shown_from is not None:
        length = artifact.pictures * output.options.spacing
        shown = artifact.shown_from, min(artifact.shown_from + length, artifact.end)
    return AnimationEntry(
        output=output.name,
        key=artifact.key,
        media_type=artifact.media_type,
        start=_seconds(artifact.start),
        end=_seconds(artifact.end),
        shown_start=_seconds(shown[0]),
        shown_end=_seconds(shown[1]),
        width=canvas.width,
        height=canvas.height,
        frames=artifact.pictures,
        size_bytes=artifact.size_bytes,
        over_budget=0 < getattr(output.options, "max_bytes", 0) < artifact.size_bytes,
    )


def _frames(output: PlannedOutput, artifact: Artifact) -> Iterator[FrameEntry]:
    """Yield an entry for each picture of an artifact; only packed stills have several."""
    canvas, sizes = output.canvas, artifact.picture_bytes
    begins = offsets(sizes) if sizes else [0]
    for place, (byte_offset, size_bytes) in enumerate(
        zip(begins, sizes or [artifact.size_bytes], strict=True)
    ):
        source_time = artifact.source_times[place]
        yield FrameEntry(
            output=output.name,
            key=artifact.key,
            media_type=artifact.media_type,
            time=_seconds(
                source_time if output.is_whole else artifact.start + place * output.spacing
            ),
            source_time=_seconds(source_time),
            width=canvas.width,
            height=canvas.height,
            size_bytes=size_bytes,
            byte_offset=byte_offset,
        )


def _clip(output: PlannedOutput, artifact: Artifact) -> ClipEntry:
    canvas, options = output.canvas, cast("Animation", output.options)
    share = shares_over(artifact.end, options.moments, options.length)[0]
    each = ceil(share.length * options.fps)  # pictures of a moment
    return ClipEntry(
        output=output.name,
        key=artifact.key,
        media_type=artifact.media_type,
        duration=_seconds(artifact.pictures * output.spacing),
        moments=tuple(map(_seconds, artifact.source_times[::each])),
        width=canvas.width,
        height=canvas.height,
        frames=artifact.pictures,
        size_bytes=artifact.size_bytes,
        over_budget=0 < options.max_bytes < artifact.size_bytes,
    )


def _sheet(output: PlannedOutput, artifact: Artifact) -> SheetEntry:
    layout = output.layout
    return SheetEntry(
        output=output.name,
        key=artifact.key,
        media_type=artifact.media_type,
        start=_seconds(artifact.start),
        end=_seconds(artifact.end),
        columns=layout.columns,
        rows=layout.rows,
        thumbnail_width=layout.size.width,
        thumbnail_height=layout.size.height,
        interval=_seconds(output.spacing),
        count=artifact.pictures,
        size_bytes=artifact.size_bytes,
    )

"""From slice records to the manifest: all that a reader needs, in one document."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import msgspec

from scrubjay.model import (
    AnimationEntry,
    FrameEntry,
    Gap,
    Manifest,
    ManifestMedia,
    MediaInfo,
    Plan,
    Recipe,
    SheetEntry,
    SliceEntry,
    SliceRecord,
    TrackClock,
)

__all__ = ["build_manifest"]


def build_manifest(
    plan: Plan,
    records: Mapping[int, SliceRecord],
    reasons: Mapping[int, str],
    tracks: Mapping[str, str],
    track_clock: TrackClock,
) -> Manifest:
    """Describe a set.

    Args:
        plan: what was to be made.
        records: what was made, by slice index.
        reasons: why a slice was not made, by slice index.
        tracks: documents beside the manifest, name to key.
        track_clock: the clock that their times are on.
    """
    made = [records[index] for index in sorted(records)]
    return Manifest(
        status="complete" if len(made) == len(plan.slices) else "partial",
        source=plan.source,
        media=_media(plan.media),
        recipe=_recipe(plan.recipe),
        slices=tuple(
            SliceEntry(
                index=part.index,
                start=_seconds(part.start),
                end=_seconds(part.end),
                status="done" if part.index in records else "failed",
                damaged_packets=records[part.index].damaged_packets if part.index in records else 0,
            )
            for part in plan.slices
        ),
        animations=tuple(entry for record in made for entry in _animations(plan, record)),
        frames=tuple(entry for record in made for entry in _frames(plan, record)),
        sheets=tuple(entry for record in made for entry in _sheets(plan, record)),
        gaps=tuple(
            Gap(
                start=_seconds(part.start),
                end=_seconds(part.end),
                reason=reasons.get(part.index, "not made"),
            )
            for part in plan.slices
            if part.index not in records
        ),
        tracks=dict(tracks),
        track_clock=track_clock,
    )


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

    plain: dict[str, Any] = msgspec.to_builtins(recipe, enc_hook=number)
    return plain


def _animations(plan: Plan, record: SliceRecord) -> Iterator[AnimationEntry]:
    if record.animation and plan.animation:
        yield AnimationEntry(
            key=record.animation.key,
            media_type=record.animation.media_type,
            start=_seconds(record.start),
            end=_seconds(record.end),
            width=plan.animation.width,
            height=plan.animation.height,
            frames=record.animation.frames,
            size_bytes=record.animation.size_bytes,
            over_budget=record.animation.over_budget,
        )


def _frames(plan: Plan, record: SliceRecord) -> Iterator[FrameEntry]:
    size = plan.frame
    if size is None:
        return
    for frame in record.frames:
        yield FrameEntry(
            key=frame.key,
            time=_seconds(frame.time),
            source_time=_seconds(frame.source_time),
            width=size.width,
            height=size.height,
            size_bytes=frame.size_bytes,
        )


def _sheets(plan: Plan, record: SliceRecord) -> Iterator[SheetEntry]:
    if record.sheet and plan.sheet:
        yield SheetEntry(
            key=record.sheet.key,
            start=_seconds(record.sheet.start),
            end=_seconds(record.sheet.end),
            columns=plan.sheet.columns,
            rows=plan.sheet.rows,
            thumbnail_width=plan.sheet.thumbnail.width,
            thumbnail_height=plan.sheet.thumbnail.height,
            interval=_seconds(plan.recipe.sheets.interval),
            count=len(record.sheet.source_times),
            size_bytes=record.sheet.size_bytes,
        )

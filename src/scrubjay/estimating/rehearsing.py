"""The end of a run, rehearsed: the documents of a set whose pictures are only sizes."""

from collections.abc import Mapping
from time import process_time
from typing import NamedTuple

from msgspec.structs import replace

from scrubjay.costs import counts_of
from scrubjay.documents.base import FinishedSet, document, tracks_of
from scrubjay.documents.manifest import build_manifest
from scrubjay.estimating.fitting import OutputRates
from scrubjay.estimating.pieces import Piece
from scrubjay.fragments import HEAD_BYTES
from scrubjay.model import (
    Animation,
    Artifact,
    Plan,
    PlannedOutput,
    Slice,
    SliceRecord,
    encode,
    encode_pretty,
)
from scrubjay.planning import PlannedArtifact, artifacts_of, make_plan

__all__ = ["Ending", "rehearsed"]

_MOST_ARTIFACTS = 20_000
"""The end of a longer set is rehearsed with so many, and multiplied."""

_LISTED = 12e-6
"""CPU seconds to list an artifact and to compare it with its record."""


class Ending(NamedTuple):
    """What a set has beside its artifacts and records, and what writing that takes."""

    cpu: float
    objects: int
    size_bytes: int


def rehearsed(plan: Plan, rates: Mapping[str, OutputRates], whole: Piece | None) -> Ending:
    """Write the documents of a set into nothing.

    Args:
        plan: of the set.
        rates: bytes of the outputs of slices.
        whole: what was made of the whole video, if the plan has that.
    """
    artifacts = sum(
        count.artifacts for count in counts_of(plan.media.duration, plan.recipe).outputs
    )
    times = 1.0
    if artifacts > _MOST_ARTIFACTS:
        shorter = plan.media.duration * _MOST_ARTIFACTS / artifacts
        times = float(plan.media.duration / shorter)
        media = replace(plan.media, duration=shorter)
        plan = make_plan(plan.source, media, plan.recipe, versions=plan.versions)
    began = process_time()
    sizes: dict[str, int] = {}
    records = {
        slice_.index: {
            output.name: _record(plan, output, slice_, rates, whole, sizes)
            for output in plan.outputs_of(slice_)
        }
        for slice_ in plan.slices
    }
    tracks = tracks_of(plan)
    manifest = build_manifest(plan, records, {}, tracks, None)
    data = encode(manifest)

    def read(key: str) -> bytes:
        return bytes(sizes[key])

    finished = FinishedSet(plan, records, manifest, data, None, read)
    files = [
        len(file.data) for name in plan.recipe.documents for file in document(name).write(finished)
    ]
    cpu = process_time() - began + len(sizes) * _LISTED
    own = len(data) + len(encode_pretty(plan)) + _NOTES + len(plan.slices) * _SLICE_USAGE
    beside = 4  # the plan, two notes and the manifest
    return Ending(
        cpu=cpu * times,
        objects=round(len(files) * (times if len(files) > len(tracks) else 1)) + beside,
        size_bytes=round((sum(files) + own) * times),
    )


_NOTES, _SLICE_USAGE = 500, 190
"""Bytes of the notes of a set, and of what one says of each slice."""


def _record(
    plan: Plan,
    output: PlannedOutput,
    slice_: Slice,
    rates: Mapping[str, OutputRates],
    whole: Piece | None,
    sizes: dict[str, int],
) -> SliceRecord:
    made = tuple(
        _artifact(output, planned, _size(output, planned, rates, whole))
        for planned in artifacts_of(plan, output, slice_)
    )
    sizes.update((each.key, each.size_bytes) for each in made)
    return SliceRecord(output=output.id, start=slice_.start, end=slice_.end, artifacts=made)


def _size(
    output: PlannedOutput,
    planned: PlannedArtifact,
    rates: Mapping[str, OutputRates],
    whole: Piece | None,
) -> int:
    if output.is_whole:
        return whole.bytes_of(output.name) if whole else 1
    found = rates[output.name]
    if isinstance(output.options, Animation):
        return max(1, round(found.fixed + found.each * float(planned.end - planned.start)))
    return max(1, round(found.fixed + found.each * planned.pictures))


def _artifact(output: PlannedOutput, planned: PlannedArtifact, size_bytes: int) -> Artifact:
    pictures: tuple[int, ...] = ()
    if output.format.is_packed:
        each = max(1, size_bytes // planned.pictures - HEAD_BYTES)
        pictures = (each,) * planned.pictures
        size_bytes = (each + HEAD_BYTES) * planned.pictures
    options = output.options
    is_animation = isinstance(options, Animation)
    return Artifact(
        key=planned.key,
        media_type=output.format.media_type,
        start=planned.start,
        end=planned.end,
        shown_from=planned.start
        if isinstance(options, Animation) and options.of == "highlight"
        else None,
        pictures=planned.pictures,
        source_times=()
        if is_animation and not output.is_whole
        else (planned.start,) * planned.pictures,
        picture_bytes=pictures,
        size_bytes=size_bytes,
        blake2b="0" * 32,
    )

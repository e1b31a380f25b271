"""The list of what decides the bytes of an output, and the ids that follow from it. Pure.

Two outputs with the same id have the same bytes, so they share their artifacts and records.
Everything that can change a byte changes the id; facts for people (the file's name, warnings,
counts) do not.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec

from scrubjay.model import MediaInfo, Output, Plan, Recipe, SourceRef, encode
from scrubjay.registry import FORMATS

__all__ = ["RENDER_VERSION", "VERSIONS", "output_id", "plan_id"]

RENDER_VERSION = 5
"""Raise it whenever choosing, decoding or painting gives other pictures."""

VERSIONS: Mapping[str, str] = {"scrubjay": str(RENDER_VERSION)}
"""The versions that are known without loading a decoder."""

_EVERY_LIBRARY = ("scrubjay", "av", "numpy")
"""The libraries that choose, decode and paint every picture."""

_CHOOSING_LIBRARIES = ("simplejpeg",)
"""Libraries that choose the best picture of a whole video, in whichever format it is written."""

FOR_PEOPLE = frozenset({"container", "codec", "declared_duration", "frame_rate", "has_audio"}) | {
    "packets",
    "warnings",
}
"""Facts about a video that decide no byte; all others may."""

_SHARED_FIELDS = ("background", "stereo")
"""Fields of a recipe that every output depends on."""


def output_id(
    source: SourceRef,
    media: MediaInfo,
    recipe: Recipe,
    output: Output,
    versions: Mapping[str, str],
) -> str:
    """Return the id of an output: 12 hexadecimal digits.

    Args:
        source: the video's identity; its name does not count.
        media: what is in the video.
        recipe: the recipe of the output. Fields that have their default value do not count, so that
            a new field changes no id.
        output: one of the recipe's outputs.
        versions: versions of the libraries that make the pictures, by name.
    """
    format_ = FORMATS[output.kind][output.format]
    chooses = output.per == "video" and output.kind != "sheets"
    choosing = _CHOOSING_LIBRARIES if chooses else ()
    used = filter(None, (*_EVERY_LIBRARY, *choosing, *format_.libraries, format_.encoder))
    facts = {name: getattr(media, name) for name in media.__struct_fields__}
    decisive = [
        source.fingerprint,
        {name: value for name, value in facts.items() if name not in FOR_PEOPLE},
        [output.kind, output.name, output.format, format_.version, _changed(output)],
        {name: getattr(recipe, name) for name in _SHARED_FIELDS if name in _changed(recipe)},
        [] if output.per == "video" else _grid(recipe),
        {name: versions.get(name, "") for name in used},
    ]
    return _digest(decisive, 6)


def _grid(recipe: Recipe) -> Sequence[object]:
    """Return what an output's pictures depend on apart from their own instants.

    In a damaged video, a picture depends on where its slice begins. With a tolerance, it is chosen
    with regard to the pictures near it, of all outputs.
    """
    if not recipe.tolerance:
        return [recipe.slice_length]
    spacings = [[each.kind, each.spacing] for each in recipe.outputs_per("slice")]
    return [recipe.slice_length, recipe.tolerance, spacings]


def plan_id(plan: Plan) -> str:
    """Return the id of a plan: 32 hexadecimal digits.

    Plans with the same video, outputs and documents have the same id; the file's name does not
    count.
    """
    outputs = [[output.name, output.id] for output in plan.outputs]
    last = plan.slices[-1].index
    return _digest([outputs, plan.recipe.documents, last, plan.recipe.slice_length], 16)


def _changed(struct: Output | Recipe) -> dict[str, object]:
    """Return the fields that differ from their default."""
    return {
        field.name: value
        for field in msgspec.structs.fields(struct)
        if (value := getattr(struct, field.name)) != field.default
    }


def _digest(content: Sequence[object], size: int) -> str:
    return blake2b(encode(content), digest_size=size).hexdigest()

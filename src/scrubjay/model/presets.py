"""Recipes that have a name."""

from collections.abc import Mapping
from fractions import Fraction

from msgspec.structs import replace

from scrubjay.model.recipe import Animation, Recipe, Sheet, Still
from scrubjay.registry import ANIMATION_FORMATS, DOCUMENTS, SHEET_FORMATS, STILL_FORMATS

__all__ = ["PRESETS"]

_POSTER = Still(name="poster", per="video")
_OVERVIEW = Sheet(name="overview", per="video")

_WEB = Recipe(
    animations=(Animation(format="mp4"),),
    frames=(_POSTER,),
    sheets=(Sheet(format="webp", interval=Fraction(2), columns=5), _OVERVIEW),
    documents=("page", "webvtt", "storyboard", "poster", "hls", "dash"),
)

PRESETS: Mapping[str, Recipe] = {
    "classic": Recipe(),
    "web": _WEB,
    "web-avif": replace(
        _WEB, animations=(*_WEB.animations, Animation(name="animations-avif", format="avif"))
    ),
    "trickplay": Recipe(
        slice_length=Fraction(1000),
        tolerance=Fraction(5),
        animations=(),
        frames=(Still(format="mjpg", interval=Fraction(10), width=320, quality=75),),
        sheets=(Sheet(interval=Fraction(10), width=320, columns=10, rows=10),),
        documents=("page", "webvtt", "bif", "jellyfin", "hls", "mjpg"),
    ),
    "everything": Recipe(
        animations=(
            *(Animation(name=f"animations-{name}", format=name) for name in ANIMATION_FORMATS),
            Animation(name="clip", format="mp4", per="video"),
        ),
        frames=(
            *(Still(name=f"frames-{name}", format=name, width=320) for name in STILL_FORMATS),
            _POSTER,
        ),
        sheets=(*(Sheet(name=f"sheets-{name}", format=name) for name in SHEET_FORMATS), _OVERVIEW),
        documents=tuple(DOCUMENTS),
    ),
}
"""Named recipes; `classic` is the default."""

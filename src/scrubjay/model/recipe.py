"""What to make: named outputs, and the documents that players read."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta

from scrubjay.model.grids import Grid, check_grid, grid_of
from scrubjay.model.values import COLOUR, OUTPUT_NAME, Strict
from scrubjay.registry import ANIMATION_FORMATS, DOCUMENTS, SHEET_FORMATS, STILL_FORMATS, Format
from scrubjay.timing import Span, multiples_in, samples_in

__all__ = [
    "KINDS",
    "Animation",
    "Kind",
    "Output",
    "OutputName",
    "Per",
    "Recipe",
    "Sheet",
    "Still",
]

Kind: TypeAlias = Literal["animations", "frames", "sheets"]
"""The kinds of outputs, as recipes and manifests call them."""

Per: TypeAlias = Literal["slice", "video"]
"""What an output is made of: each slice, or once the whole video."""

OutputName = Annotated[str, Meta(pattern=OUTPUT_NAME)]
"""What an output may be called."""

_Name = Annotated[
    OutputName,
    Meta(
        description="Name and folder of the output: a-z, 0-9 and hyphens, unique in the recipe.",
        extra={"metavar": "NAME"},
    ),
]
_Per = Annotated[
    Per,
    Meta(
        description="What it is made of: each slice, or once the whole video.",
        extra={"metavar": "slice|video"},
    ),
]
_Interval = Annotated[Fraction, Meta(description="Seconds from one picture to the next.")]
_Quality = Annotated[
    int,
    Meta(ge=1, le=100, description="Quality of each picture, 1 to 100; a PNG never loses any."),
]


def _check(name: str, value: Fraction, least: Fraction, most: Fraction) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}; it must be from {least} to {most}")


def _check_format(name: str, formats: Mapping[str, Format], what: str) -> None:
    if name not in formats:
        raise ValueError(f"format is {name!r}; {what} can be {' or '.join(formats)}")


def _check_unused(output: "Output", per: Per, names: Sequence[str]) -> None:
    """Check that fields that do not apply to an output `per` slice or video have their default."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(output)}
    for name in names if output.per == per else ():
        if getattr(output, name) != defaults[name]:
            raise ValueError(f'{name} does not apply if per = "{per}"; remove it')


_TIMELAPSE = Fraction(1)
"""Seconds of the video between two pictures of a timelapse."""


class Animation(Strict, frozen=True, kw_only=True):
    """One animation for each slice, or one clip of moments of the whole video."""

    kind: ClassVar[Kind] = "animations"
    name: _Name = "animations"
    format: Annotated[
        str,
        Meta(
            description=f"Format of the animations: {' or '.join(ANIMATION_FORMATS)}.",
            extra={"metavar": "FORMAT"},
        ),
    ] = "gif"
    per: _Per = "slice"
    of: Annotated[
        Literal["whole", "timelapse", "highlight"],
        Meta(
            description="What it shows of a slice: all of it, a picture of each second, or its "
            "liveliest seconds.",
            extra={"metavar": "whole|timelapse|highlight"},
        ),
    ] = "whole"
    moments: Annotated[
        int, Meta(ge=1, le=60, description='Moments of the clip, with per = "video".')
    ] = 6
    seconds: Annotated[
        Fraction,
        Meta(description="Seconds of a highlight (0: 3), or of each moment of a clip (0: 1.5)."),
    ] = Fraction(0)
    fps: Annotated[Fraction, Meta(description="Frames per second, up to 50.")] = Fraction(10)
    width: Annotated[
        int, Meta(ge=1, le=4096, description="Width in px; smaller videos are not enlarged.")
    ] = 240
    colors: Annotated[int, Meta(ge=2, le=255, description="Most colours in a palette (GIF).")] = 255
    quality: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="Quality of the pictures, 1 to 100; 0: the format's own (not GIF).",
        ),
    ] = 0
    max_bytes: Annotated[
        int,
        Meta(ge=0, description="Most bytes of one animation, if it can be met; 0: no limit."),
    ] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("fps", self.fps, Fraction(1, 100), Fraction(50))
        _check("seconds", self.seconds, Fraction(0), Fraction(60))
        _check_format(self.format, ANIMATION_FORMATS, "animations")
        _check_unused(self, "slice", ("moments",))
        _check_unused(self, "video", ("of",))
        if self.seconds and self.per == "slice" and self.of != "highlight":
            raise ValueError('seconds applies only if of = "highlight" or per = "video"; remove it')

    @property
    def length(self) -> Fraction:
        """Seconds of a highlight, or of each moment of a clip."""
        return self.seconds or (Fraction(3) if self.per == "slice" else Fraction(3, 2))

    @property
    def spacing(self) -> Fraction:
        """Seconds of the video between two pictures."""
        return _TIMELAPSE if self.of == "timelapse" else 1 / self.fps

    def instants(self, span: Span) -> Iterator[Fraction]:
        """Yield the times in a slice at which a picture is needed, counted from its start."""
        return samples_in(span, 1 / self.spacing)

    def pictures(self, duration: Fraction) -> int:
        """Return how many pictures it has of a slice of so many seconds."""
        shown = min(self.length, duration) if self.of == "highlight" else duration
        return ceil(shown / self.spacing)


class Still(Strict, frozen=True, kw_only=True):
    """A still for each interval, or the best picture of the whole video."""

    kind: ClassVar[Kind] = "frames"
    name: _Name = "frames"
    format: Annotated[
        str,
        Meta(
            description=f"Format of the stills: {' or '.join(STILL_FORMATS)}.",
            extra={"metavar": "FORMAT"},
        ),
    ] = "jpeg"
    per: _Per = "slice"
    interval: _Interval = Fraction(1)
    width: Annotated[
        int, Meta(ge=0, le=16384, description="Width in px; 0 is the size of the video.")
    ] = 0
    quality: _Quality = 80

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("interval", self.interval, Fraction(1, 100), Fraction(86400))
        _check_format(self.format, STILL_FORMATS, "stills")
        if self.per == "video":
            _check_format(self.format, SHEET_FORMATS, "a still of the whole video")
        _check_unused(self, "video", ("interval",))

    @property
    def spacing(self) -> Fraction:
        """Seconds between two pictures."""
        return self.interval

    def instants(self, span: Span) -> Iterator[Fraction]:
        """Yield the times in a slice at which a picture is needed, on the whole video's grid."""
        return multiples_in(span, self.interval)


class Sheet(Strict, frozen=True, kw_only=True):
    """Sheets of thumbnails, all with the same grid: of each slice, or one of the whole video."""

    kind: ClassVar[Kind] = "sheets"
    name: _Name = "sheets"
    format: Annotated[
        str,
        Meta(
            description=f"Format of the sheets: {' or '.join(SHEET_FORMATS)}.",
            extra={"metavar": "FORMAT"},
        ),
    ] = "jpeg"
    per: _Per = "slice"
    interval: _Interval = Fraction(1)
    width: Annotated[
        int, Meta(ge=1, le=4096, description="Width of a thumbnail in px; never enlarged.")
    ] = 240
    columns: Annotated[
        int, Meta(ge=1, le=1000, description="Thumbnails in a row; at most, if rows is 0.")
    ] = 6
    rows: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Rows of each sheet; 0: as many as the slice, or the whole video, needs.",
        ),
    ] = 0
    quality: _Quality = 75

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("interval", self.interval, Fraction(1, 100), Fraction(86400))
        _check_format(self.format, SHEET_FORMATS, "sheets")
        _check_unused(self, "video", ("interval",))

    def grid(self, slice_length: Fraction, duration: Fraction) -> Grid:
        """Return how the thumbnails of each sheet lie; times are in seconds."""
        return grid_of(self.interval, self.columns, self.rows, slice_length, duration)

    @property
    def spacing(self) -> Fraction:
        """Seconds between two pictures."""
        return self.interval

    def instants(self, span: Span) -> Iterator[Fraction]:
        """Yield the times in a slice at which a picture is needed, on the whole video's grid."""
        return multiples_in(span, self.interval)


Output: TypeAlias = Animation | Still | Sheet

KINDS: Mapping[str, type[Output]] = {
    "animations": Animation,
    "frames": Still,
    "sheets": Sheet,
}
"""The kinds of outputs, in the order in which everything lists them."""


class Recipe(Strict, frozen=True, kw_only=True):
    """What to make of a video. The defaults are the `classic` recipe."""

    slice_length: Annotated[
        Fraction, Meta(description="Seconds of video in a slice: one animation, whole sheets.")
    ] = Fraction(30)
    tolerance: Annotated[
        Fraction,
        Meta(
            description="Seconds by which a picture may differ from its time where that is "
            "cheaper; 0: exact."
        ),
    ] = Fraction(0)
    background: Annotated[
        str,
        Meta(
            pattern=COLOUR,
            description="Colour behind transparent pictures and beside narrow ones, as #rrggbb.",
            extra={"metavar": "COLOUR"},
        ),
    ] = "#000000"
    stereo: Annotated[
        Literal["both", "left"],
        Meta(
            description="Which eye's picture of a stereo video to show.",
            extra={"metavar": "both|left"},
        ),
    ] = "both"
    animations: tuple[Animation, ...] = (Animation(),)
    frames: tuple[Still, ...] = (Still(),)
    sheets: tuple[Sheet, ...] = (Sheet(),)
    documents: tuple[str, ...] = ("page", "webvtt")
    """Names of the documents to write beside the manifest."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("slice_length", self.slice_length, Fraction(1, 10), Fraction(86400))
        _check("tolerance", self.tolerance, Fraction(0), Fraction(3600))
        for name in (*KINDS, "documents"):
            msgspec.structs.force_setattr(self, name, tuple(getattr(self, name)))
        names = Counter(output.name for output in self.outputs)
        if not names:
            raise ValueError("the recipe has no outputs; add animations, frames or sheets")
        if len(self.outputs) > _MOST_OUTPUTS:
            raise ValueError(
                f"the recipe has {len(self.outputs)} outputs; at most {_MOST_OUTPUTS} are allowed"
            )
        for name, count in names.items():
            if count > 1:
                raise ValueError(f"{count} outputs have the name {name!r}; give each its own name")
        for each in (sheet for sheet in self.sheets if sheet.per == "slice"):
            check_grid(each.name, each.interval, each.columns, each.rows, self.slice_length)
        for document in self.documents:
            if document not in DOCUMENTS:
                raise ValueError(f"unknown document {document!r}; choose from {_ALL_DOCUMENTS}")
        if len(set(self.documents)) < len(self.documents):
            raise ValueError("documents names a document twice")

    @property
    def outputs(self) -> tuple[Output, ...]:
        """All outputs: animations, then stills, then sheets."""
        return (*self.animations, *self.frames, *self.sheets)

    def outputs_per(self, per: Per) -> tuple[Output, ...]:
        """Return the outputs of each slice, or those of the whole video."""
        return tuple(output for output in self.outputs if output.per == per)


_MOST_OUTPUTS = 32
_ALL_DOCUMENTS = ", ".join(DOCUMENTS)

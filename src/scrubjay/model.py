"""The frozen values that pass between rooms.

`SourceRef -> MediaInfo -> Plan -> slice -> pictures -> artifacts -> SliceRecord -> Manifest`.

All are JSON-able by `encode` and `decode`. Inside (plans, records, messages) a time is an exact
fraction of seconds, written as text ("7/3"); in the `Manifest`, which players read, it is a number.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from scrubjay.coding import (
    decode,
    decode_as,
    decoder,
    encode,
    encode_pretty,
    exact,
    parse_json,
)
from scrubjay.timing import Span

__all__ = [
    "MOST_PX",
    "PRESETS",
    "RENDER_VERSION",
    "AnimationEntry",
    "AnimationRecord",
    "Animations",
    "Crop",
    "FrameEntry",
    "FrameRecord",
    "Frames",
    "Gap",
    "Manifest",
    "ManifestMedia",
    "MediaInfo",
    "Plan",
    "Reading",
    "Recipe",
    "SheetEntry",
    "SheetGrid",
    "SheetRecord",
    "Sheets",
    "Size",
    "Slice",
    "SliceEntry",
    "SliceRecord",
    "SourceRef",
    "Stereo",
    "TrackClock",
    "decode",
    "decode_as",
    "decoder",
    "encode",
    "encode_pretty",
    "exact",
    "parse_json",
]

RENDER_VERSION = 3
"""Raised whenever the same plan would give other bytes, so that a resumed set never mixes two."""

TrackClock: TypeAlias = Literal["media", "zero"]
"""What the times of a track count from: see `Manifest.track_clock`."""


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the values: immutable, named fields only."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what people write by hand: a misspelt field is an error.

    Values take one form, however they were written: a time of 30, 30.0 or "30" is `Fraction(30)`.
    So a recipe made in Python, read from a file or read back from a plan is the same one.
    """

    def __post_init__(self) -> None:
        for name, kind in _plain_fields(type(self)).items():
            try:
                value = decode_as(getattr(self, name), kind)
            except msgspec.DecodeError as exc:
                raise ValueError(f"{name}: {exc}") from None
            if isinstance(value, Fraction) and value.denominator > _FINEST:
                raise ValueError(f"{name} has too many decimals; up to 12 are read")
            msgspec.structs.force_setattr(self, name, value)


@cache
def _plain_fields(kind: type) -> dict[str, Any]:
    """Return the annotation of each field that is a single value, not a section."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is Annotated}


_FINEST = 10**12
"""Largest denominator that a recipe may write."""

MOST_PX = 1 << 20
"""Largest width or height, in px, that is written down."""

_Pixels = Annotated[int, Meta(ge=1, le=MOST_PX)]
_Edge = Annotated[int, Meta(ge=0, le=1 << 20)]
_Bytes = Annotated[int, Meta(ge=0, le=1 << 53)]
_Count = Annotated[int, Meta(ge=0, le=1 << 40)]
_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
_Key = Annotated[str, Meta(min_length=1, max_length=1024)]


class Size(_Value, frozen=True, kw_only=True):
    """Width and height of a picture in square pixels."""

    width: _Pixels
    height: _Pixels


Stereo: TypeAlias = Literal["mono", "left-right", "right-left", "top-bottom", "bottom-top"]
"""How the pictures of two eyes share one coded picture, the first named first."""


class Crop(_Value, frozen=True, kw_only=True):
    """Coded pixels at each edge that are not shown."""

    left: _Edge = 0
    top: _Edge = 0
    right: _Edge = 0
    bottom: _Edge = 0


# What is asked for ------------------------------------------------------------------------------


def _check(name: str, value: Fraction, least: Fraction, most: Fraction) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}; it must be from {least} to {most}")


class Animations(_Strict, frozen=True, kw_only=True):
    """The animation of each slice."""

    enabled: Annotated[bool, Meta(description="Make an animation for each slice.")] = True
    fps: Annotated[Fraction, Meta(description="Frames a second, up to 50.")] = Fraction(10)
    width: Annotated[
        int, Meta(ge=1, le=4096, description="Width in px; a smaller video is not enlarged.")
    ] = 240
    colors: Annotated[int, Meta(ge=2, le=255, description="Most colours in a palette.")] = 255
    max_bytes: Annotated[
        int, Meta(ge=0, description="Most bytes of one animation, as far as can be; 0: no bound.")
    ] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("fps", self.fps, Fraction(1, 100), Fraction(50))


class Frames(_Strict, frozen=True, kw_only=True):
    """The stills."""

    enabled: Annotated[bool, Meta(description="Make a still for each interval.")] = True
    interval: Annotated[Fraction, Meta(description="Seconds from one still to the next.")] = (
        Fraction(1)
    )
    width: Annotated[
        int, Meta(ge=0, le=16384, description="Width in px; 0 is the size of the video.")
    ] = 0
    quality: Annotated[int, Meta(ge=1, le=100, description="JPEG quality, 1 to 100.")] = 80

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("interval", self.interval, Fraction(1, 100), Fraction(86400))


class Sheets(_Strict, frozen=True, kw_only=True):
    """The sprite sheet of each slice."""

    enabled: Annotated[bool, Meta(description="Make a sheet of thumbnails for each slice.")] = True
    interval: Annotated[Fraction, Meta(description="Seconds from one thumbnail to the next.")] = (
        Fraction(1)
    )
    width: Annotated[
        int, Meta(ge=1, le=4096, description="Width of a thumbnail in px; never enlarged.")
    ] = 240
    columns: Annotated[int, Meta(ge=1, le=1000, description="Thumbnails in a row.")] = 6
    quality: Annotated[int, Meta(ge=1, le=100, description="JPEG quality, 1 to 100.")] = 75

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("interval", self.interval, Fraction(1, 100), Fraction(86400))


class Recipe(_Strict, frozen=True, kw_only=True):
    """What to make of a video. The defaults are the `classic` recipe."""

    slice_length: Annotated[
        Fraction, Meta(description="Seconds of video in a slice: one animation, one sheet.")
    ] = Fraction(30)
    tolerance: Annotated[
        Fraction,
        Meta(
            description="Seconds by which a picture may miss its time if that is cheaper; 0: exact."
        ),
    ] = Fraction(0)
    background: Annotated[
        str,
        Meta(
            pattern="^#[0-9a-fA-F]{6}$",
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
    animations: Animations = Animations()
    frames: Frames = Frames()
    sheets: Sheets = Sheets()

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("slice_length", self.slice_length, Fraction(1, 10), Fraction(86400))
        _check("tolerance", self.tolerance, Fraction(0), Fraction(3600))
        if not (self.animations.enabled or self.frames.enabled or self.sheets.enabled):
            raise ValueError("animations, frames and sheets are all switched off")


PRESETS: Mapping[str, Recipe] = {
    "classic": Recipe(),
    "trickplay": Recipe(
        slice_length=Fraction(1000),
        tolerance=Fraction(5),
        animations=Animations(enabled=False),
        frames=Frames(enabled=False),
        sheets=Sheets(interval=Fraction(10), width=320, columns=10),
    ),
}
"""Recipes with a name: `classic` is the default; `trickplay` is what media servers and TV boxes
read: sheets alone, 10 x 10 thumbnails of 320 px, one for each 10 s, from keyframes."""


# What is there ----------------------------------------------------------------------------------


class SourceRef(_Value, frozen=True, kw_only=True):
    """Which video this is, wherever it lies: no path, no address, no secret."""

    name: str
    """The last part of its address, for people."""
    size_bytes: _Bytes
    fingerprint: str
    """BLAKE2b of its size and content (of samples of the content where it is large)."""


class MediaInfo(_Value, frozen=True, kw_only=True):
    """What probing found in a video. Times are exact seconds on the player's seek bar."""

    container: str
    codec: str
    stream_index: _Count
    duration: Fraction
    """Where the last picture ends, as measured from the packets, not as a header claims."""
    declared_duration: Fraction | None
    """What the container's header claims for the longest stream."""
    first_picture: Fraction
    """When the first picture is shown; before it, a preview shows that first one."""
    origin: Fraction
    """What the stream's clock shows at the left end of the seek bar."""
    time_base: Fraction
    """Length of the stream's tick in seconds."""
    frame_rate: Fraction | None
    """Average, for people; never used to find a picture."""
    width: _Pixels
    """Width in px as displayed: square pixels, upright."""
    height: _Pixels
    coded_width: _Pixels
    coded_height: _Pixels
    sample_aspect_ratio: Fraction
    rotation_deg: Literal[0, 90, 180, 270]
    """Clockwise turn that puts the coded picture upright."""
    mirrored: bool
    """Whether the coded picture is flipped left to right before it is turned."""
    pixel_format: str
    color_space: str
    color_range: str
    color_transfer: str
    has_audio: bool
    packets: int
    """About how many packets hold its pictures: a bound on what its previews may cost."""
    color_primaries: str = "unspecified"
    peak_nits: _Count = 0
    """How bright its brightest white is, in cd/m2, where HDR video says so; 0 where not."""
    crop: Crop = Crop()
    """What the container cuts off the coded picture, whose size it leaves as it is."""
    stereo: Stereo = "mono"
    clock: Literal["pts", "gaps", "order", "count"] = "pts"
    """Where pictures' times come from: `pts`, the stream's times of presentation; `gaps`, the same,
    but some are missing; `order`, its decoding times, which pictures take in the order of output;
    `count`, their number."""
    seeks: bool = True
    """Whether jumps land where they should; else it is read from its start."""
    is_stitched: bool = False
    """Whether its clock jumps, and its stretches are put one after the other."""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        positive = (self.duration, self.time_base, self.sample_aspect_ratio, self.frame_rate or 1)
        if min(positive) <= 0:
            raise ValueError("durations, clocks and rates are greater than 0")


# What will be made ------------------------------------------------------------------------------


class Slice(_Value, frozen=True, kw_only=True):
    """One stretch of the video; the unit of work."""

    index: _Count
    """0-based, no holes."""
    start: Fraction
    end: Fraction

    @property
    def span(self) -> Span:
        """The slice's time as a half-open span."""
        return Span(start=self.start, end=self.end)


class SheetGrid(_Value, frozen=True, kw_only=True):
    """How every sheet of a set is laid out: `columns` x `rows` thumbnails of one size."""

    columns: _Pixels
    rows: _Pixels
    thumbnail: Size


class Plan(_Value, frozen=True, kw_only=True):
    """All that will be made of one video. Any machine can take a slice of it."""

    format: Literal["scrubjay-plan/1"] = "scrubjay-plan/1"
    render_version: int = RENDER_VERSION
    source: SourceRef
    media: MediaInfo
    recipe: Recipe
    animation: Size | None
    frame: Size | None
    sheet: SheetGrid | None
    slices: tuple[Slice, ...]

    def __post_init__(self) -> None:
        edges = [Fraction(0), *(part.end for part in self.slices)]
        if any(
            (part.index, part.start) != (index, edges[index]) or part.end <= part.start
            for index, part in enumerate(self.slices)
        ):
            raise ValueError("slices follow each other from 0 on, without holes")
        if edges[-1] != self.media.duration:
            raise ValueError("slices cover the video from its start to its end")


class Reading(_Value, frozen=True, kw_only=True):
    """What a plan's pictures cost to read: counted from packets, before anything is decoded."""

    pictures: Annotated[int, Meta(ge=0, description="Instants at which a picture is wanted.")]
    packets_read: Annotated[int, Meta(ge=0, description="Packets read, lead-ins included.")]
    frames_decoded: Annotated[int, Meta(ge=0, description="Frames decoded, lead-ins included.")]
    frames_left_out: Annotated[
        int, Meta(ge=0, description="Frames read but not decoded: nothing shows or refers to them.")
    ]
    frames_in_video: Annotated[
        _Count | None, Meta(description="Frames that the file's header counts, if it does.")
    ]
    seeks: _Count
    largest_miss: Annotated[
        Fraction, Meta(description="Seconds from an instant to its picture's time, at most.")
    ]
    reasons: Annotated[tuple[str, ...], Meta(description="Why, a sentence each.")]


# What was made ----------------------------------------------------------------------------------


class AnimationRecord(_Value, frozen=True, kw_only=True):
    """An animation in the store."""

    key: _Key
    media_type: str
    frames: _Count
    size_bytes: _Bytes
    over_budget: bool
    """Whether it is larger than the recipe's `max_bytes` even at its worst."""
    blake2b: _Digest


class FrameRecord(_Value, frozen=True, kw_only=True):
    """A still in the store."""

    key: _Key
    time: Fraction
    source_time: Fraction
    """When the source shows this very picture first; at most `time`, but for the first picture."""
    size_bytes: _Bytes
    blake2b: _Digest


class SheetRecord(_Value, frozen=True, kw_only=True):
    """A sprite sheet in the store."""

    key: _Key
    start: Fraction
    """Time of its first thumbnail; thumbnail k is for `start + k * interval`."""
    end: Fraction
    source_times: tuple[Fraction, ...]
    """When the source shows each thumbnail's picture first; as many as there are thumbnails."""
    size_bytes: _Bytes
    blake2b: _Digest


class SliceRecord(_Value, frozen=True, kw_only=True):
    """One finished slice. It is written after its artifacts: its presence means that it is done."""

    format: Literal["scrubjay-slice/1"] = "scrubjay-slice/1"
    plan: str
    """The plan's id."""
    index: _Count
    start: Fraction
    end: Fraction
    animation: AnimationRecord | None
    frames: tuple[FrameRecord, ...]
    sheet: SheetRecord | None
    damaged_packets: _Count = 0
    """Packets of the slice that the decoder could not read, that the container calls corrupt, or
    whose picture the decoder calls corrupt or had to guess in part."""

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every artifact by its key."""
        made = [*self.frames, *(each for each in (self.animation, self.sheet) if each)]
        return {artifact.key: artifact.size_bytes for artifact in made}


# What players read ------------------------------------------------------------------------------


class AnimationEntry(_Value, frozen=True, kw_only=True):
    """An animation, in the manifest."""

    key: Annotated[str, Meta(description="Where it is, relative to the manifest.")]
    media_type: str
    start: float
    end: float
    width: int
    height: int
    frames: Annotated[int, Meta(description="How many pictures it holds.")]
    size_bytes: int
    over_budget: Annotated[
        bool, Meta(description="Whether it is larger than `max_bytes` even at its worst.")
    ]


class FrameEntry(_Value, frozen=True, kw_only=True):
    """A still, in the manifest."""

    key: Annotated[str, Meta(description="Where it is, relative to the manifest.")]
    time: Annotated[float, Meta(description="The instant it stands for.")]
    source_time: Annotated[
        float, Meta(description="When the video shows exactly this picture first.")
    ]
    width: int
    height: int
    size_bytes: int


class SheetEntry(_Value, frozen=True, kw_only=True):
    """A sprite sheet, in the manifest: thumbnail k, by rows, is for `start + k * interval`."""

    key: Annotated[str, Meta(description="Where it is, relative to the manifest.")]
    start: float
    end: float
    columns: int
    rows: int
    thumbnail_width: int
    thumbnail_height: int
    interval: Annotated[float, Meta(description="Seconds from one thumbnail to the next.")]
    count: Annotated[int, Meta(description="Thumbnails in it; cells after these are black.")]
    size_bytes: int


class SliceEntry(_Value, frozen=True, kw_only=True):
    """A slice, in the manifest."""

    index: int
    start: float
    end: float
    status: Literal["done", "failed"]
    damaged_packets: Annotated[
        int,
        Meta(
            description="Packets of the video that do not decode, or give a picture that the "
            "decoder calls corrupt or had to guess in part."
        ),
    ]


class Gap(_Value, frozen=True, kw_only=True):
    """A stretch of the video that has no previews, and why."""

    start: float
    end: float
    reason: str


class ManifestMedia(_Value, frozen=True, kw_only=True):
    """What the video is, in the manifest."""

    duration: Annotated[float, Meta(description="Seconds that the previews cover.")]
    origin: Annotated[
        float, Meta(description="What the video's clock shows at the left end of the seek bar.")
    ]
    width: Annotated[int, Meta(description="Displayed width in px: square pixels, upright.")]
    height: int
    rotation_deg: int
    frame_rate: Annotated[float | None, Meta(description="Average, for people.")]
    codec: str
    container: str
    first_picture: float
    has_audio: bool
    warnings: tuple[str, ...]


class Manifest(_Value, frozen=True, kw_only=True):
    """All that a reader needs to use a set of previews. Times are seconds; keys are relative."""

    format: Literal["scrubjay/1"] = "scrubjay/1"
    status: Annotated[
        Literal["complete", "partial"],
        Meta(description="`partial`: see `gaps` for what is missing."),
    ]
    source: SourceRef
    media: ManifestMedia
    recipe: dict[str, Any]
    slices: tuple[SliceEntry, ...]
    animations: tuple[AnimationEntry, ...]
    frames: tuple[FrameEntry, ...]
    sheets: tuple[SheetEntry, ...]
    gaps: tuple[Gap, ...]
    tracks: Annotated[
        dict[str, str], Meta(description="Documents beside the manifest: name to key.")
    ]
    track_clock: Annotated[
        TrackClock,
        Meta(
            description="The clock of the times in those: `media` is the video's own, which shows "
            "`media.origin` where the previews begin; `zero` begins there, as this manifest does."
        ),
    ] = "zero"

"""The manifest: all that players need of a set. Times are seconds, keys are relative."""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from scrubjay.model.media import SourceRef
from scrubjay.model.values import Value

__all__ = [
    "AnimationEntry",
    "ClipEntry",
    "FrameEntry",
    "Gap",
    "Manifest",
    "ManifestMedia",
    "SheetEntry",
    "SliceEntry",
    "TrackClock",
    "WholeEntry",
]

TrackClock: TypeAlias = Literal["media", "zero"]
"""What the times of a track count from: see `Manifest.track_clock`."""

_Output = Annotated[str, Meta(description="Name of the output in the recipe.")]
_Key = Annotated[str, Meta(description="Key of the object, relative to the manifest.")]


class AnimationEntry(Value, frozen=True, kw_only=True):
    """An animation, in the manifest."""

    output: _Output
    key: _Key
    media_type: str
    start: Annotated[float, Meta(description="Where the slice starts that it stands for.")]
    end: Annotated[float, Meta(description="Where that slice ends.")]
    shown_start: Annotated[
        float, Meta(description="Where what it shows starts: for a highlight, in the slice.")
    ]
    shown_end: Annotated[float, Meta(description="Where what it shows ends.")]
    width: int
    height: int
    frames: Annotated[int, Meta(description="How many pictures it has.")]
    size_bytes: int
    over_budget: Annotated[
        bool, Meta(description="Whether it exceeds `max_bytes` even at the lowest quality.")
    ]


class FrameEntry(Value, frozen=True, kw_only=True):
    """A still, in the manifest."""

    output: _Output
    key: _Key
    media_type: str
    time: Annotated[float, Meta(description="The instant that it represents.")]
    source_time: Annotated[float, Meta(description="When the video first shows this picture.")]
    width: int
    height: int
    size_bytes: int
    byte_offset: Annotated[
        int,
        Meta(
            description="Where the picture begins in the file of that key: 0, except for packed "
            "stills (`mjpg`), where these `size_bytes` from there on are a JPEG."
        ),
    ] = 0


class SheetEntry(Value, frozen=True, kw_only=True):
    """A sprite sheet, in the manifest: thumbnail k, by rows, is for `start + k * interval`."""

    output: _Output
    key: _Key
    media_type: str
    start: float
    end: float
    columns: int
    rows: int
    thumbnail_width: int
    thumbnail_height: int
    interval: Annotated[float, Meta(description="Seconds from one thumbnail to the next.")]
    count: Annotated[int, Meta(description="Thumbnails in it; cells after these are black.")]
    size_bytes: int


class ClipEntry(Value, frozen=True, kw_only=True):
    """One short animation of a whole video, in the manifest: moments of it, one after another."""

    output: _Output
    key: _Key
    media_type: str
    duration: Annotated[float, Meta(description="Duration in seconds.")]
    moments: Annotated[
        tuple[float, ...], Meta(description="Time of each moment in the video, rising.")
    ]
    width: int
    height: int
    frames: Annotated[int, Meta(description="How many pictures it has.")]
    size_bytes: int
    over_budget: Annotated[
        bool, Meta(description="Whether it exceeds `max_bytes` even at the lowest quality.")
    ]


class SliceEntry(Value, frozen=True, kw_only=True):
    """A slice, in the manifest."""

    index: int
    start: float
    end: float
    status: Literal["done", "failed"]
    damaged_packets: Annotated[
        int,
        Meta(
            description="Packets of the video that cannot be decoded, or give a picture that the "
            "decoder calls corrupt or guessed in part."
        ),
    ]


class WholeEntry(Value, frozen=True, kw_only=True):
    """What was made once from the whole video, in the manifest, apart from the slices."""

    status: Literal["done", "failed"] = "done"
    reason: Annotated[str, Meta(description="Why it failed, for people; otherwise empty.")] = ""
    animations: tuple[ClipEntry, ...] = ()
    frames: tuple[FrameEntry, ...] = ()
    sheets: tuple[SheetEntry, ...] = ()


class Gap(Value, frozen=True, kw_only=True):
    """A range of the video that has no previews, and the reason."""

    start: float
    end: float
    reason: str


class ManifestMedia(Value, frozen=True, kw_only=True):
    """The video, in the manifest."""

    duration: Annotated[float, Meta(description="Seconds that the previews cover.")]
    origin: Annotated[
        float, Meta(description="Time on the video's own clock at the left end of the seek bar.")
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


class Manifest(Value, frozen=True, kw_only=True):
    """All that a reader needs to use a set of previews. Times are seconds; keys are relative."""

    format: Literal["scrubjay/1"] = "scrubjay/1"
    status: Annotated[
        Literal["complete", "partial"],
        Meta(description="`partial`: see `gaps` and `whole` for what is missing."),
    ]
    plan: Annotated[str, Meta(description="Id of the set's plan.")]
    source: SourceRef
    media: ManifestMedia
    recipe: dict[str, Any]
    slices: tuple[SliceEntry, ...]
    animations: tuple[AnimationEntry, ...]
    frames: tuple[FrameEntry, ...]
    sheets: tuple[SheetEntry, ...]
    whole: Annotated[
        WholeEntry | None,
        Meta(description="What was made once from the whole video; null if the recipe has none."),
    ] = None
    gaps: tuple[Gap, ...]
    tracks: Annotated[
        dict[str, str], Meta(description="Documents beside the manifest: name to key.")
    ]
    track_clock: Annotated[
        TrackClock,
        Meta(
            description="The clock of the times in the tracks: `media` is the video's own, which "
            "shows `media.origin` where the previews begin; `zero` is 0 there, like the times in "
            "this manifest."
        ),
    ] = "zero"

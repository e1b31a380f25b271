"""A video, and what probing found in it."""

from fractions import Fraction
from typing import Literal, TypeAlias

from scrubjay.model.values import Bytes, Count, Edge, Pixels, Value

__all__ = ["Crop", "MediaInfo", "SourceRef", "Stereo"]

Stereo: TypeAlias = Literal["mono", "left-right", "right-left", "top-bottom", "bottom-top"]
"""How the pictures of two eyes share one coded picture, the first named first."""


class Crop(Value, frozen=True, kw_only=True):
    """Coded pixels at each edge that are not shown."""

    left: Edge = 0
    top: Edge = 0
    right: Edge = 0
    bottom: Edge = 0


class SourceRef(Value, frozen=True, kw_only=True):
    """The identity of a video, wherever it is: no path, no address, no secret."""

    name: str
    """The last part of its address, for people."""
    size_bytes: Bytes
    fingerprint: str
    """BLAKE2b of its size and content (of samples of the content where it is large)."""


class MediaInfo(Value, frozen=True, kw_only=True):
    """What probing found in a video. Times are exact seconds on the player's seek bar."""

    container: str
    codec: str
    stream_index: Count
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
    width: Pixels
    """Width in px as displayed: square pixels, upright."""
    height: Pixels
    coded_width: Pixels
    coded_height: Pixels
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
    peak_nits: Count = 0
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
            raise ValueError("durations, clocks and rates must be greater than 0")

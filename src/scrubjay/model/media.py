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
    """Name of its file, for people."""
    size_bytes: Bytes
    fingerprint: str
    """BLAKE2b of its size and content, or of samples of the content if it is large."""


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
    """When the first picture is shown; earlier previews also show it."""
    origin: Fraction
    """Time on the stream's clock at the left end of the seek bar."""
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
    """Clockwise rotation that makes the coded picture upright."""
    mirrored: bool
    """Whether the coded picture is flipped left to right before it is rotated."""
    pixel_format: str
    color_space: str
    color_range: str
    color_transfer: str
    has_audio: bool
    packets: int
    """About how many packets its pictures have, which limits what its previews may cost."""
    color_primaries: str = "unspecified"
    peak_nits: Count = 0
    """Luminance of the brightest white in cd/m2, if HDR video declares it; otherwise 0."""
    crop: Crop = Crop()
    """Edges that the container cuts off; the coded size includes them."""
    stereo: Stereo = "mono"
    clock: Literal["pts", "gaps", "order", "count"] = "pts"
    """Source of the pictures' times: `pts`, the stream's presentation times; `gaps`, the same, but
    some are missing; `order`, its decoding times, assigned in the order of output; `count`, the
    picture's number."""
    seeks: bool = True
    """Whether seeking is reliable; otherwise the video is read from its start."""
    is_stitched: bool = False
    """Whether its clock jumps, so that its stretches are joined."""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        positive = (self.duration, self.time_base, self.sample_aspect_ratio, self.frame_rate or 1)
        if min(positive) <= 0:
            raise ValueError("durations, clocks and rates must be greater than 0")

"""What the pictures of a video look like, and which shape most of them have."""

import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from av import VideoFrame
from av.container import InputContainer

from scrubjay.errors import UnsupportedVideoError
from scrubjay.media.colour import matrix_name, primaries_name, range_name, transfer_name
from scrubjay.media.facts import Facts, facts_of
from scrubjay.media.longest import most_shown
from scrubjay.media.shape import AspectReader, crop_of, displayed, orientation, picture_aspect
from scrubjay.media.side_data import side_data
from scrubjay.media.source import name_of
from scrubjay.media.video import Video
from scrubjay.model import Crop, Stereo
from scrubjay.timing import Timeline

__all__ = ["looks_of"]

_SIDE_BY_SIDE, _TOP_BOTTOM, _INVERTED = 1, 2, 1
_RATIO = struct.Struct("<2i")
_LIGHT = struct.Struct("<2I")
_LUMINANCES_AT, _HAS_LUMINANCE_AT = 64, 84
"""Where FFmpeg's `AVMasteringDisplayMetadata` has the least and most luminance, two ratios, and
whether they are set: after the eight ratios of primaries and white, of 8 bytes each."""


def looks_of(
    video: Video,
    first: VideoFrame,
    timeline: Timeline,
    *,
    duration: Fraction,
    on_packet: Callable[[], None],
) -> dict[str, Any]:
    """Return the fields of `MediaInfo` that describe the pictures.

    If the shape changes midway, it is the one that is shown longest.

    Args:
        video: the opened video.
        first: its first picture.
        timeline: how its stream's ticks map to seconds.
        duration: of the video, in seconds.
        on_packet: called for each packet that is read.

    Raises:
        UnsupportedVideoError: its colours are wrong without Dolby Vision's own processing.
    """
    container, stream = video.container, video.stream
    facts = facts_of(stream)
    _refuse_bare_dolby_vision(container, facts, first)
    aspects = AspectReader(container.format.name, picture_aspect(stream))
    picture = most_shown(video, first, aspects, timeline, duration, on_packet)
    rotation_deg, mirrored = orientation(picture)
    crop = crop_of(facts.crop, picture.width, picture.height)
    aspect = _aspect(picture, aspects.read(picture), crop)
    width, height = displayed(
        picture.width - crop.left - crop.right, picture.height - crop.top - crop.bottom, aspect
    )
    turned = rotation_deg in {90, 270}
    return {
        "width": height if turned else width,
        "height": width if turned else height,
        "coded_width": picture.width,
        "coded_height": picture.height,
        "sample_aspect_ratio": aspect,
        "rotation_deg": rotation_deg,
        "mirrored": mirrored,
        "pixel_format": first.format.name,
        "color_space": matrix_name(first),
        "color_range": range_name(first),
        "color_transfer": transfer_name(first),
        "color_primaries": primaries_name(first),
        "peak_nits": _peak(first),
        "crop": crop,
        "stereo": _stereo(facts, first),
    }


def _refuse_bare_dolby_vision(container: InputContainer, facts: Facts, first: VideoFrame) -> None:
    found = facts.dolby_vision
    if found and not found.has_base_layer:
        raise UnsupportedVideoError(
            f"{name_of(container)} is Dolby Vision profile {found.profile}, whose colours "
            "would be green and purple; convert it to HDR10 or SDR first"
        )
    if not found and _is_profile_5(side_data(first, "DOVI_METADATA")):
        raise UnsupportedVideoError(
            f"{name_of(container)} is Dolby Vision profile 5, whose colours would be green "
            "and purple; convert it to HDR10 or SDR first"
        )


def _is_profile_5(metadata: bytes) -> bool:
    """Whether FFmpeg's `AVDOVIMetadata` (libavutil/dovi_meta.h) is that of profile 5.

    Only this profile has a `vdr_rpu_profile` of 0 and a base layer of full range.
    """
    if len(metadata) < struct.calcsize("@P"):
        return False
    header: int = struct.unpack_from("@P", metadata)[0]
    if header + 10 >= len(metadata):
        return False
    profile, is_full_range = metadata[header + 4], metadata[header + 10]
    return profile == 0 and is_full_range == 1


def _aspect(picture: VideoFrame, declared: Fraction, crop: Crop) -> Fraction:
    """Return the aspect of pixels, where a container declares it as the size of the display.

    With a crop, FFmpeg compares that size with the wrong one: an MP4's, which is the cropped size,
    with the coded size; a Matroska's, which muxers often write as the uncropped size, with the
    cropped size. If the result fits either mistake, pixels are square.
    """
    width = picture.width - crop.left - crop.right
    height = picture.height - crop.top - crop.bottom
    coded, left = Fraction(picture.width, picture.height), Fraction(width, height)
    if left != coded and declared in {coded / left, left / coded}:
        return Fraction(1)
    return declared


def _stereo(facts: Facts, first: VideoFrame) -> Stereo:
    """Return how two eyes share a picture, according to the container or else the pictures."""
    data = side_data(first, "STEREO3D")
    if facts.stereo != "mono" or len(data) < _RATIO.size:
        return facts.stereo
    kind, flags = _RATIO.unpack_from(data)
    inverted = bool(flags & _INVERTED)
    if kind == _SIDE_BY_SIDE:
        return "right-left" if inverted else "left-right"
    if kind == _TOP_BOTTOM:
        return "bottom-top" if inverted else "top-bottom"
    return "mono"


def _peak(first: VideoFrame) -> int:
    """Return the peak of HDR: the brightest pixel, or else that of the mastering display."""
    light = side_data(first, "CONTENT_LIGHT_LEVEL")
    if len(light) >= _LIGHT.size and (brightest := _LIGHT.unpack_from(light)[0]):
        return min(int(brightest), 10_000)
    mastering = side_data(first, "MASTERING_DISPLAY_METADATA")
    if len(mastering) < _HAS_LUMINANCE_AT + 4:
        return 0
    has_luminance = struct.unpack_from("<i", mastering, _HAS_LUMINANCE_AT)[0]
    top, bottom = _RATIO.unpack_from(mastering, _LUMINANCES_AT + _RATIO.size)
    return min(round(top / bottom), 10_000) if has_luminance and top > 0 and bottom > 0 else 0

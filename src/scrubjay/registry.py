"""The registry of formats and documents: one line for each.

A new format is one module and one line here. The module of an animated format has a class `Encoder`
(`scrubjay.encode.base.AnimationEncoder`), that of a still format a function `encode`
(`scrubjay.encode.base.StillEncoder`). It is only imported where pictures are encoded.

A new document is one module, with the two functions of `scrubjay.documents.base.Document`, and one
line here.
"""

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "ANIMATION_FORMATS",
    "DOCUMENTS",
    "EVERY_FORMAT",
    "FORMATS",
    "SHEET_FORMATS",
    "STILL_FORMATS",
    "DocumentKind",
    "Format",
]


class Format(NamedTuple):
    """What is known about a format without loading its encoder."""

    module: str
    media_type: str
    suffix: str
    largest_side_px: int
    version: int
    """Raise it whenever the encoder writes other bytes for the same pictures."""
    libraries: tuple[str, ...] = ()
    """Libraries, apart from those that decode and scale, whose versions may change the bytes."""
    encoder: str = ""
    """The encoder that FFmpeg must have for it."""
    kinds: tuple[str, ...] = ("frames", "sheets")
    """The kinds of outputs that a still format is good for."""
    encoder_bytes_per_px: int = 0
    """Memory that its encoder takes for each pixel, where it is much."""
    smallest_side_px: int = 1
    side_step_px: int = 1
    """Of what a file's width and height are multiples; its encoder makes a picture that large by
    repeating the last column and row."""
    cpu_ns_per_px: float = 6
    """CPU time that a still's encoder takes for a pixel on film at its usual quality; only its
    ratio to that of the others matters (`engines.worth`)."""
    takes_planar: bool = False
    """Whether its encoder also takes pictures in luma and chroma (`scrubjay.encode.base`)."""
    is_packed: bool = False
    """Whether all stills of a slice are in one file (`scrubjay.fragments`)."""


class DocumentKind(NamedTuple):
    """What is known about a document without loading its module."""

    module: str
    files: tuple[str, ...]
    """The keys of its files, the main one first. Where several outputs have one each, `-name`
    follows the stem of the others. What is in braces is filled in: `keys.DOCUMENT_FIELDS`."""
    reads: str = ""
    """The kind of outputs that it is made of; empty if it does not depend on any."""
    formats: tuple[str, ...] = ()
    """The formats that those may have; empty if any will do."""
    step_ms: int = 0
    """What its times have to be whole multiples of: a sheet's length, a still's interval. 0: any
    time will do."""
    per: str = "slice"
    """Whether it is made of the outputs that slices have, or of the first that the whole `video`
    has. Where there are none, sheets of the other sort will do."""

    def can_read(self, kind: str, format_name: str) -> bool:
        """Whether it can be made of an output of that kind and format."""
        return kind == self.reads and (not self.formats or format_name in self.formats)


ANIMATION_FORMATS: Mapping[str, Format] = {
    "gif": Format("scrubjay.encode.gif.encoding", "image/gif", "gif", 65_535, 1),
    "webp": Format(
        "scrubjay.encode.webp",
        "image/webp",
        "webp",
        16_383,
        1,
        encoder="libwebp_anim",
        encoder_bytes_per_px=40,
    ),
    "mp4": Format(
        "scrubjay.encode.mp4",
        "video/mp4",
        "mp4",
        16_384,
        2,
        encoder="libx264",
        encoder_bytes_per_px=180,
        side_step_px=2,
        takes_planar=True,
    ),
    "avif": Format(
        "scrubjay.encode.avif",
        "image/avif",
        "avif",
        8_704,
        1,
        encoder="libsvtav1",
        encoder_bytes_per_px=340,
        smallest_side_px=4,
    ),
    "webm": Format(
        "scrubjay.encode.webm",
        "video/webm",
        "webm",
        16_384,
        2,
        encoder="libvpx-vp9",
        encoder_bytes_per_px=200,
    ),
    "webm-av1": Format(
        "scrubjay.encode.webm_av1",
        "video/webm; codecs=av01.0.04M.08",
        "webm",
        8_704,
        1,
        encoder="libsvtav1",
        encoder_bytes_per_px=340,
        smallest_side_px=4,
    ),
}
"""Formats of animations. An encoder gets a slice's pictures as they are decoded."""

_PICTURE_FORMATS: Mapping[str, Format] = {
    "jpeg": Format("scrubjay.encode.jpeg", "image/jpeg", "jpg", 65_500, 1, ("simplejpeg",)),
    "mjpg": Format(
        "scrubjay.encode.mjpg",
        "video/mp4",
        "mp4",
        65_500,
        1,
        ("simplejpeg",),
        kinds=("frames",),
        is_packed=True,
    ),
    "webp": Format(
        "scrubjay.encode.webp_still",
        "image/webp",
        "webp",
        16_383,
        1,
        encoder="libwebp",
        cpu_ns_per_px=35,
    ),
    "png": Format(
        "scrubjay.encode.png",
        "image/png",
        "png",
        65_535,
        1,
        encoder="png",
        kinds=("frames",),
        cpu_ns_per_px=74,
    ),
    "avif": Format(
        "scrubjay.encode.avif_still",
        "image/avif",
        "avif",
        8_704,
        2,
        encoder="libsvtav1",
        kinds=("sheets",),
        smallest_side_px=4,
        encoder_bytes_per_px=36,
        cpu_ns_per_px=111,
    ),
}
"""Formats of one picture. The largest side of a JPEG is libjpeg's JPEG_MAX_DIMENSION."""

STILL_FORMATS: Mapping[str, Format] = {
    name: each for name, each in _PICTURE_FORMATS.items() if "frames" in each.kinds
}
"""Formats of stills."""

SHEET_FORMATS: Mapping[str, Format] = {
    name: each for name, each in _PICTURE_FORMATS.items() if "sheets" in each.kinds
}
"""Formats of sheets."""

FORMATS: Mapping[str, Mapping[str, Format]] = {
    "animations": ANIMATION_FORMATS,
    "frames": STILL_FORMATS,
    "sheets": SHEET_FORMATS,
}
"""Formats by the kind of output and by name."""

EVERY_FORMAT = (*ANIMATION_FORMATS.values(), *_PICTURE_FORMATS.values())

DOCUMENTS: Mapping[str, DocumentKind] = {
    "page": DocumentKind("scrubjay.documents.page", ("index.html",)),
    "webvtt": DocumentKind("scrubjay.documents.webvtt", ("storyboard.vtt",), "sheets"),
    "storyboard": DocumentKind(
        "scrubjay.documents.storyboard", ("storyboard.json",), "sheets", per="video"
    ),
    "poster": DocumentKind(
        "scrubjay.documents.poster", ("poster.jpg",), "frames", ("jpeg",), per="video"
    ),
    "hls": DocumentKind("scrubjay.documents.hls", ("images.m3u8", "images.master.m3u8"), "sheets"),
    "dash": DocumentKind("scrubjay.documents.dash", ("thumbnails.xml",), "sheets", step_ms=1000),
    "mjpg": DocumentKind(
        "scrubjay.documents.mjpg",
        ("iframes.m3u8", "iframes.header.mp4", "iframes.master.m3u8"),
        "frames",
        ("mjpg",),
    ),
    "bif": DocumentKind("scrubjay.documents.bif", ("index.bif",), "frames", ("mjpg",), step_ms=1),
    "emby": DocumentKind(
        "scrubjay.documents.emby",
        ("{video}-{width}-{interval}.bif",),
        "frames",
        ("mjpg",),
        step_ms=1000,
    ),
    "jellyfin": DocumentKind(
        "scrubjay.documents.jellyfin",
        ("jellyfin/{video}.trickplay/{width} - {columns}x{rows}/{number}.jpg",),
        "sheets",
        ("jpeg",),
    ),
}
"""Documents that can be written beside the manifest."""

"""Why a file gives no picture: the true cause, in a message that says what to do.

Nothing here runs for a video that can be read. The file itself is examined, because FFmpeg only
reports "invalid data".
"""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

from av.container import InputContainer
from av.video.stream import VideoStream

from scrubjay.errors import (
    EncryptedVideoError,
    NoVideoError,
    SoundOnlyError,
    SourceError,
    SourceForbiddenError,
    SourceUnreadableError,
    UnsupportedVideoError,
)
from scrubjay.media.mp4 import Bytes, Outline, bytes_of, find_boxes
from scrubjay.media.protection import encrypted_message, is_protected_by_header
from scrubjay.media.sniffing import kind_of_file
from scrubjay.media.tracks import has_decoder, name_of_codec
from scrubjay.places.place import Place

__all__ = [
    "cut_off_note",
    "encrypted_error",
    "explained",
    "no_picture_error",
    "sound_doubted",
]

_HEAD_BYTES = 64 << 10

_MP4_BOXES = frozenset(
    (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"sidx", b"emsg", b"prft", b"wide", b"pnot")
)

_VIDEO_MARKS = (
    rb"vmhd",  # ISO 14496-12, 12.1.2: the header of a video track
    rb"\x86[\x81-\x90]V_[A-Z]",  # Matroska: CodecID
    rb"\x83\x81\x01",  # and TrackType
    rb"vids",  # AVI: the type of a stream
    rb"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b",  # ASF: the same
    rb"^FLV[^\0][\x01\x05]",  # "video tags are present"
)
"""What the header of a file has for each video stream."""

_HEADER_ENDS = re.compile(rb"\x1f\x43\xb6\x75|movi")
"""Where the header of a Matroska file ends, and that of an AVI."""

_FETCH_AGAIN = "fetch or copy it again"


@contextmanager
def explained(place: Place) -> Generator[None]:
    """Replace the error of a file that does not open as a video with one that names the cause."""
    try:
        yield
    except SourceForbiddenError:
        raise
    except SourceUnreadableError as error:
        cause = _why_unopened(place)
        if cause is None:
            raise
        raise SourceUnreadableError(cause) from error


@contextmanager
def sound_doubted(place: Place) -> Generator[None]:
    """Replace the error of a file with sound only, if its header had a video before it was damaged.

    FFmpeg leaves out a track whose description it cannot read.
    """
    try:
        yield
    except SoundOnlyError as error:
        if _videos_declared(place) <= error.covers:
            raise
        raise NoVideoError(
            f"{place.name} declares a video, but only its sound can be found: it is damaged; "
            f"{_FETCH_AGAIN}"
        ) from error


def no_picture_error(
    place: Place, container: InputContainer, streams: Sequence[VideoStream], packets: int
) -> SourceError:
    """Return why no stream of an open file gives a picture.

    Args:
        place: its location.
        container: the file, open.
        streams: its video streams, at least one.
        packets: how many of their packets were read in search of a picture.
    """
    name, codec = place.name, name_of_codec(streams[0])
    with suppress(OSError):
        file = bytes_of(place)
        scheme = is_protected_by_header(file, streams[0])
        if scheme is not None:
            return EncryptedVideoError(encrypted_message(name, scheme, file))
        if cause := _why_empty(name, file):
            return NoVideoError(cause)
    if not any(has_decoder(stream) for stream in streams):
        what = _tag(place) if codec == "unknown" else codec
        return UnsupportedVideoError(
            f"{name}: no decoder here for its video ({what}). Convert it: "
            f"ffmpeg -i {name} -c:v libx264 out.mp4"
        )
    if not packets:
        sound = " Its sound may be complete." if container.streams.audio else ""
        return NoVideoError(f"{name} declares a {codec} video, but contains no data of it.{sound}")
    return NoVideoError(
        f"{name} has a {codec} video stream, but no picture in it decodes: it is damaged, or it "
        "has no keyframe at its start"
    )


def encrypted_error(place: Place, scheme: str) -> EncryptedVideoError:
    """Return the error for a video that is encrypted with a scheme."""
    return EncryptedVideoError(encrypted_message(place.name, scheme, bytes_of(place)))


def cut_off_note(file: Bytes) -> str | None:
    """Return a note on a file that ends before its last box; None if it does not."""
    outline = Outline.of(file)
    if not _MP4_BOXES.intersection(outline.kinds) or outline.declared_bytes <= file.size:
        return None
    return (
        f"it is cut off: {file.size:,} of its {outline.declared_bytes:,} bytes are there, so its "
        "end is missing"
    )


def _videos_declared(place: Place) -> int:
    """Return how many video streams the header of a file has, covers in tags not included."""
    with suppress(OSError, SourceError):
        file = bytes_of(place)
        head = Outline.of(file).moov or file.read(0, _HEAD_BYTES)
        header, *_ = _HEADER_ENDS.split(head, maxsplit=1)
        return max(len(re.findall(mark, header)) for mark in _VIDEO_MARKS)
    return 0


def _why_unopened(place: Place) -> str | None:
    """Return why a file does not open; None if its bytes do not show it."""
    try:
        file = bytes_of(place)
        head = file.read(0, _HEAD_BYTES)
    except (OSError, SourceError):
        return None
    if what := kind_of_file(head):
        return f"{place.name} {what}"
    if cause := _why_headless(place.name, file):
        return cause
    return f"{place.name} is not a video in any format that Scrubjay opens, or its start is damaged"


def _why_headless(name: str, file: Bytes) -> str | None:
    """Return what is missing in an MP4 that does not open."""
    outline = Outline.of(file)
    kinds = outline.kinds
    if not kinds or kinds[0] not in _MP4_BOXES:
        return None
    if b"moov" in kinds:
        cut = cut_off_note(file)
        return f"{name} has a damaged header" + (f"; {cut}. {_FETCH_AGAIN}" if cut else "")
    if b"moof" in kinds:
        return (
            f"{name} is a fragment without its initialization segment. Put that before it: "
            f"cat init.mp4 {name} > whole.mp4"
        )
    if b"mdat" in kinds:
        lost = max(0, outline.declared_bytes - file.size)
        return (
            f"{name} has no index (moov box)"
            + (f", and its last {lost:,} bytes are missing" if lost else "")
            + ": its recording or download stopped before the end, where the index is written; "
            f"{_FETCH_AGAIN}, or try a recovery program such as untrunc"
        )
    return f"{name} is cut off after its first {file.size:,} bytes; {_FETCH_AGAIN}"


def _why_empty(name: str, file: Bytes) -> str | None:
    """Return why an MP4 that opens has no picture; None if it should have one."""
    outline = Outline.of(file)
    kinds = outline.kinds
    if b"moov" not in kinds:
        return None
    is_fragmented = any(True for _ in find_boxes(outline.moov, b"mvex"))
    if is_fragmented and b"moof" not in kinds:
        return (
            f"{name} is only the initialization segment of a fragmented MP4. Put its fragments "
            f"after it: cat {name} fragment-*.m4s > whole.mp4"
        )
    if outline.declared_bytes > file.size:
        return (
            f"{name} is cut off after its header: {file.size:,} of {outline.declared_bytes:,} "
            f"bytes are there, without a complete picture; {_FETCH_AGAIN}"
        )
    if not outline.media_bytes and not is_fragmented:
        return f"{name} is cut off after its header: its media data is missing; {_FETCH_AGAIN}"
    return None


def _tag(place: Place) -> str:
    """Return an MP4's name of its video's codec, or "an unknown codec"."""
    with suppress(OSError, SourceError):
        for entries in find_boxes(Outline.of(bytes_of(place)).moov, b"stsd"):
            kind = entries[12:16]
            if kind.isalnum():
                return kind.decode("ascii")
    return "an unknown codec"

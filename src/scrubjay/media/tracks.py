"""Which of a file's streams is the video: the one that browsers show, or a given one."""

from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from scrubjay.errors import NoVideoError, SoundOnlyError
from scrubjay.media.allowed import may_decode

__all__ = ["has_decoder", "name_of_codec", "ordered_streams"]

_NEVER = Disposition.attached_pic | Disposition.timed_thumbnails
"""Covers of music, and pictures of chapters: not moving pictures."""

_LAST = Disposition.dependent | Disposition.multilayer | Disposition.still_image
"""Layers that only refine another stream, such as the second eye of a stereo video."""

_PICTURE_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpegxl"})


def ordered_streams(container: InputContainer, name: str, number: int | None) -> list[VideoStream]:
    """Return the streams with moving pictures, first the one that browsers show.

    That is the first stream that is marked as default, or else the first. In an MP4 the enabled
    tracks are marked, in Matroska those with `FlagDefault`. Streams that only refine
    others, and single pictures beside a video, come last.

    Args:
        container: the opened file.
        name: of the file, for people.
        number: the 0-based number of the only stream to use; None means any.

    Raises:
        NoVideoError: there are none, or `number` is not one.
        SoundOnlyError: there is only sound, perhaps with a cover.
    """
    moving = [each for each in container.streams.video if not each.disposition & _NEVER]
    if number is not None:
        moving = [each for each in moving if each.index == number]
        if not moving:
            raise NoVideoError(_not_a_video(container, name, number))
    if not moving:
        if not container.streams.audio:
            raise NoVideoError(_no_video(container, name))
        sound_only = SoundOnlyError(_no_video(container, name))
        sound_only.covers = len(container.streams.video)
        raise sound_only
    return sorted(moving, key=lambda stream: (_rank(stream, len(moving)), stream.index))


def has_decoder(stream: Stream) -> bool:
    """Whether there is a decoder for a stream, and it is allowed to run."""
    return may_decode(_decoder_of(stream))


def _decoder_of(stream: Stream) -> str:
    # PyAV's context is None if FFmpeg has none, though its type hints do not say so
    context = getattr(stream, "codec_context", None)
    return "" if context is None else context.codec.name


def name_of_codec(stream: Stream) -> str:
    """Return FFmpeg's name of a stream's codec."""
    return stream.codec_context.codec.canonical_name if _decoder_of(stream) else "unknown"


def _rank(stream: VideoStream, count: int) -> int:
    if stream.disposition & _LAST:
        return 3
    if count > 1 and stream.frames == 1 and name_of_codec(stream) in _PICTURE_CODECS:
        return 2  # a camera's thumbnail
    return 0 if stream.disposition & Disposition.default else 1


def _no_video(container: InputContainer, name: str) -> str:
    """Return a message that says what a file without moving pictures has instead."""
    streams = container.streams
    if streams.video and streams.audio:
        return f"{name} has only audio and a cover picture, no video"
    if streams.video:
        return f"{name} has only a picture, no video"
    if streams.audio:
        return f"{name} has only audio ({name_of_codec(streams.audio[0])}), no video"
    kinds = sorted({stream.type for stream in streams if stream.type})
    return f"{name} has no video stream (found: {', '.join(kinds) or 'nothing'})"


def _not_a_video(container: InputContainer, name: str, number: int) -> str:
    streams = {stream.index: stream for stream in container.streams}
    if number not in streams:
        what = f"{name} has no stream {number}"
    elif streams[number].type == "video":
        what = f"stream {number} of {name} is a cover or chapter picture, not a video"
    else:
        what = f"stream {number} of {name} is {streams[number].type}, not video"
    there = ", ".join(
        f"{each.index} ({name_of_codec(each)})"
        for each in container.streams.video
        if not each.disposition & _NEVER
    )
    return f"{what}; its video streams: {there or 'none'}"

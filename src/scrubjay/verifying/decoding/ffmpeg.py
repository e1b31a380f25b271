"""Objects read by FFmpeg: a demuxer finds the pictures, a decoder shows them."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from typing import Any

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from scrubjay.media.allowed import DECODERS
from scrubjay.verifying.decoding.colours import to_rgb
from scrubjay.verifying.decoding.look import BrokenError, Look, RgbPicture

__all__ = ["ffmpeg_errors", "look", "opened", "pictures"]

_OPTIONS: dict[str, Any] = {
    "protocol_whitelist": "none",  # a playlist could name other files
    "codec_whitelist": DECODERS,
    "err_detect": "crccheck+bitstream+buffer+explode",
}
_WEBM = "matroska"


@contextmanager
def ffmpeg_errors() -> Generator[None]:
    """Turn what PyAV raises about damaged bytes into `BrokenError`."""
    try:
        yield
    except av.error.MemoryError:
        raise MemoryError from None
    except (av.error.FFmpegError, UnicodeDecodeError, ValueError) as error:
        raise BrokenError(f"it cannot be decoded ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    return str(error.strerror) if isinstance(error, av.error.FFmpegError) else str(error)


@contextmanager
def opened(data: bytes) -> Generator[tuple[InputContainer, VideoStream]]:
    """Open an object, and yield it with the stream of its pictures.

    An animated AVIF has two: its first picture as a still, and all of them.

    Raises:
        BrokenError: FFmpeg cannot open it, or it has no pictures.
    """
    with ffmpeg_errors(), av.open(BytesIO(data), "r", options=_OPTIONS) as container:
        streams = container.streams.video
        if not streams:
            raise BrokenError("it has no pictures")
        stream = max(streams, key=lambda each: each.frames or 0)
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"err_detect": _OPTIONS["err_detect"]}
        yield container, stream


def look(data: bytes, *, is_endless: bool | None = None, media_type: str = "") -> Look:
    """Read the structure of an object with FFmpeg's demuxer.

    Args:
        data: the object.
        is_endless: whether it repeats for ever, if that is known.
        media_type: its media type; by default that of the container.

    Raises:
        BrokenError: it is damaged.
    """
    with opened(data) as (container, stream):
        name = container.format.name
        tick = stream.time_base or Fraction(1)
        times = sorted(
            (packet.pts or 0, packet.duration or 0)
            for packet in container.demux(stream)
            if packet.size
        )
        # with reordered pictures, only the track knows how long the last one is shown
        length = stream.duration or None
        width, height = stream.codec_context.width, stream.codec_context.height
    if not times:
        raise BrokenError("it has no pictures")
    first, last = times[0][0], times[-1]
    end = length or last[0] + last[1] - first
    return Look(
        media_type=media_type or ("video/webm" if _WEBM in name else f"image/{_still_name(name)}"),
        width=width,
        height=height,
        starts=tuple(pts - first for pts, _ in times),
        end=end if len(times) > 1 or media_type.startswith("video") else None,
        tick=Fraction(tick),
        pictures=lambda: pictures(data),
        is_endless=is_endless,
    )


def _still_name(demuxer: str) -> str:
    return demuxer.removesuffix("_pipe")


def pictures(data: bytes) -> Iterator[RgbPicture]:
    """Decode each picture of an object.

    Raises:
        BrokenError: one cannot be decoded.
    """
    with opened(data) as (container, stream):
        for frame in container.decode(stream):
            if frame.is_corrupt:
                raise BrokenError("its decoder calls a picture corrupt")
            yield to_rgb(frame)

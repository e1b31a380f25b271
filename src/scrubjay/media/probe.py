"""What is in a video: read from its packets and its first picture, not from its header."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from av.container import InputContainer
from av.video.stream import VideoStream
from msgspec.structs import replace

from scrubjay.coding import MOST_SECONDS
from scrubjay.errors import LimitError, SourceDamagedError
from scrubjay.limits import Limits
from scrubjay.media.beginning import Beginning, Search, read_beginning
from scrubjay.media.boxes import Fragments
from scrubjay.media.diagnosis import encrypted_error, no_picture_error, sound_doubted
from scrubjay.media.extent import Extent
from scrubjay.media.ffmpeg import source_errors
from scrubjay.media.looks import looks_of
from scrubjay.media.meter import ProbeMeter, packets_in
from scrubjay.media.mp4 import bytes_of
from scrubjay.media.programmes import HEAD_BYTES, programme_of
from scrubjay.media.protection import is_protected_by_header
from scrubjay.media.source import (
    Starts,
    as_fraction,
    fragments_at,
    has_guesses,
    identify,
    open_container,
    time_base_of,
    usual_length,
    video_streams,
)
from scrubjay.media.tracks import has_decoder
from scrubjay.media.video import Video
from scrubjay.model import MOST_PX, MediaInfo, SourceRef
from scrubjay.places.place import Place
from scrubjay.places.remote import RemoteFile
from scrubjay.timing import Timeline, short_clock

__all__ = ["probe_media"]

_NO_LOOK = {"codec_whitelist": "none", "max_pixels": str((1 << 31) - 1)}
"""FFmpeg's options that make it trust a header, and decode nothing."""


def probe_media(
    place: Place,
    *,
    limits: Limits = Limits(),
    on_packet: Callable[[], None] = lambda: None,
) -> tuple[SourceRef, MediaInfo]:
    """Probe the video at a place: which one it is, and what it contains.

    Args:
        place: where it is, and which stream of the file to use if not the default one.
        limits: on how much of it may be read, and on its size.
        on_packet: called for everything that is read, to report progress.

    Raises:
        LimitError: it is over a limit.
        SoundOnlyError: it has only sound, and is not damaged.
        SourceError: it cannot be opened, has no video, or gives no picture.
    """
    meter = ProbeMeter(place.name, limits, on_packet)
    source = identify(place, on_packet=meter)
    meter.knows_size(source.size_bytes)
    jumps_to_end = not place.is_local and _has_index_at_end(place, source.size_bytes, limits)
    meter()
    starts, search = Starts(), Search()
    opened = partial(open_container, place, limits, on_open=starts.read)
    with source_errors(place), sound_doubted(place), Video(opened, place.stream) as video:
        meter()
        streams = video_streams(video.container, place.stream)
        for index in [stream.index for stream in streams if has_decoder(stream)]:
            video.select(index)
            _check_pixels(place, video.stream, limits)
            beginning = read_beginning(video, search, meter)
            if beginning is None:
                continue
            if search.is_damaged:
                _check_is_clear(place, video.stream)
            picture = beginning.first.frame
            limits.check_pixels(source.name, picture.width, picture.height)
            packets = beginning.read + packets_in(video, source.size_bytes, meter)
            media = _describe(
                place, video, beginning, starts, jumps_to_end=jumps_to_end, on_packet=meter
            )
            _check_believable(source.name, media)
            return source, replace(media, packets=packets)
        if search.scheme is not None:
            raise encrypted_error(place, search.scheme)
        raise no_picture_error(place, video.container, streams, search.packets)


def _check_is_clear(place: Place, stream: VideoStream) -> None:
    """Check that a video that decodes with errors is not encrypted.

    Raises:
        EncryptedVideoError: it is encrypted, so its pictures are noise.
    """
    scheme = is_protected_by_header(bytes_of(place), stream)
    if scheme is not None:
        raise encrypted_error(place, scheme)


def _check_believable(name: str, media: MediaInfo) -> None:
    """Check that duration, clock and size are possible.

    Raises:
        LimitError: it lasts longer than any video.
        SourceDamagedError: its clock or its shape is impossible.
    """
    if media.duration > MOST_SECONDS:
        raise LimitError(
            f"{name} lasts {short_clock(media.duration)}, longer than {short_clock(MOST_SECONDS)}: "
            "its clock is damaged"
        )
    if max(abs(media.origin), abs(media.first_picture)) > MOST_SECONDS:
        raise SourceDamagedError(
            f"{name} is damaged: its clock begins at {float(media.origin):.0f} s, and its first "
            f"picture is shown {float(media.first_picture):.0f} s later"
        )
    if max(media.width, media.height) > MOST_PX:
        raise SourceDamagedError(
            f"{name} is damaged: it declares that its pictures of {media.coded_width} x "
            f"{media.coded_height} px are shown at {media.width} x {media.height} px"
        )


def _has_index_at_end(place: Place, size_bytes: int, limits: Limits) -> bool:
    """Whether a video on a server is a fragmented MP4 with its index at its end.

    Raises:
        LimitError: it is one that has no index, and too large to be fetched whole.
    """
    fragments = fragments_at(place)
    if fragments is Fragments.MANY:
        limits.check_one_pass(place.name, size_bytes)
    return fragments is Fragments.INDEXED_AT_END


def _check_pixels(place: Place, stream: VideoStream, limits: Limits) -> None:
    """Check the size that a stream claims, before anything of it is decoded.

    FFmpeg forgets a size that is larger than its decoders may take, while it looks into a file; so
    where there is none, the file is opened once more without that look.
    """
    if not has_decoder(stream):
        return
    context = stream.codec_context
    if context.width and context.height:
        limits.check_pixels(place.name, context.width, context.height)
        return
    with open_container(place, limits, _NO_LOOK) as container:
        for claimed in container.streams.video:
            if claimed.index == stream.index:
                context = claimed.codec_context
                limits.check_pixels(place.name, context.width, context.height)


def _describe(
    place: Place,
    video: Video,
    beginning: Beginning,
    starts: Starts,
    *,
    jumps_to_end: bool,
    on_packet: Callable[[], None],
) -> MediaInfo:
    container, stream = video.container, video.stream
    picture = beginning.first.frame
    timeline = _timeline(place, video, beginning, starts)
    declared = None if jumps_to_end else starts.duration
    extent = Extent(
        video,
        beginning,
        declared=declared,
        jumps_to_end=jumps_to_end,
        is_remote=not place.is_local,
        on_packet=on_packet,
    )
    first = timeline.seconds(beginning.first.pts)
    end = extent.measure(timeline)
    if end <= 0:  # damage: its declared start is after its last picture
        end -= first
        timeline = replace(timeline, origin=timeline.origin + first)
        first = Fraction(0)
    container, stream = video.container, video.stream  # it may have been opened again
    duration = max(end, first + usual_length(stream))
    looks = looks_of(video, picture, timeline, duration=duration, on_packet=on_packet)
    container, stream = video.container, video.stream
    return MediaInfo(
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        stream_index=stream.index,
        duration=duration,
        declared_duration=declared if (declared or 0) <= MOST_SECONDS else None,
        first_picture=first,
        origin=timeline.origin,
        time_base=timeline.time_base,
        frame_rate=1 / usual_length(stream)
        if has_guesses(container)
        else as_fraction(stream.average_rate),
        has_audio=bool(container.streams.audio),
        packets=0,  # counted elsewhere
        clock=beginning.clock,
        seeks=beginning.seeks and not extent.is_stitched,
        is_stitched=extent.is_stitched,
        warnings=(
            *_warnings(container, duration, declared, timeline.origin),
            *_clock_warnings(stream, beginning, is_stitched=extent.is_stitched),
        ),
        **looks,
    )


def _timeline(place: Place, video: Video, beginning: Beginning, starts: Starts) -> Timeline:
    """Return how the ticks of a stream's clock map to seconds."""
    stream = video.stream
    if beginning.clock == "count":
        return Timeline(time_base=usual_length(stream), origin=Fraction(0))
    time_base = time_base_of(stream)
    programme: frozenset[int] = frozenset()
    if video.container.format.name == "mpegts":
        programme = programme_of(_head(place), stream.id)
    first = beginning.first.pts * time_base
    return Timeline(time_base=time_base, origin=starts.origin(stream, first, programme))


def _head(place: Place) -> bytes:
    """Return the first bytes of a video."""
    if not place.is_local:
        return RemoteFile(place).head
    with Path(place.address).open("rb") as file:
        return file.read(HEAD_BYTES)


def _clock_warnings(
    stream: VideoStream, beginning: Beginning, *, is_stitched: bool
) -> Iterator[str]:
    """Yield what is unusual about the times of a stream, and the consequences."""
    rate = float(1 / usual_length(stream))
    if is_stitched:
        yield "its clock jumps; the stretches between the jumps are joined, as in players"
    if beginning.clock == "count":
        yield f"it has no times: its pictures are counted at {rate:.6g} per second"
    elif beginning.clock == "order":
        yield "it has no presentation times: its pictures get the decoding times in order"
    elif beginning.clock == "gaps":
        yield "some of its pictures have no time: they are spread evenly between the others"
    if not beginning.seeks:
        yield "seeking in it is unreliable, so every worker reads it from its start"


def _warnings(
    container: InputContainer, duration: Fraction, declared: Fraction | None, origin: Fraction
) -> Iterator[str]:
    longest = duration + 1 + max(origin, Fraction(0))  # Matroska's header counts from the clock's 0
    claimed = "" if declared is None else f"{float(declared):.2f}"
    if declared is None:
        if not has_guesses(container):  # those formats have no header for it
            yield "its header gives no duration; it was measured by reading the file"
    elif declared > longest and not container.streams.audio:
        yield f"its header declares {claimed} s, but its pictures end at {float(duration):.2f} s"
    elif declared > longest:
        yield f"its pictures end at {float(duration):.2f} s of {claimed} s"

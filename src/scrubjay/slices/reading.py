"""Opening a plan's video for reading, and counting what reading it will cost."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from functools import partial

from av.container import InputContainer
from av.video.stream import VideoStream

from scrubjay.errors import (
    SourceChangedError,
    SourceForbiddenError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.limits import Limits
from scrubjay.media.clocks import F
from scrubjay.media.decoders import DecoderFor
from scrubjay.media.ffmpeg import source_errors
from scrubjay.media.frames import FrameReader
from scrubjay.media.rehearsal import RehearsalDecoder
from scrubjay.media.source import identify, open_container
from scrubjay.media.stream_reader import StreamReader
from scrubjay.media.video import Packets, Video
from scrubjay.media.watched import WatchedContainer
from scrubjay.model import MediaInfo, Plan, Reading
from scrubjay.places.place import Place
from scrubjay.planning import spacing_of, targets_from
from scrubjay.timing import Timeline

__all__ = ["check_identity", "explain_reading", "open_frames", "open_reader"]

_ANY_STREAMS = 1 << 31

_SPARSE = 1
"""Seconds between planned pictures from which a seek may be cheaper than reading on."""


@contextmanager
def open_reader(plan: Plan, source: Place, decoder_for: DecoderFor[F]) -> Generator[FrameReader[F]]:
    """Open the video of a plan for reading.

    Args:
        plan: whose pictures will be read.
        source: the location of the video.
        decoder_for: returns the decoder to use.

    Raises:
        SourceError: the video cannot be opened, or is not the planned one.
    """
    if source.is_local:
        check_identity(plan, source)
    reader = open_frames(
        plan.media,
        source,
        decoder_for,
        size_bytes=plan.source.size_bytes,
        tolerance=plan.recipe.tolerance,
        is_sparse=spacing_of(plan.recipe) >= _SPARSE,
    )
    with reader as opened:
        yield opened


@contextmanager
def open_frames(
    media: MediaInfo,
    source: Place,
    decoder_for: DecoderFor[F],
    *,
    size_bytes: int | None = None,
    tolerance: Fraction = Fraction(0),
    is_sparse: bool = False,
) -> Generator[FrameReader[F]]:
    """Open a video that was probed for reading.

    Args:
        media: what probing found in it.
        source: its location.
        decoder_for: returns the decoder to use.
        size_bytes: of the video on a server, if that is known.
        tolerance: seconds by which a picture may differ from its instant where that is cheaper.
        is_sparse: whether seeking from one instant to the next may be cheaper.

    Raises:
        SourceError: the video cannot be opened, or is not the planned one.
    """
    timeline = Timeline(time_base=media.time_base, origin=media.origin)

    def watch(container: InputContainer, stream: VideoStream) -> Packets:
        """Watch a connection, and check that it leads to the right video."""
        if source.is_local:
            return container
        # its version was checked by `If-Match` if it is known
        if size_bytes not in {None, container.size}:
            raise _changed(source.name)
        end = timeline.last_pts_at(media.duration) if media.clock == "pts" else None
        return WatchedContainer(source, container, stream, end)

    opened = partial(_opened, source, media.container, _limits_for(media))
    with Video(opened, media.stream_index, wrap=watch) as video, source_errors(source):
        yield FrameReader(video, media, decoder_for, tolerance=tolerance, is_sparse=is_sparse)


def _limits_for(media: MediaInfo) -> Limits:
    """Return limits that the video is within, because it was checked when it was planned."""
    pixels = media.coded_width * media.coded_height
    return Limits(max_pixels=max(Limits().max_pixels, pixels), max_streams=_ANY_STREAMS)


def check_identity(plan: Plan, source: Place) -> None:
    """Check that a place still has a plan's video.

    Raises:
        SourceChangedError: another video has taken its place.
        SourceError: the video cannot be read.
    """
    if identify(source).fingerprint != plan.source.fingerprint:
        raise _changed(plan.source.name)


def _changed(name: str) -> SourceChangedError:
    return SourceChangedError(f"{name} is not the video that the plan was made for")


@contextmanager
def _opened(source: Place, container_name: str, limits: Limits) -> Generator[InputContainer]:
    """Open a video that opened before, when the plan was made.

    Raises:
        SourceUnavailableError: it is on a server and does not open now.
    """
    with ExitStack() as stack:
        try:
            container = stack.enter_context(
                open_container(source, limits, container_name=container_name)
            )
        except SourceForbiddenError:
            raise
        except SourceUnreadableError as error:
            if source.is_local:
                raise
            problem = f"{error}; it could be opened before, so this may be temporary"
        else:
            yield container
            return
    raise SourceUnavailableError(problem)


def explain_reading(
    plan: Plan, *, source: Place, on_time: Callable[[Fraction], None] = lambda _: None
) -> Reading:
    """Count what the pictures of a plan's slices cost to read in one go, from packets alone.

    Args:
        plan: what would be made.
        source: the location of the video that the plan was made for.
        on_time: called with the time that reading has reached.

    Raises:
        SourceError: the video cannot be read, or is another one.
    """
    pictures, largest_miss = 0, Fraction(0)
    with open_reader(plan, source, RehearsalDecoder) as reader:
        reader.start(targets_from(plan, 0))
        for shown in reader.until(plan.media.duration):
            pictures += 1
            largest_miss = max(largest_miss, abs(shown.time - shown.source_time))
            on_time(shown.time)
        counts = reader.stream.counts
        return Reading(
            pictures=pictures,
            packets_read=counts.read,
            frames_decoded=counts.decoded,
            frames_left_out=counts.read - counts.decoded,
            frames_in_video=reader.stream.frames_in_video,
            seeks=counts.seeks,
            largest_miss=largest_miss,
            reasons=tuple(_reasons(plan, reader.stream)),
        )


def _reasons(plan: Plan, stream: StreamReader[F]) -> Iterator[str]:
    """Yield the reasons for the cost of a plan's pictures."""
    if plan.whole:
        yield "pictures of the whole video, mostly keyframes, are found while reading: not counted"
    if not plan.timeline:
        return
    tolerance, spacing = plan.recipe.tolerance, spacing_of(plan.recipe)
    codec = plan.media.codec
    if stream.can_leave_out:
        yield (
            f"{codec} marks frames that no other frame needs; those that no picture shows are "
            "skipped"
        )
    else:
        yield f"{codec} does not mark frames that can be skipped, so all that are read are decoded"
    if spacing < _SPARSE:
        yield f"pictures are {float(spacing):g} s apart, so frames are read one after another"
    elif tolerance:
        yield f"pictures are {float(spacing):g} s apart, so keyframes within the tolerance are used"
    elif stream.has_index:
        yield f"pictures are {float(spacing):g} s apart, so GOPs between them are skipped"
    else:
        yield "the file has no index of its keyframes, so it is read from start to end"
    if not tolerance:
        yield "the tolerance is 0, so every picture is exact"

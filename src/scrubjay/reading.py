"""Opening a plan's video for reading, and counting what that will cost."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import TypeVar, cast

from av.container import InputContainer

from scrubjay.errors import (
    SourceChangedError,
    SourceForbiddenError,
    SourceUnavailableError,
    SourceUnreadableError,
)
from scrubjay.limits import Limits
from scrubjay.media.ffmpeg import source_errors
from scrubjay.media.frames import FrameReader
from scrubjay.media.rehearsal import RehearsalReader
from scrubjay.media.source import identify, open_container
from scrubjay.media.watched import WatchedContainer
from scrubjay.model import Plan, Reading
from scrubjay.place import Place
from scrubjay.planning import spacing_of, targets_from
from scrubjay.timing import Timeline

__all__ = ["check_identity", "explain_reading", "open_reader"]

R = TypeVar("R", bound=FrameReader)

_ANY_STREAMS = 1 << 31

_SPARSE = 1
"""Seconds between wanted pictures from which on a jump may be cheaper than reading on."""


@contextmanager
def open_reader(plan: Plan, source: Place, kind: type[R], *, threads: int = 1) -> Generator[R]:
    """Open the video of a plan for reading.

    Args:
        plan: whose pictures will be read.
        source: where the video lies.
        kind: the reader to make.
        threads: how many its decoder may use.

    Raises:
        SourceError: the video cannot be opened, or is another one.
    """
    media, recipe = plan.media, plan.recipe
    if source.is_local:
        check_identity(plan, source)
    with ExitStack() as stack:
        container = _enter(stack, source, _limits_for(plan))
        stack.enter_context(source_errors(source))
        # of a video on a server, its version was checked by `If-Match` if it is known
        if not source.is_local and container.size != plan.source.size_bytes:
            raise _changed(plan)
        stream = next(each for each in container.streams.video if each.index == media.stream_index)
        timeline = Timeline(time_base=media.time_base, origin=media.origin)
        end = timeline.last_pts_at(media.duration)
        watched = WatchedContainer(source, container, stream, end)
        yield kind(
            container if source.is_local else cast("InputContainer", watched),
            stream,
            timeline,
            tolerance=recipe.tolerance,
            is_sparse=spacing_of(recipe) >= _SPARSE,
            threads=threads,
        )


def _limits_for(plan: Plan) -> Limits:
    """Return limits that a plan's own video keeps: they were checked when it was planned."""
    pixels = plan.media.coded_width * plan.media.coded_height
    return Limits(max_pixels=max(Limits().max_pixels, pixels), max_streams=_ANY_STREAMS)


def check_identity(plan: Plan, source: Place) -> None:
    """Check that a plan's video still lies at a place.

    Raises:
        SourceChangedError: another one does.
        SourceError: it cannot be read.
    """
    if identify(source).fingerprint != plan.source.fingerprint:
        raise _changed(plan)


def _changed(plan: Plan) -> SourceChangedError:
    return SourceChangedError(f"{plan.source.name} is not the video that the plan was made for")


def _enter(stack: ExitStack, source: Place, limits: Limits) -> InputContainer:
    """Open a video that opened before, when the plan was made.

    Raises:
        SourceUnavailableError: it lies on a server and does not open now.
    """
    try:
        return stack.enter_context(open_container(source, limits))
    except SourceForbiddenError:
        raise
    except SourceUnreadableError as error:
        if source.is_local:
            raise
        problem = f"{error}; it could be opened before, so this may pass"
    raise SourceUnavailableError(problem)


def explain_reading(
    plan: Plan, *, source: Place, on_time: Callable[[Fraction], None] = lambda _: None
) -> Reading:
    """Count what a plan's pictures cost to read in one go, from packets alone.

    Args:
        plan: what would be made.
        source: where the video lies that the plan was made for.
        on_time: told how far it is.

    Raises:
        SourceError: the video cannot be read, or is another one.
    """
    pictures, largest_miss = 0, Fraction(0)
    with open_reader(plan, source, RehearsalReader) as reader:
        reader.start(targets_from(plan, 0))
        for shown in reader.until(plan.media.duration):
            pictures += 1
            largest_miss = max(largest_miss, abs(shown.time - shown.source_time))
            on_time(shown.time)
        counts = reader.counts
        return Reading(
            pictures=pictures,
            packets_read=counts.read,
            frames_decoded=counts.decoded,
            frames_left_out=counts.read - counts.decoded,
            frames_in_video=reader.frames_in_video,
            seeks=counts.seeks,
            largest_miss=largest_miss,
            reasons=tuple(_reasons(plan, reader)),
        )


def _reasons(plan: Plan, reader: FrameReader) -> Iterator[str]:
    """Say why a plan's pictures cost what they do."""
    tolerance, spacing = plan.recipe.tolerance, spacing_of(plan.recipe)
    codec = plan.media.codec
    if reader.can_leave_out:
        yield f"{codec} says what nothing refers to: such frames that no picture shows are left out"
    else:
        yield f"{codec} does not say which frames can be left out, so all that are read are decoded"
    if spacing < _SPARSE:
        yield f"pictures are {float(spacing):g} s apart: frames are read one after the other"
    elif tolerance:
        yield f"pictures are {float(spacing):g} s apart: a keyframe within the tolerance is sought"
    elif reader.has_index:
        yield f"pictures are {float(spacing):g} s apart: GOPs between them are passed over"
    else:
        yield "the file has no index of its keyframes, so it is read from end to end"
    if not tolerance:
        yield "the tolerance is 0: every picture is the exact one"

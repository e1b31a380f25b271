"""One file of a video, made at once: an animation of a range, a frame, or a contact sheet.

It is planned as a part of the video with one slice, which an engine makes like any other. The file
comes back in memory, and nothing is written.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import TypeAlias

from msgspec.structs import replace

from scrubjay.coding import exact
from scrubjay.engines.base import Engine, Job, Probing
from scrubjay.engines.processes import ProcessEngine
from scrubjay.errors import RecipeError, ScrubjayError
from scrubjay.events import OnEvent
from scrubjay.model import Animation, Captions, Kind, Output, Plan, Recipe, Sheet, Still
from scrubjay.places.place import Place, PlaceText
from scrubjay.planning import make_plan
from scrubjay.registry import FORMATS, Format
from scrubjay.sets.store import Store
from scrubjay.timing import Span, exact_clock, parsed_clock

__all__ = [
    "CONTACT",
    "DARK",
    "FRAME",
    "GIF",
    "PLAIN",
    "Excerpt",
    "Time",
    "file_formats",
    "frame",
    "gif",
    "sheet",
]

Time: TypeAlias = Fraction | float | str
"""A time in a video: seconds, or text such as `1:02.5` or `1:02:03`."""

GIF = Animation(name="gif", width=480)
"""What `gif` makes by default."""

FRAME = Still(name="frame", quality=90)
"""What `frame` makes by default."""

CONTACT = Sheet(name="sheet", columns=4, rows=5, width=320, quality=85)
"""What `sheet` makes by default."""

PLAIN, DARK = Recipe(), Recipe(background="#1c1c1c")
"""How pictures are chosen and painted by default: those of `sheet` lie on a dark grey."""

_LONGEST = 86400
"""Seconds that one file can show."""

_SHORTEST_SLICE = Fraction(1, 10)
"""Seconds of a recipe's slices, at least."""

_CLOSEST = Fraction(1, 10)
"""Seconds between two pictures of a contact sheet, at least."""

_STEPS = ((10, Fraction(1)), (1, Fraction(1, 10)), (0, Fraction(1, 1000)))
"""The times on a contact sheet are multiples of a step, so that few digits say them exactly: for
pictures that are at least so many seconds apart, so many seconds."""

_GAPS, _LINES, _SMALLEST_TEXT_PX = 50, 90, 11
"""A gap is this part of a picture's width; a header's letters are this part of a sheet's."""

_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """One file made of a part of a video. Times are exact seconds on the player's seek bar."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    """In px, as `height`."""
    height: int
    start: Fraction
    """The time of the first picture."""
    end: Fraction
    """Where the last picture ends."""
    pictures: int
    source_times: tuple[Fraction, ...]
    """When the video first shows each picture of a frame or a contact sheet."""
    damaged_packets: int
    """Packets of the part that could not be read."""


def gif(
    source: PlaceText | Place,
    *,
    start: Time = 0,
    end: Time | None = None,
    animation: Animation = GIF,
    recipe: Recipe = PLAIN,
    stream: int | None = None,
    engine: Engine | None = None,
    on_progress: OnEvent | None = None,
) -> Excerpt:
    """Make an animation of a range of a video, in any animated format.

    Args:
        source: the video: a path or a URL.
        start: where the range begins.
        end: where it ends, after the last picture; by default the end of the video.
        animation: its format, size, frame rate and byte budget.
        recipe: only its `tolerance`, `background` and `stereo` matter.
        stream: video stream of the file, 0-based; by default the one that browsers show.
        engine: makes it; by default a worker process on this machine.
        on_progress: called with each event of the run, in this thread.

    Raises:
        RecipeError: the range is not in the video, or the animation cannot be made from it.
        SourceError: the video cannot be read, or gives no picture there.
        ScrubjayError: it could not be made for another reason.
    """
    with _opened(source, stream, engine) as video:
        part = video.part(start, end)
        planned = video.plan(animation, part, recipe, length=part.duration)
        return video.make(planned, on_progress)


def frame(
    source: PlaceText | Place,
    *,
    at: Time,
    still: Still = FRAME,
    recipe: Recipe = PLAIN,
    stream: int | None = None,
    engine: Engine | None = None,
    on_progress: OnEvent | None = None,
) -> Excerpt:
    """Make a still of the frame that a player shows at a time, in any format of stills.

    Args:
        source: the video: a path or a URL.
        at: the time.
        still: its format, width and quality.
        recipe: only its `tolerance`, `background` and `stereo` matter.
        stream: video stream of the file, 0-based; by default the one that browsers show.
        engine: makes it; by default a worker process on this machine.
        on_progress: called with each event of the run, in this thread.

    Raises:
        RecipeError: the video is shorter, or the still cannot be made from it.
        SourceError: the video cannot be read, or gives no picture there.
        ScrubjayError: it could not be made for another reason.
    """
    with _opened(source, stream, engine) as video:
        part = video.part(at, None)
        part = replace(part, end=min(part.start + 1, part.end))
        only = replace(still, interval=Fraction(1))
        planned = video.plan(only, part, recipe, length=only.interval)
        return video.make(planned, on_progress)


def sheet(
    source: PlaceText | Place,
    *,
    start: Time = 0,
    end: Time | None = None,
    sheet: Sheet = CONTACT,
    header: bool = True,
    recipe: Recipe = DARK,
    stream: int | None = None,
    engine: Engine | None = None,
    on_progress: OnEvent | None = None,
) -> Excerpt:
    """Make a contact sheet of a video or a range of it: pictures with their times, for people.

    Args:
        source: the video: a path or a URL.
        start: where the range begins.
        end: where it ends; by default the end of the video.
        sheet: its grid, format, quality, and the width of a picture. With `rows`, as many pictures
            as fill them are spread over the range; with 0 rows, there is a picture for each
            `interval` from the start of the range.
        header: whether to write what the video is above the pictures.
        recipe: only its `tolerance`, `background` and `stereo` matter.
        stream: video stream of the file, 0-based; by default the one that browsers show.
        engine: makes it; by default a worker process on this machine.
        on_progress: called with each event of the run, in this thread.

    Raises:
        RecipeError: the range is not in the video, or the sheet cannot be made from it.
        SourceError: the video cannot be read, or gives no picture there.
        ScrubjayError: it could not be made for another reason.
    """
    with _opened(source, stream, engine) as video:
        span = video.part(start, end)
        part, grid = _spread(span, sheet)
        length = grid.columns * grid.rows * grid.interval
        planned = video.plan(grid, part, recipe, length=length)
        lines = video.lines(span) if header else ()
        return video.make(_captioned(planned, lines), on_progress)


def file_formats(kind: Kind) -> Mapping[str, Format]:
    """Return the formats of a kind of output whose artifacts are files for themselves, by name."""
    return {name: each for name, each in FORMATS[kind].items() if not each.is_packed}


@contextmanager
def _opened(
    source: PlaceText | Place, stream: int | None, engine: Engine | None
) -> "Generator[_Video]":
    """Probe a video with the caller's engine, which stays open, or with a new one."""
    place = replace(Place.of(source, stream=stream), few_requests=True)
    with nullcontext(engine) if engine else ProcessEngine() as running:
        yield _Video(running, place, running.probe(place))


class _Video:
    """A probed video and the engine that reads it."""

    def __init__(self, engine: Engine, place: Place, probing: Probing) -> None:
        self._engine = engine
        self._place = place
        self._source, self._media, self._versions = probing

    def part(self, start: Time, end: Time | None) -> Span:
        """Return a range of the video.

        Raises:
            RecipeError: it is empty, or not in the video.
        """
        name, length = self._source.name, self._media.duration
        first = _seconds(start)
        last = length if end is None else _seconds(end)
        if first >= length:
            raise RecipeError(
                f"{name} lasts {exact_clock(length)}, so it has no picture at {exact_clock(first)}"
            )
        if last > length:
            raise RecipeError(
                f"{name} lasts {exact_clock(length)}, so no range of it ends at "
                f"{exact_clock(last)}; leave the end out to go on to the last picture"
            )
        if last <= first:
            raise RecipeError(
                f"the range ends at {exact_clock(last)}, but begins at {exact_clock(first)}; its "
                "end must be later"
            )
        if last - first > _LONGEST:
            raise RecipeError("one file can show 24 hours of a video; choose a shorter range")
        return Span(start=first, end=last)

    def plan(self, output: Output, part: Span, recipe: Recipe, *, length: Fraction) -> Plan:
        """Plan one output of a part of the video.

        Args:
            output: what to make.
            part: of which part.
            recipe: how its pictures are chosen and painted.
            length: seconds of its slice.

        Raises:
            RecipeError: it cannot be made.
            LimitError: it would cost more than the engine's limits allow.
        """
        if output.format not in file_formats(output.kind):
            raise RecipeError(f"{output.format} is only for sets; choose another format")
        outputs = {kind: (output,) if kind == output.kind else () for kind in FORMATS}
        try:
            only = replace(
                recipe,
                slice_length=max(length, _SHORTEST_SLICE),
                documents=PLAIN.documents,
                **outputs,
            )
        except ValueError as error:
            raise RecipeError(str(error)) from error
        return make_plan(
            self._source,
            self._media,
            only,
            self._engine.limits,
            versions=self._versions,
            part=part,
        )

    def make(self, plan: Plan, on_progress: OnEvent | None) -> Excerpt:
        """Make the only artifact of a plan.

        Raises:
            ScrubjayError: it could not be made.
        """
        (output,), (slice_,), store = plan.outputs, plan.slices, Store.in_memory()
        job = Job(plan, self._place, store)
        made, lost = self._engine.run(job, {0: (output.name,)}, on_progress or _ignore)
        if lost:
            raise _unnumbered(lost[0], slice_.shown)
        record = made[0][output.name]
        (artifact,) = record.artifacts
        return Excerpt(
            data=store.get(artifact.key),
            media_type=artifact.media_type,
            width=output.canvas.width,
            height=output.canvas.height,
            start=artifact.start,
            end=artifact.end,
            pictures=artifact.pictures,
            source_times=artifact.source_times,
            damaged_packets=record.damaged_packets,
        )

    def lines(self, span: Span) -> tuple[str, ...]:
        """Return what the header of a contact sheet says of the video."""
        source, media = self._source, self._media
        length = exact_clock(Fraction(floor(media.duration)))
        if span.duration < media.duration:
            length = f"{exact_clock(span.start)} to {exact_clock(span.end)} of {length}"
        size = f"{media.width} x {media.height} px"
        return (
            source.name,
            f"{length}, {size}, {media.codec}, {source.size_bytes / _MB:.1f} MB",
        )


def _seconds(time: Time) -> Fraction:
    """Return a time that the caller gave, in seconds.

    Raises:
        RecipeError: it is not a time, or before the start.
    """
    try:
        seconds = parsed_clock(time) if isinstance(time, str) else exact(time)
    except ValueError as error:
        raise RecipeError(str(error)) from error
    if seconds < 0:
        raise RecipeError(f"{seconds} is before the start of the video; use a time from 0 on")
    return seconds


def _spread(span: Span, sheet: Sheet) -> tuple[Span, Sheet]:
    """Spread the pictures of a contact sheet over a range.

    Returns:
        The part from the first picture on, and the sheet with its grid.
    """
    if sheet.rows:
        most = max(1, floor(span.duration / _CLOSEST))
        count = min(sheet.columns * sheet.rows, most)
        apart = max(span.duration / count, _CLOSEST)
        step = next(step for least, step in _STEPS if apart >= least)
        interval = floor(apart / step) * step
        middle = span.start + (span.duration - (count - 1) * interval) / 2
        first = max(span.start, floor(middle / step) * step)
    else:
        count, interval, first = ceil(span.duration / sheet.interval), sheet.interval, span.start
    columns = min(sheet.columns, count)
    part = Span(start=first, end=min(first + count * interval, span.end))
    grid = replace(sheet, interval=interval, columns=columns, rows=ceil(count / columns))
    return part, grid


def _captioned(plan: Plan, lines: tuple[str, ...]) -> Plan:
    """Return the plan of a contact sheet with its captions.

    Raises:
        RecipeError: with them, it would be larger than its format allows.
    """
    (output,) = plan.outputs
    width_px = output.layout.size.width
    captions = Captions(
        lines=lines,
        text_px=max(_SMALLEST_TEXT_PX, output.layout.sides[0] // _LINES),
        gap_px=max(2, width_px // _GAPS),
    )
    layout = replace(output.layout, captions=captions)
    if max(layout.sides) > output.format.largest_side_px:
        raise RecipeError(
            f"the sheet would be {max(layout.sides)} px long, over the "
            f"{output.format.largest_side_px} px of its format; use fewer or smaller pictures"
        )
    return replace(plan, layouts=(layout,))


def _unnumbered(error: ScrubjayError, slice_shown: str) -> ScrubjayError:
    """Return an error without the number of its slice: the caller knows of no slices."""
    return type(error)(str(error).removeprefix(f"{slice_shown}: "))


def _ignore(_: object) -> None:
    pass

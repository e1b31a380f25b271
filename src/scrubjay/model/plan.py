"""What will be made of one video."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta

from scrubjay.model.media import MediaInfo, SourceRef
from scrubjay.model.recipe import Output, Recipe
from scrubjay.model.values import Count, Edge, Pixels, Size, Value
from scrubjay.registry import FORMATS, Format
from scrubjay.timing import Span, short_clock

__all__ = ["Captions", "Layout", "OutputId", "Plan", "PlannedOutput", "Reading", "Slice"]

OutputId = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z")]
"""Id of what decides an output's bytes (`scrubjay.identity`)."""


class Captions(Value, frozen=True, kw_only=True):
    """What is written on a contact sheet: lines of text above the pictures, and a time in each."""

    lines: tuple[str, ...]
    """The lines; none if there is no header."""
    text_px: Pixels
    """Height of the lines' capitals."""
    gap_px: Edge
    """Space around each picture."""

    @property
    def line_px(self) -> int:
        """Height of a line with the space below it."""
        return 2 * self.text_px

    @property
    def header_px(self) -> int:
        """Height of what is above the pictures, without the space around them."""
        return len(self.lines) * self.line_px + self.text_px if self.lines else 0


class Layout(Value, frozen=True, kw_only=True):
    """The size of an output's pictures, and the id in the keys of its artifacts."""

    id: OutputId
    size: Size
    """Size of a picture, or of one thumbnail of a sheet."""
    columns: Pixels = 1
    rows: Pixels = 1
    interval: Fraction | None = None
    """Seconds from one thumbnail to the next in a sheet of the whole video, whose length decides
    it; None for all others, whose recipe says it."""
    grid_start: Fraction = Fraction(0)
    """Where the grid of its instants begins, in seconds: where the planned part does."""
    captions: Captions | None = None
    """What is written on a contact sheet; None for all else, on which nothing is."""

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height of an artifact in px."""
        gap, header = (self.captions.gap_px, self.captions.header_px) if self.captions else (0, 0)
        width = self.columns * (self.size.width + gap) + gap
        return width, header + self.rows * (self.size.height + gap) + gap


class PlannedOutput(NamedTuple):
    """One output of a plan: its options in the recipe, and its layout."""

    options: Output
    layout: Layout

    @property
    def name(self) -> str:
        """Its name, unique in the recipe."""
        return self.options.name

    @property
    def id(self) -> str:
        """Its id: see `Layout`."""
        return self.layout.id

    @property
    def is_whole(self) -> bool:
        """Whether it is made once for the whole video, not for each slice."""
        return self.options.per == "video"

    @property
    def spacing(self) -> Fraction:
        """Seconds between two of its pictures."""
        return self.layout.interval or self.options.spacing

    def instants(self, span: Span) -> Iterator[Fraction]:
        """Yield the times in a slice at which a picture is needed, rising."""
        first = self.layout.grid_start
        shifted = Span(start=span.start - first, end=span.end - first)
        return (first + time for time in self.options.instants(shifted))

    @property
    def format(self) -> Format:
        """The format of its artifacts."""
        return FORMATS[self.options.kind][self.options.format]

    @property
    def canvas(self) -> Size:
        """Width and height of one artifact in px."""
        step = self.format.side_step_px
        width, height = (-(-side // step) * step for side in self.layout.sides)
        return Size(width=width, height=height)


class Slice(Value, frozen=True, kw_only=True):
    """One range of time in the video; the unit of work."""

    index: Count
    """0-based, no holes."""
    start: Fraction
    end: Fraction
    is_whole: bool = False
    """Whether it is the job after all others that makes what the whole video has once: it is no
    part of the timeline."""

    @property
    def shown(self) -> str:
        """What people call it."""
        when = f"{short_clock(self.start)} to {short_clock(self.end)}"
        return f"the whole video ({when})" if self.is_whole else f"slice {self.index} ({when})"

    @property
    def span(self) -> Span:
        """The slice's time as a half-open span."""
        return Span(start=self.start, end=self.end)


class Plan(Value, frozen=True, kw_only=True):
    """All that will be made from one video. Any machine can make any slice of it."""

    format: Literal["scrubjay-plan/2"] = "scrubjay-plan/2"
    source: SourceRef
    media: MediaInfo
    recipe: Recipe
    layouts: tuple[Layout, ...]
    """One for each of the recipe's outputs, in their order."""
    slices: tuple[Slice, ...]
    """The timeline's, and last the job for the whole video: each only where the recipe has outputs
    for it."""
    versions: Mapping[str, str]
    """Versions of all that may change a picture's bytes: only a worker with the same versions may
    make slices of this plan."""
    part: Span | None = None
    """The part of the video that is made; None is all of it."""

    def __post_init__(self) -> None:
        timeline, span = self.timeline, self.span
        edges = [span.start, *(slice_.end for slice_ in timeline)]
        if any(
            (slice_.index, slice_.start) != (index, edges[index]) or slice_.end <= slice_.start
            for index, slice_ in enumerate(timeline)
        ):
            raise ValueError("slices must follow each other from 0 without holes")
        if timeline and edges[-1] != span.end:
            raise ValueError("slices must cover the video from its start to its end")
        if not 0 <= span.start < span.end <= self.media.duration:
            raise ValueError("the planned part must lie in the video")
        rest = [(each.index, each.start, each.end) for each in self.slices[len(timeline) :]]
        has_whole = bool(self.recipe.outputs_per("video"))
        if rest != [(len(timeline), Fraction(0), self.media.duration)] * has_whole:
            raise ValueError(
                "one job for the whole video must follow if the recipe has outputs for it"
            )
        if bool(timeline) != bool(self.recipe.outputs_per("slice")):
            raise ValueError("a plan must have slices if its recipe has outputs for them")
        if len(self.layouts) != len(self.recipe.outputs):
            raise ValueError("a plan must have one layout for each output of its recipe")

    @property
    def outputs(self) -> tuple[PlannedOutput, ...]:
        """Each output with its layout: animations, then stills, then sheets."""
        return tuple(map(PlannedOutput, self.recipe.outputs, self.layouts))

    @property
    def span(self) -> Span:
        """The time that the slices cover."""
        return self.part or Span(start=Fraction(0), end=self.media.duration)

    @property
    def timeline(self) -> tuple[Slice, ...]:
        """The slices that cover the video; none where all outputs are of the whole video."""
        return tuple(each for each in self.slices if not each.is_whole)

    @property
    def whole(self) -> Slice | None:
        """The job for the outputs of the whole video, if there are any."""
        return self.slices[-1] if self.slices[-1].is_whole else None

    def outputs_of(self, slice_: Slice) -> tuple[PlannedOutput, ...]:
        """Return the outputs that a slice has, in the plan's order; at least one."""
        return tuple(each for each in self.outputs if each.is_whole == slice_.is_whole)


class Reading(Value, frozen=True, kw_only=True):
    """What a plan's pictures cost to read: counted from packets, before anything is decoded."""

    pictures: Annotated[int, Meta(ge=0, description="Instants at which a picture is needed.")]
    packets_read: Annotated[int, Meta(ge=0, description="Packets read, lead-ins included.")]
    frames_decoded: Annotated[int, Meta(ge=0, description="Frames decoded, lead-ins included.")]
    frames_left_out: Annotated[
        int, Meta(ge=0, description="Frames read but not decoded: nothing shows or needs them.")
    ]
    frames_in_video: Annotated[
        Count | None, Meta(description="Frames that the file's header declares, if it does.")
    ]
    seeks: Count
    largest_miss: Annotated[
        Fraction, Meta(description="Most seconds from an instant to its picture's time.")
    ]
    reasons: Annotated[tuple[str, ...], Meta(description="Reasons, one sentence each.")]

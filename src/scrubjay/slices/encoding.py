"""One slice's pictures, painted once for each size and fed to every output's encoder."""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from functools import partial
from hashlib import blake2b
from typing import NamedTuple, Protocol

from av import VideoFrame

from scrubjay.encode.base import (
    AnimationEncoder,
    PlanarPicture,
    RgbPicture,
    animation_encoder,
    still_encoder,
)
from scrubjay.encode.contact import contact_sheet
from scrubjay.encode.sheet import lay_out
from scrubjay.fragments import fragment
from scrubjay.media.frames import Shown
from scrubjay.media.picture import Painter
from scrubjay.model import Animation, Artifact, Plan, PlannedOutput, Sheet, Size, Slice, Still
from scrubjay.planning import PlannedArtifact, artifacts_of
from scrubjay.slices.aside import Aside
from scrubjay.slices.excerpts import Highlight, Timelapse

__all__ = ["Encoded", "Painters", "SliceEncoder", "encoded"]


class Encoded(NamedTuple):
    """One object to store: its bytes, and what its record says of them."""

    output: PlannedOutput
    data: bytes
    artifact: Artifact


class Painters:
    """Paints the frames of a plan's video at any size.

    Args:
        plan: what they are painted for.
    """

    def __init__(self, plan: Plan) -> None:
        recipe = plan.recipe
        self._new = partial(Painter, plan.media, background=recipe.background, stereo=recipe.stereo)
        self._painters: dict[Size, Painter] = {}
        self._frame: object = None
        self._painted: dict[Size, RgbPicture] = {}
        self._planar: dict[Size, PlanarPicture | None] = {}

    def paint(self, frame: VideoFrame, size: Size) -> RgbPicture:
        """Paint a frame at a size, once however often and for how many outputs it is shown."""
        self._begin(frame)
        if size not in self._painted:
            self._painted[size] = self._painter(size).paint(frame)
        return self._painted[size]

    def paint_planar(self, frame: VideoFrame, size: Size) -> RgbPicture | PlanarPicture:
        """Paint a frame in luma and chroma, or else in RGB where its colours or shape need that."""
        self._begin(frame)
        if size not in self._planar:
            self._planar[size] = self._painter(size).paint_planar(frame)
        planar = self._planar[size]
        return self.paint(frame, size) if planar is None else planar

    def _begin(self, frame: VideoFrame) -> None:
        """Forget what was painted of another frame."""
        if frame is not self._frame:
            self._frame = frame
            self._painted, self._planar = {}, {}

    def _painter(self, size: Size) -> Painter:
        if size not in self._painters:
            self._painters[size] = self._new(size)
        return self._painters[size]


class SliceEncoder:
    """Turns the shown frames of a plan's slices into artifacts.

    Keeps the scalers of the last slice, so that the next one does not set them up again.

    Args:
        plan: what to make.
        threads: with more than one, each animation is encoded in a thread of its own. No byte
            depends on it.
    """

    def __init__(self, plan: Plan, threads: int = 1) -> None:
        self._plan = plan
        self._threads = threads
        self._painters = Painters(plan)

    def encode(
        self, slice_: Slice, shown: Iterable[Shown[VideoFrame]], outputs: Collection[PlannedOutput]
    ) -> Generator[Encoded]:
        """Yield the artifacts of one slice: each as soon as its last picture is there.

        Args:
            slice_: the slice.
            shown: the frame at each of the slice's instants, in order.
            outputs: which to make.
        """
        with ExitStack() as asides:
            feeds = [self._feed(output, slice_, asides) for output in outputs]
            needs = [frozenset(output.instants(slice_.span)) for output in outputs]
            paints = [self._paint_for(output) for output in outputs]
            for each in shown:
                for output, feed, paint, instants in zip(
                    outputs, feeds, paints, needs, strict=True
                ):
                    if each.time in instants:
                        yield from feed.add(paint(each.frame, output.layout.size), each)
            for feed in reversed(feeds):
                yield from feed.finish()

    def _paint_for(self, output: PlannedOutput) -> Callable[[VideoFrame, Size], RgbPicture]:
        """Return what paints an output's pictures; to find the liveliest ones takes RGB."""
        is_highlight = isinstance(output.options, Animation) and output.options.of == "highlight"
        takes_planar = output.format.takes_planar and not is_highlight
        return self._painters.paint_planar if takes_planar else self._painters.paint

    def _feed(self, output: PlannedOutput, slice_: Slice, asides: ExitStack) -> "_Feed":
        planned = artifacts_of(self._plan, output, slice_)
        match output.options:
            case Animation() as options:
                return self._animation_feed(output, options, slice_, planned, asides)
            case Still() as options if output.format.is_packed:
                return _PackedFeed(output, options, planned)
            case Still() as options:
                return _StillFeed(output, options, planned)
            case Sheet() as options:
                return _SheetFeed(output, options, planned, self._plan.recipe.background)

    def _animation_feed(
        self,
        output: PlannedOutput,
        options: Animation,
        slice_: Slice,
        planned: Sequence[PlannedArtifact],
        asides: ExitStack,
    ) -> "_AnimationFeed":
        encoder, highlight = animation_encoder(options), None
        if options.of == "timelapse":
            encoder = Timelapse(encoder, options)
        elif options.of == "highlight":
            encoder = highlight = Highlight(encoder, planned[0].pictures)
        if self._threads > 1:
            count = sum(1 for _ in output.instants(slice_.span))
            encoder = asides.enter_context(
                closing(Aside(encoder, pictures=count, end=planned[0].end))
            )
        return _AnimationFeed(output, encoder, planned, highlight)


class _Feed(Protocol):
    """What takes the pictures of one output in one slice."""

    def add(self, picture: RgbPicture, shown: Shown[VideoFrame]) -> Iterator[Encoded]: ...

    def finish(self) -> Iterator[Encoded]: ...


class _AnimationFeed:
    """Hands pictures on to the encoder of an animated format."""

    def __init__(
        self,
        output: PlannedOutput,
        encoder: AnimationEncoder,
        planned: Sequence[PlannedArtifact],
        highlight: Highlight | None,
    ) -> None:
        self._output = output
        self._planned = planned
        self._encoder = encoder
        self._highlight = highlight

    def add(self, picture: RgbPicture, shown: Shown[VideoFrame]) -> Iterator[Encoded]:
        self._encoder.add(picture, shown.time)
        return iter(())

    def finish(self) -> Iterator[Encoded]:
        for planned in self._planned:
            data = self._encoder.finish(planned.end)
            shown_from = self._highlight.shown_from if self._highlight else None
            yield encoded(self._output, planned, data, shown_from=shown_from)


class _StillCoder:
    """Encodes pictures; one that is shown again is not encoded again."""

    def __init__(self, options: Still) -> None:
        self._encode = still_encoder(options)
        self._quality = options.quality
        self._picture: RgbPicture | None = None
        self._data = b""

    def encode(self, picture: RgbPicture) -> bytes:
        if picture is not self._picture:
            self._picture, self._data = picture, self._encode(picture, self._quality)
        return self._data


class _StillFeed:
    """Encodes each picture at once."""

    def __init__(
        self, output: PlannedOutput, options: Still, planned: Sequence[PlannedArtifact]
    ) -> None:
        self._output = output
        self._planned = iter(planned)
        self._coder = _StillCoder(options)

    def add(self, picture: RgbPicture, shown: Shown[VideoFrame]) -> Iterator[Encoded]:
        data = self._coder.encode(picture)
        yield encoded(self._output, next(self._planned), data, (shown.source_time,))

    def finish(self) -> Iterator[Encoded]:
        return iter(())


class _PackedFeed:
    """Encodes each picture at once, and hands all over in one file when the slice ends."""

    def __init__(
        self, output: PlannedOutput, options: Still, planned: Sequence[PlannedArtifact]
    ) -> None:
        self._output = output
        self._planned = planned
        self._interval = options.interval
        self._coder = _StillCoder(options)
        self._fragments: list[bytes] = []
        self._sizes_bytes: list[int] = []
        self._source_times: list[Fraction] = []

    def add(self, picture: RgbPicture, shown: Shown[VideoFrame]) -> Iterator[Encoded]:
        data, [planned] = self._coder.encode(picture), self._planned
        end = min(shown.time + self._interval, planned.end)
        number = int(shown.time / self._interval)
        self._fragments.append(fragment(data, number, shown.time, end))
        self._sizes_bytes.append(len(data))
        self._source_times.append(shown.source_time)
        return iter(())

    def finish(self) -> Iterator[Encoded]:
        for planned in self._planned:
            data, times = b"".join(self._fragments), tuple(self._source_times)
            yield encoded(self._output, planned, data, times, tuple(self._sizes_bytes))


class _SheetFeed:
    """Lays thumbnails out, and encodes each sheet when the last of its pictures is there."""

    def __init__(
        self,
        output: PlannedOutput,
        options: Sheet,
        planned: Sequence[PlannedArtifact],
        background: str,
    ) -> None:
        self._output = output
        self._options = options
        self._background = background
        self._planned = iter(planned)
        self._encode = still_encoder(options)
        self._sheet = next(self._planned, None)
        self._thumbnails: list[RgbPicture] = []
        self._times: list[Fraction] = []
        self._source_times: list[Fraction] = []

    def add(self, picture: RgbPicture, shown: Shown[VideoFrame]) -> Iterator[Encoded]:
        self._thumbnails.append(picture)
        self._times.append(shown.time)
        self._source_times.append(shown.source_time)
        if self._sheet is not None and len(self._thumbnails) == self._sheet.pictures:
            yield self._full(self._sheet)

    def finish(self) -> Iterator[Encoded]:
        return iter(())

    def _full(self, planned: PlannedArtifact) -> Encoded:
        """Encode the sheet, and begin the next one."""
        layout, times = self._output.layout, tuple(self._source_times)
        if layout.captions:
            sheet = contact_sheet(
                self._thumbnails, self._times, layout=layout, background=self._background
            )
        else:
            sheet = lay_out(self._thumbnails, columns=layout.columns, rows=layout.rows)
        self._thumbnails, self._times, self._source_times = [], [], []
        self._sheet = next(self._planned, None)
        data = self._encode(sheet, self._options.quality)
        return encoded(self._output, planned, data, times)


def encoded(
    output: PlannedOutput,
    planned: PlannedArtifact,
    data: bytes,
    source_times: tuple[Fraction, ...] = (),
    picture_bytes: tuple[int, ...] = (),
    *,
    shown_from: Fraction | None = None,
) -> Encoded:
    """Describe an object."""
    artifact = Artifact(
        key=planned.key,
        media_type=output.format.media_type,
        start=planned.start,
        end=planned.end,
        shown_from=shown_from,
        pictures=planned.pictures,
        source_times=source_times,
        picture_bytes=picture_bytes,
        size_bytes=len(data),
        blake2b=blake2b(data, digest_size=16).hexdigest(),
    )
    return Encoded(output, data, artifact)

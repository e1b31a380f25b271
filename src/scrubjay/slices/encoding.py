"""One slice: decode once, feed every encoder."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from scrubjay.encode.gif.encoding import encode_gif
from scrubjay.encode.sheet import lay_out
from scrubjay.encode.still import encode_still
from scrubjay.keys import animation_key, frame_key, sheet_key
from scrubjay.media.frames import Shown
from scrubjay.media.picture import Painter, RgbPicture
from scrubjay.model import AnimationRecord, FrameRecord, Plan, SheetRecord, Size, Slice
from scrubjay.planning import targets_of

__all__ = ["Artifact", "Record", "SliceEncoder"]

Record: TypeAlias = AnimationRecord | FrameRecord | SheetRecord


class Artifact(NamedTuple):
    """One object to store: its bytes, and what will be said about them."""

    data: bytes
    media_type: str
    record: Record


class SliceEncoder:
    """Turns the shown frames of a plan's slices into artifacts.

    Keeps the scalers of the last slice, so that the next one does not set them up again.

    Args:
        plan: what to make.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        sizes = {plan.animation, plan.frame, plan.sheet and plan.sheet.thumbnail} - {None}
        recipe = plan.recipe
        self._painters = {
            size: Painter(plan.media, size, background=recipe.background, stereo=recipe.stereo)
            for size in sizes
            if size
        }
        self._frame: object = None
        self._painted: dict[Size, RgbPicture] = {}
        self._still = b""

    def render(self, part: Slice, shown: Iterable[Shown]) -> Iterator[Artifact]:
        """Yield the artifacts of one slice: each still as its frame comes, then the rest.

        Args:
            part: the slice.
            shown: the frame at each of the slice's instants, in order.
        """
        targets = targets_of(self._plan, part)
        for_animation, for_frames = frozenset(targets.animation), frozenset(targets.frames)
        for_sheet = frozenset(targets.sheet)
        animation: list[RgbPicture] = []
        thumbnails: list[RgbPicture] = []
        source_times: list[Fraction] = []
        for picture in shown:
            if picture.time in for_frames and self._plan.frame:
                yield self._make_still(picture, self._plan.frame)
            if picture.time in for_animation and self._plan.animation:
                animation.append(self._paint(picture, self._plan.animation))
            if picture.time in for_sheet and self._plan.sheet:
                thumbnails.append(self._paint(picture, self._plan.sheet.thumbnail))
                source_times.append(picture.source_time)
        if thumbnails:
            yield self._make_sheet(part, targets.sheet, thumbnails, source_times)
        if animation:
            yield self._make_animation(part, targets.animation, animation)

    def _paint(self, shown: Shown, size: Size) -> RgbPicture:
        """Paint a frame at a size, once however often it is shown in a row."""
        if shown.frame is not self._frame:
            self._frame = shown.frame
            self._painted = {}
            self._still = b""
        if size not in self._painted:
            self._painted[size] = self._painters[size].paint(shown.frame)
        return self._painted[size]

    def _make_still(self, shown: Shown, size: Size) -> Artifact:
        picture = self._paint(shown, size)
        self._still = self._still or encode_still(picture, self._plan.recipe.frames.quality)
        record = FrameRecord(
            key=frame_key(shown.time),
            time=shown.time,
            source_time=shown.source_time,
            size_bytes=len(self._still),
            blake2b=_digest(self._still),
        )
        return Artifact(self._still, "image/jpeg", record)

    def _make_sheet(
        self,
        part: Slice,
        times: tuple[Fraction, ...],
        thumbnails: list[RgbPicture],
        source_times: list[Fraction],
    ) -> Artifact:
        grid, options = self._plan.sheet, self._plan.recipe.sheets
        assert grid is not None  # noqa: S101  a plan without a grid has no thumbnails
        sheet = lay_out(thumbnails, columns=grid.columns, rows=grid.rows)
        data = encode_still(sheet, options.quality)
        end = min(times[-1] + options.interval, self._plan.media.duration)
        record = SheetRecord(
            key=sheet_key(part.start),
            start=times[0],
            end=end,
            source_times=tuple(source_times),
            size_bytes=len(data),
            blake2b=_digest(data),
        )
        return Artifact(data, "image/jpeg", record)

    def _make_animation(
        self, part: Slice, times: tuple[Fraction, ...], pictures: list[RgbPicture]
    ) -> Artifact:
        options = self._plan.recipe.animations
        most = options.max_bytes or None
        data = encode_gif(pictures, times, part.end, colors=options.colors, max_bytes=most)
        record = AnimationRecord(
            key=animation_key(part.start),
            media_type="image/gif",
            frames=len(pictures),
            size_bytes=len(data),
            over_budget=most is not None and len(data) > most,
            blake2b=_digest(data),
        )
        return Artifact(data, "image/gif", record)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()

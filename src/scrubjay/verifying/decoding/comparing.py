"""Compares written pictures with those of the video, decoded anew from its start.

Two things are asked of a picture. It must look like that of the video at its time, within what its
format loses. And no neighbour of that may look more like it: this catches a picture that is one
frame off, wherever frames differ.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple, Self

from av.video.frame import VideoFrame

from scrubjay.media.source import identify
from scrubjay.model import Size
from scrubjay.verifying.decoding.look import BrokenError, RgbPicture
from scrubjay.verifying.decoding.painting import Brush, distance, reduced
from scrubjay.verifying.decoding.sequence import frames_of
from scrubjay.verifying.decoding.sniffing import look_at
from scrubjay.verifying.wire import Compare, Compared, Sample, Wrong

__all__ = ["Written", "compared"]

_MOST_DISTANCE = 24.0
"""Levels (root mean square over red, green and blue) by which a written picture may differ from
that of the video, at most, once both are reduced. See docs/verify.md for what was measured."""

_NEARER = 0.85
_LEAST_GAIN = 0.4
"""A neighbour fits better if it is nearer by that share, and by so many levels: less is noise."""

_REACH = 2
"""Neighbours on each side that a picture is compared with."""


class Written(NamedTuple):
    """A written picture, reduced."""

    sample: Sample
    picture: RgbPicture | None
    """None if it cannot be decoded."""

    @classmethod
    def of(cls, sample: Sample, data: bytes) -> Self:
        """Decode the picture of a sample from its object."""
        try:
            return cls(sample, reduced(_picture(sample, data)))
        except BrokenError:
            return cls(sample, None)  # examining the object says so


def _picture(sample: Sample, data: bytes) -> RgbPicture:
    look, size = look_at(data), sample.size
    place = 0 if sample.columns else sample.place
    if sample.step:  # equal pictures in a row may be one
        tick = round(sample.place * sample.step / look.tick) + look.shortest // 2
        place = sum(start <= tick for start in look.starts) - 1
    for number, picture in enumerate(look.pictures()):
        if number == place:
            row, column = divmod(sample.place, sample.columns) if sample.columns else (0, 0)
            top, left = row * size.height, column * size.width
            cut = picture[top : top + size.height, left : left + size.width]
            if cut.shape[:2] == (size.height, size.width):
                return cut
    raise BrokenError("it has no such picture")


class _Shown(NamedTuple):
    """A picture of the video."""

    time: Fraction
    until: Fraction | None
    """When the next one is shown; None for the last."""
    frame: VideoFrame
    is_certain: bool
    """Whether every reader gives it this time."""


def compared(task: Compare, written: Sequence[Written], on_packet: Callable[[], None]) -> Compared:
    """Compare samples with the video.

    Args:
        task: the video, and how its pictures are shown.
        written: the samples.
        on_packet: called for each packet that is read.

    Raises:
        SourceError: the video cannot be read.
    """
    if identify(task.source, on_packet=on_packet).fingerprint != task.fingerprint:
        text = f"{task.source.name} is not the video that the set was made from"
        return Compared(wrong=(Wrong(check="source", message=text),), compared=0)
    judge = _Judge(task)
    waiting = [(number, each) for number, each in enumerate(written) if each.picture is not None]
    waiting.sort(key=lambda each: _when(each[1].sample))
    for before, shown, after in _neighbours(task, on_packet):
        while waiting and (shown.until is None or _when(waiting[0][1].sample) < shown.until):
            number, each = waiting.pop(0)
            judge.judge(number, each, shown, [*before, *after])
        if not waiting:
            break
    return Compared(
        wrong=tuple(judge.wrong),
        compared=len(judge.distances),
        left_out=judge.left_out or (_NOTHING_DECODED if waiting else ""),
        undecided=tuple(judge.undecided),
        distances=tuple(judge.distances),
    )


_NOTHING_DECODED = "no picture of the video can be decoded by a plain reader"


def _when(sample: Sample) -> Fraction:
    """Return the time of the video's picture that a sample should be."""
    if sample.source_time is not None:
        return sample.source_time
    assert sample.time is not None  # noqa: S101  one of the two is known
    return sample.time


def _neighbours(
    task: Compare, on_packet: Callable[[], None]
) -> Iterator[tuple[list[_Shown], _Shown, list[_Shown]]]:
    """Yield each picture of the video with the ones before and after it."""
    recent: list[_Shown] = []
    place = 0
    for time, frame, is_certain in frames_of(task.source, task.media, on_packet):
        if recent:
            if time <= recent[-1].time:
                continue
            recent[-1] = recent[-1]._replace(until=time)
        recent.append(_Shown(time, None, frame, is_certain))
        if len(recent) - place > _REACH:
            yield recent[max(0, place - _REACH) : place], recent[place], recent[place + 1 :]
            place += 1
        if place > _REACH:
            del recent[0]
            place -= 1
    for here in range(place, len(recent)):
        yield recent[max(0, here - _REACH) : here], recent[here], recent[here + 1 :]


class _Judge:
    """Compares written pictures with their frames.

    Args:
        task: how the video's pictures are shown.
    """

    def __init__(self, task: Compare) -> None:
        self._first = task.media.first_picture
        self._brush = Brush(task.media, task.background, task.stereo)
        self.wrong: list[Wrong] = []
        self.undecided: list[int] = []
        """Samples that differ where another reader may be right as well."""
        self.distances: list[tuple[float, float]] = []
        self.left_out = ""

    def judge(self, number: int, each: Written, shown: _Shown, near: Sequence[_Shown]) -> None:
        """Compare a sample with the frame of its time and with the ones around it."""
        compared = len(self.distances)
        wrong = self._problem(number, each, shown, near)
        if wrong is None:
            return
        if shown.is_certain and not each.sample.is_damaged:
            self.wrong.append(wrong)
        else:
            self.undecided.append(number)
            del self.distances[compared:]

    def _problem(
        self, number: int, each: Written, shown: _Shown, near: Sequence[_Shown]
    ) -> Wrong | None:
        """Return how a sample differs from what the video shows; None if it does not."""
        sample = each.sample
        problem = self._time_problem(sample, shown)
        if problem:
            return Wrong(
                check="time",
                message=problem,
                expected=_shown_time(shown.time),
                found=_shown_time(_when(sample)),
                sample=number,
            )
        assert each.picture is not None  # noqa: S101  the others were left out
        own = self._distance(each.picture, shown, sample.size)
        if own is None:
            self.left_out = "some pictures of the video have another shape than the others"
            return None
        others = [
            (found, other)
            for other in near
            if (found := self._distance(each.picture, other, sample.size)) is not None
        ]
        nearest, other = min(others, default=(own, shown), key=lambda pair: pair[0])
        self.distances.append((round(own, 3), round(nearest, 3)))
        if nearest < _NEARER * own and own - nearest > _LEAST_GAIN:
            return Wrong(
                check="picture",
                message="it shows another picture of the video than that of its time",
                expected=_shown_time(shown.time),
                found=_shown_time(other.time),
                sample=number,
            )
        if own > _MOST_DISTANCE:
            return Wrong(
                check="picture",
                message=f"it does not look like the video's picture of {_shown_time(shown.time)}",
                expected=f"a distance up to {_MOST_DISTANCE:g} levels",
                found=f"{own:.1f}",
                sample=number,
            )
        return None

    def _time_problem(self, sample: Sample, shown: _Shown) -> str:
        """Say what is wrong with the time that a record gives for a picture."""
        source_time, time = sample.source_time, sample.time
        if source_time is None or time is None:
            return "" if source_time in {None, shown.time} else _NO_PICTURE
        if source_time != shown.time:
            return _NO_PICTURE
        if sample.tolerance:
            is_near = abs(source_time - time) <= sample.tolerance
        else:
            is_near = source_time <= max(time, self._first)
        is_shown = shown.until is None or time < shown.until
        if is_near and (is_shown or sample.tolerance):
            return ""
        return "its record names another picture than the one that the video shows at its time"

    def _distance(self, picture: RgbPicture, shown: _Shown, size: Size) -> float | None:
        painted = self._brush.paint(shown.frame, size)
        return None if painted is None else distance(picture, painted, is_hdr=self._brush.is_mapped)


_NO_PICTURE = "its record names a time at which the video has no picture"


def _shown_time(time: Fraction) -> str:
    return f"{float(time):.3f} s"

"""A short clip of a whole video: a few moments of it, one after another.

Each moment begins at a keyframe near the middle of its share of the video, if there is one. One
that is dark begins elsewhere in its share, if that is brighter.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from av import VideoFrame

from scrubjay.encode.base import RgbPicture, animation_encoder
from scrubjay.errors import SourceDamagedError
from scrubjay.model import Animation, PlannedOutput
from scrubjay.planning import PlannedArtifact
from scrubjay.slices.encoding import Encoded, Painters, encoded
from scrubjay.slices.looks import luma_of
from scrubjay.slices.passes import NOTHING, Passes, filled
from scrubjay.spread import Share, shares_over
from scrubjay.timing import Span, samples_in

__all__ = ["make_hover"]

_DARK = 20
"""Mean luma, 0 to 255, below which a picture is black."""

_PLACES = (Fraction(0), Fraction(1, 4), Fraction(3, 4), Fraction(1))
"""Where else in its share a moment may begin, tried in turn."""


_Picture: TypeAlias = tuple[RgbPicture, Fraction]


class _Moment(NamedTuple):
    pictures: Sequence[_Picture]
    """Each with the time at which the video shows it first."""
    dark: int
    """Pictures that are black, or that the decoder calls corrupt."""


def make_hover(
    output: PlannedOutput,
    options: Animation,
    planned: PlannedArtifact,
    *,
    passes: Passes[VideoFrame],
    painters: Painters,
) -> Encoded:
    """Make a clip of moments that are spread over a video; those without a picture are left out.

    Args:
        output: one of animations of the whole video.
        options: its own.
        planned: its artifact.
        passes: reads the pictures.
        painters: paint them.

    Raises:
        SourceDamagedError: no moment can be decoded.
    """
    encoder = animation_encoder(options)
    source_times: list[Fraction] = []
    for share in shares_over(planned.end, options.moments, options.length):
        moment = _best(share, output, options, passes, painters)
        for picture, source_time in moment.pictures if moment else ():
            encoder.add(picture, len(source_times) / options.fps)
            source_times.append(source_time)
    if not source_times:
        raise SourceDamagedError(NOTHING)
    data = encoder.finish(len(source_times) / options.fps)
    made = planned._replace(pictures=len(source_times))
    return encoded(output, made, data, tuple(source_times))


def _best(
    share: Share,
    output: PlannedOutput,
    options: Animation,
    passes: Passes[VideoFrame],
    painters: Painters,
) -> _Moment | None:
    """Return the first moment of a share that is not dark, or else the least dark one."""
    best: _Moment | None = None
    for start in _starts(share, passes):
        times = list(samples_in(Span(start=start, end=start + share.length), options.fps))
        found: dict[Fraction, _Picture] = {}
        dark = 0
        for shown in passes.pictures(times):
            picture = painters.paint(shown.frame, output.layout.size)
            found[shown.time] = picture, shown.source_time
            dark += shown.frame.is_corrupt or float(luma_of(picture).mean()) < _DARK
        if found and (best is None or dark < best.dark):
            best = _Moment(filled(times, found), dark)
        if best and not best.dark:
            break
    return best


def _starts(share: Share, passes: Passes[VideoFrame]) -> Iterator[Fraction]:
    """Yield where a moment of a share may begin, each time at a keyframe if there is one near."""
    middle = share.start + share.slack / 2
    near = list(passes.keyframes([middle], share.slack / 2)) if share.slack else []
    yield max(near[0].source_time, share.start) if near else middle
    if share.slack:
        for place in _PLACES:
            yield share.start + place * share.slack

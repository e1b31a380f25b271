"""The best picture of a whole video: neither black nor faded nor blurred, if there is a better one.

Keyframes all over the video are compared by their thumbnails. Of the best ones, the first is taken
in whose next moments little moves: else it may lie in a dissolve, which looks rich and is none.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from scrubjay.encode.base import RgbPicture, still_encoder
from scrubjay.errors import SourceDamagedError
from scrubjay.model import PlannedOutput, Size, Still
from scrubjay.planning import PlannedArtifact
from scrubjay.slices.encoding import Encoded, Painters, encoded
from scrubjay.slices.looks import Look, look_at, luma_of, thumbnail_size
from scrubjay.slices.passes import NOTHING, Passes
from scrubjay.spread import candidates_over

__all__ = ["make_poster"]

_MOST_CHECKS = 5
"""Pictures whose next moments are decoded, at most."""

_ENOUGH = 4
"""Keyframes that will do, so that no other pictures are sought: these may cost much to decode."""

_MOMENT = Fraction(1, 5)
"""Seconds over which a dissolve is noticed."""

_MOST_CHANGE = 4
"""Levels (root mean square of the change of luma) that a steady picture changes by in a moment, at
most: 98 % of the pictures of dissolves change more, and 58 % of all others."""


class _Poster(NamedTuple):
    picture: RgbPicture
    source_time: Fraction
    change: float
    """In the next moment: levels, as above."""


def make_poster(
    output: PlannedOutput,
    options: Still,
    planned: PlannedArtifact,
    *,
    passes: Passes[VideoFrame],
    painters: Painters,
) -> Encoded:
    """Make a still of the best picture of a video.

    Args:
        output: one of stills of the whole video.
        options: its own.
        planned: its artifact.
        passes: reads the pictures.
        painters: paint them.

    Raises:
        SourceDamagedError: no picture can be decoded.
    """
    looks = _looks(planned.end, thumbnail_size(output.layout.size), passes, painters)
    ranked = sorted(looks, key=lambda look: (not look.is_usable, -look.detail))
    first: _Poster | None = None
    for look in ranked[:_MOST_CHECKS]:
        poster = _at(look.time, planned.end, output, passes, painters)
        if poster and look.is_usable and poster.change <= _MOST_CHANGE:
            break
        first = first or poster
    else:
        poster = first
    if poster is None:
        raise SourceDamagedError(NOTHING)
    data = still_encoder(options)(poster.picture, options.quality)
    return encoded(output, planned, data, (poster.source_time,))


def _looks(end: Fraction, size: Size, passes: Passes[VideoFrame], painters: Painters) -> list[Look]:
    """Look at keyframes all over a video, and at other pictures if few of them will do."""
    times, tolerance = candidates_over(end)
    looks: dict[Fraction, Look] = {}
    for search in (passes.keyframes, passes.pictures):
        missing = [time for time in times if time not in looks]
        for shown in search(missing, tolerance):
            looks[shown.time] = look_at(shown, painters, size)
        if sum(look.is_usable for look in looks.values()) >= _ENOUGH:
            break
    return list(looks.values())


def _at(
    time: Fraction,
    end: Fraction,
    output: PlannedOutput,
    passes: Passes[VideoFrame],
    painters: Painters,
) -> _Poster | None:
    """Return the picture at a time, if it can be decoded, and how much it changes soon."""
    size, small = output.layout.size, thumbnail_size(output.layout.size)
    pictures: list[tuple[RgbPicture, Fraction]] = []
    lumas: list[npt.NDArray[np.float32]] = []
    for shown in passes.pictures([each for each in (time, time + _MOMENT) if each < end]):
        lumas.append(luma_of(painters.paint(shown.frame, small)))
        if not pictures:
            pictures.append((painters.paint(shown.frame, size), shown.source_time))
    if not pictures:
        return None
    change = float(np.sqrt(np.mean((lumas[-1] - lumas[0]) ** 2)))
    return _Poster(*pictures[0], change)

"""One sheet of a whole video: a cell for each stretch of it."""

from fractions import Fraction
from typing import NamedTuple

from av import VideoFrame

from scrubjay.encode.base import RgbPicture, still_encoder
from scrubjay.encode.sheet import lay_out
from scrubjay.errors import SourceDamagedError
from scrubjay.model import PlannedOutput, Sheet
from scrubjay.planning import PlannedArtifact
from scrubjay.slices.encoding import Encoded, Painters, encoded
from scrubjay.slices.passes import NOTHING, Passes, filled
from scrubjay.spread import middles

__all__ = ["make_overview"]


_MOMENT = Fraction(1, 1_000_000)
"""By how many seconds a middle is moved, because readers take a keyframe at the end of a stretch
and none at its start. The first stretch keeps its own: a film's first picture is often black."""


class _Cell(NamedTuple):
    picture: RgbPicture
    source_time: Fraction


def make_overview(
    output: PlannedOutput,
    options: Sheet,
    planned: PlannedArtifact,
    *,
    passes: Passes[VideoFrame],
    painters: Painters,
) -> Encoded:
    """Make a sheet whose cells show a picture of their stretch each: a keyframe, if it has one.

    A stretch without a picture shows that of the one before it; at the beginning, of the one after.

    Args:
        output: one of sheets of the whole video.
        options: its own.
        planned: its artifact.
        passes: reads the pictures.
        painters: paint them.

    Raises:
        SourceDamagedError: no stretch gives a picture.
    """
    layout, spacing = output.layout, output.spacing
    first, *others = middles(planned.end, spacing)
    times = [first, *(middle - _MOMENT for middle in others)]
    found: dict[Fraction, _Cell] = {}
    for search in (passes.keyframes, passes.pictures):
        missing = [time for time in times if time not in found]
        for shown in search(missing, spacing / 2):
            picture = painters.paint(shown.frame, layout.size)
            found[shown.time] = _Cell(picture, shown.source_time)
    if not found:
        raise SourceDamagedError(NOTHING)
    cells = filled(times, found)
    sheet = lay_out([cell.picture for cell in cells], columns=layout.columns, rows=layout.rows)
    data = still_encoder(options)(sheet, options.quality)
    return encoded(output, planned, data, tuple(cell.source_time for cell in cells))

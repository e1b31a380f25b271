"""Sheets as a WebVTT thumbnail track: what nearly every web player reads.

Each cue's text is a picture with a media fragment, `sheets/000030.jpg#xywh=240,0,240,135` (W3C
Media Fragments 1.0, section 4.2.2), a convention that JW Player began.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from scrubjay.documents.base import Cue, File, FinishedSet, sheet_tracks
from scrubjay.model import Recipe, Size, TrackClock
from scrubjay.timing import clock

__all__ = ["tracks", "write"]


def tracks(recipe: Recipe) -> Mapping[str, str]:
    """Return the track of each output of sheets."""
    return sheet_tracks(recipe, "webvtt")


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a track for each output of sheets; times are rounded to milliseconds."""
    keys = tracks(finished.plan.recipe).values()
    for key, output in zip(keys, finished.outputs("sheets"), strict=True):
        cues = (_text(cue, output.layout.size) for cue in finished.cues(output))
        lines = ["WEBVTT", "", _note(finished.origin, finished.clock), *cues]
        yield File(key, "\n".join(lines).encode(), "text/vtt")


def _note(origin: Fraction, track_clock: TrackClock) -> str:
    where = "the video's own clock" if track_clock == "media" else "a clock from 0"
    begins = f"the video begins at {float(origin):.3f} s"
    return f"NOTE clock: {track_clock}. Times are on {where}: {begins}.\n"


def _text(cue: Cue, size: Size) -> str:
    area = f"{cue.x},{cue.y},{size.width},{size.height}"
    return f"{clock(cue.start)} --> {clock(cue.end)}\n{cue.key}#xywh={area}\n"

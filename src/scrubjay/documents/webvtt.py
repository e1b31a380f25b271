"""Sheets as a WebVTT thumbnail track, which nearly every web player reads.

Each cue's text is a picture with a media fragment, `sheets/000030.jpg#xywh=240,0,240,135` (W3C
Media Fragments 1.0, section 4.2.2), a convention that JW Player began. Players parse it with a few
lines of their own, so there is nothing else in it: no notes, identifiers or settings.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil

from scrubjay.documents.base import File, FinishedSet, each_track
from scrubjay.model import Plan
from scrubjay.timing import clock

__all__ = ["tracks", "write"]


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the track of each output of sheets."""
    return each_track(plan, "webvtt")


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a track for each output of sheets.

    Times are rounded to milliseconds. The last one is rounded up to a second: some players cut all
    times down to whole seconds, and would show nothing at the end.
    """
    end = finished.plan.media.duration + finished.origin
    for key, output in finished.keyed("webvtt"):
        size = output.layout.size
        cues = [
            f"{clock(cue.start)} --> {clock(_up(cue.end) if cue.end == end else cue.end)}\n"
            f"{cue.key}#xywh={cue.x},{cue.y},{size.width},{size.height}\n"
            for cue in finished.cues(output)
        ]
        yield File(key, "\n".join(["WEBVTT", "", *cues]).encode(), "text/vtt")


def _up(seconds: Fraction) -> Fraction:
    return Fraction(ceil(seconds))

"""Sheets as a WebVTT thumbnail track: what nearly every web player reads.

Each cue's text is a picture with a media fragment, `sheets/000030.jpg#xywh=240,0,240,135` (W3C
Media Fragments 1.0, section 4.2.2), a convention that JW Player began.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from scrubjay.model import MediaInfo, Plan, SliceRecord, TrackClock
from scrubjay.timing import clock

__all__ = ["clock_for", "webvtt"]

_KEPT = frozenset({"mov", "mp4", "matroska", "webm"})
"""Containers whose clock most browsers keep, as they play them without a script's help."""


def clock_for(media: MediaInfo) -> TrackClock:
    """Return the clock on which most players show a video: docs/decisions/0005."""
    return "zero" if _KEPT.isdisjoint(media.container.split(",")) else "media"


def webvtt(plan: Plan, records: Mapping[int, SliceRecord], track_clock: TrackClock) -> bytes:
    """Return the track of a set's sheets; cues touch, and times are rounded to milliseconds.

    Args:
        plan: what was to be made.
        records: what was made, by slice index.
        track_clock: on `media`, the cues stand at the times that the video's own clock shows, and
            the first begins at 0: a bar that shows the empty time before shows it there.
    """
    origin = plan.media.origin if track_clock == "media" else Fraction(0)
    return "\n".join(
        ["WEBVTT", "", _note(origin, track_clock), *_cues(plan, records, origin)]
    ).encode()


def _note(origin: Fraction, track_clock: TrackClock) -> str:
    where = "the video's own clock" if track_clock == "media" else "a clock from 0"
    begins = f"the video begins at {float(origin):.3f} s"
    return f"NOTE clock: {track_clock}. Times are on {where}: {begins}.\n"


def _cues(plan: Plan, records: Mapping[int, SliceRecord], origin: Fraction) -> Iterator[str]:
    grid, interval = plan.sheet, plan.recipe.sheets.interval
    for index in sorted(records):
        sheet = records[index].sheet
        if grid is None or sheet is None:
            continue
        for place in range(len(sheet.source_times)):
            start = sheet.start + place * interval
            end = min(start + interval, sheet.end) + origin
            if end <= 0:
                continue  # WebVTT knows no time before 0
            begin = max(start + origin, Fraction(0)) if start else Fraction(0)
            row, column = divmod(place, grid.columns)
            width, height = grid.thumbnail.width, grid.thumbnail.height
            area = f"{column * width},{row * height},{width},{height}"
            yield f"{clock(begin)} --> {clock(end)}\n{sheet.key}#xywh={area}\n"

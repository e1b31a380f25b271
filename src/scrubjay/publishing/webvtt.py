"""Sheets as a WebVTT thumbnail track: what nearly every web player reads.

Each cue's text is a picture with a media fragment, `sheets/000030.jpg#xywh=240,0,240,135` (W3C
Media Fragments 1.0, section 4.2.2), a convention that JW Player began.
"""

from collections.abc import Iterator, Mapping

from scrubjay.model import Plan, SliceRecord
from scrubjay.timing import clock

__all__ = ["webvtt"]


def webvtt(plan: Plan, records: Mapping[int, SliceRecord]) -> bytes:
    """Return the track of a set's sheets; cues touch, and times are rounded to milliseconds."""
    return "\n".join(["WEBVTT", "", *_cues(plan, records)]).encode()


def _cues(plan: Plan, records: Mapping[int, SliceRecord]) -> Iterator[str]:
    grid, interval = plan.sheet, plan.recipe.sheets.interval
    for index in sorted(records):
        sheet = records[index].sheet
        if grid is None or sheet is None:
            continue
        for place in range(len(sheet.source_times)):
            start = sheet.start + place * interval
            end = min(start + interval, sheet.end)
            row, column = divmod(place, grid.columns)
            width, height = grid.thumbnail.width, grid.thumbnail.height
            area = f"{column * width},{row * height},{width},{height}"
            yield f"{clock(start)} --> {clock(end)}\n{sheet.key}#xywh={area}\n"

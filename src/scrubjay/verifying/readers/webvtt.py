"""Reads WebVTT thumbnail tracks: cues whose text is a sheet with `#xywh=`.

Sources: W3C WebVTT, section 4; W3C Media Fragments 1.0, section 4.2.2.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from scrubjay.model import PlannedOutput
from scrubjay.verifying.differences import Row
from scrubjay.verifying.readers.base import Reading, in_milliseconds
from scrubjay.verifying.report import Finding

__all__ = ["check", "cues_of"]

_TIMING = re.compile(r"(\d{2,}):(\d\d):(\d\d)\.(\d{3}) --> (\d{2,}):(\d\d):(\d\d)\.(\d{3})")
_TARGET = re.compile(r"(.+)#xywh=(\d+),(\d+),(\d+),(\d+)")


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the cues with the sheets."""
    yield from reading.check_tracks(reading.due_files())
    for output, key in reading.each():
        text = reading.text(key)
        head, _, rest = text.partition("\n")
        if head.rstrip() != "WEBVTT":
            yield reading.wrong(key, "it does not begin with WEBVTT")
            continue
        try:
            found = list(_cues(rest))
        except ValueError as error:
            yield reading.wrong(key, str(error))
            continue
        yield from reading.compare(key, list(cues_of(reading, output)), found, "cue")
        yield from _outside(reading, output, key, found)


def _cues(text: str) -> Iterator[Row]:
    for block in filter(None, (each.strip() for each in re.split(r"\n\s*\n", text))):
        timing, _, target = block.partition("\n")
        times, where = _TIMING.fullmatch(timing), _TARGET.fullmatch(target)
        if times is None or where is None:
            raise ValueError(f"it has a cue that is not a part of a sheet: {block[:60]!r}")
        yield {
            "start": _seconds(*times.groups()[:4]),
            "end": _seconds(*times.groups()[4:]),
            "sheet": where[1],
            "rectangle": ",".join(where.groups()[1:]),
        }


def _seconds(hours: str, minutes: str, seconds: str, thousandths: str) -> str:
    whole = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
    return f"{whole}.{thousandths}"


def cues_of(reading: Reading, output: PlannedOutput) -> Iterator[Row]:
    """Yield the cues that an output of sheets should have, on the clock of the tracks."""
    origin, size = reading.subject.origin, output.layout.size
    last = reading.subject.plan.media.duration
    for due, artifact in reading.subject.placed(output):
        for place, time in enumerate(due.times if artifact else ()):
            end = min(time + output.spacing, last) + origin
            if end <= 0:
                continue  # players cannot show what is before their clock begins
            start = max(Fraction(0), time + origin) if time else Fraction(0)
            row, column = divmod(place, output.layout.columns)
            corner = column * size.width, row * size.height
            yield {
                "start": in_milliseconds(start),
                "end": in_milliseconds(Fraction(ceil(end)) if end == last + origin else end),
                "sheet": due.key,
                "rectangle": f"{corner[0]},{corner[1]},{size.width},{size.height}",
            }


def _outside(
    reading: Reading, output: PlannedOutput, key: str, cues: list[Row]
) -> Iterator[Finding]:
    """Find the first cue whose rectangle lies outside its sheet."""
    canvas = output.canvas
    for place, cue in enumerate(cues):
        left, top, width, height = map(int, str(cue["rectangle"]).split(","))
        if left + width > canvas.width or top + height > canvas.height:
            yield reading.wrong(
                key,
                f"the rectangle of cue {place} lies outside of its sheet",
                f"within {canvas.width} x {canvas.height} px",
                str(cue["rectangle"]),
            )
            return

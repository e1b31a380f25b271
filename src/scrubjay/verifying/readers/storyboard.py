"""Reads storyboard JSON.

Source: https://docs.mux.com/guides/create-timeline-hover-previews, "JSON format".
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec

from scrubjay.model import PlannedOutput, parse_json
from scrubjay.verifying.differences import Row
from scrubjay.verifying.readers.base import Reading
from scrubjay.verifying.readers.webvtt import cues_of
from scrubjay.verifying.report import Finding

__all__ = ["check"]


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the tiles with the sheets."""
    yield from reading.check_tracks(reading.due_files())
    for output, key in reading.each():
        try:
            board: Any = parse_json(reading.data(key))
            head = {name: value for name, value in board.items() if name != "tiles"}
            tiles = [dict(tile) for tile in board["tiles"]]
        except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            yield reading.wrong(key, f"it is not a storyboard: {error}")
            continue
        cues = list(cues_of(reading, output))
        yield from reading.compare(key, [_head(reading, output, cues)], [head], "storyboard")
        yield from reading.compare(key, list(_tiles(cues)), tiles, "tile")


def _head(reading: Reading, output: PlannedOutput, cues: list[Row]) -> Row:
    sheets = {cue["sheet"] for cue in cues}
    duration = reading.subject.plan.media.duration + reading.subject.origin
    head: dict[str, object] = {
        "tile_width": output.layout.size.width,
        "tile_height": output.layout.size.height,
        "duration": float(round(duration, 3)),
    }
    return {"url": cues[0]["sheet"], **head} if len(sheets) == 1 else head


def _tiles(cues: list[Row]) -> Iterator[Row]:
    is_single = len({cue["sheet"] for cue in cues}) == 1
    for cue in cues:
        left, top, *_ = str(cue["rectangle"]).split(",")
        tile: dict[str, object] = {
            "start": float(Fraction(str(cue["start"]))),
            "x": int(left),
            "y": int(top),
        }
        yield tile if is_single else {**tile, "url": cue["sheet"]}

"""Storyboard JSON, which players of Mux and imgix read: over the sheet of the whole video.

The shape knows one picture, `url`. Where the recipe has no sheet of the whole video (`per =
"video"`), it is over the sheets of slices; if these are several, there is no `url` but one in each
tile: a player that does not know about it shows nothing, instead of a wrong picture.

Source: https://docs.mux.com/guides/create-timeline-hover-previews, "JSON format".
"""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction

from scrubjay.documents.base import File, FinishedSet, each_track
from scrubjay.model import Plan, PlannedOutput

__all__ = ["tracks", "write"]


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the track of the first sheet of the whole video, or of each output of sheets."""
    return each_track(plan, "storyboard")


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield each storyboard; times are on the clock of the tracks."""
    for key, output in finished.keyed("storyboard"):
        data = json.dumps(_storyboard(finished, output), separators=(",", ":"))
        yield File(key, data.encode(), "application/json")


def _storyboard(finished: FinishedSet, output: PlannedOutput) -> dict[str, object]:
    cues, size = list(finished.cues(output)), output.layout.size
    urls = {cue.key for cue in cues}
    return {
        **({"url": cues[0].key} if len(urls) == 1 else {}),
        "tile_width": size.width,
        "tile_height": size.height,
        "duration": _number(finished.plan.media.duration + finished.origin),
        "tiles": [
            {
                "start": _number(cue.start),
                "x": cue.x,
                "y": cue.y,
                **({"url": cue.key} if len(urls) > 1 else {}),
            }
            for cue in cues
        ],
    }


def _number(seconds: Fraction) -> float:
    """Round to milliseconds, and write whole seconds without a point."""
    rounded = round(float(seconds), 3)
    return int(rounded) if rounded.is_integer() else rounded

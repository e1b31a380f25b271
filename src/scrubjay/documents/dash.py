"""Sheets as an AdaptationSet of DASH-IF thumbnail tiles, to be pasted into a video's MPD.

It covers the whole video: it also names the sheets in gaps of the set, which do not exist. Players
refuse an MPD of pictures alone, so none is written.

Source: DASH-IF Interoperability Points, version 4.3, section 6.2.6; ISO/IEC 23009-1.
"""

from collections.abc import Iterator, Mapping
from math import ceil

from scrubjay.documents.base import File, FinishedSet, each_track
from scrubjay.model import Plan, PlannedOutput

__all__ = ["tracks", "write"]

_FIRST_ID = 100
"""Of AdaptationSets, so that those of a video's own, which count from 0 or 1, are others."""


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the AdaptationSet of each output of sheets."""
    return each_track(plan, "dash")


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield an AdaptationSet for each output of sheets; times begin at 0."""
    for place, (key, output) in enumerate(finished.keyed("dash")):
        text = _adaptation_set(finished, output, _FIRST_ID + place)
        yield File(key, text.encode(), "application/xml")


def _adaptation_set(finished: FinishedSet, output: PlannedOutput, id_: int) -> str:
    """Write the element of one output.

    Readers divide a sheet's duration by its cells, so that of the last one is a full sheet's too.
    Artifacts are named by the second at which they start: a template names them by their time.
    """
    sheets = list(finished.planned(output))
    layout, canvas = output.layout, output.canvas
    length = output.spacing * layout.columns * layout.rows
    scale = 1 if length.denominator == 1 else 1000  # with one sheet alone, at 0
    largest = max(made.size_bytes for _, made in sheets if made)
    folder, _, name = sheets[0][0].key.rpartition("/")
    suffix = name.rpartition(".")[2]
    repeats = f' r="{len(sheets) - 1}"' if len(sheets) > 1 else ""
    return f"""\
<AdaptationSet xmlns="urn:mpeg:dash:schema:mpd:2011" id="{id_}" contentType="image" \
mimeType="{output.format.media_type}">
  <SegmentTemplate media="{folder}/$Time%06d$.{suffix}" timescale="{scale}">
    <SegmentTimeline>
      <S t="0" d="{length * scale}"{repeats}/>
    </SegmentTimeline>
  </SegmentTemplate>
  <Representation id="thumbnails-{output.name}" bandwidth="{ceil(8 * largest / length)}" \
width="{canvas.width}" height="{canvas.height}">
    <EssentialProperty schemeIdUri="http://dashif.org/guidelines/thumbnail_tile" \
value="{layout.columns}x{layout.rows}"/>
  </Representation>
</AdaptationSet>
"""

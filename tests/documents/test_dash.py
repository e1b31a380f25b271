"""The AdaptationSet: pasted into an MPD and read by a parser that is not ours."""

from fractions import Fraction
from math import ceil

from mpegdash.nodes import AdaptationSet
from mpegdash.parser import MPEGDASHParser
from numbered import Made

_MPD = """\
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" \
type="static" minBufferTime="PT2S"><Period id="0" start="PT0S">{}</Period></MPD>"""


def _pasted(made: Made) -> AdaptationSet:
    mpd = MPEGDASHParser.parse(_MPD.format(made.store.get("thumbnails.xml").decode()))
    [found] = mpd.periods[0].adaptation_sets
    return found


def _found(made: Made, pasted: AdaptationSet, time: Fraction) -> int | None:
    """Return the number in the tile for a time, as players look it up; None if there is none."""
    [representation], [template] = pasted.representations, pasted.segment_templates
    [tiling] = representation.essential_properties
    assert tiling.scheme_id_uri == "http://dashif.org/guidelines/thumbnail_tile"
    columns, rows = map(int, tiling.value.split("x"))
    [row] = template.segment_timelines[0].Ss
    length = Fraction(row.d, template.timescale)
    sheet, offset = divmod(time, length)
    assert sheet <= (row.r or 0)
    key = template.media.replace("$Time%06d$", f"{sheet * row.d:06}")
    width, height = representation.width // columns, representation.height // rows
    y, x = divmod(offset // (length / (columns * rows)), columns)
    if not made.store.has(key):
        return None
    return made.cell(key, int(x) * width, int(y) * height, width, height)


def test_each_time_has_its_picture(made: Made) -> None:
    """At the start, in the middle and at the end of every interval, the tile is that interval's."""
    pasted = _pasted(made)
    for time in made.times():
        assert _found(made, pasted, time) == made.expected(time), float(time)


def test_what_players_choose_by(made: Made) -> None:
    """It is an image, in its own type; the bandwidth is what the largest sheet needs."""
    pasted = _pasted(made)
    assert (pasted.content_type, pasted.mime_type) == ("image", "image/jpeg")
    [row] = pasted.segment_templates[0].segment_timelines[0].Ss
    largest = max(sheet.size_bytes for sheet in made.manifest.sheets)
    assert pasted.representations[0].bandwidth == ceil(8 * largest / row.d)

"""Reads AdaptationSets of DASH-IF thumbnail tiles.

Source: DASH-IF Interoperability Points, version 4.3, section 6.2.6; ISO/IEC 23009-1.
"""

from collections.abc import Iterator
from math import ceil
from xml.etree import ElementTree as ET

from scrubjay.model import PlannedOutput
from scrubjay.verifying.differences import Row
from scrubjay.verifying.readers.base import Reading
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Placed

__all__ = ["check"]

_SPACE = "{urn:mpeg:dash:schema:mpd:2011}"
_TILES = "http://dashif.org/guidelines/thumbnail_tile"


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the AdaptationSets with the sheets."""
    yield from reading.check_tracks(reading.due_files())
    for output, key in reading.each():
        sheets = list(reading.subject.placed(output))
        try:
            found, addresses = _read(reading.text(key))
        except (ET.ParseError, ValueError, LookupError) as error:
            yield reading.wrong(key, f"it is not an AdaptationSet of thumbnails: {error}")
            continue
        yield from reading.compare(key, [_expected(output, sheets)], [found], "AdaptationSet")
        due = [{"address": placed.due.key} for placed in sheets]
        yield from reading.compare(key, due, [{"address": each} for each in addresses], "sheet")


def _read(text: str) -> tuple[Row, list[str]]:
    """Return what an AdaptationSet says, and the address of each sheet."""
    if "<!" in text:
        raise ValueError("it has a document type, which could declare entities")
    root = ET.fromstring(text)  # noqa: S314  as above
    template = _only(root, "SegmentTemplate")
    stretch = _only(_only(template, "SegmentTimeline"), "S")
    representation = _only(root, "Representation")
    tiles = _only(representation, "EssentialProperty")
    scale = int(template.attrib["timescale"])
    length, repeats = int(stretch.attrib["d"]), int(stretch.attrib.get("r", "0"))
    first = int(stretch.attrib.get("t", "0"))
    row: Row = {
        "element": root.tag,
        "content type": root.attrib.get("contentType"),
        "media type": root.attrib.get("mimeType"),
        "length": length / scale,
        "scheme": tiles.attrib.get("schemeIdUri"),
        "grid": tiles.attrib.get("value"),
        "bandwidth": representation.attrib.get("bandwidth"),
        "width": representation.attrib.get("width"),
        "height": representation.attrib.get("height"),
    }
    media = template.attrib["media"]
    if "$Time%06d$" not in media or repeats > _MOST_SHEETS:
        raise ValueError("its template names no sheets by their time")
    return row, [
        media.replace("$Time%06d$", f"{first + number * length:06d}")
        for number in range(repeats + 1)
    ]


_MOST_SHEETS = 1_000_000


def _only(element: ET.Element, name: str) -> ET.Element:
    [found] = element.findall(f"{_SPACE}{name}")
    return found


def _expected(output: PlannedOutput, sheets: list[Placed]) -> Row:
    layout, canvas = output.layout, output.canvas
    length = output.spacing * layout.columns * layout.rows
    largest = max((each.artifact.size_bytes for each in sheets if each.artifact), default=0)
    return {
        "element": f"{_SPACE}AdaptationSet",
        "content type": "image",
        "media type": output.format.media_type,
        "length": float(length),
        "scheme": _TILES,
        "grid": f"{layout.columns}x{layout.rows}",
        "bandwidth": str(ceil(8 * largest / length)),
        "width": str(canvas.width),
        "height": str(canvas.height),
    }

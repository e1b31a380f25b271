"""Reads the trickplay folder that Jellyfin finds beside a video: a copy of each sheet."""

from collections.abc import Iterator, Sequence

from scrubjay.keys import document_key, video_stem
from scrubjay.model import Artifact, PlannedOutput
from scrubjay.registry import DOCUMENTS
from scrubjay.verifying.differences import Row
from scrubjay.verifying.readers.base import Reading, digest
from scrubjay.verifying.report import Finding

__all__ = ["check"]


def check(reading: Reading) -> Iterator[Finding]:
    """Compare each file with the sheet whose place in the video its number says."""
    folders: dict[str, PlannedOutput] = {}
    for output in reading.outputs:  # of one width and grid, the first has a folder
        folders.setdefault(_key(reading, output, 0), output)
    due: dict[str, str] = {}
    rows: list[tuple[str, Row]] = []
    for output in folders.values():
        name = f"jellyfin-{output.name}" if due else "jellyfin"
        sheets = _filled([artifact for _, artifact in reading.subject.placed(output)])
        for number, artifact in enumerate(sheets):
            key = _key(reading, output, number)
            due[f"{name}.{number}" if number else name] = key
            if artifact:
                rows.append((key, {"picture": artifact.blake2b}))
    yield from reading.check_tracks(due)
    for key, expected in rows:
        if key in reading.subject.sizes:
            found = {"picture": digest(reading.data(key))}
            yield from reading.compare(key, [expected], [found], "sheet")


def _filled(made: Sequence[Artifact | None]) -> list[Artifact | None]:
    """Put the sheet before, or else the first there is, in the place of each in a gap."""
    shown = next(filter(None, made), None)
    found: list[Artifact | None] = []
    for each in made:
        shown = each or shown
        found.append(shown)
    return found


def _key(reading: Reading, output: PlannedOutput, number: int) -> str:
    layout = output.layout
    return document_key(
        DOCUMENTS["jellyfin"].files[0],
        video=video_stem(reading.subject.plan.source.name),
        width=layout.size.width,
        columns=layout.columns,
        rows=layout.rows,
        number=number,
    )

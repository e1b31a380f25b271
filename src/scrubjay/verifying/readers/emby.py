"""Reads the BIF files that Emby finds beside a video: `NAME-WIDTH-INTERVAL.bif`."""

from collections.abc import Iterator

from scrubjay.keys import document_key, video_stem
from scrubjay.model import PlannedOutput
from scrubjay.registry import DOCUMENTS
from scrubjay.verifying.readers.base import Reading
from scrubjay.verifying.readers.bif import check_file
from scrubjay.verifying.report import Finding

__all__ = ["check"]


def check(reading: Reading) -> Iterator[Finding]:
    """Compare each file's name and pictures with the packed stills."""
    outputs: dict[str, PlannedOutput] = {}
    for output in reading.outputs:  # of one width and interval, the first has a file
        outputs.setdefault(_key(reading, output), output)
    names = [f"emby-{output.name}" if place else "emby" for place, output in
             enumerate(outputs.values())]  # fmt: skip
    yield from reading.check_tracks(dict(zip(names, outputs, strict=True)))
    for key, output in outputs.items():
        if key in reading.subject.sizes:
            yield from check_file(reading, output, key)


def _key(reading: Reading, output: PlannedOutput) -> str:
    return document_key(
        DOCUMENTS["emby"].files[0],
        video=video_stem(reading.subject.plan.source.name),
        width=output.layout.size.width,
        interval=int(output.spacing),
    )

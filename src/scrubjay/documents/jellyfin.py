"""JPEG sheets as the trickplay folder that Jellyfin finds beside the video.

The folder has the video's name, then the thumbnails' width and the grid; sheets are numbered from
0: `Film (2008).trickplay/320 - 10x10/0.jpg`. Jellyfin counts them, so for one in a gap of
the set, the one before stands in its place (at the start, the one after). Of several outputs of one
width and grid, the first has a folder.
"""

from collections.abc import Iterator, Mapping

from scrubjay.documents.base import File, FinishedSet
from scrubjay.keys import document_key, video_stem
from scrubjay.model import Plan, PlannedOutput
from scrubjay.needs import outputs_for
from scrubjay.planning import artifacts_of
from scrubjay.registry import DOCUMENTS

__all__ = ["tracks", "write"]


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return each sheet's place in the folder; `jellyfin` is the first one's."""
    found: dict[str, str] = {}
    for output in _outputs(plan):
        count = sum(len(artifacts_of(plan, output, slice_)) for slice_ in plan.slices)
        name = f"jellyfin-{output.name}" if found else "jellyfin"
        found |= {
            f"{name}.{number}" if number else name: _key(plan, output, number)
            for number in range(count)
        }
    return found


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a copy of each sheet."""
    for output in _outputs(finished.plan):
        made = [artifact for _, artifact in finished.planned(output)]
        shown = next(filter(None, made), None)
        for number, artifact in enumerate(made):
            shown = artifact or shown
            if shown:
                key = _key(finished.plan, output, number)
                yield File(key, finished.read(shown.key), shown.media_type)


def _outputs(plan: Plan) -> list[PlannedOutput]:
    """Return the outputs that have a folder."""
    found: dict[str, PlannedOutput] = {}
    for output in outputs_for(plan, "jellyfin"):
        found.setdefault(_key(plan, output, 0), output)
    return list(found.values())


def _key(plan: Plan, output: PlannedOutput, number: int) -> str:
    layout = output.layout
    return document_key(
        DOCUMENTS["jellyfin"].files[0],
        video=video_stem(plan.source.name),
        width=layout.size.width,
        columns=layout.columns,
        rows=layout.rows,
        number=number,
    )

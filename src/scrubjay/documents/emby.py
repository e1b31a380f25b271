"""Packed stills as a BIF file under the name by which Emby finds it beside the video.

The name has the video's, the width in px and the interval in seconds: `Film (2008)-320-10.bif`. Of
several outputs of one width and interval, the first has a file.
"""

from collections.abc import Iterator, Mapping

from scrubjay.documents.base import File, FinishedSet
from scrubjay.documents.bif import MEDIA_TYPE, bif
from scrubjay.keys import document_key, video_stem
from scrubjay.model import Plan, PlannedOutput
from scrubjay.needs import outputs_for
from scrubjay.registry import DOCUMENTS

__all__ = ["tracks", "write"]


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the file of each width and interval of packed stills."""
    outputs = _outputs(plan)
    first = next(iter(outputs.values()), None)
    return {
        "emby" if output == first else f"emby-{output.name}": key for key, output in outputs.items()
    }


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a file for each width and interval of packed stills; times begin at 0.

    Raises:
        RecipeError: one would be too large.
    """
    for key, output in _outputs(finished.plan).items():
        yield File(key, bif(finished, output), MEDIA_TYPE)


def _outputs(plan: Plan) -> dict[str, PlannedOutput]:
    """Return the outputs by the keys of their files."""
    found: dict[str, PlannedOutput] = {}
    for output in outputs_for(plan, "emby"):
        key = document_key(
            DOCUMENTS["emby"].files[0],
            video=video_stem(plan.source.name),
            width=output.layout.size.width,
            interval=int(output.spacing),
        )
        found.setdefault(key, output)
    return found

"""The poster of the whole video under a name that stays: `og:image` and the like need one."""

from collections.abc import Iterator, Mapping

from scrubjay.documents.base import File, FinishedSet, each_track
from scrubjay.model import Plan

__all__ = ["tracks", "write"]


def tracks(plan: Plan) -> Mapping[str, str]:
    """Return the key of the copy."""
    return each_track(plan, "poster")


def write(finished: FinishedSet) -> Iterator[File]:
    """Yield a copy of the first still of the whole video that is a JPEG."""
    for key, output in finished.keyed("poster"):
        for artifact in finished.artifacts(output):
            yield File(key, finished.read(artifact.key), artifact.media_type)

"""What a whole video has once, made one after another."""

from collections.abc import Collection, Iterator

from av import VideoFrame

from scrubjay.model import Animation, Plan, PlannedOutput, Sheet, Slice, Still
from scrubjay.planning import artifacts_of
from scrubjay.slices.encoding import Encoded, Painters
from scrubjay.slices.hover import make_hover
from scrubjay.slices.overview import make_overview
from scrubjay.slices.passes import Passes
from scrubjay.slices.poster import make_poster

__all__ = ["make_whole"]


def make_whole(
    plan: Plan, slice_: Slice, outputs: Collection[PlannedOutput], passes: Passes[VideoFrame]
) -> Iterator[Encoded]:
    """Yield the artifact of each output of the whole video.

    Args:
        plan: what to make.
        slice_: the job for the whole video.
        outputs: which to make; each reads what it needs by itself, so that none depends on another.
        passes: reads the video.

    Raises:
        SourceDamagedError: nothing in the video can be decoded.
    """
    painters = Painters(plan)
    for output in outputs:
        (planned,) = artifacts_of(plan, output, slice_)
        match output.options:
            case Sheet() as options:
                yield make_overview(output, options, planned, passes=passes, painters=painters)
            case Still() as options:
                yield make_poster(output, options, planned, passes=passes, painters=painters)
            case Animation() as options:
                yield make_hover(output, options, planned, passes=passes, painters=painters)

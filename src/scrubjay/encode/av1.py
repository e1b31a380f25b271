"""AV1 by SVT-AV1: what AVIF and WebM have in common."""

import os
from collections.abc import Generator
from contextlib import contextmanager

from scrubjay.encode.streaming import ONE_KEYFRAME, Coding
from scrubjay.sandbox.priority import ordinary_priority

__all__ = ["AV1"]


@contextmanager
def _opening() -> Generator[None]:
    """Let SVT-AV1 write only errors, and keep it from real-time priority, which it takes as root.

    It reads its variable once in a process.
    """
    os.environ.setdefault("SVT_LOG", "1")
    with ordinary_priority():
        yield


AV1 = Coding(
    encoder="libsvtav1",
    container="webm",
    ticks=1000,
    quality_option="crf",
    quality_range=(63, 1),
    quality=45,
    least_quality=5,
    options={"preset": "10", "g": ONE_KEYFRAME, "svtav1-params": "lp=1"},
    opening=_opening,
)
"""How AV1 is coded; a container changes what it needs to."""

"""Every object key is spelled here, and nowhere else.

A key is relative to the destination. Artifacts are named by the second at which they start, with
milliseconds where that is not whole.
"""

import re
from fractions import Fraction

from scrubjay.timing import milliseconds

__all__ = [
    "FOLDERS",
    "MANIFEST",
    "PAGE",
    "PLAN",
    "SLICES",
    "WEBVTT",
    "animation_key",
    "frame_key",
    "is_artifact",
    "is_ours",
    "record_key",
    "sheet_key",
]

MANIFEST = "manifest.json"
PAGE = "index.html"
WEBVTT = "storyboard.vtt"
PLAN = ".scrubjay/plan.json"
SLICES = ".scrubjay/slices/"

FOLDERS = ("", "animations", "frames", "sheets", ".scrubjay", ".scrubjay/slices")
"""Every folder that a key may lie in."""

_ARTIFACT = re.compile(
    r"(animations/\d{6,}(\.\d{3})?\.gif"
    r"|(frames|sheets)/\d{6,}(\.\d{3})?\.jpg"
    r"|\.scrubjay/slices/\d{6,}(\.\d{3})?\.json)"
)


def _second(time: Fraction) -> str:
    seconds, thousandths = divmod(milliseconds(time), 1000)
    return f"{seconds:06}.{thousandths:03}" if thousandths else f"{seconds:06}"


def animation_key(start: Fraction) -> str:
    """Key of the animation of the slice that starts at `start` seconds."""
    return f"animations/{_second(start)}.gif"


def frame_key(time: Fraction) -> str:
    """Key of the still for `time` seconds."""
    return f"frames/{_second(time)}.jpg"


def sheet_key(start: Fraction) -> str:
    """Key of the sheet of the slice that starts at `start` seconds."""
    return f"sheets/{_second(start)}.jpg"


def record_key(start: Fraction) -> str:
    """Key of the record of the slice that starts at `start` seconds."""
    return f"{SLICES}{_second(start)}.json"


def is_ours(key: str) -> bool:
    """Whether a key is one that Scrubjay writes at all."""
    return key in {MANIFEST, PAGE, WEBVTT, PLAN} or is_artifact(key)


def is_artifact(key: str) -> bool:
    """Whether a key is one that a slice may write: only such objects are ever called stale."""
    return _ARTIFACT.fullmatch(key) is not None

"""Every object key is spelled here, and nowhere else.

A key is relative to the destination. Artifacts are named by the second at which they start, with
milliseconds where that is not whole.
"""

import re
from fractions import Fraction
from hashlib import blake2b
from string import ascii_letters, digits

from scrubjay.timing import milliseconds

__all__ = [
    "ANNOUNCED",
    "FAILURES",
    "FOLDERS",
    "MANIFEST",
    "ORIGIN",
    "PAGE",
    "PLAN",
    "PROBLEM",
    "SENT",
    "SLICES",
    "TOP_FOLDERS",
    "WEBVTT",
    "animation_key",
    "caching",
    "failure_key",
    "frame_key",
    "is_artifact",
    "is_failure",
    "is_ours",
    "record_key",
    "set_prefix",
    "sheet_key",
]

MANIFEST = "manifest.json"
PAGE = "index.html"
WEBVTT = "storyboard.vtt"
PLAN = ".scrubjay/plan.json"
SLICES = ".scrubjay/slices/"

# What functions in a cloud leave beside them, where nobody waits for their answer:
FAILURES = ".scrubjay/failures/"
PROBLEM = ".scrubjay/error.json"
ORIGIN = ".scrubjay/origin.json"
SENT = ".scrubjay/sent"
ANNOUNCED = ".scrubjay/announced"

FOLDERS = (
    "",
    "animations",
    "frames",
    "sheets",
    ".scrubjay",
    ".scrubjay/slices",
    ".scrubjay/failures",
)
"""Every folder that a key may lie in."""

TOP_FOLDERS = tuple(f"{each}/" for each in FOLDERS if each and "/" not in each)
"""What to list of a destination: everything else below it may be other people's."""

_ARTIFACT = re.compile(
    r"(animations/\d{6,}(\.\d{3})?\.gif"
    r"|(frames|sheets)/\d{6,}(\.\d{3})?\.jpg"
    r"|\.scrubjay/slices/\d{6,}(\.\d{3})?\.json)"
)

_FAILURE = re.compile(r"\.scrubjay/failures/\d{6,}(\.\d{3})?\.json")

_PLAIN = frozenset(ascii_letters + digits + "-_.")
_MOST_PART_CHARACTERS = 200
_MOST_PREFIX_CHARACTERS = 600
"""File systems hold 255 bytes a part and Amazon 1024 a key; what lies in a set needs some too."""


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


def failure_key(start: Fraction) -> str:
    """Key of the note that the slice that starts at `start` seconds cannot be made."""
    return f"{FAILURES}{_second(start)}.json"


def set_prefix(key: str) -> str:
    """Return where the set of an uploaded video lies, from the video's own key.

    It is the whole key, suffix included, with every character but `A-Z a-z 0-9 - _ .` written as
    `~` and two digits for each byte. Two keys never share a set; a very long one has a digest in
    its place, and its own end.
    """
    parts = [_safe(part) for part in key.split("/")]
    prefix = "/".join(parts)
    if len(prefix) <= _MOST_PREFIX_CHARACTERS and max(map(len, parts)) <= _MOST_PART_CHARACTERS:
        return prefix
    digest = blake2b(_bytes(key), digest_size=16).hexdigest()
    return f"~-{digest}/{parts[-1][-_MOST_PART_CHARACTERS:]}"


def _safe(part: str) -> str:
    """Write a part of a key so that it can be a folder's name and a part of a URL."""
    if not part.strip("."):  # "", "." and ".." are no names
        return part.replace(".", "~2e") or "~"
    return "".join(
        each if each in _PLAIN else "".join(f"~{byte:02x}" for byte in _bytes(each))
        for each in part
    )


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def caching(key: str) -> str:
    """Return how long readers may keep an object before they ask again, as `Cache-Control`.

    A picture keeps its key when another recipe makes it anew, so it is kept for a day and not for
    ever; what says which pictures there are is asked for each time.
    """
    return "max-age=86400" if is_artifact(key) and not key.startswith(SLICES) else "no-cache"


def is_ours(key: str) -> bool:
    """Whether a key is one that Scrubjay writes at all."""
    documents = {MANIFEST, PAGE, WEBVTT, PLAN, PROBLEM, ORIGIN, SENT, ANNOUNCED}
    return key in documents or is_artifact(key) or is_failure(key)


def is_failure(key: str) -> bool:
    """Whether a key is one of a note that a slice cannot be made."""
    return _FAILURE.fullmatch(key) is not None


def is_artifact(key: str) -> bool:
    """Whether a key is one that a slice may write: only such objects are ever called stale."""
    return _ARTIFACT.fullmatch(key) is not None

"""The only place where object keys are spelled.

A key is relative to the destination. An artifact's key has the output's name, the id of what
decides its bytes, and the second at which it starts, with milliseconds if that is not whole:
`frames/3f9a2c1e77d0/000030.jpg`. So no key is ever written with other bytes.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from hashlib import blake2b
from string import ascii_letters, digits

from scrubjay.registry import DOCUMENTS
from scrubjay.timing import milliseconds

__all__ = [
    "ANNOUNCED",
    "DOCUMENT_FIELDS",
    "FAILURES",
    "FOLDERS",
    "GENERATIONS",
    "LIBRARY",
    "MANIFEST",
    "ORIGIN",
    "PAGE",
    "PLAN",
    "PROBLEM",
    "RECORDS",
    "SENT",
    "USAGE",
    "VIDEO",
    "artifact_folder",
    "artifact_key",
    "caching",
    "document_key",
    "failure_key",
    "generation_key",
    "is_document",
    "is_failure",
    "is_ours",
    "record_folder",
    "record_key",
    "set_prefix",
    "video_stem",
]

MANIFEST = "manifest.json"
PAGE = "index.html"
LIBRARY = "library.json"
"""Beside the index of a library, which has the name of a set's page."""

PLAN = ".scrubjay/plan.json"
GENERATIONS = ".scrubjay/generations/"
RECORDS = ".scrubjay/slices/"
USAGE = ".scrubjay/usage.json"
"""What making the set used."""

VIDEO = ".scrubjay/video.json"
"""Which version of its video a run over a library made the set of, and how that ended."""

# Notes of functions in a cloud, whose results nothing waits for:
FAILURES = ".scrubjay/failures/"
PROBLEM = ".scrubjay/error.json"
ORIGIN = ".scrubjay/origin.json"
SENT = ".scrubjay/sent"
ANNOUNCED = ".scrubjay/announced"

FOLDERS = ("", ".scrubjay", GENERATIONS.rstrip("/"), FAILURES.rstrip("/"))
"""Folders that every set writes into, apart from those of its outputs."""

_NAME = r"[a-z][a-z0-9-]*"
_ID = r"[0-9a-f]{12}"
_SECOND = r"\d{6,}(\.\d{3})?"
_ARTIFACT = re.compile(rf"{_NAME}/{_ID}/{_SECOND}\.[a-z0-9]+")
_STATE = re.compile(
    rf"\.scrubjay/(slices/{_ID}/{_SECOND}-{_SECOND}\.json|generations/[0-9a-f]{{32}}\.json)"
)
_FAILURE = re.compile(rf"\.scrubjay/failures/({_SECOND}|video)\.json")
_FIELD = re.compile(r"\{(\w+)\}")

DOCUMENT_FIELDS: Mapping[str, str] = {
    "video": r"[^/\\\x00-\x1f\x7f]+",
    "width": r"\d+",
    "interval": r"\d+",
    "columns": r"\d+",
    "rows": r"\d+",
    "number": r"\d+",
}
"""What a document's file may have in braces, and what that can be."""


def _pattern(file: str) -> re.Pattern[str]:
    """Return what the keys of a document's file look like."""
    if "{" not in file:
        stem, _, suffix = file.partition(".")
        return re.compile(rf"{re.escape(stem)}(-{_NAME})?\.{re.escape(suffix)}")
    texts = _FIELD.split(file)  # every second one is a field's name
    return re.compile(
        "".join(
            DOCUMENT_FIELDS[text] if place % 2 else re.escape(text)
            for place, text in enumerate(texts)
        )
    )


_DOCUMENTS = tuple(_pattern(file) for kind in DOCUMENTS.values() for file in kind.files)

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")
_PLAIN = frozenset(ascii_letters + digits + "-_.")
_MOST_PART_CHARACTERS = 200
_MOST_PREFIX_CHARACTERS = 600
"""File systems allow names of 255 bytes, and S3 keys of 1024, of which a set needs some."""


def _second(time: Fraction) -> str:
    seconds, thousandths = divmod(milliseconds(time), 1000)
    return f"{seconds:06}.{thousandths:03}" if thousandths else f"{seconds:06}"


def artifact_folder(name: str, id_: str) -> str:
    """Folder of an output's artifacts: the output's name and id."""
    return f"{name}/{id_}/"


def artifact_key(name: str, id_: str, start: Fraction, suffix: str) -> str:
    """Key of the artifact of an output that starts at `start` seconds."""
    return f"{artifact_folder(name, id_)}{_second(start)}.{suffix}"


def record_folder(id_: str) -> str:
    """Folder of the slice records of the output with that id."""
    return f"{RECORDS}{id_}/"


def record_key(id_: str, start: Fraction, end: Fraction) -> str:
    """Key of the record of an output's slice from `start` to `end` seconds."""
    return f"{record_folder(id_)}{_second(start)}-{_second(end)}.json"


def generation_key(plan_id: str) -> str:
    """Key of the note that a destination was used for a plan."""
    return f"{GENERATIONS}{plan_id}.json"


def failure_key(start: Fraction, *, is_whole: bool = False) -> str:
    """Key of the note that the slice from `start` seconds on, or the whole, cannot be made."""
    return f"{FAILURES}{'video' if is_whole else _second(start)}.json"


def document_key(file: str, output: str = "", **fields: str | int) -> str:
    """Return the key of a document's file.

    Args:
        file: as the registry has it.
        output: the name of the output that it is of, if it is not the first one.
        fields: what stands in braces there.
    """
    stem, dot, suffix = file.partition(".")
    named = f"{stem}-{output}{dot}{suffix}" if output else file
    return _FIELD.sub(lambda field: str(fields[field[1]]), named)


def video_stem(name: str) -> str:
    """Return a video's name without its suffix, as a part of a key.

    What no key can hold (slashes, control characters, halves of characters) becomes `_`, and a
    very long name is cut.
    """
    stem = _UNSAFE.sub("_", name.rpartition(".")[0] or name or "_")
    return stem.encode()[:_MOST_PART_CHARACTERS].decode(errors="ignore")


def set_prefix(key: str) -> str:
    """Return the prefix of an uploaded video's set, from the video's key.

    It is the whole key, suffix included, with every character except `A-Z a-z 0-9 - _ .` written as
    `~` and two digits for each byte. Two keys never share a set; a very long key is shortened to a
    digest and its end.
    """
    parts = [_safe(part) for part in key.split("/")]
    prefix = "/".join(parts)
    if len(prefix) <= _MOST_PREFIX_CHARACTERS and max(map(len, parts)) <= _MOST_PART_CHARACTERS:
        return prefix
    digest = blake2b(_bytes(key), digest_size=16).hexdigest()
    return f"~-{digest}/{parts[-1][-_MOST_PART_CHARACTERS:]}"


def _safe(part: str) -> str:
    """Escape a part of a key so that it can be a folder's name and a part of a URL."""
    if not part.strip("."):  # "", "." and ".." are not valid names
        return part.replace(".", "~2e") or "~"
    return "".join(
        each if each in _PLAIN else "".join(f"~{byte:02x}" for byte in _bytes(each))
        for each in part
    )


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def caching(key: str) -> str:
    """Return the `Cache-Control` header of an object.

    An artifact never changes. A document may change, so readers check it each time.
    """
    is_artifact = _ARTIFACT.fullmatch(key) is not None
    return "public, max-age=31536000, immutable" if is_artifact else "no-cache"


def is_ours(key: str) -> bool:
    """Whether a key is one that Scrubjay may write."""
    named = {MANIFEST, PLAN, USAGE, VIDEO, PROBLEM, ORIGIN, SENT, ANNOUNCED}
    patterns = (_ARTIFACT, _STATE, _FAILURE)
    return key in named or is_document(key) or any(each.fullmatch(key) for each in patterns)


def is_document(key: str) -> bool:
    """Whether a key is that of a document beside the manifest."""
    return any(pattern.fullmatch(key) for pattern in _DOCUMENTS)


def is_failure(key: str) -> bool:
    """Whether a key is that of a note that a slice cannot be made."""
    return _FAILURE.fullmatch(key) is not None

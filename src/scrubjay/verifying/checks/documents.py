"""Each document that the recipe asks for is there, and its reader finds what the manifest says."""

import struct
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import cast

from scrubjay.errors import ObjectNotFoundError
from scrubjay.keys import MANIFEST
from scrubjay.registry import DOCUMENTS
from scrubjay.verifying.expected import outputs_behind
from scrubjay.verifying.readers.base import Reading
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Subject

__all__ = ["check_documents", "reader_of"]

Reader = Callable[[Reading], Iterator[Finding]]


def check_documents(subject: Subject) -> Iterator[Finding]:
    """Read every document, and compare it with the plan, the records and the manifest."""
    if subject.manifest is None:
        return
    tracks = dict(subject.manifest.tracks)
    for name in subject.plan.recipe.documents:
        files = {track: tracks.pop(track) for track in list(tracks) if _is_of(track, name)}
        reading = Reading(subject, name, files)
        if not files:
            if _is_due(subject, name):
                yield reading.wrong(MANIFEST, f"it names no file of the document {name!r}")
            continue
        missing = [key for key in files.values() if key not in subject.sizes]
        for key in missing:
            yield Finding(
                check="object",
                key=key,
                message=f"this file of the document {name!r} is missing",
                expected="",
                found="",
            )
        if not missing:
            yield from _read(reading)
    for track, key in tracks.items():
        yield Finding(
            check="document",
            key=MANIFEST,
            message=f"it names a track {track!r} that the recipe does not have",
            expected="",
            found=key,
        )


def _read(reading: Reading) -> Iterator[Finding]:
    """Yield what a document's reader finds; that it cannot be read is a finding as well."""
    try:
        yield from reader_of(reading.name)(reading)
    except (ObjectNotFoundError, struct.error, ArithmeticError, LookupError, ValueError) as error:
        key = next(iter(reading.files.values()))
        yield reading.wrong(key, f"the document {reading.name!r} cannot be read: {error}")


def reader_of(name: str) -> Reader:
    """Return the reader of a document: `check` in the module of the same name."""
    return cast("Reader", import_module(f"scrubjay.verifying.readers.{name}").check)


def _is_of(track: str, name: str) -> bool:
    """Whether a track is one of a document: `name`, `name-output`, `name.word`."""
    others = [each for each in DOCUMENTS if len(each) > len(name) and each.startswith(f"{name}-")]
    stem = track.partition(".")[0]
    is_other = any(stem == each or stem.startswith(f"{each}-") for each in others)
    return not is_other and (stem == name or stem.startswith(f"{name}-"))


def _is_due(subject: Subject, name: str) -> bool:
    """Whether there is anything that a document could describe."""
    if not DOCUMENTS[name].reads:
        return True
    return any(
        placed.artifact
        for output in outputs_behind(subject.plan, name)
        for placed in subject.placed(output)
    )

"""Reads the poster: a copy of the best still of the whole video."""

from collections.abc import Iterator

from scrubjay.verifying.readers.base import Reading, digest
from scrubjay.verifying.report import Finding

__all__ = ["check"]


def check(reading: Reading) -> Iterator[Finding]:
    """Compare the poster with its still."""
    yield from reading.check_tracks(reading.due_files())
    for output, key in reading.each():
        for _, artifact in reading.subject.placed(output):
            if artifact:
                found = {"picture": digest(reading.data(key))}
                due = {"picture": artifact.blake2b}
                yield from reading.compare(key, [due], [found], "poster")

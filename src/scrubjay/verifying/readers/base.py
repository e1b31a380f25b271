"""What the readers of documents have in common."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from typing import NamedTuple

from scrubjay.keys import MANIFEST, document_key
from scrubjay.model import PlannedOutput
from scrubjay.registry import DOCUMENTS
from scrubjay.timing import milliseconds
from scrubjay.verifying.differences import Row, differences
from scrubjay.verifying.expected import outputs_behind
from scrubjay.verifying.report import Finding
from scrubjay.verifying.subject import Subject

__all__ = ["Picture", "Reading", "digest", "in_milliseconds", "nearest_made"]

_MOST_TEXT_BYTES = 1 << 27


class Picture(NamedTuple):
    """One picture of packed stills."""

    time: Fraction
    key: str
    begin: int
    """Where its JPEG begins in that file."""
    size_bytes: int
    """0 in a gap."""


class Reading:
    """One document of a set, for its reader.

    Args:
        subject: the set.
        name: of the document.
        files: the keys of its files, by track.
    """

    def __init__(self, subject: Subject, name: str, files: Mapping[str, str]) -> None:
        self.subject = subject
        self.name = name
        self.files = files

    @cached_property
    def outputs(self) -> list[PlannedOutput]:
        """What the document is made of."""
        return outputs_behind(self.subject.plan, self.name)

    def each(self, place: int = 0, word: str = "") -> Iterator[tuple[PlannedOutput, str]]:
        """Yield each output with the key of its file, as the manifest names it.

        Args:
            place: of the file in the registry.
            word: what its tracks have after a point.
        """
        for output, (track, key) in zip(self.outputs, self._due(place, word), strict=True):
            yield output, self.files.get(track, key)

    def _due(self, place: int, word: str) -> Iterator[tuple[str, str]]:
        """Yield the track and the key of each output's file: the first one has the plain names."""
        for number, output in enumerate(self.outputs):
            own = output.name if number else ""
            track = "-".join(filter(None, (self.name, own))) + (f".{word}" if word else "")
            yield track, document_key(DOCUMENTS[self.name].files[place], own)

    def due_files(self, *words: tuple[int, str]) -> dict[str, str]:
        """Return the track and key of each output's files: the main one, and others by word."""
        return {
            track: key for place, word in ((0, ""), *words) for track, key in self._due(place, word)
        }

    def check_tracks(self, expected: Mapping[str, str]) -> Iterator[Finding]:
        """Compare the tracks of the manifest with those that should be there."""
        yield from self.compare(MANIFEST, [expected], [self.files], "tracks")

    def text(self, key: str) -> str:
        """Return the text of a file; bytes that are not UTF-8 become a mark."""
        return self.data(key)[:_MOST_TEXT_BYTES].decode(errors="replace")

    def data(self, key: str) -> bytes:
        """Return the bytes of a file."""
        return self.subject.read(key)

    def wrong(self, key: str, message: str, expected: str = "", found: str = "") -> Finding:
        """Return a finding about the document."""
        return Finding(check="document", key=key, message=message, expected=expected, found=found)

    def compare(
        self, key: str, expected: Sequence[Row], found: Sequence[Row], what: str
    ) -> Iterator[Finding]:
        """Yield how entries of a file differ from what they should be."""
        for each in differences(expected, found, what):
            yield self.wrong(key, each.message, each.expected, each.found)

    def packed(self, output: PlannedOutput) -> Iterator[Picture]:
        """Yield every picture that an output of packed stills has by its plan."""
        for due, artifact in self.subject.placed(output):
            sizes = artifact.picture_bytes if artifact else (0,) * len(due.times)
            total = artifact.size_bytes if artifact else 0
            head = (total - sum(sizes)) // max(1, len(sizes))
            begins = accumulate((head + size for size in sizes), initial=head)
            for time, begin, size in zip(due.times, begins, sizes, strict=False):
                yield Picture(time, due.key, begin, size)

    def jpeg(self, picture: Picture) -> bytes:
        """Return the JPEG of a packed still; nothing if its file is missing."""
        if picture.key not in self.subject.sizes:
            return b""
        return self.subject.read(picture.key)[picture.begin :][: picture.size_bytes]


def digest(data: bytes) -> str:
    """Return a short name of some bytes, for messages."""
    return blake2b(data, digest_size=16).hexdigest()


def in_milliseconds(seconds: Fraction) -> str:
    """Write seconds to the millisecond, for messages."""
    return f"{milliseconds(seconds) / 1000:.3f}"


def nearest_made(pictures: Sequence[Picture]) -> list[Picture]:
    """Return what stands for each picture: itself, or that before a gap, or the first there is."""
    made = next((each for each in pictures if each.size_bytes), None)
    found: list[Picture] = []
    for each in pictures:
        made = each if each.size_bytes else made
        if made:
            found.append(made._replace(time=each.time))
    return found

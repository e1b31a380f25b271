"""What a document is: a finished set in, the bytes of one or more files out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from scrubjay.model import (
    Artifact,
    Kind,
    Manifest,
    Plan,
    PlannedOutput,
    Recipe,
    SliceRecord,
    TrackClock,
)
from scrubjay.registry import DOCUMENTS

__all__ = ["Cue", "Document", "File", "FinishedSet", "document", "sheet_tracks", "tracks_of"]


class File(NamedTuple):
    """One file to write beside the manifest."""

    key: str
    data: bytes
    media_type: str


class Cue(NamedTuple):
    """One thumbnail of a sheet, and when it is shown, in seconds on the clock of the tracks."""

    start: Fraction
    end: Fraction
    key: str
    """Of the sheet."""
    x: int
    """Left edge in the sheet, in px."""
    y: int
    """Top edge in the sheet, in px."""


class FinishedSet(NamedTuple):
    """A set of which all that could be made is made, as documents see it."""

    plan: Plan
    records: Mapping[int, Mapping[str, SliceRecord]]
    """By slice index and output name: of the slices of which nothing is missing, rising."""
    manifest: Manifest
    manifest_json: bytes
    """The manifest as it is written."""
    video_url: str | None
    """Where a page finds the video, relative to the set or absolute; None if nowhere."""
    read: Callable[[str], bytes]
    """Returns the bytes of an artifact, by key."""

    @property
    def origin(self) -> Fraction:
        """What the clock of the tracks shows where the previews begin, in seconds."""
        is_media = self.manifest.track_clock == "media"
        return self.plan.media.origin if is_media else Fraction(0)

    @property
    def clock(self) -> TrackClock:
        """The clock of the times in tracks."""
        return self.manifest.track_clock

    def outputs(self, kind: Kind) -> list[PlannedOutput]:
        """Return the outputs of a kind."""
        return [output for output in self.plan.outputs if output.options.kind == kind]

    def artifacts(self, output: PlannedOutput) -> Iterator[Artifact]:
        """Yield an output's artifacts, rising in time."""
        for records in self.records.values():
            yield from records[output.name].artifacts

    def cues(self, output: PlannedOutput) -> Iterator[Cue]:
        """Yield the thumbnails of an output of sheets; they touch, and none is before time 0.

        On the clock `media` the first begins at 0 all the same: a bar that shows the empty time
        before the video's first picture shows that picture there.
        """
        columns, size, step = output.layout.columns, output.layout.size, output.options.spacing
        for sheet in self.artifacts(output):
            for place in range(sheet.pictures):
                start = sheet.start + place * step
                end = min(start + step, sheet.end) + self.origin
                if end > 0:
                    begin = max(start + self.origin, Fraction(0)) if start else Fraction(0)
                    row, column = divmod(place, columns)
                    yield Cue(begin, end, sheet.key, column * size.width, row * size.height)


class Document(Protocol):
    """One kind of document: the two functions that its module has."""

    def tracks(self, recipe: Recipe) -> Mapping[str, str]:
        """Return the key of each file that a set of that recipe has, by the track's name.

        The first sheets have the plain name, `storyboard.vtt`, and others their own name as well,
        `storyboard-small.vtt`. Empty where the recipe has nothing to put into it.
        """
        ...

    def write(self, finished: FinishedSet) -> Iterable[File]:
        """Yield the files; artifacts are named relative to the set."""
        ...


def sheet_tracks(recipe: Recipe, name: str) -> dict[str, str]:
    """Return the track and key of a document for each output of sheets.

    Args:
        recipe: whose sheets they are.
        name: of the document; the first sheets have its plain file, as the registry has it.
    """
    stem, _, suffix = DOCUMENTS[name].file.rpartition(".")
    others = {f"{name}-{each.name}": f"{stem}-{each.name}.{suffix}" for each in recipe.sheets[1:]}
    return {name: DOCUMENTS[name].file} | others if recipe.sheets else {}


def document(name: str) -> Document:
    """Return a document by its name in the registry."""
    return cast("Document", import_module(DOCUMENTS[name].module))


def tracks_of(recipe: Recipe) -> dict[str, str]:
    """Return the key of each file that a recipe's documents have, by track."""
    return {
        track: key
        for name in recipe.documents
        for track, key in document(name).tracks(recipe).items()
    }

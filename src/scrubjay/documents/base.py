"""The interface of documents: a finished set in, the bytes of one or more files out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from scrubjay.fragments import offsets
from scrubjay.keys import document_key
from scrubjay.model import Artifact, Manifest, Plan, PlannedOutput, SliceRecord, TrackClock
from scrubjay.needs import outputs_for
from scrubjay.planning import PlannedArtifact, artifacts_of
from scrubjay.registry import DOCUMENTS

__all__ = [
    "Cue",
    "Document",
    "File",
    "FinishedSet",
    "PackedStill",
    "document",
    "each_key",
    "each_track",
    "tracks_of",
]


class File(NamedTuple):
    """One file to write beside the manifest."""

    key: str
    data: bytes
    media_type: str


class Cue(NamedTuple):
    """One thumbnail of a sheet, with its times in seconds on the clock of the tracks."""

    start: Fraction
    end: Fraction
    key: str
    """Key of the sheet."""
    x: int
    """Left edge in the sheet, in px."""
    y: int
    """Top edge in the sheet, in px."""


class PackedStill(NamedTuple):
    """One picture of packed stills, and the position of its JPEG."""

    time: Fraction
    """The instant it stands for, in seconds from the beginning of the previews."""
    key: str
    byte_offset: int
    size_bytes: int
    """0 if the picture is in a gap of the set, so that there is no JPEG."""


class FinishedSet(NamedTuple):
    """A set that is complete except for gaps, as documents see it."""

    plan: Plan
    records: Mapping[int, Mapping[str, SliceRecord]]
    """Records of complete slices, by slice index, rising, and output name."""
    manifest: Manifest
    manifest_json: bytes
    """The bytes of the manifest."""
    video_url: str | None
    """URL of the video for a page, relative to the set or absolute; None if it has none."""
    read: Callable[[str], bytes]
    """Returns the bytes of an artifact, by key."""

    @property
    def origin(self) -> Fraction:
        """The time, in seconds, on the clock of the tracks when the previews begin."""
        is_media = self.manifest.track_clock == "media"
        return self.plan.media.origin if is_media else Fraction(0)

    @property
    def clock(self) -> TrackClock:
        """The clock of the times in tracks."""
        return self.manifest.track_clock

    def keyed(self, name: str, place: int = 0) -> list[tuple[str, PlannedOutput]]:
        """Return the outputs that a document is made of, each with the key of its file.

        Args:
            name: of the document.
            place: of the file in the registry.
        """
        keys = each_key(self.plan, name, place)
        return list(zip(keys, outputs_for(self.plan, name), strict=True))

    def artifacts(self, output: PlannedOutput) -> Iterator[Artifact]:
        """Yield an output's artifacts, rising in time."""
        for records in self.records.values():
            if output.name in records:
                yield from records[output.name].artifacts

    def planned(self, output: PlannedOutput) -> Iterator[tuple[PlannedArtifact, Artifact | None]]:
        """Yield what an output was to have, rising in time, and what was made of it.

        That is None for an artifact in a gap.
        """
        for slice_ in self.plan.slices:
            planned = artifacts_of(self.plan, output, slice_)
            if planned and slice_.index in self.records:
                made = self.records[slice_.index][output.name].artifacts
                yield from zip(planned, made, strict=True)
            else:
                yield from ((each, None) for each in planned)

    def packed(self, output: PlannedOutput) -> Iterator[PackedStill]:
        """Yield every picture that an output of packed stills was to have, rising in time."""
        for planned, made in self.planned(output):
            sizes = made.picture_bytes if made else (0,) * planned.pictures
            for place, (begin, size) in enumerate(zip(offsets(sizes), sizes, strict=True)):
                time = planned.start + place * output.spacing
                yield PackedStill(time, planned.key, begin, size)

    def cues(self, output: PlannedOutput) -> Iterator[Cue]:
        """Yield the thumbnails of an output of sheets; they touch, and none is before time 0.

        On the clock `media` the first one also begins at 0, so that a seek bar that includes the
        time before the video's first picture shows that picture there.
        """
        columns, size, step = output.layout.columns, output.layout.size, output.spacing
        for sheet in self.artifacts(output):
            for place in range(sheet.pictures):
                start = sheet.start + place * step
                end = min(start + step, sheet.end) + self.origin
                if end > 0:
                    begin = max(start + self.origin, Fraction(0)) if start else Fraction(0)
                    row, column = divmod(place, columns)
                    yield Cue(begin, end, sheet.key, column * size.width, row * size.height)


class Document(Protocol):
    """A kind of document: the two functions of its module."""

    def tracks(self, plan: Plan) -> Mapping[str, str]:
        """Return the key of each file that a plan's set has, by the track's name.

        The first output's has the plain name, `storyboard.vtt`, and others their own name as well,
        `storyboard-small.vtt`. What belongs to a file has its name and a word after a point. Empty
        where the plan has nothing to put into it.
        """
        ...

    def write(self, finished: FinishedSet) -> Iterable[File]:
        """Yield the files; they name artifacts relative to the set."""
        ...


def each_key(plan: Plan, name: str, place: int = 0) -> list[str]:
    """Return the key of a document's file for each output that it is made of.

    Args:
        plan: whose outputs they are.
        name: of the document; the first output has its plain file, as the registry has it.
        place: of the file in the registry.
    """
    file, outputs = DOCUMENTS[name].files[place], outputs_for(plan, name)
    return [document_key(file, each.name if each != outputs[0] else "") for each in outputs]


def each_track(plan: Plan, name: str, place: int = 0, word: str = "") -> dict[str, str]:
    """Return the track and key of a document's file for each output that it is made of.

    Args:
        plan: whose outputs they are.
        name: of the document, and of the first output's track.
        place: of the file in the registry.
        word: that its tracks have after a point, if it is not the main file.
    """
    outputs, end = outputs_for(plan, name), f".{word}" if word else ""
    names = [f"{name}-{each.name}" if each != outputs[0] else name for each in outputs]
    keys = each_key(plan, name, place)
    return {f"{track}{end}": key for track, key in zip(names, keys, strict=True)}


def document(name: str) -> Document:
    """Return a document by its name in the registry."""
    return cast("Document", import_module(DOCUMENTS[name].module))


def tracks_of(plan: Plan, names: Iterable[str] | None = None) -> dict[str, str]:
    """Return the key of each file that a plan's documents have, by track.

    Args:
        plan: whose documents they are.
        names: of the documents; None is all.
    """
    return {
        track: key
        for name in (plan.recipe.documents if names is None else names)
        for track, key in document(name).tracks(plan).items()
    }

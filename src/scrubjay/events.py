"""What a run reports while it works: the events of `on_progress` and of `scrubjay make --json`.

Every event is one JSON object with an `event` field. Times are exact seconds as text ("30", "7/3").
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from scrubjay.model import MediaInfo, SourceRef, Used

__all__ = [
    "Event",
    "Failed",
    "FilmEnded",
    "FilmOutcome",
    "FilmPassed",
    "FilmStarted",
    "FilmsFound",
    "Finished",
    "LibraryFinished",
    "OnEvent",
    "PassedReason",
    "Planned",
    "Probed",
    "ShardFinished",
    "SliceDone",
    "SliceFailed",
    "SliceProgress",
    "SliceRetried",
    "SliceStarted",
    "Unconfined",
]


_Whole = Annotated[
    bool,
    Meta(description="Whether it is the job for the outputs of the whole video, no slice of it."),
]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    film: Annotated[
        str | UnsetType,
        Meta(description="In a run of many videos: which one, by its path in the library."),
    ] = UNSET


class Probed(_Event, frozen=True, kw_only=True, tag="probed"):
    """The video was probed."""

    source: SourceRef
    media: MediaInfo


class Planned(_Event, frozen=True, kw_only=True, tag="planned"):
    """The plan is saved, and the work begins."""

    slices: Annotated[int, Meta(description="Slices in the plan, and the job for the whole.")]
    done: Annotated[int, Meta(description="Of these, how many an earlier run finished.")]
    replaced: Annotated[
        bool, Meta(description="Whether the destination held the plan of another video or recipe.")
    ]
    duration: Annotated[Fraction, Meta(description="Seconds of video that the set covers.")]
    remaining: Annotated[Fraction, Meta(description="Of these, seconds of slices to be made.")]


class Unconfined(_Event, frozen=True, kw_only=True, tag="unconfined"):
    """This machine cannot confine worker processes completely; the run continues."""

    missing: Annotated[tuple[str, ...], Meta(description="What the machine lacks, for people.")]


class SliceStarted(_Event, frozen=True, kw_only=True, tag="slice_started"):
    """A worker started a slice."""

    index: Annotated[int, Meta(description="0-based.")]
    worker: Annotated[int, Meta(description="Which worker, 0-based.")]
    start: Fraction
    end: Fraction
    is_whole: _Whole = False


class SliceProgress(_Event, frozen=True, kw_only=True, tag="slice_progress"):
    """A worker has read a slice's pictures up to a time."""

    index: int
    worker: int
    time: Annotated[Fraction, Meta(description="Seconds into the video.")]


class SliceDone(_Event, frozen=True, kw_only=True, tag="slice_done"):
    """A slice and its record are in the store."""

    index: int
    worker: int
    start: Fraction
    end: Fraction
    is_whole: _Whole = False
    size_bytes: Annotated[int, Meta(description="Size of its artifacts.")]
    damaged_packets: Annotated[
        int,
        Meta(description="Packets of the slice that cannot be decoded, or give a corrupt picture."),
    ]
    used: Annotated[
        Used | None,
        Meta(description="What it used; null if it was made where nothing measures it."),
    ] = None


class SliceRetried(_Event, frozen=True, kw_only=True, tag="slice_retried"):
    """An attempt at a slice failed; it will be tried again."""

    index: int
    worker: int
    attempt: Annotated[int, Meta(description="Which attempt failed, from 1.")]
    error: Annotated[str, Meta(description="Class of the error.")]
    message: str


class SliceFailed(_Event, frozen=True, kw_only=True, tag="slice_failed"):
    """All attempts at a slice failed; it becomes a gap."""

    index: int
    start: Fraction
    end: Fraction
    is_whole: _Whole = False
    error: str
    message: str


class Finished(_Event, frozen=True, kw_only=True, tag="finished"):
    """The manifest is written."""

    status: Annotated[str, Meta(description="`complete` or `partial`.")]
    manifest: Annotated[str, Meta(description="Key of the manifest.")]
    slices: int
    failed: int
    animations: int
    frames: int
    sheets: int
    size_bytes: Annotated[int, Meta(description="Of all artifacts of the set.")]
    damaged_slices: Annotated[int, Meta(description="Slices in which the video is damaged.")]
    damaged_packets: Annotated[
        int, Meta(description="Damaged packets in these, as in the manifest.")
    ]
    over_budget: Annotated[
        int, Meta(description="Animations that exceed `max_bytes` even at the lowest quality.")
    ]
    stale: Annotated[int, Meta(description="Objects of an earlier plan that are still there.")]
    removed: Annotated[int, Meta(description="Objects of an earlier plan that were removed.")]
    seconds: Annotated[float, Meta(description="Wall time of the run.")]


class ShardFinished(_Event, frozen=True, kw_only=True, tag="shard_finished"):
    """A shard of the slices had its turn; nothing is published before `scrubjay publish`."""

    shard: Annotated[int, Meta(description="Which shard, from 1.")]
    shards: Annotated[int, Meta(description="How many shards there are.")]
    slices: Annotated[int, Meta(description="Slices of the shard, and the job for the whole.")]
    made: Annotated[int, Meta(description="Of these, how many this run made.")]
    failed: Annotated[int, Meta(description="Of these, how many could not be made.")]
    size_bytes: Annotated[int, Meta(description="Of the artifacts that this run made.")]
    seconds: Annotated[float, Meta(description="Wall time of the run.")]


class Failed(_Event, frozen=True, kw_only=True, tag="failed"):
    """The command ended without a complete set. Only the command line reports this event."""

    error: Annotated[
        str,
        Meta(
            description="Class of the error, or `UsageError`, `Interrupted`, `Terminated` or "
            "`HungUp`."
        ),
    ]
    message: Annotated[str, Meta(description="One sentence for people.")]
    exit_code: int


class FilmsFound(_Event, frozen=True, kw_only=True, tag="films_found"):
    """In a run of many videos: more videos were found. The search goes on beside the work."""

    films: Annotated[int, Meta(description="How many were found so far.")]
    size_bytes: Annotated[int, Meta(description="Of all of them.")]
    is_all: Annotated[bool, Meta(description="Whether the search is over.")]


PassedReason: TypeAlias = Literal[
    "hidden", "unfinished", "excluded", "set", "link", "special", "sound", "picture", "text",
    "other", "unreadable",
]  # fmt: skip
"""Why a file or folder is passed over."""


class FilmPassed(_Event, frozen=True, kw_only=True, tag="film_passed"):
    """In a run of many videos: a file or folder is passed over, with all that is in it."""

    reason: Annotated[
        PassedReason,
        Meta(
            description="`hidden`; `unfinished`, a download; `excluded`; `set`, a set of previews; "
            "`link`, to what is found by itself; `special`, a device, pipe or socket; its content: "
            "`sound`, `picture`, `text` or `other`; or `unreadable`, which is a problem: it may "
            "contain videos."
        ),
    ]
    message: Annotated[
        str, Meta(description="Why it is unreadable, or what a file with sound only has.")
    ] = ""


class FilmStarted(_Event, frozen=True, kw_only=True, tag="film_started"):
    """In a run of many videos: work on a video begins. Its own events follow."""

    source: Annotated[str, Meta(description="The video's address, without secrets.")]
    destination: Annotated[str, Meta(description="The address of its set.")]
    size_bytes: Annotated[int, Meta(description="Of the video; 0 if that is unknown.")]


FilmOutcome: TypeAlias = Literal["made", "already", "partial", "failed", "passed", "due"]


class FilmEnded(_Event, frozen=True, kw_only=True, tag="film_ended"):
    """In a run of many videos: a video's turn is over."""

    outcome: Annotated[
        FilmOutcome,
        Meta(
            description="`made`; `already`, its set was complete; `partial`, its set has gaps; "
            "`failed`, it has no set; `passed`, it has only sound, see `film_passed`; or `due`, it "
            "would be made (`--dry-run`)."
        ),
    ]
    is_news: Annotated[
        bool, Meta(description="Whether this run found that out, and not an earlier one.")
    ]
    destination: str
    size_bytes: Annotated[int, Meta(description="Of the video; 0 if that is unknown.")]
    duration: Annotated[Fraction, Meta(description="Seconds of video that were made.")]
    error: Annotated[
        str,
        Meta(
            description="Class of the error; empty if there is none. A film that was made has one "
            "if its set could not be laid out (`--layout`)."
        ),
    ] = ""
    message: str = ""


class LibraryFinished(_Event, frozen=True, kw_only=True, tag="library_finished"):
    """In a run of many videos: all have had their turn."""

    films: Annotated[
        int, Meta(description="How many videos had their turn, those passed over not included.")
    ]
    made: int
    already: Annotated[int, Meta(description="Sets that were complete before.")]
    partial: Annotated[int, Meta(description="Sets with gaps.")]
    failed: Annotated[int, Meta(description="Videos without a set.")]
    due: Annotated[int, Meta(description="Videos that would be made (`--dry-run`).")]
    passed: Annotated[
        dict[PassedReason, int],
        Meta(description="How many files and folders were passed over, by reason."),
    ]
    errors: Annotated[
        dict[str, int],
        Meta(
            description="How many videos failed, have gaps or could not be laid out, by class of "
            "the error."
        ),
    ]
    duration: Annotated[Fraction, Meta(description="Seconds of video that were made.")]
    seconds: Annotated[float, Meta(description="Wall time of the run.")]


Event: TypeAlias = (
    Probed
    | Planned
    | Unconfined
    | SliceStarted
    | SliceProgress
    | SliceDone
    | SliceRetried
    | SliceFailed
    | Finished
    | ShardFinished
    | FilmsFound
    | FilmPassed
    | FilmStarted
    | FilmEnded
    | LibraryFinished
    | Failed
)

OnEvent: TypeAlias = Callable[[Event], None]

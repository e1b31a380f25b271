"""What verifying reports: findings, and what was looked at."""

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["CHECKS", "Finding", "Report", "SetReport"]

CHECKS: dict[str, str] = {
    "plan": "The set has a plan that this version reads, and the note that it was begun.",
    "record": "Each output of each slice has a record, and it says what the plan says.",
    "object": "Each object that a record or the manifest names exists.",
    "size": "It has the size of its record.",
    "digest": "Its bytes have the digest of its record.",
    "format": "It is of the media type of its record.",
    "decode": "All of its pictures can be decoded, by another decoder where there is one.",
    "dimensions": "It is as wide and high as planned.",
    "frames": "It has as many pictures as its record says.",
    "times": "Each picture of an animation begins when it should, as exactly as the format can "
    "hold, and all of them last as long as the slice.",
    "loop": "It repeats for ever, where its format can say so.",
    "slices": "The manifest's slices touch and cover the video.",
    "stills": "Each interval has its still, or lies in a gap.",
    "sheets": "Each sheet has the grid and the count that it needs, and they cover the video.",
    "manifest": "It says what the plan and the records say.",
    "document": "Each document that the recipe asks for is there, and agrees with the manifest.",
    "stray": "Nothing lies in the set's folders that neither its plan nor an earlier one names.",
    "unfinished": "No half-written file of a killed run is left.",
    "stale": "What an earlier plan left, which is not wrong: `scrubjay prune` removes it.",
    "source": "The video is the one that was planned.",
    "time": "The picture that a record names is the one that the video shows at that time.",
    "picture": "A written picture looks like that of the video, and more so than like the "
    "pictures next to it.",
}
"""The checks, by name, and what holds if one finds nothing."""


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Finding(_Value, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    check: Annotated[str, Meta(description="Name of the check.")]
    key: Annotated[str, Meta(description="The object that it is about; empty for the whole set.")]
    message: Annotated[str, Meta(description="One sentence for people.")]
    expected: Annotated[str, Meta(description="What should be there; empty if that says nothing.")]
    found: Annotated[str, Meta(description="What is there instead; empty if that says nothing.")]
    start: Annotated[
        float | None, Meta(description="Seconds into the video, if it is about one place in it.")
    ] = None

    @property
    def is_wrong(self) -> bool:
        """Whether the set does not hold because of it; what is only stale does no harm."""
        return self.check != "stale"


class SetReport(_Value, frozen=True, kw_only=True):
    """What verifying one set found."""

    destination: Annotated[str, Meta(description="Where the set is.")]
    holds: Annotated[bool, Meta(description="Whether nothing is wrong.")]
    findings: Annotated[tuple[Finding, ...], Meta(description="What is wrong, or stale.")]
    left_out: Annotated[
        int, Meta(description="Findings beyond those that are listed: there were too many.")
    ] = 0
    gaps: Annotated[int, Meta(description="Slices that the manifest lists as gaps.")] = 0
    slices: Annotated[
        int, Meta(description="Slices in the plan, and the job for the whole video.")
    ] = 0
    objects: Annotated[int, Meta(description="Objects that were read.")] = 0
    size_bytes: Annotated[int, Meta(description="Their bytes.")] = 0
    pictures: Annotated[int, Meta(description="Pictures that were decoded.")] = 0
    documents: Annotated[int, Meta(description="Documents that were read.")] = 0
    compared: Annotated[int, Meta(description="Pictures compared with those of the video.")] = 0
    not_compared: Annotated[
        str, Meta(description="Why fewer pictures were compared than asked for, for people.")
    ] = ""

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings for which the set does not hold."""
        return tuple(each for each in self.findings if each.is_wrong)


class Report(_Value, frozen=True, kw_only=True):
    """What verifying a destination found."""

    holds: Annotated[bool, Meta(description="Whether every set holds.")]
    sets: Annotated[tuple[SetReport, ...], Meta(description="Each set, by its address.")]

    @classmethod
    def of(cls, sets: Iterable[SetReport]) -> "Report":
        """Return the report of some sets, in the order of their addresses."""
        found = tuple(sorted(sets, key=lambda each: each.destination))
        return cls(holds=all(each.holds for each in found), sets=found)

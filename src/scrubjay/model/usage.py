"""What making a set used: measured, so different each time, and kept apart from what was made."""

from fractions import Fraction
from typing import Annotated, Literal

from msgspec import Meta

from scrubjay.model.values import Bytes, Count, Value

__all__ = ["SliceUsage", "Usage", "Used"]

_MOST_SECONDS = 1e9

_Seconds = Annotated[float, Meta(ge=0, le=_MOST_SECONDS)]


class Used(Value, frozen=True, kw_only=True):
    """What one attempt at a slice used, measured by the process that made it."""

    cpu: Annotated[_Seconds, Meta(description="CPU seconds, of all threads.")]
    seconds: Annotated[_Seconds, Meta(description="Wall seconds.")]
    opening: Annotated[
        _Seconds, Meta(description="Of `cpu`, to open the video; 0 if it was open.")
    ] = 0
    memory_bytes: Annotated[
        Bytes, Meta(description="Most memory of the process so far; 0 if that is unknown.")
    ] = 0


class SliceUsage(Value, frozen=True, kw_only=True):
    """What the last attempt at a slice, or at the whole video's outputs, used."""

    index: Annotated[Count, Meta(description="Which slice of the plan, 0-based.")]
    start: Fraction
    end: Fraction
    is_whole: Annotated[
        bool, Meta(description="Whether it is the job for the outputs of the whole video.")
    ] = False
    worker: Annotated[Count, Meta(description="Which worker made it, 0-based.")]
    order: Annotated[
        Count, Meta(description="Its place in the order in which its run finished slices.")
    ]
    size_bytes: Annotated[Bytes, Meta(description="Of the artifacts that it made.")]
    used: Used


class Usage(Value, frozen=True, kw_only=True):
    """What making a set used: `.scrubjay/usage.json`."""

    format: Literal["scrubjay-usage/1"] = "scrubjay-usage/1"
    plan: Annotated[str, Meta(description="Id of the plan, as in the manifest.")]
    slices: Annotated[
        tuple[SliceUsage, ...],
        Meta(description="Rising; only slices that were made where usage is measured."),
    ] = ()

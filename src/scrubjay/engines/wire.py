"""What a run and its worker processes say to each other: JSON, a line each, checked on arrival.

A worker opens strangers' files, so it is not trusted: nothing it says is unpickled, and a line
longer than `MAX_LINE_BYTES` ends it.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

import msgspec

from scrubjay.errors import ScrubjayError, error_class
from scrubjay.limits import Limits
from scrubjay.model import MediaInfo, Plan, Reading, SourceRef, decoder
from scrubjay.place import Place

__all__ = [
    "MAX_LINE_BYTES",
    "Command",
    "Explain",
    "Explained",
    "Load",
    "Made",
    "MakeSlice",
    "Probe",
    "Probed",
    "Problem",
    "Progress",
    "Reply",
    "to_command",
    "to_reply",
]

MAX_LINE_BYTES = 1 << 20


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="say"):
    pass


class Probe(_Message, frozen=True, kw_only=True, tag="probe"):
    """To a worker: look into a video."""

    source: Place
    limits: Limits


class Load(_Message, frozen=True, kw_only=True, tag="load"):
    """To a worker: the plan that the next slices belong to. It is not answered."""

    plan: Plan
    source: Place
    store: Place
    threads: int
    """How many its decoder may use: more than one where cores would be idle."""


class Explain(_Message, frozen=True, kw_only=True, tag="explain"):
    """To a worker: count what a plan's pictures will cost to read."""

    plan: Plan
    source: Place


class MakeSlice(_Message, frozen=True, kw_only=True, tag="make"):
    """To a worker: make one slice."""

    index: int


class Probed(_Message, frozen=True, kw_only=True, tag="probed"):
    """From a worker: what the video is."""

    source: SourceRef
    media: MediaInfo


class Explained(_Message, frozen=True, kw_only=True, tag="explained"):
    """From a worker: what a plan's pictures will cost to read."""

    reading: Reading


class Progress(_Message, frozen=True, kw_only=True, tag="progress"):
    """From a worker: how far it is in its slice, in seconds of the video."""

    time: Fraction


class Made(_Message, frozen=True, kw_only=True, tag="made"):
    """From a worker: its slice and the record of it are in the store."""

    index: int
    size_bytes: int
    damaged_packets: int


class Problem(_Message, frozen=True, kw_only=True, tag="problem"):
    """From a worker: what it was told to do could not be done; it lives on."""

    error: str
    message: str

    @classmethod
    def of(cls, error: ScrubjayError) -> "Problem":
        """Write down an error."""
        return cls(error=type(error).__name__, message=str(error))

    def to_error(self) -> ScrubjayError:
        """Return the error that was written down."""
        return error_class(self.error)(self.message)


Command: TypeAlias = Probe | Explain | Load | MakeSlice
Reply: TypeAlias = Probed | Explained | Progress | Made | Problem

to_command: Callable[[bytes], Command] = decoder(Command)
"""Read a command from a line of JSON; raises `msgspec.DecodeError`."""

to_reply: Callable[[bytes], Reply] = decoder(Reply)
"""Read a reply from a line of JSON; raises `msgspec.DecodeError`."""

"""The messages between a run and its worker processes: lines of JSON, checked on arrival.

A worker opens strangers' files, so it is not trusted: nothing that it sends is unpickled, and it
is killed if it sends a line longer than `MAX_LINE_BYTES`. It has no credentials and writes no
files: it passes each object to the run, the bytes after the line that announces them (`inbox`).
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from scrubjay.errors import ScrubjayError, error_class
from scrubjay.limits import Limits
from scrubjay.model import MediaInfo, Plan, Reading, SourceRef, Used, decoder
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Confinement

__all__ = [
    "MAX_LINE_BYTES",
    "Begin",
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
    "Put",
    "Renew",
    "Renewed",
    "Reply",
    "to_command",
    "to_reply",
]

MAX_LINE_BYTES = 1 << 20


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="say"):
    pass


class Begin(_Message, frozen=True, kw_only=True, tag="begin"):
    """To a worker, before anything else: drop all permissions that the video does not need."""

    confinement: Confinement


class Probe(_Message, frozen=True, kw_only=True, tag="probe"):
    """To a worker: probe a video."""

    source: Place
    limits: Limits


class Load(_Message, frozen=True, kw_only=True, tag="load"):
    """To a worker: the plan that the next slices belong to. It is not answered."""

    plan: Plan
    source: Place
    threads: int
    """Threads that its decoder may use: more than one if cores would be idle otherwise."""
    limits: Limits


class Explain(_Message, frozen=True, kw_only=True, tag="explain"):
    """To a worker: count what a plan's pictures will cost to read."""

    plan: Plan
    source: Place


class MakeSlice(_Message, frozen=True, kw_only=True, tag="make"):
    """To a worker: make one slice."""

    index: int
    outputs: tuple[str, ...]
    """Names of the outputs to make."""


class Renewed(_Message, frozen=True, kw_only=True, tag="renewed"):
    """To a worker: the video's place, with a fresh URL."""

    source: Place


class Probed(_Message, frozen=True, kw_only=True, tag="probed"):
    """From a worker: what is in the video, and the versions of what would make its pictures."""

    source: SourceRef
    media: MediaInfo
    versions: Mapping[str, str]
    used: Used


class Explained(_Message, frozen=True, kw_only=True, tag="explained"):
    """From a worker: what a plan's pictures will cost to read."""

    reading: Reading


class Progress(_Message, frozen=True, kw_only=True, tag="progress"):
    """From a worker: the time in the video, in seconds, that its slice has reached."""

    time: Fraction


class Put(_Message, frozen=True, kw_only=True, tag="put"):
    """From a worker: an object of its slice; the bytes follow this line."""

    key: str
    media_type: str
    size_bytes: Annotated[int, Meta(ge=0)]


class Renew(_Message, frozen=True, kw_only=True, tag="renew"):
    """From a worker: a request for a fresh URL, because it must open the video again."""


class Made(_Message, frozen=True, kw_only=True, tag="made"):
    """From a worker: its slice is made and all its objects were sent, the records last."""

    index: int
    used: Used


class Problem(_Message, frozen=True, kw_only=True, tag="problem"):
    """From a worker: a command failed; the worker continues to run."""

    error: str
    message: str

    @classmethod
    def of(cls, error: ScrubjayError) -> "Problem":
        """Return the message for an error."""
        return cls(error=type(error).__name__, message=str(error))

    def to_error(self) -> ScrubjayError:
        """Return the error that the message describes."""
        return error_class(self.error)(self.message)


Command: TypeAlias = Begin | Probe | Explain | Load | MakeSlice | Renewed
Reply: TypeAlias = Probed | Explained | Progress | Put | Renew | Made | Problem

to_command: Callable[[bytes], Command] = decoder(Command)
"""Read a command from a line of JSON; raises `msgspec.DecodeError`."""

to_reply: Callable[[bytes], Reply] = decoder(Reply)
"""Read a reply from a line of JSON; raises `msgspec.DecodeError`."""

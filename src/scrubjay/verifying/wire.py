"""The messages between verifying and the processes that decode for it: lines of JSON.

The bytes of objects follow the line that announces them. Nothing that such a process sends is
trusted any further than what it says about the set that it was given.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from scrubjay.model import MediaInfo, Size, decoder
from scrubjay.places.place import Place
from scrubjay.sandbox.confinement import Confinement

__all__ = [
    "MAX_LINE_BYTES",
    "Alive",
    "Begin",
    "Compare",
    "Compared",
    "Examine",
    "Examined",
    "Failure",
    "Ready",
    "Sample",
    "Task",
    "Wrong",
    "to_reply",
    "to_task",
]

MAX_LINE_BYTES = 1 << 20


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="say"):
    pass


class Begin(_Message, frozen=True, kw_only=True, tag="begin"):
    """To a process, before anything else: drop all permissions that it does not need."""

    confinement: Confinement


class Examine(_Message, frozen=True, kw_only=True, tag="examine"):
    """To a process: decode one object, whose bytes follow, and say what is not as expected."""

    size_bytes: int
    media_type: str
    canvas: Size
    pictures: int
    step: Fraction
    """Seconds from one picture to the next, in an animation or in packed stills."""
    length: Fraction | None = None
    """Seconds for which all pictures are shown; None for a still or a sheet."""
    picture_bytes: tuple[int, ...] = ()
    """The size of each JPEG of packed stills."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A written picture that is to be compared with the video. Its object's bytes follow."""

    size_bytes: int
    place: int
    """Which picture of its object, 0-based."""
    step: Fraction
    """Seconds from one picture of an animation to the next; 0 for others."""
    columns: int = 0
    """Of a sheet, in which `place` is a cell; 0 for others."""
    size: Size
    """Of the picture: of a thumbnail, not of a sheet."""
    time: Fraction | None
    """The time that it stands for; None if only the video's own time of it is known."""
    source_time: Fraction | None
    """When the video first shows it, as its record says; None for animations."""
    tolerance: Fraction
    """Seconds by which it may miss its time."""
    is_damaged: bool = False
    """Whether the video is damaged there, so that another reader may show another picture."""


class Compare(_Message, frozen=True, kw_only=True, tag="compare"):
    """To a process: compare pictures with the video. The samples follow, a line and bytes each."""

    source: Place
    fingerprint: str
    media: MediaInfo
    background: str
    stereo: str
    samples: int


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as expected, from a process."""

    check: str
    message: str
    """What is wrong with the object: the end of a sentence."""
    expected: str = ""
    found: str = ""
    sample: int = -1
    """Which sample it is about."""


class Examined(_Message, frozen=True, kw_only=True, tag="examined"):
    """From a process: what it found out about an object."""

    wrong: tuple[Wrong, ...]
    pictures: Annotated[int, Meta(ge=0)]
    """How many pictures it decoded."""


class Ready(_Message, frozen=True, kw_only=True, tag="ready"):
    """From a process: it has dropped its permissions."""


class Alive(_Message, frozen=True, kw_only=True, tag="alive"):
    """From a process: it is still at work."""


class Compared(_Message, frozen=True, kw_only=True, tag="compared"):
    """From a process: how the samples compare with the video."""

    wrong: tuple[Wrong, ...]
    compared: Annotated[int, Meta(ge=0)]
    left_out: str = ""
    """Why some samples were not compared, for people."""
    undecided: tuple[int, ...] = ()
    """Samples that differ from this reading of the video, which is not the only right one there."""
    distances: tuple[tuple[float, float], ...] = ()
    """For each compared sample, in levels: how far it is from its own picture of the video, and
    how far from the nearest other one."""


class Failure(_Message, frozen=True, kw_only=True, tag="failure"):
    """From a process: it could not carry out a task."""

    error: str
    message: str


Task: TypeAlias = Begin | Examine | Compare
Reply: TypeAlias = Ready | Examined | Alive | Compared | Failure

to_task: Callable[[bytes], Task] = decoder(Task)
"""Read a task from a line of JSON; raises `msgspec.DecodeError`."""

to_reply: Callable[[bytes], Reply] = decoder(Reply)
"""Read a reply from a line of JSON; raises `msgspec.DecodeError`."""

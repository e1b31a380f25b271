"""What was made: artifacts, and a record for each output of a slice."""

from fractions import Fraction
from typing import Literal

from scrubjay.model.plan import OutputId
from scrubjay.model.values import Bytes, Count, Digest, Key, Value

__all__ = ["Artifact", "SliceRecord"]


class Artifact(Value, frozen=True, kw_only=True):
    """One object in the store: an animation, a still or a sheet."""

    key: Key
    media_type: str
    start: Fraction
    """The time for which it, or its first picture, is requested."""
    end: Fraction
    shown_from: Fraction | None = None
    """Where a highlight begins, in seconds; None for all else."""
    pictures: Count
    """How many pictures it has: frames of an animation, thumbnails of a sheet, packed stills."""
    source_times: tuple[Fraction, ...]
    """When the source shows each picture of a still or sheet first; at most the picture's own time,
    except before the video's first picture. Empty for an animation."""
    picture_bytes: tuple[Bytes, ...] = ()
    """The size of each picture in packed stills (`scrubjay.fragments`); empty for all else."""
    size_bytes: Bytes
    blake2b: Digest


class SliceRecord(Value, frozen=True, kw_only=True):
    """One finished output of one slice.

    It is written after its artifacts, so if it exists, they exist.
    """

    format: Literal["scrubjay-slice/2"] = "scrubjay-slice/2"
    output: OutputId
    start: Fraction
    end: Fraction
    artifacts: tuple[Artifact, ...]
    """Rising in time; empty if the output has no picture in this slice."""
    damaged_packets: Count = 0
    """Packets of the slice that the decoder could not read, that the container calls corrupt, or
    whose picture the decoder calls corrupt or had to guess in part."""

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every artifact by its key."""
        return {artifact.key: artifact.size_bytes for artifact in self.artifacts}

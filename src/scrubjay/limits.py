"""The most that one video may cost, no matter what its header declares.

Every limit is a field of `Limits`, from which an option of the command line, a setting, an
environment variable and a row of docs/limits.md follow. A video over a limit is a `LimitError`,
whose message names the option that raises the limit.
"""

from fractions import Fraction
from typing import Annotated

import msgspec
from msgspec import Meta

from scrubjay.errors import LimitError

__all__ = ["Limits", "option_of"]

_MIB = 1 << 20

_MEMORY_SHARE = 2
"""A slice's pictures may fill the memory limit divided by this; decoding needs the rest."""

_SMALLEST_PACKET_BYTES = 256
"""A packet counts only if the file has this many bytes for it: an index of a few bytes can declare
millions of packets."""

_ROW_PX = 64

_SECONDS_PER_SECOND = 10
"""Seconds that a slice may take for each second of video in it, in addition to `slice_timeout`."""

_SLICE_SHARE = 4
_SMALLEST_SLICE_BYTES = 32 * _MIB
"""A slice may write four times its share of the set's bytes, and at least this much."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much one video may cost. The defaults allow real videos, and little else."""

    max_duration: Annotated[
        int, Meta(ge=1, description="Longest video, in seconds. The default is two days.")
    ] = 172_800
    max_slices: Annotated[
        int,
        Meta(
            ge=1,
            description="Most slices of a set. The default is two days of slices of 20 s.",
        ),
    ] = 10_000
    max_objects: Annotated[
        int,
        Meta(
            ge=1,
            description="Most objects of a set: pictures, records and documents. The default is "
            "two days of the classic recipe.",
        ),
    ] = 210_000
    base_objects: Annotated[
        int,
        Meta(
            ge=1,
            description="Objects that any set may have, however small its video. The default is an "
            "hour of the classic recipe, made from a single picture.",
        ),
    ] = 4_500
    objects_per_packet: Annotated[
        int,
        Meta(
            ge=1,
            description="Objects that a set may have in addition for each packet (coded picture) "
            "of its video. A time lapse of one picture a minute needs 66.",
        ),
    ] = 80
    base_output: Annotated[
        int,
        Meta(ge=1, description="MiB that any set may take, however small its video."),
    ] = 1024
    output_per_byte: Annotated[
        int,
        Meta(
            ge=0,
            description="Bytes that a set may take in addition for each byte of its video. Film "
            "needs 2, a screencast with few changes 16.",
        ),
    ] = 32
    max_pixels: Annotated[
        int,
        Meta(
            ge=1,
            description="Most pixels of a coded picture, checked before any is decoded. The "
            "default is 8192 x 8192; an 8K film has half as many.",
        ),
    ] = 67_108_864
    max_side: Annotated[
        int, Meta(ge=1, description="Largest width or height of a coded picture, in px.")
    ] = 16_384
    max_streams: Annotated[
        int, Meta(ge=1, description="Most streams of a file: video, sound, subtitles.")
    ] = 128
    probe_packets: Annotated[
        int,
        Meta(
            ge=1000,
            description="Most packets to read to measure a duration. The default is a day of 57 "
            "pictures a second in a file that declares no duration.",
        ),
    ] = 5_000_000
    probe_timeout: Annotated[
        float, Meta(gt=0, description="Seconds that probing a video may take.")
    ] = 300
    max_one_pass: Annotated[
        int,
        Meta(
            ge=0,
            description="Largest fragmented MP4 on a server, in MiB, if it has no index: probing, "
            "and each worker, fetches all of it.",
        ),
    ] = 256
    idle_packets: Annotated[
        int,
        Meta(
            ge=1000,
            description="Most packets to read in a row without a picture to show. The default is 4 "
            "hours at 60 pictures a second.",
        ),
    ] = 1_000_000
    slice_timeout: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that a slice may take, in addition to 10 for each second of video "
            "in it.",
        ),
    ] = 600
    memory_limit: Annotated[
        int,
        Meta(
            ge=128,
            description="MiB that one worker may allocate; a slice's pictures must fit into half "
            "of it.",
        ),
    ] = 2048

    @property
    def memory_limit_bytes(self) -> int:
        """Most bytes that one worker may allocate."""
        return self.memory_limit * _MIB

    @property
    def picture_bytes(self) -> int:
        """Most bytes of memory for a slice's pictures."""
        return self.memory_limit_bytes // _MEMORY_SHARE

    @property
    def decoder_pixels(self) -> int:
        """Most pixels for FFmpeg's decoders, which round rows up to a multiple of 64 px."""
        return self.max_pixels + _ROW_PX * self.max_side

    def objects_for(self, packets: int, size_bytes: int) -> int:
        """Return how many objects the set of a video may have.

        Args:
            packets: number of packets of its pictures.
            size_bytes: of the file.
        """
        held = min(packets, size_bytes // _SMALLEST_PACKET_BYTES)
        return self.base_objects + self.objects_per_packet * held

    def output_bytes_for(self, size_bytes: int) -> int:
        """Return how many bytes the set of a video of that size may take."""
        return self.base_output * _MIB + self.output_per_byte * size_bytes

    def slice_bytes_for(self, size_bytes: int, slices: int) -> int:
        """Return how many bytes one slice may write, if the video is cut into that many."""
        total = self.output_bytes_for(size_bytes)
        share = max(_SMALLEST_SLICE_BYTES, _SLICE_SHARE * total // slices)
        return min(total, share)

    def seconds_for(self, duration: Fraction) -> float:
        """Return how long making a slice of that length may take."""
        return self.slice_timeout + _SECONDS_PER_SECOND * float(duration)

    def check_streams(self, name: str, streams: int) -> None:
        """Check how many streams a file has.

        Raises:
            LimitError: it has more than are allowed.
        """
        if streams > self.max_streams:
            raise LimitError(
                f"{name} has {streams} streams, over the limit of {self.max_streams}; raise it "
                f"with {option_of('max_streams')}"
            )

    def check_pixels(self, name: str, width: int, height: int) -> None:
        """Check the size of a video's coded pictures.

        Raises:
            LimitError: they are larger than is allowed.
        """
        if max(width, height) > self.max_side:
            raise LimitError(
                f"{name} has pictures of {width} x {height} px, over the limit of {self.max_side} "
                f"px a side; raise it with {option_of('max_side')}"
            )
        if width * height > self.max_pixels:
            raise LimitError(
                f"{name} has pictures of {width} x {height} px, over the limit of "
                f"{self.max_pixels} px in all; raise it with {option_of('max_pixels')}"
            )

    def check_one_pass(self, name: str, size_bytes: int) -> None:
        """Check the size of a video on a server that can only be read completely.

        Raises:
            LimitError: it is larger than is allowed.
        """
        if size_bytes > self.max_one_pass * _MIB:
            raise LimitError(
                f"{name} is a fragmented MP4 without an index, so each worker fetches all of its "
                f"{size_bytes / _MIB:.0f} MiB, over the limit of {self.max_one_pass}; raise it "
                f"with {option_of('max_one_pass')}, or remux it: ffmpeg -i {name} -c copy "
                "-movflags +faststart out.mp4"
            )


def option_of(field: str) -> str:
    """Return the command line's option for a limit or setting."""
    return f"--{field.replace('_', '-')}"

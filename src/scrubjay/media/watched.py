"""Distinguishing a broken connection from a damaged video and from its end.

If a connection breaks and cannot be restored, some of FFmpeg's demuxers report "invalid data", and
some "end of file": the last picture would then be shown for everything that was not read.
"""

from collections.abc import Iterator
from fractions import Fraction

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.errors import SourceDamagedError
from scrubjay.media.source import as_fraction, time_base_of
from scrubjay.places.place import Place
from scrubjay.places.remote import server_error

__all__ = ["WatchedContainer"]

_DEEPEST_REORDER = 16
"""Frames that may come after that of the last packet in the file."""

_NEVER = -(1 << 63)
"""A tick before every video."""

_SLOWEST = Fraction(1)
"""Lowest frame rate to assume, if the stream declares none or less."""


class WatchedContainer:
    """Wraps a container, with the methods that `Video` uses.

    Args:
        place: where the video is.
        container: the video, open.
        stream: its video stream.
        end: the tick at which its last picture ends; None if packets do not show it.
    """

    def __init__(
        self, place: Place, container: InputContainer, stream: VideoStream, end: int | None
    ) -> None:
        self._place = place
        self._complaints = 0
        self._container = container
        self.streams = container.streams
        rate = max(as_fraction(stream.average_rate) or _SLOWEST, _SLOWEST)
        self._reached: int | None = None
        margin = round(_DEEPEST_REORDER / rate / time_base_of(stream))
        self._enough = _NEVER if end is None else end - margin

    def seek(
        self, offset: int, *, backward: bool = True, stream: VideoStream | None = None
    ) -> None:
        """Seek.

        Raises:
            FFmpegError: that is impossible.
            SourceError: the server refuses access by now.
        """
        self._reached = None
        try:
            self._container.seek(offset, backward=backward, stream=stream)
        except av.error.FFmpegError:
            self._ask_server()
            raise

    def demux(self, stream: VideoStream) -> Iterator["Packet[VideoStream]"]:
        """Yield packets.

        Raises:
            SourceDamagedError: they end before the video does.
            SourceError: the server refuses access by now.
        """
        try:
            for packet in self._container.demux(stream):
                if packet.pts is not None:
                    end = packet.pts + (packet.duration or 0)
                    self._reached = end if self._reached is None else max(self._reached, end)
                yield packet
        except av.error.InvalidDataError:
            self._ask_server()
            raise
        if self._reached is not None and self._reached < self._enough:
            raise SourceDamagedError(
                f"{self._place.name} ends in the middle: it is cut off or damaged"
            )

    def _ask_server(self) -> None:
        """Raise the server's error if it has one; ask less and less often for a damaged video."""
        self._complaints += 1
        is_power_of_two = not self._complaints & (self._complaints - 1)
        if is_power_of_two and (error := server_error(self._place)):
            raise error from None

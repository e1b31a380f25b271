"""One video stream, open for reading, that can be opened again."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Protocol, Self

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.source import read_only, video_streams

__all__ = ["Packets", "Video"]


_UNREADABLE = (av.error.InvalidDataError, UnicodeDecodeError)
"""Errors of damaged packets; others, such as a disk's, stop reading."""

_MOST_READ_ERRORS = 100
"""Unreadable packets in a row after which the rest of the file is skipped."""


class Packets(Protocol):
    """What packets are read from: a container, or a wrapper around one."""

    def seek(
        self, offset: int, /, *, backward: bool = True, stream: VideoStream | None = None
    ) -> None:
        """Seek."""
        ...

    def demux(self, stream: VideoStream, /) -> Iterator["Packet[VideoStream]"]:
        """Yield packets."""
        ...


class Video(AbstractContextManager["Video"]):
    """One stream of a video, at its start when it is opened.

    Not every container can be rewound: a seek to the start may be refused, or may lose buffered
    data or the palette of the first packet. So going back to the start opens the video again.

    Args:
        open_container: opens the video.
        stream_index: which of its streams is read; None means the one that players show.
        wrap: returns what packets are read from, given the container.
    """

    def __init__(
        self,
        open_container: Callable[[], AbstractContextManager[InputContainer]],
        stream_index: int | None = None,
        *,
        wrap: Callable[[InputContainer, VideoStream], Packets] = lambda container, _: container,
    ) -> None:
        self._open_container = open_container
        self._index = stream_index
        self._wrap = wrap
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.close()
        self.container = self._open.enter_context(self._open_container())
        self.stream = video_streams(self.container, self._index)[0]
        self._index = self.stream.index
        read_only(self.container, self.stream)
        self.packets: Packets = self._wrap(self.container, self.stream)
        self.is_fresh = True
        """Whether nothing was read yet, and no seek was made."""
        self.is_broken = False
        """Whether the last reading ended because nothing more could be read."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def select(self, stream_index: int) -> None:
        """Switch to another stream, at its start."""
        if stream_index != self._index:
            self._index = stream_index
            self.__enter__()

    def seek(self, tick: int, *, backward: bool = True) -> bool:
        """Seek to the keyframe at or before a tick, or after it; return whether that works."""
        self.is_fresh = False
        try:
            self.packets.seek(tick, stream=self.stream, backward=backward)
        except av.error.FFmpegError:
            return False
        return True

    def read(
        self, on_unreadable: Callable[[], None] = lambda: None
    ) -> Iterator["Packet[VideoStream]"]:
        """Yield the packets of the stream up to its end, skipping those that cannot be read.

        Args:
            on_unreadable: called for each of those.

        Raises:
            FFmpegError: something other than the video failed: the disk, the connection.
        """
        self.is_fresh = self.is_broken = False
        errors = 0
        while errors < _MOST_READ_ERRORS:
            try:
                for packet in self.packets.demux(self.stream):
                    errors = 0
                    if packet.size:  # PyAV yields an empty one to flush the decoder
                        yield packet
            except IndexError:
                return  # PyAV raises this at the end if streams appeared in the middle
            except _UNREADABLE:
                on_unreadable()
                errors += 1
            else:
                return
        self.is_broken = True

    def at_start(self) -> bool:
        """Go to the start; return whether the video had to be opened again."""
        if self.is_fresh:
            return False
        self.__enter__()
        return True

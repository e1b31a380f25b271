"""Reading packets past a fault of PyAV's."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

__all__ = ["packets_of"]


def packets_of(
    container: "InputContainer", stream: "VideoStream"
) -> Iterator["Packet[VideoStream]"]:
    """Yield a stream's packets, as `InputContainer.demux` does; after the last one, empty ones.

    Where streams appear in the middle of a file, PyAV raises `IndexError` after the last packet: it
    looks for them in a list that it made when the file was opened.
    """
    try:
        yield from container.demux(stream)
    except IndexError:
        return

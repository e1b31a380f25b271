"""Cutting a part out of a frame without copying it."""

from typing import NamedTuple

from av import VideoFrame
from av.filter import Graph

__all__ = ["Cutter", "Part"]


class Part(NamedTuple):
    """A rectangle of a frame, in decoded pixels."""

    left: int
    top: int
    width: int
    height: int


class Cutter:
    """Cuts the same part out of frames of one size and format.

    Args:
        part: what to cut out; it lies inside the frames.
        like: one of the frames.
    """

    def __init__(self, part: Part, like: VideoFrame) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_buffer(
            width=like.width, height=like.height, format=like.format, time_base=like.time_base
        )
        where = f"{part.width}:{part.height}:{part.left}:{part.top}:exact=1"
        crop, sink = self._graph.add("crop", where), self._graph.add("buffersink")
        self._graph.link_nodes(source, crop, sink).configure()

    def cut(self, frame: VideoFrame) -> VideoFrame:
        """Return the part of a frame; its colours are still those that the frame is tagged with."""
        self._graph.vpush(frame)
        return self._graph.vpull()

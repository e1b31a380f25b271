"""Cutting a part, or one field, out of a frame without copying it."""

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

    Of an interlaced frame every second row is of another moment: where something moves, edges would
    look like combs. So only its upper field is taken, which is half as high.

    Args:
        part: what to cut out; it lies inside the frames.
        like: one of the frames.
        is_interlaced: whether to take the upper field alone.
    """

    def __init__(self, part: Part, like: VideoFrame, *, is_interlaced: bool = False) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_buffer(
            width=like.width, height=like.height, format=like.format, time_base=like.time_base
        )
        rows = 2 if is_interlaced else 1
        height, top = max(1, part.height // rows), part.top // rows
        steps = [self._graph.add("field", "type=top")] if is_interlaced else []
        where = f"{part.width}:{height}:{part.left}:{top}:exact=1"
        steps += [self._graph.add("crop", where), self._graph.add("buffersink")]
        self._graph.link_nodes(source, *steps).configure()

    def cut(self, frame: VideoFrame) -> VideoFrame:
        """Return the part of a frame; its colours are still those that the frame is tagged with."""
        self._graph.vpush(frame)
        return self._graph.vpull()

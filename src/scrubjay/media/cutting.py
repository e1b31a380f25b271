"""Cutting an area, or one field, out of a frame without copying it."""

from typing import NamedTuple

from av import VideoFrame
from av.filter import Graph

__all__ = ["Area", "Cutter"]


class Area(NamedTuple):
    """A rectangle of a frame, in decoded pixels."""

    left: int
    top: int
    width: int
    height: int


class Cutter:
    """Cuts the same area out of frames of one size and format.

    In an interlaced frame, every second row is from another moment, so the edges of moving things
    would look like combs. Only its upper field, which is half as high, is used.

    Args:
        area: what to cut out, inside the frames.
        like: one of the frames.
        is_interlaced: whether to use only the upper field.
    """

    def __init__(self, area: Area, like: VideoFrame, *, is_interlaced: bool = False) -> None:
        self._graph = Graph()
        self._graph.threads = 1
        source = self._graph.add_buffer(
            width=like.width, height=like.height, format=like.format, time_base=like.time_base
        )
        rows = 2 if is_interlaced else 1
        height, top = max(1, area.height // rows), area.top // rows
        steps = [self._graph.add("field", "type=top")] if is_interlaced else []
        where = f"{area.width}:{height}:{area.left}:{top}:exact=1"
        steps += [self._graph.add("crop", where), self._graph.add("buffersink")]
        self._graph.link_nodes(source, *steps).configure()

    def cut(self, frame: VideoFrame) -> VideoFrame:
        """Return the area of a frame; it has the same colour tags."""
        self._graph.vpush(frame)
        return self._graph.vpull()

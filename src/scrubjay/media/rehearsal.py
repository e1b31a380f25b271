"""Reading without decoding: what a plan will cost, counted from packets alone."""

from heapq import heappop, heappush
from typing import Any, NamedTuple, cast

from av import VideoFrame
from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.frames import FrameReader
from scrubjay.media.kinds import Kind

__all__ = ["RehearsalReader"]


class _Stand(NamedTuple):
    """The fields of a decoded frame that reading uses."""

    order: int
    """Rises in the order of output."""
    pts: int | None
    key_frame: bool


class RehearsalReader(FrameReader):
    """A `FrameReader` that reads the same packets in the same order, but decodes no pictures.

    Its frames come in the order of time, as from a decoder: delayed by as many frames as the
    stream's codec reorders.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  as its parent's
        super().__init__(*args, **options)
        self._held: list[_Stand] = []
        self._order = 0

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        if packet is not None and not (self._is_second_field or self._is_left_out(packet)):
            self.counts.decoded += 1
            self._order = self._order + 1 if packet.pts is None else packet.pts
            heappush(self._held, _Stand(self._order, packet.pts, packet.is_keyframe))
        depth = 0 if packet is None else self._stream.codec_context.reorder_depth
        out = [heappop(self._held) for _ in range(len(self._held) - depth)]
        return cast("list[VideoFrame]", out)

    def _is_left_out(self, packet: "Packet[VideoStream]") -> bool:
        skips = self._stream.codec_context.skip_frame == "NONREF"
        return skips and self._kinds.kind(packet) is Kind.DISPOSABLE

    def _seek(self, pts: int | None) -> None:
        self._held = []
        super()._seek(pts)

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
    """Stands in for a decoded frame: all that reading looks at."""

    pts: int
    key_frame: bool


class RehearsalReader(FrameReader):
    """A `FrameReader` that goes the same way over the packets, but gives no pictures.

    Frames leave it in the order of time, as they leave a decoder: once no packet to come, of a DTS
    after the last one, can be shown before them.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  as its parent's
        super().__init__(*args, **options)
        self._held: list[_Stand] = []

    def _decoded(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        newest = None
        if packet is not None and packet.pts is not None:
            newest = packet.dts
            if not self._is_left_out(packet):
                self.counts.decoded += 1
                heappush(self._held, _Stand(packet.pts, packet.is_keyframe))
        out: list[_Stand] = []
        while self._held and (
            packet is None or (newest is not None and self._held[0].pts <= newest)
        ):
            out.append(heappop(self._held))
        return cast("list[VideoFrame]", out)

    def _is_left_out(self, packet: "Packet[VideoStream]") -> bool:
        skips = self._stream.codec_context.skip_frame == "NONREF"
        return skips and self._kinds.kind(packet) is Kind.DISPOSABLE

    def _seek(self, pts: int | None) -> None:
        self._held = []
        super()._seek(pts)

"""Reading without decoding: what a plan will cost, counted from packets alone."""

from heapq import heappop, heappush
from typing import NamedTuple

from av.video.stream import VideoStream

from scrubjay.media.damage import Damage
from scrubjay.media.decoders import Coded
from scrubjay.media.kinds import Kind, KindReader

__all__ = ["RehearsalDecoder", "RehearsedFrame"]


class RehearsedFrame(NamedTuple):
    """A frame without a picture."""

    order: int
    """Rises in the order of output."""
    pts: int | None
    key_frame: bool


class RehearsalDecoder:
    """Takes the packets that a decoder would, and returns frames without pictures.

    They come in the order of time, as from a decoder: delayed by as many frames as the stream's
    codec reorders.

    Args:
        stream: the stream, just opened.
        damage: not used, since nothing is decoded.
    """

    def __init__(self, stream: VideoStream, damage: Damage) -> None:
        del damage
        self._codec = stream.codec_context
        self._kinds = KindReader(stream)
        self._held: list[RehearsedFrame] = []
        self._order = 0

    def decode(self, coded: Coded | None) -> list[RehearsedFrame]:
        """Take a packet, and return the frames that a decoder would put out."""
        if coded is not None and not (coded.is_second_field or self._is_left_out(coded)):
            packet = coded.packet
            self._order = self._order + 1 if packet.pts is None else packet.pts
            heappush(self._held, RehearsedFrame(self._order, packet.pts, packet.is_keyframe))
        depth = 0 if coded is None else self._codec.reorder_depth
        return [heappop(self._held) for _ in range(len(self._held) - depth)]

    def _is_left_out(self, coded: Coded) -> bool:
        return coded.may_skip and self._kinds.kind(coded.packet) is Kind.DISPOSABLE

    def flush(self) -> None:
        """Forget all packets so far."""
        self._held = []

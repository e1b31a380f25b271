"""How a packet's frame relates to others, read from its first bytes: nothing is decoded.

A keyframe needs no other frame; a reference frame is needed by others; a disposable one is not, so
a decoder may skip it. If a codec does not show this in its first bytes, it is unknown.
"""

from collections.abc import Iterator
from enum import IntEnum
from itertools import pairwise

from av.packet import Packet
from av.video.stream import VideoStream

from scrubjay.media.fields import FieldPairs, mpeg2_field

__all__ = ["Kind", "KindReader"]

_LOOK_BYTES = 4096
"""How many bytes of a packet are searched for its first slice; SEI messages may come before it."""

_H264_SLICES = frozenset({1, 5})
_HEVC_SLICES = 32
_HEVC_DISPOSABLE = frozenset(range(0, 15, 2))
_MPEG2_PICTURE, _MPEG2_B = b"\x00\x00\x01\x00", 3
_MPEG4_VOP, _MPEG4_B = b"\x00\x00\x01\xb6", 2


class Kind(IntEnum):
    """What it costs to show a frame; lower is cheaper."""

    KEY = 0
    REFERENCE = 1
    DISPOSABLE = 2
    UNKNOWN = 3


class KindReader:
    """Determines the kinds of one stream's packets.

    H.264: `nal_ref_idc` (ITU-T H.264, 7.3.1). H.265: sub-layer non-reference NAL unit types (ITU-T
    H.265, table 7-1). MPEG-2 and MPEG-4: the picture's coding type (ISO 13818-2, 6.3.9; 14496-2,
    6.3.5).

    Args:
        stream: the video stream.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._codec = stream.codec_context.name
        extradata = stream.codec_context.extradata or b""
        at = {"h264": 4, "hevc": 21}.get(self._codec, 0)  # where avcC and hvcC have it
        has_lengths = at and len(extradata) > at and extradata[0] == 1
        self._length_bytes = (extradata[at] & 3) + 1 if has_lengths else 0
        is_h264 = self._codec == "h264"
        header = _avcc_units(extradata) if has_lengths else self._contents(extradata)
        self._fields = FieldPairs(header) if is_h264 else None
        self._mpeg2_field = 0

    @property
    def may_have_fields(self) -> bool:
        """Whether a picture may be in two packets."""
        if self._fields is not None:
            return self._fields.may_occur
        return self._codec == "mpeg2video"

    def is_second_field(self, packet: "Packet[VideoStream]") -> bool:
        """Whether a packet holds the second field of the picture that the one before it began.

        Call it for each packet, in order.
        """
        if self._fields is not None:
            is_key = packet.is_keyframe
            if not (is_key or self._fields.may_occur):
                return False
            start = bytes(memoryview(packet)[:_LOOK_BYTES])
            return self._fields.is_second(self._contents(start), is_key=is_key)
        if self._codec == "mpeg2video":
            field = mpeg2_field(bytes(memoryview(packet)[:_LOOK_BYTES]))
            if field:
                field = mpeg2_field(bytes(packet))  # it may hold both
            before, self._mpeg2_field = self._mpeg2_field, field
            if field and before and field != before:
                self._mpeg2_field = 0
                return True
        return False

    def kind(self, packet: "Packet[VideoStream]") -> Kind:
        """Return the kind of a packet's frame."""
        if packet.is_keyframe:
            return Kind.KEY
        start = bytes(memoryview(packet)[:_LOOK_BYTES])
        match self._codec:
            case "h264":
                return self._h264(start)
            case "hevc":
                return self._hevc(start)
            case "mpeg2video":
                return _coded(start, _MPEG2_PICTURE, 1, (3, 7), _MPEG2_B)
            case "mpeg4":
                return _coded(start, _MPEG4_VOP, 0, (6, 3), _MPEG4_B)
            case _:
                return Kind.UNKNOWN

    def _h264(self, start: bytes) -> Kind:
        for at in self._units(start):
            if start[at] & 31 in _H264_SLICES:
                return Kind.REFERENCE if start[at] >> 5 & 3 else Kind.DISPOSABLE
        return Kind.UNKNOWN

    def _hevc(self, start: bytes) -> Kind:
        for at in self._units(start):
            unit = start[at] >> 1 & 63
            if unit < _HEVC_SLICES:
                return Kind.DISPOSABLE if unit in _HEVC_DISPOSABLE else Kind.REFERENCE
        return Kind.UNKNOWN

    def _contents(self, start: bytes) -> Iterator[bytes]:
        """Yield the NAL units in the first bytes of a packet; the last may be cut off."""
        places = [*self._units(start), len(start) + max(3, self._length_bytes)]
        margin = self._length_bytes or 3
        for at, after in pairwise(places):
            yield start[at : after - margin]

    def _units(self, start: bytes) -> Iterator[int]:
        """Yield where the NAL units in the first bytes of a packet begin."""
        if self._length_bytes:
            at = self._length_bytes
            while at < len(start):
                yield at
                length = int.from_bytes(start[at - self._length_bytes : at], "big")
                at += length + self._length_bytes
            return
        at = start.find(b"\x00\x00\x01")
        while 0 <= at < len(start) - 3:
            yield at + 3
            at = start.find(b"\x00\x00\x01", at + 3)


def _avcc_units(extradata: bytes) -> Iterator[bytes]:
    """Yield the parameter sets in an `avcC` box (ISO 14496-15, 5.3.3.1)."""
    at = 5
    for mask in (31, 255):
        count = extradata[at] & mask if at < len(extradata) else 0
        at += 1
        for _ in range(count):
            length = int.from_bytes(extradata[at : at + 2], "big")
            yield extradata[at + 2 : at + 2 + length]
            at += 2 + length


def _coded(start: bytes, code: bytes, skip: int, bits: tuple[int, int], disposable: int) -> Kind:
    """Read a picture's coding type: some bits (shift, mask) of a byte after its start code."""
    found = start.find(code)
    at = found + len(code) + skip
    if found < 0 or at >= len(start):
        return Kind.UNKNOWN
    shift, mask = bits
    return Kind.DISPOSABLE if start[at] >> shift & mask == disposable else Kind.REFERENCE

"""Whether the shape of a video may change midway, read from its packets: nothing is decoded.

The size and shape of pictures are in headers that come with keyframes. While these stay the same,
so does the shape.
"""

from collections.abc import Iterator

from av.packet import Packet
from av.video.stream import VideoStream

__all__ = ["HeadReader"]

_LOOK_BYTES = 4096
"""How many bytes of a packet are searched for headers."""

_START = b"\x00\x00\x01"
_H264_SPS, _HEVC_SPS = 7, 33
_MPEG2_SEQUENCE, _MPEG4_LAYERS = b"\x00\x00\x01\xb3", b"\x00\x00\x01\x20"
_VP8_START = b"\x9d\x01\x2a"
_AV1_SEQUENCE = 1
_JPEG_SIZES = (b"\xff\xc0", b"\xff\xc1", b"\xff\xc2")


class HeadReader:
    """Reads the headers of one stream's keyframes that decide the shape of pictures.

    Args:
        stream: the video stream.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._codec = stream.codec_context.codec.canonical_name
        extradata = stream.codec_context.extradata or b""
        at = {"h264": 4, "hevc": 21}.get(self._codec, 0)  # where avcC and hvcC have it
        has_lengths = at and len(extradata) > at and extradata[0] == 1
        self._length_bytes = (extradata[at] & 3) + 1 if has_lengths else 0

    def head(self, packet: "Packet[VideoStream]") -> bytes:  # noqa: PLR0911  one a codec
        """Return the headers of a keyframe's packet that decide its shape; empty if it has none."""
        start = bytes(memoryview(packet)[:_LOOK_BYTES])
        match self._codec:
            case "h264":
                return b"".join(unit for unit in self._units(start) if unit[0] & 31 == _H264_SPS)
            case "hevc":
                units = self._units(start)
                return b"".join(unit for unit in units if unit[0] >> 1 & 63 == _HEVC_SPS)
            case "mpeg1video" | "mpeg2video":
                return _after(start, _MPEG2_SEQUENCE, 4)  # size, aspect and rate
            case "mpeg4":
                return _after(start, _MPEG4_LAYERS, 16)
            case "vp8":
                return _after(start, _VP8_START, 4)
            case "vp9":
                return _vp9(start)
            case "av1":
                return _av1(start)
            case "mjpeg":
                return b"".join(_after(start, each, 7) for each in _JPEG_SIZES)
            case _:
                return b""

    def _units(self, start: bytes) -> Iterator[bytes]:
        """Yield the NAL units in the first bytes of a packet."""
        if not self._length_bytes:
            yield from (unit for unit in start.split(_START)[1:] if unit)
            return
        at = 0
        while at + self._length_bytes < len(start):
            begin = at + self._length_bytes
            at = begin + int.from_bytes(start[at:begin])
            if unit := start[begin:at]:
                yield unit


def _after(start: bytes, code: bytes, length: int) -> bytes:
    at = start.find(code)
    return b"" if at < 0 else start[at + len(code) : at + len(code) + length]


def _vp9(start: bytes) -> bytes:
    """Return the colours and size of a keyframe (VP9 bitstream specification, 6.2)."""
    if len(start) < 10 or start[1:4] != b"\x49\x83\x42":  # noqa: PLR2004  all that is read
        return b""
    profile = (start[0] >> 5 & 1) | (start[0] >> 3 & 2)
    bits = 4 + 32 + (3 if profile & 1 else 0) + (1 if profile >= 2 else 0)  # noqa: PLR2004
    value = int.from_bytes(start[4:9]) >> 40 - bits
    return value.to_bytes(5)


def _av1(start: bytes) -> bytes:
    """Return the sequence header of a temporal unit (AV1 bitstream specification, 5.3)."""
    at = 0
    while at + 1 < len(start):
        kind, has_extension, has_size = start[at] >> 3 & 15, start[at] & 4, start[at] & 2
        at += 2 if has_extension else 1
        if not has_size:
            return b""
        size = shift = 0
        while at < len(start):
            byte = start[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:  # noqa: PLR2004  the last one
                break
        if kind == _AV1_SEQUENCE:
            return start[at : at + size]
        at += size
    return b""

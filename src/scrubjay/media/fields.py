"""Field pairs: two packets that hold the two fields of one picture.

Cameras and broadcasts code an interlaced picture as two fields, and some files keep each field in a
packet of its own. The decoder puts out one picture for the pair, with the time of the first field.
H.264: `field_pic_flag` and `bottom_field_flag` of the slice header (ITU-T H.264, 7.3.3), for which
the parameter sets have to be read (7.3.2.1, 7.3.2.2). MPEG-2: `picture_structure` of the picture
coding extension (ISO 13818-2, 6.3.10).
"""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["FieldPairs", "mpeg2_field"]

_SPS, _PPS = 7, 8
_SLICES = frozenset({1, 5})
_HEADER_BYTES = 48
"""More than a slice header needs up to its field flags."""

_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose sequence parameter sets describe how colours are coded."""

_FIELD_444 = 3
_MPEG2_EXTENSION = b"\x00\x00\x01\xb5"
_MPEG2_PICTURE = b"\x00\x00\x01\x00"
_MPEG2_CODING, _FRAME = 8, 3


class _Sequence(NamedTuple):
    """What a sequence parameter set says about slice headers."""

    frames_only: bool
    frame_num_bits: int
    has_planes: bool


class _Field(NamedTuple):
    """A field, as identified in its slices."""

    frame_num: int
    is_bottom: bool


class FieldPairs:
    """Detects which packets of an H.264 stream hold the second field of a picture.

    Args:
        units: the NAL units of the stream's header, without start codes.
    """

    def __init__(self, units: Iterable[bytes] = ()) -> None:
        self._sequences: dict[int, _Sequence] = {}
        self._pictures: dict[int, int] = {}
        self._open: _Field | None = None
        for unit in units:
            self._learn(unit)

    @property
    def may_occur(self) -> bool:
        """Whether the stream may hold fields at all."""
        return any(not each.frames_only for each in self._sequences.values())

    def is_second(self, units: Iterable[bytes], *, is_key: bool) -> bool:
        """Whether a packet holds the second field of the picture whose first came just before.

        Args:
            units: the NAL units at the start of the packet, the first slice among them.
            is_key: whether the packet may hold parameter sets.
        """
        if not (is_key or self.may_occur):
            return False
        field = self._field_of(units)
        before, self._open = self._open, field
        if field is None or before is None:
            return False
        is_second = field.frame_num == before.frame_num and field.is_bottom != before.is_bottom
        if is_second:
            self._open = None
        return is_second

    def _field_of(self, units: Iterable[bytes]) -> _Field | None:
        """Return the field that a packet holds; None for a whole frame."""
        for unit in units:
            kind = unit[0] & 31 if unit else 0
            if kind in _SLICES:
                try:
                    return self._read_slice(_Bits(unit[1:_HEADER_BYTES]))
                except IndexError:
                    return None
            self._learn(unit)
        return None

    def _read_slice(self, bits: "_Bits") -> _Field | None:
        bits.golomb()  # first_mb_in_slice
        bits.golomb()  # slice_type
        sequence = self._sequences.get(self._pictures.get(bits.golomb(), -1))
        if sequence is None or sequence.frames_only:
            return None
        if sequence.has_planes:
            bits.take(2)
        frame_num = bits.take(sequence.frame_num_bits)
        return _Field(frame_num, bits.take(1) == 1) if bits.take(1) else None

    def _learn(self, unit: bytes) -> None:
        """Store a parameter set; one that is cut off or damaged is ignored."""
        kind = unit[0] & 31 if unit else 0
        try:
            if kind == _SPS:
                number, sequence = _read_sequence(_Bits(unit[1:]))
                self._sequences[number] = sequence
            elif kind == _PPS:
                bits = _Bits(unit[1:_HEADER_BYTES])
                self._pictures[bits.golomb()] = bits.golomb()
        except IndexError:
            return


def _read_sequence(bits: "_Bits") -> tuple[int, _Sequence]:
    profile = bits.take(8)
    bits.take(16)
    number = bits.golomb()
    has_planes = profile in _WITH_CHROMA and _read_chroma(bits)
    frame_num_bits = bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        for _ in range(2):
            bits.golomb()
        for _ in range(min(bits.golomb(), 255)):
            bits.golomb()
    bits.golomb()  # max_num_ref_frames
    bits.take(1)
    bits.golomb()  # width and height
    bits.golomb()
    return number, _Sequence(bits.take(1) == 1, frame_num_bits, has_planes)


def _read_chroma(bits: "_Bits") -> bool:
    """Skip how colours are coded, and return whether each plane has slices of its own."""
    chroma = bits.golomb()
    has_planes = chroma == _FIELD_444 and bits.take(1) == 1
    bits.golomb()
    bits.golomb()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma == _FIELD_444 else 8):
            if bits.take(1):
                _skip_scaling(bits, 16 if index < 6 else 64)  # noqa: PLR2004  as the standard
    return has_planes


def _skip_scaling(bits: "_Bits", size: int) -> None:
    """Skip a scaling list (7.3.2.1.1.1)."""
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


class _Bits:
    """Reads bits of a NAL unit's payload; raises `IndexError` at its end."""

    def __init__(self, payload: bytes) -> None:
        data = payload.replace(b"\x00\x00\x03", b"\x00\x00")  # emulation prevention (7.4.1)
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        self._left -= count
        if self._left < 0:
            raise IndexError
        return self._value >> self._left & ((1 << count) - 1)

    def golomb(self) -> int:
        """Return the next unsigned Exp-Golomb number (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def signed_golomb(self) -> int:
        """Return the next signed Exp-Golomb number (9.1.1)."""
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)


def mpeg2_field(packet: bytes) -> int:
    """Return which field an MPEG-2 packet holds: 1 the top one, 2 the bottom one, 0 both."""
    at = packet.find(_MPEG2_EXTENSION)
    while 0 <= at < len(packet) - 6:
        if packet[at + 4] >> 4 == _MPEG2_CODING:
            structure = packet[at + 6] & 3
            is_frame = structure == _FRAME or packet.count(_MPEG2_PICTURE) > 1
            return 0 if is_frame else structure
        at = packet.find(_MPEG2_EXTENSION, at + 4)
    return 0

"""Which streams of an MPEG transport stream belong together.

A transport stream may carry several programmes, each with a clock of its own. The programme
association table names the programmes, a programme map table the streams of one (ISO 13818-1,
2.4.4.3 and 2.4.4.8).
"""

from collections.abc import Iterator

__all__ = ["HEAD_BYTES", "programme_of"]

HEAD_BYTES = 2 << 20
"""How much of the start of a file is read: tables come at least every half second."""

_LENGTHS = (188, 192, 204)
"""Of packets: plain, with a time stamp before each (Blu-ray), with check bytes after each."""

_SYNC = 0x47
_PAT_TABLE, _PMT_TABLE = 0, 2
_MOST_SECTION_BYTES = 1024


def programme_of(head: bytes, pid: int) -> frozenset[int]:
    """Return the packet identifiers (PID) of a stream's programme; none if no table lists it.

    Args:
        head: the first bytes of the file.
        pid: the packet identifier of the stream.
    """
    tables: dict[int, bytes] = {}
    pids = {0}
    for each, payload, is_start in _payloads(head):
        if each not in pids:
            continue
        if is_start:
            tables[each] = payload[1 + payload[0] :] if payload else b""
        elif each in tables and len(tables[each]) < _MOST_SECTION_BYTES:
            tables[each] += payload
        section = _whole(tables.get(each, b""))
        if section is None:
            continue
        if each == 0:
            pids |= set(_programmes(section))
        elif pid in (found := frozenset(_streams(section))):
            return found
    return frozenset()


def _payloads(head: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Yield for each packet its PID, its payload, and whether a section starts in it."""
    layout = _layout(head)
    if layout is None:
        return
    length, at = layout
    for start in range(at, len(head) - 187, length):
        packet = head[start : start + 188]
        control = packet[3] >> 4 & 3
        if packet[0] != _SYNC or not control & 1:
            continue
        payload = packet[5 + packet[4] :] if control & 2 else packet[4:]
        yield (packet[1] & 31) << 8 | packet[2], payload, bool(packet[1] & 0x40)


def _layout(head: bytes) -> tuple[int, int] | None:
    """Return how long packets are, and where the first sync byte is."""
    for start in range(min(len(head), 2 * 204)):
        for length in _LENGTHS:
            places = range(start, min(len(head), start + 5 * length), length)
            if len(places) > 1 and all(head[place] == _SYNC for place in places):
                return length, start
    return None


def _whole(section: bytes) -> bytes | None:
    """Return a section up to its declared length, without its checksum; None if incomplete."""
    length = 3 + (int.from_bytes(section[1:3], "big") & 0xFFF)
    return section[: length - 4] if 3 < length <= len(section) else None  # noqa: PLR2004  its header


def _programmes(section: bytes) -> Iterator[int]:
    if section[0] == _PAT_TABLE:
        for at in range(8, len(section) - 3, 4):
            if int.from_bytes(section[at : at + 2], "big"):  # 0 is the network's own table
                yield int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF


def _streams(section: bytes) -> Iterator[int]:
    if section[0] != _PMT_TABLE:
        return
    at = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
    while at <= len(section) - 5:
        yield int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF
        at += 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF)

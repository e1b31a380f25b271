"""Whether a video is encrypted, according to its samples, and how.

A file may be marked as protected and have clear samples, such as the first seconds of many films,
or the other way round. So each packet is checked: FFmpeg attaches to those of an MP4 how they are
encrypted (ISO/IEC 23001-7), those of WebM have it in their first byte (webmproject.org, "WebM
Encryption"), and those of MPEG-TS in their headers (ISO/IEC 13818-1, 2.4.3.3).
"""

from collections import Counter
from typing import TYPE_CHECKING
from uuid import UUID

from scrubjay.media.mp4 import Bytes, Outline, find_boxes

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream

__all__ = ["encrypted_message", "is_encrypted", "is_protected_by_header", "scheme_of"]

_SCHEMES = {
    "cenc": "Common Encryption, scheme cenc (AES-128 CTR)",
    "cens": "Common Encryption, scheme cens (AES-128 CTR, by a pattern)",
    "cbc1": "Common Encryption, scheme cbc1 (AES-128 CBC)",
    "cbcs": "Common Encryption, scheme cbcs (AES-128 CBC, by a pattern)",
    "piff": "PIFF, the scheme of Smooth Streaming",
    "itun": "FairPlay, as in the iTunes Store",
    "adkm": "Adobe Access",
    "odkm": "OMA DRM",
    "webm": "WebM Encryption (AES-128 CTR)",
    "mkv": "Matroska's ContentEncryption",
    "dvb": "a conditional access system of broadcasters (scrambled MPEG-TS)",
    "hls": "HLS Sample AES (FairPlay uses it)",
}
"""Descriptions of encryption schemes, by name."""

_SYSTEMS = {
    UUID("edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"): "Widevine",
    UUID("9a04f079-9840-4286-ab92-e65be0885f95"): "PlayReady",
    UUID("94ce86fb-07ff-4f43-adb8-93d2fa968ca2"): "FairPlay",
    UUID("1077efec-c0b2-4d02-ace3-3c1e52e2fb4b"): "Clear Key",
    UUID("e2719d58-a985-b3c9-781a-b030af78d30e"): "Clear Key",
    UUID("5e629af5-38da-4063-8977-97ffbd9902d4"): "Marlin",
    UUID("f239e769-efa3-4850-9c16-a903c6932efb"): "Adobe Primetime",
    UUID("3d5e6d35-9b9a-41e8-b843-dd3c6e72c42c"): "ChinaDRM",
}
"""DRM systems, by their ids in `pssh` boxes (dashif.org, "Content Protection")."""

_PIFF_TRACK = UUID("8974dbce-7be7-4c51-84f9-7148f9882554").bytes
_UNPROTECTED_SCHEMES = frozenset({"piff", "itun", "adkm", "odkm"})
"""Schemes for which FFmpeg does not mark encrypted samples, so the header is used."""

_SYNC = 0x47
_TS_BYTES = 188
_TS_LOOK_BYTES = 2 << 20
_SAMPLE_AES_VIDEO = b"\xdb"
"""The stream type of H.264 under HLS Sample AES, as a PMT has it before the stream's PID."""


def is_encrypted(packet: "Packet[VideoStream]") -> bool:
    """Whether this packet's content is encrypted, according to its container."""
    if packet.has_sidedata("encryption_info"):
        return True
    if "enc_key_id" in packet.stream.metadata:
        return bool(packet.size) and bytes(memoryview(packet)[:1])[0] & 1 == 1
    return False


def scheme_of(packet: "Packet[VideoStream]") -> str:
    """Return the scheme of an encrypted packet."""
    if "enc_key_id" in packet.stream.metadata:
        return "webm"
    return bytes(packet.get_sidedata("encryption_info"))[:4].decode("latin-1")


def is_protected_by_header(file: Bytes, stream: "VideoStream") -> str | None:
    """Return the scheme in a file's header if its packets are not marked; None if there is none.

    Args:
        file: the video's bytes.
        stream: its video stream, whose packets are not marked.
    """
    kind = file.read(0, 12)
    if kind[4:8] in {b"ftyp", b"moov", b"styp", b"free", b"moof"}:
        return _scheme_in_header(Outline.of(file).moov)
    if kind[:4] == b"\x1a\x45\xdf\xa3":
        return _scheme_in_matroska(file)
    return _scheme_in_ts(file, stream.id)


def encrypted_message(name: str, scheme: str, file: Bytes) -> str:
    """Return a message that a video is encrypted, how, and what to do."""
    how = _SCHEMES.get(scheme, f"by the scheme {scheme!r}")
    systems = sorted(_systems_in(Outline.of(file).moov))
    keys = f"; its keys come from {' or '.join(systems)}" if systems else ""
    return (
        f"{name} is encrypted: {how}{keys}. Scrubjay has no key. Decrypt it first: "
        "ffmpeg -decryption_key KEY -i in.mp4 -c copy out.mp4"
        if scheme in {"cenc", "cens", "cbc1", "cbcs"}
        else f"{name} is encrypted: {how}{keys}. Scrubjay has no key. Decrypt it first"
    )


def _scheme_in_header(moov: bytes) -> str | None:
    """Return the scheme of an MP4's protected video, if it encrypts all samples."""
    for entries in find_boxes(moov, b"stsd"):
        if entries[12:16] == b"drmi":
            return "itun"
    for protection in find_boxes(moov, b"sinf"):
        for scheme in find_boxes(protection, b"schm"):
            name = scheme[4:8].decode("latin-1")
            if name in _UNPROTECTED_SCHEMES and not _is_clear_piff(protection):
                return name
    return None


def _is_clear_piff(protection: bytes) -> bool:
    """Whether a PIFF track's default is to encrypt nothing (PIFF 1.1, 5.3.3)."""
    for content in find_boxes(protection, b"uuid"):
        if content[:16] == _PIFF_TRACK:
            return content[20:23] == b"\x00\x00\x00"
    return False


def _systems_in(moov: bytes) -> set[str]:
    """Return the names of the DRM systems that an MP4 has data for."""
    found = {UUID(bytes=box[4:20]) for box in find_boxes(moov, b"pssh") if len(box) >= 20}  # noqa: PLR2004
    return {_SYSTEMS[each] for each in found if each in _SYSTEMS}


def _scheme_in_matroska(file: Bytes) -> str | None:
    """Return "mkv" if a Matroska header has ContentEncryption (RFC 9559, 5.1.4.1.31.6)."""
    head = file.read(0, 64 << 10)
    return "mkv" if b"\x6d\x80" in head and b"\x50\x35" in head else None


def _scheme_in_ts(file: Bytes, pid: int) -> str | None:
    """Return how the video of an MPEG-TS is scrambled, from its packets' headers."""
    data = file.read(0, _TS_LOOK_BYTES)
    step = next((n for n in (188, 192, 204) if _is_ts(data, n)), 0)
    if not step:
        return None
    scrambled: Counter[bool] = Counter()
    for at in range(_first_packet(step), len(data) - _TS_BYTES, step):
        if data[at] == _SYNC and int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF == pid:
            scrambled[data[at + 3] & 0xC0 != 0] += 1
        elif _SAMPLE_AES_VIDEO + (0xE000 | pid).to_bytes(2) in data[at + 5 : at + _TS_BYTES]:
            is_table = data[at + 1] & 0x40 and data[at + 5 : at + 6] == b"\x02"
            if is_table:
                return "hls"
    return "dvb" if scrambled[True] > scrambled[False] else None


def _first_packet(step: int) -> int:
    return 4 if step == 192 else 0  # noqa: PLR2004  a time code comes before each packet


def _is_ts(data: bytes, step: int) -> bool:
    first = _first_packet(step)
    places = range(first, min(len(data), first + 8 * step), step)
    return len(places) > 1 and all(data[at] == _SYNC for at in places)

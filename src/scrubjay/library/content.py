"""What the first bytes of a file say about it: a video perhaps, or certainly something else.

The probe decides what is a video. This only keeps it from being asked about every subtitle.
"""

import re
from collections.abc import Callable
from typing import Literal, TypeAlias

from scrubjay.media.sniffing import VIDEO_SUFFIXES, kind_of_file

__all__ = ["HEAD_BYTES", "Content", "content_of", "content_of_suffix"]

HEAD_BYTES = 4096
"""How many of a file's first bytes are read."""

Content: TypeAlias = Literal["video", "sound", "picture", "text", "other"]
"""`video` is what may be one."""

_STARTS: dict[bytes, Content] = {
    b"\x1a\x45\xdf\xa3": "video",  # Matroska, WebM
    b"\x00\x00\x01": "video",  # MPEG, H.264, H.265, VC-1
    b"\x00\x00\x00\x01": "video",
    b"\x00\x00\x00\x00\x01\xbc": "video",  # GXF
    b"\x12\x00\x0a": "video",  # AV1 as a bare stream
    b"FLV": "video",
    b"FWS": "video",
    b"DKIF": "video",
    b".RMF": "video",
    b"YUV4MPEG2": "video",
    b"nut/multimedia container": "video",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "video",  # ASF
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11": "video",  # WTV
    b"\x1f\x07\x00": "video",  # DV
    b"GIF8": "picture",
    b"ID3": "sound",
    b"fLaC": "sound",
    b"MThd": "sound",
    b"wvpk": "sound",
    b"MAC ": "sound",
    b".snd": "sound",
    b"caff": "sound",
    b"#!AMR": "sound",
    b"\x0b\x77": "sound",  # AC-3
    b"\x7f\xfe\x80\x01": "sound",  # DTS
    b"PG": "text",  # subtitles of Blu-ray discs
    b"CWS": "other",
}
_BOXES = frozenset(
    {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"moof", b"styp"}
)
_SOUND_BRANDS = (b"M4A", b"M4B", b"M4P")
_RIFF: dict[bytes, Content] = {
    b"AVI ": "video",
    b"AMV ": "video",
    b"WAVE": "sound",
    b"AIFF": "sound",
}
_OGG_PICTURES = (b"\x80theora", b"BBCD", b"OVP80", b"\x01video")
_MXF = b"\x06\x0e\x2b\x34\x02\x05\x01\x01"
_H263 = re.compile(rb"\x00\x00[\x80-\x83]")
_MPEG_SOUND = re.compile(rb"\xff[\xe0-\xfd]")
_TRANSPORT_STREAM = re.compile(
    rb".{0,203}?(?:G(?:.{187}G){4}|G(?:.{191}G){4}|G(?:.{203}G){4})", re.DOTALL
)
"""Packets of 188, 192 (with a time) or 204 bytes (with a checksum), from wherever the recording
began (ISO 13818-1, 2.4.3.2)."""

_CONTROL = frozenset({*range(0x20), 0x7F}.difference(b"\t\n\r\f\x1b"))
"""Bytes that no text has, in any encoding of a byte or more for a character, but UTF-16."""

_SUFFIXES: dict[Content, str] = {
    "video": VIDEO_SUFFIXES,
    "picture": ".jpg .jpeg .png .gif .webp .avif .heic .heif .bmp .tif .tiff .svg .ico .tbn .psd "
    ".jxl .dng .cr2 .cr3 .nef .arw .orf .rw2",
    "sound": ".mp3 .m4a .m4b .aac .ac3 .dts .flac .wav .aif .aiff .ogg .oga .opus .wma .mka .ape",
    "text": ".srt .vtt .ass .ssa .sub .idx .sup .smi .ttml .lrc .txt .nfo .md .html .htm .css .js "
    ".json .jsonl .xml .csv .tsv .log .yml .yaml .toml .ini .url .m3u .m3u8 .mpd .cue .sfv .md5 "
    ".sha1 .sha256 .pdf .doc .docx .xls .xlsx .ppt .pptx .epub .py .sh",
    "other": ".zip .rar .7z .gz .tgz .bz2 .xz .zst .tar .iso .exe .dll .so .msi .dmg .deb .rpm "
    ".apk .jar .db .sqlite .torrent .nzb .par2 .ttf .otf .woff .woff2 .parquet .bak .bif",
}
_AMBIGUOUS = frozenset({".ts", ".mts"})
"""Suffixes of videos that TypeScript has as well."""

_CERTAIN: dict[str, Content] = {
    suffix: content
    for content, suffixes in _SUFFIXES.items()
    for suffix in suffixes.split()
    if suffix not in _AMBIGUOUS
}


def content_of_suffix(name: str) -> Content | None:
    """Return what a name's suffix says about the file; None if that is not certain."""
    return _CERTAIN.get(_suffix(name))


def content_of(name: str, read_head: Callable[[], bytes]) -> Content:
    """Return what a file is.

    A file with the suffix of a video is always taken for one, so that a damaged video, and an error
    page that was saved as one, are reported.

    Args:
        name: its name.
        read_head: returns its first `HEAD_BYTES`, or all; not called for the suffix of a video.
    """
    if content_of_suffix(name) == "video":
        return "video"
    head = read_head()
    known = _by_start(head)
    if known is not None:
        return known
    if _is_text(head):
        return "text"
    reason = kind_of_file(head)
    if reason is None:
        return "video" if _suffix(name) in _AMBIGUOUS else "other"
    return "picture" if "a picture" in reason else "other"


def _suffix(name: str) -> str:
    _, dot, suffix = name.rpartition(".")
    return dot + suffix.lower()


def _by_start(head: bytes) -> Content | None:
    """Return what a signature says."""
    if head[4:8] in _BOXES:
        return _by_brand(head)
    if head[:4] in {b"RIFF", b"FORM"}:
        return _RIFF.get(head[8:12])
    if head[:4] == b"OggS":
        return "video" if any(mark in head for mark in _OGG_PICTURES) else "sound"
    if _TRANSPORT_STREAM.match(head) or _MXF in head or _H263.match(head):
        return "video"
    if _MPEG_SOUND.match(head):
        return "sound"
    return next((what for start, what in _STARTS.items() if head.startswith(start)), None)


def _by_brand(head: bytes) -> Content | None:
    """Return what the brand of an ISO file says (ISO 14496-12, 4.3)."""
    if head[4:8] != b"ftyp":
        return "video"
    if head[8:11] in _SOUND_BRANDS:
        return "sound"
    reason = kind_of_file(head)  # it knows the brands of pictures
    return "picture" if reason and "a picture" in reason else "video"


def _is_text(head: bytes) -> bool:
    """Whether bytes are text in any encoding: no control characters, or UTF-16's mark."""
    is_utf_16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return is_utf_16 or (bool(head) and _CONTROL.isdisjoint(head))

"""What a file is that is not a video, from its first bytes."""

__all__ = ["VIDEO_SUFFIXES", "kind_of_file"]

VIDEO_SUFFIXES = (
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv"
)
"""Suffixes that videos usually have, separated by spaces."""

_MAGIC = (
    (b"\xff\xd8\xff", "a picture (JPEG), not a video"),
    (b"\x89PNG\r\n\x1a\n", "a picture (PNG), not a video"),
    (b"BM", "a picture (BMP), not a video"),
    (b"II*\x00", "a picture (TIFF), not a video"),
    (b"MM\x00*", "a picture (TIFF), not a video"),
    (b"\x00\x00\x01\x00", "a picture (ICO), not a video"),
    (b"8BPS", "a picture (PSD), not a video"),
    (b"\xff\x0a", "a picture (JPEG XL), not a video"),
    (b"\x00\x00\x00\x0cJXL ", "a picture (JPEG XL), not a video"),
    (b"%PDF", "a PDF document, not a video"),
    (b"PK\x03\x04", "a ZIP archive, not a video; unpack it first"),
    (b"\x1f\x8b", "a gzip archive, not a video; unpack it first"),
    (b"Rar!", "a RAR archive, not a video; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive, not a video; unpack it first"),
    (b"\xfd7zXZ", "an xz archive, not a video; unpack it first"),
    (b"BZh", "a bzip2 archive, not a video; unpack it first"),
    (b"\x7fELF", "a program, not a video"),
    (b"MZ", "a program, not a video"),
    (b"OggS", "an Ogg file whose first page is damaged"),
    (b"SQLite format 3", "a database, not a video"),
    (b"CWS", "a compressed Flash film, which Scrubjay does not unpack"),
)

_PICTURE_BRANDS = {
    b"avif": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"heim": "HEIC",
}  # fmt: skip

_PLAYLISTS = (
    (b"#extm3u", "an HLS playlist"),
    (b"<mpd", "a DASH manifest"),
    (b"<smoothstreamingmedia", "a Smooth Streaming manifest"),
    (b"ffconcat version", "an ffconcat list"),
    (b"[playlist]", "a playlist"),
    (b"<asx", "a playlist"),
    (b"<smil", "a playlist"),
    (b"[reference]", "a playlist"),
)

_LOOK_BYTES = 4096
_TEXT_SHARE = 0.9
_LEAST_BYTES = 16


def kind_of_file(head: bytes) -> str | None:
    """Return what a file is that does not open as a video: "is a ZIP archive"; None if unclear.

    Args:
        head: its first bytes, a few thousand or all.
    """
    if len(head) < _LEAST_BYTES:
        return f"is too short to be a video: {len(head)} bytes"
    if not head.strip(b"\x00"):
        return "has only zeros at its start: its download or recording was never finished"
    for magic, what in _MAGIC:
        if head.startswith(magic):
            return f"is {what}"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "is a picture (WebP), not a video"
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return f"is a picture ({_PICTURE_BRANDS[head[8:12]]}), not a video"
    return _kind_of_text(head[:_LOOK_BYTES])


def _kind_of_text(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for mark, what in _PLAYLISTS:
        if (
            text.startswith(mark)
            or (mark.startswith(b"<") and b"\n" + mark in text)
            or (text.startswith(b"<?xml") and mark.startswith(b"<") and mark in text)
        ):
            return (
                f"is {what}, not a video: it names other files, which Scrubjay never opens. Join "
                "them first: ffmpeg -i ADDRESS -c copy video.mp4"
            )
    if text.startswith((b"<!doctype html", b"<html")) or b"<html" in text[:512]:
        return "is an HTML page, not a video; perhaps a server's error page was saved instead"
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "is a picture (SVG), not a video"
    if text.startswith(b"<?xml"):
        return "is an XML document, not a video; perhaps a server's error was saved instead"
    if text.startswith((b"{", b"[")):
        return "is JSON text, not a video; perhaps a server's error was saved instead"
    return "is plain text, not a video" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    plain = sum(byte in b"\t\n\r" or 0x20 <= byte < 0x7F for byte in head)  # noqa: PLR2004  ASCII
    return b"\x00" not in head and plain >= _TEXT_SHARE * len(head)

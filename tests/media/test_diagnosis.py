"""Why a file gives no picture: each cause has a sentence of its own."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

import scrubjay
from scrubjay.errors import (
    EncryptedVideoError,
    NoVideoError,
    ScrubjayError,
    SoundOnlyError,
    SourceUnreadableError,
)
from scrubjay.media.probe import probe_media
from scrubjay.model import MediaInfo
from scrubjay.places.place import Place

_KEY = "00112233445566778899aabbccddeeff"


def _probe(path: Path) -> MediaInfo:
    return probe_media(Place.of(path))[1]


def _write(path: Path, options: dict[str, str] | None = None, seconds: int = 2) -> Path:
    """Write a small H.264 video of moving noise."""
    random = np.random.default_rng(3)
    noise = random.integers(0, 255, (96, 400, 3), dtype=np.uint8)
    with av.open(str(path), "w", options=options or {}) as output:
        stream = output.add_stream("libx264", rate=10, options={"g": "10", "threads": "1"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(10 * seconds):
            frame = av.VideoFrame.from_ndarray(noise[:, number : number + 160], format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _with_sound(path: Path, *, has_video: bool = True) -> Path:
    """Write a second of silence, with a video or without."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("mpeg4", rate=10) if has_video else None
        sound = output.add_stream("aac", rate=8000)
        if isinstance(video, VideoStream):
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            for _ in range(10):
                picture = np.zeros((48, 64, 3), dtype=np.uint8)
                output.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            output.mux(video.encode(None))
        for number in range(8):
            silence = np.zeros((1, 1024), dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, 1024 * number
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "tracks", "track"),
    [
        ("film.mp4", b"moov", b"trak"),
        ("film.mkv", b"\x16\x54\xae\x6b", b"V_MPEG4"),
        ("film.avi", b"hdrl", b"strh"),
    ],
)
def test_a_damaged_video_track_is_not_taken_for_sound(
    tmp_path: Path, name: str, tracks: bytes, track: bytes
) -> None:
    """With sound only, a file says so; if its video track cannot be read, it is damaged."""
    with pytest.raises(SoundOnlyError, match="has only audio"):
        _probe(_with_sound(tmp_path / f"sound-{name}", has_video=False))
    film = _with_sound(tmp_path / name)
    assert _probe(film).has_audio
    data = bytearray(film.read_bytes())
    at = data.index(track, data.index(tracks) + len(tracks))
    data[at] ^= 0x10
    film.write_bytes(data)
    with pytest.raises(NoVideoError, match="declares a video, but only its sound") as caught:
        _probe(film)
    assert not isinstance(caught.value, SoundOnlyError)


def _encrypted(path: Path) -> Path:
    return _write(
        path,
        {
            "encryption_scheme": "cenc-aes-ctr",
            "encryption_key": _KEY,
            "encryption_kid": _KEY,
        },
    )


def _replace(path: Path, *pairs: tuple[bytes, bytes]) -> Path:
    data = path.read_bytes()
    for old, new in pairs:
        assert len(old) == len(new)
        assert old in data
        data = data.replace(old, new)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "name", ["reports/08_cenc_encrypted.mp4", "reports/08_cenc_clear_slice_headers.mp4"]
)
def test_an_encrypted_video_is_named(media: Path, name: str) -> None:
    """Encrypted samples are refused as such, also where what decodes of them is noise."""
    with pytest.raises(EncryptedVideoError, match=r"is encrypted: Common Encryption, scheme cenc"):
        _probe(media / name)


@pytest.mark.parametrize("scheme", ["cenc", "cens", "cbc1", "cbcs"])
def test_each_scheme_is_named(tmp_path: Path, scheme: str) -> None:
    """The four schemes of Common Encryption are told apart."""
    path = _replace(_encrypted(tmp_path / "film.mp4"), (b"cenc", scheme.encode()))
    with pytest.raises(EncryptedVideoError, match=f"scheme {scheme} "):
        _probe(path)


@pytest.mark.parametrize(("scheme", "name"), [(b"piff", "PIFF"), (b"itun", "FairPlay")])
def test_schemes_without_marked_samples_are_named(tmp_path: Path, scheme: bytes, name: str) -> None:
    """Where FFmpeg does not know which samples are encrypted, the header decides."""
    path = _replace(
        _encrypted(tmp_path / "film.mp4"),
        (b"cenc", scheme),
        (b"senc", b"free"),
        (b"saiz", b"free"),
        (b"saio", b"free"),
    )
    with pytest.raises(EncryptedVideoError, match=f"is encrypted: {name}"):
        _probe(path)


def _with_boxes(data: bytes, path: tuple[bytes, ...], added: bytes, skip: int) -> bytes:
    """Return boxes in which the first one at a path has some bytes more at its end."""
    at, out = 0, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        inner = data[at + 8 : at + size]
        if path and kind == path[0]:
            own = {b"stsd": 8}.get(kind, skip if len(path) == 1 else 0)
            inner = inner[:own] + (
                _with_boxes(inner[own:], path[1:], added, skip) if path[1:] else inner[own:] + added
            )
            path = ()
        out += struct.pack(">I4s", len(inner) + 8, kind) + inner
        at += size
    return out


def _box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I4s", len(data) + 8, kind) + data


def test_clear_samples_of_a_protected_track_are_shown(tmp_path: Path) -> None:
    """A track that is marked as protected, but whose samples are clear, is a video like others."""
    path = _write(tmp_path / "film.mp4")
    protection = _box(
        b"sinf",
        _box(b"frma", b"avc1"),
        _box(b"schm", bytes(4), b"cenc", bytes((0, 1, 0, 0))),
        _box(b"schi", _box(b"tenc", bytes(4), bytes((0, 0, 0, 0)), bytes.fromhex(_KEY))),
    )
    way = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")
    data = _with_boxes(path.read_bytes(), way, protection, 78)
    head, entry, tail = data.rpartition(b"avc1\x00")  # the sample entry: the last, in moov
    assert entry
    at = data.index(b"stsd") + 16
    assert data[at : at + 4] == b"avc1", (head[-8:], tail[:8])
    path.write_bytes(data[:at] + b"encv" + data[at + 4 :])
    assert _probe(path).duration == 2
    assert (
        scrubjay.make(path, scrubjay.Store.in_memory(), engine=scrubjay.InlineEngine()).status
        == "complete"
    )


def _scrambled(path: Path) -> None:
    """Set the scrambling bits of every video packet of an MPEG-TS, and change what it holds."""
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 188):
        pid = int.from_bytes(data[at + 1 : at + 3]) & 0x1FFF
        if pid == 0x100:
            data[at + 3] |= 0x80
            for byte in range(at + 20, at + 188):
                data[byte] ^= 0x5A
    path.write_bytes(data)


def test_a_scrambled_broadcast_is_named(tmp_path: Path) -> None:
    """A transport stream whose packets are scrambled is encrypted, not damaged."""
    path = _write(tmp_path / "film.ts")
    _scrambled(path)
    with pytest.raises(EncryptedVideoError, match="conditional access"):
        _probe(path)


def _cut(keep: Callable[[bytes], int]) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[: keep(data)])

    return cut


def _without_init(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[data.index(b"moof") - 4 :])


_FAST = {"movflags": "+faststart"}
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


@pytest.mark.parametrize(
    ("options", "change", "sentence"),
    [
        (_FAST, _cut(lambda data: data.index(b"mdat") + 4), "cut off after its header"),
        (_FAST, _cut(lambda data: data.index(b"mdat") + 60), "cut off after its header"),
        (_FAST, _cut(lambda data: data.index(b"moov") - 4), "cut off after its first"),
        ({}, _cut(lambda data: data.index(b"moov") - 100), "has no index"),
        (_FRAGMENTS, _cut(lambda data: data.index(b"moof") - 4), "only the initialization segment"),
        (_FRAGMENTS, _without_init, "a fragment without its initialization segment"),
    ],
)
def test_what_an_mp4_lacks_is_named(
    tmp_path: Path, options: dict[str, str], change: Callable[[Path], None], sentence: str
) -> None:
    """A file that is cut off, or is only a piece of one, says which piece is missing."""
    path = _write(tmp_path / "film.mp4", options)
    change(path)
    with pytest.raises((NoVideoError, SourceUnreadableError), match=sentence):
        _probe(path)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("reports/10_cut_off_faststart.mp4", "cut off after its header"),
        ("reports/10_fragment_without_init.m4s", "a fragment without its initialization segment"),
        ("bad/error_page.mp4", "an HTML page"),
        ("bad/svg.mp4", "a picture"),
        ("bad/text.mp4", "plain text"),
        ("bad/playlist_lfi.mp4", "an HLS playlist"),
        ("bad/dash_ssrf.mpd", "a DASH manifest"),
        ("bad/ffconcat_abs.mp4", "an ffconcat list"),
        ("bad/zero_bytes.mp4", "is empty"),
        ("bad/one_byte.mp4", "too short"),
        ("bad/mp4_init_segment_only.mp4", "only the initialization segment"),
        ("bad/trunc_moov_at_end_80pct.mp4", "has no index"),
        ("bad/trunc_ftyp_only.mp4", "cut off after its first"),
        ("bad/random_64k.mp4", "not a video in any format"),
        ("bad/ts_zero_frame.ts", "contains no data of it"),
        ("odd/audio_only.mp4", "only audio"),
        ("odd/cover_only.mp3", "only audio and a cover picture"),
    ],
)
def test_what_is_no_video_says_what_it_is(media: Path, name: str, sentence: str) -> None:
    """Pages, playlists, pictures, text, sound and pieces of videos: each is named."""
    with pytest.raises(ScrubjayError, match=sentence) as caught:
        _probe(media / name)
    assert "no picture" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(100), "a picture (JPEG)"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture (PNG)"),
        (b"\x00\x00\x00\x1cftypavif" + bytes(100), "a picture (AVIF)"),
        (b"%PDF-1.7\n" + bytes(100), "a PDF"),
        (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        (b'{"error": "not found", "code": 404}', "JSON"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (bytes(5000), "has only zeros"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, head: bytes, what: str) -> None:
    """Files that are often taken for videos are known by their first bytes."""
    path = tmp_path / "video.mp4"
    path.write_bytes(head)
    with pytest.raises((SourceUnreadableError, NoVideoError)) as caught:
        _probe(path)
    assert what in str(caught.value)

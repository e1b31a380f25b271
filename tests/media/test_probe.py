"""What is in a video, however its header lies."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from range_server import RangeServer

from scrubjay.errors import (
    EncryptedVideoError,
    NoVideoError,
    ScrubjayError,
    SoundOnlyError,
    SourceNotFoundError,
    SourceUnreadableError,
)
from scrubjay.media.probe import probe_media
from scrubjay.media.source import identify
from scrubjay.places.place import Place


@pytest.mark.parametrize(
    ("name", "duration", "first"),
    [
        ("real/barcode_frames_60s.mp4", 60.0, 0.0),
        ("real/coffee_run_17s.ts", 17.042, 0.0),
        ("real/film_720p24_120s.mp4", 120.114, 0.023),
        ("odd/dur_bogus_40h_fragmented.mp4", 1.068, 0.067),
        ("odd/elst_positive_shift.mp4", 10.0, 1.0),
        ("odd/no_duration.webm", 4.938, 0.0),
        ("odd/s_audio_outlasts_video.mp4", 13.672, 0.089),
        ("odd/s_elst_cut_at_nonkey.mp4", 8.106, 0.0),
        ("odd/s_mkv_live_no_duration_no_cues.mkv", 13.672, 0.089),
        ("odd/s_one_frame.mp4", 0.042, 0.0),
        ("odd/s_slideshow_1_per_10s.mp4", 350.0, 0.0),
        ("odd/s_start_offset_37s.mp4", 13.672, 0.089),
        ("odd/s_ts_pts_wrap.ts", 13.672, 0.089),
        ("odd/s_video_starts_late_5s.mkv", 18.672, 5.089),
        ("bad/dur_1e15.mkv", 8.172, 0.089),
        ("bad/dur_header_max.mp4", 8.172, 0.089),
        ("bad/dur_nan.mkv", 8.172, 0.089),
        ("bad/trunc_50pct.mkv", 5.048, 0.089),
        ("bad/trunc_faststart_50pct.mp4", 5.047, 0.089),
        ("reports/dur_1e-7.ivf", 0.04, 0.0),
    ],
)
def test_the_duration_is_where_the_pictures_end(
    media: Path, name: str, duration: float, first: float
) -> None:
    """Durations come from packets: headers that lie, lack one or count the sound do not matter."""
    found = probe_media(Place.of(media / name))[1]
    assert float(found.duration) == pytest.approx(duration, abs=0.001)
    assert float(found.first_picture) == pytest.approx(first, abs=0.001)


@pytest.mark.parametrize(
    ("name", "width", "height", "rotation_deg", "mirrored"),
    [
        ("real/coffee_run_17s.ts", 1031, 432, 0, False),
        ("odd/anamorphic_64_45.mp4", 1138, 640, 0, False),
        ("odd/one_frame_rot90.mp4", 60, 100, 90, False),
        ("odd/rot_and_reflect.mp4", 720, 1080, 270, True),
        ("odd/s_rot90.mp4", 720, 1280, 270, False),
        ("odd/s_rot90_sar.mp4", 1080, 1920, 270, False),
        ("odd/size_1x1.mp4", 1, 1, 0, False),
        ("odd/vp9_odd_161x121.webm", 161, 121, 0, False),
    ],
)
def test_the_size_is_the_displayed_one(
    media: Path, name: str, width: int, height: int, rotation_deg: int, *, mirrored: bool
) -> None:
    """Non-square pixels and turned pictures count as a browser shows them."""
    found = probe_media(Place.of(media / name))[1]
    assert (found.width, found.height) == (width, height)
    assert (found.rotation_deg, found.mirrored) == (rotation_deg, mirrored)


def test_the_default_video_stream_is_taken(media: Path) -> None:
    """Of two video streams the default one is read, and one without pictures is passed over."""
    assert probe_media(Place.of(media / "odd/s_two_videos_default_second.mkv"))[1].stream_index == 1
    found = probe_media(Place.of(media / "reports/04_two_tracks.mp4"))[1]
    assert (found.stream_index, found.width, found.height) == (0, 320, 180)
    found = probe_media(Place.of(media / "odd/first_video_track_empty.mp4"))[1]
    assert float(found.duration) == pytest.approx(1.001, abs=0.001)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("odd/audio_only.mp4", SoundOnlyError),
        ("odd/cover_only.mp3", SoundOnlyError),
        ("odd/s_audio_with_cover.m4a", SoundOnlyError),
        ("bad/cenc_encrypted_8s.mp4", EncryptedVideoError),
        ("bad/ts_zero_frame.ts", NoVideoError),
        ("bad/text.mp4", SourceUnreadableError),
        ("bad/zero_bytes.mp4", SourceUnreadableError),
        ("bad/playlist_lfi.mp4", SourceUnreadableError),
        ("bad/ffconcat_abs.mp4", SourceUnreadableError),
        ("nothing/here.mp4", SourceNotFoundError),
    ],
)
def test_what_is_no_video_is_named(media: Path, name: str, error: type[ScrubjayError]) -> None:
    """Sound, covers, text, playlists and nothing at all: each is one clear sentence."""
    with pytest.raises(error, match=r"\w") as caught:
        probe_media(Place.of(media / name))
    assert "\n" not in str(caught.value)


def test_a_video_is_known_by_its_content(tmp_path: Path) -> None:
    """A copy under another name is the same video; one changed byte makes it another."""
    one, two = tmp_path / "one.mp4", tmp_path / "two.mp4"
    one.write_bytes(bytes(range(256)) * 1000)
    two.write_bytes(one.read_bytes())
    assert identify(Place.of(one)).fingerprint == identify(Place.of(two)).fingerprint
    data = bytearray(two.read_bytes())
    data[123_456] ^= 1
    two.write_bytes(data)
    assert identify(Place.of(one)).fingerprint != identify(Place.of(two)).fingerprint


def test_a_large_video_is_known_by_samples(tmp_path: Path) -> None:
    """Of a file over 64 MiB its size, its start and its end count."""
    path = tmp_path / "large.mkv"
    seen = set()
    for size, at in ((70 << 20, 0), (70 << 20, 10), (70 << 20, (70 << 20) - 1), (71 << 20, 0)):
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(at)
            file.write(b"x")
        seen.add(identify(Place.of(path)).fingerprint)
    assert len(seen) == 4


def _beats(look: Callable[..., object]) -> int:
    """Return how many signs of life a look into a video gives, whatever it finds."""
    beats: list[bool] = []
    with suppress(EncryptedVideoError):
        look(on_packet=lambda: beats.append(True))
    return len(beats)


def test_identifying_shows_signs_of_life(tmp_path: Path) -> None:
    """Each sample of a video that arrives is told, from a file as from a server."""
    path = tmp_path / "large.mkv"
    with path.open("wb") as file:
        file.truncate(5 << 20)
    with RangeServer(tmp_path) as server:
        for place in (Place.of(path), Place.of(f"{server.url}/large.mkv")):
            assert _beats(partial(identify, place)) == 64


def test_the_search_for_a_picture_shows_signs_of_life(media: Path) -> None:
    """Each packet in which no picture is found is told."""
    place = Place.of(media / "bad" / "cenc_encrypted_8s.mp4")
    samples = _beats(partial(identify, place))
    assert _beats(partial(probe_media, place)) > samples + 100

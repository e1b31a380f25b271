"""The frame shown at each instant: bit by bit what a full decode gives, whatever is left out."""

import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cache, partial
from itertools import chain
from pathlib import Path

import av
import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from av.video.plane import VideoPlane
from av.video.stream import VideoStream

import scrubjay
from scrubjay.media.damage import StartAgainError
from scrubjay.media.decoders import SKIPPING_CODECS, VideoDecoder
from scrubjay.media.frames import Manner
from scrubjay.media.probe import probe_media
from scrubjay.media.rehearsal import RehearsalDecoder
from scrubjay.media.source import open_container, video_streams
from scrubjay.media.stream_reader import Counts
from scrubjay.places.place import Place
from scrubjay.planning import targets_from
from scrubjay.slices.reading import explain_reading, open_frames, open_reader
from scrubjay.timing import Span, Target, Timeline, samples_in, spans_of

_X264 = {"preset": "veryfast", "threads": "1"}
_VPX = {"deadline": "realtime", "cpu-used": "8", "g": "30", "threads": "1"}

_CODECS = {
    "h264-no-b-frames": ("libx264", "mp4", _X264 | {"bf": "0", "g": "24"}),
    "h264-b-pyramid": ("libx264", "mp4", _X264 | {"bf": "6", "b-pyramid": "normal", "g": "40"}),
    "h264-no-b-pyramid": ("libx264", "mp4", _X264 | {"bf": "3", "b-pyramid": "none", "g": "40"}),
    "h264-open-gop": ("libx264", "mkv", _X264 | {"x264-params": "open-gop=1:keyint=20:bframes=3"}),
    "h264-interlaced": ("libx264", "ts", _X264 | {"x264-params": "tff=1:keyint=25:bframes=2"}),
    "h264-ten-bit": ("libx264", "mp4", _X264 | {"bf": "3", "g": "30", "profile": "high10"}),
    "hevc": (
        "libx265",
        "mkv",
        {"preset": "ultrafast", "x265-params": "pools=1:log-level=0:keyint=30"},
    ),
    "hevc-open-gop": (
        "libx265",
        "mp4",
        {"preset": "fast", "x265-params": "pools=1:log-level=0:keyint=20:open-gop=1:bframes=4"},
    ),
    "hevc-temporal-layers": (
        "libx265",
        "mp4",
        {"preset": "fast", "x265-params": "pools=1:log-level=0:keyint=40:temporal-layers=3"},
    ),
    "vp8": ("libvpx", "webm", _VPX),
    "vp9": ("libvpx-vp9", "webm", _VPX),
    "av1": ("libsvtav1", "mkv", {"preset": "12", "g": "30", "svtav1-params": "lp=1"}),
    "mpeg2": ("mpeg2video", "ts", {"bf": "2", "g": "12"}),
    "mpeg2-open-gop": ("mpeg2video", "ts", {"bf": "2", "g": "12", "flags": "-cgop"}),
    "mpeg4": ("mpeg4", "mkv", {"bf": "2", "g": "24"}),
    "mpeg4-in-mp4": ("mpeg4", "mp4", {"bf": "2", "g": "24"}),
}


@pytest.fixture(scope="session", params=[*_CODECS, "h264-variable-rate"])
def encoded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of moving picture, 24 frames/s, in one codec."""
    name: str = request.param
    encoder, container, options = _CODECS.get(name, _CODECS["h264-b-pyramid"])
    if encoder not in av.codec.codecs_available:
        pytest.skip(f"this FFmpeg has no {encoder}")
    path = tmp_path_factory.mktemp("encoded") / f"{name}.{container}"
    gaps = [1, 1, 2, 1, 5] if name == "h264-variable-rate" else [1]
    ten_bit = "ten-bit" in name
    with av.open(str(path), "w") as output:
        stream = output.add_stream(encoder, rate=24, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = 160, 96
        stream.pix_fmt = "yuv420p10le" if ten_bit else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 24)
        if "interlaced" in name:
            stream.codec_context.flags |= 0x40000 | 0x20000000  # AV_CODEC_FLAG_INTERLACED_*
        pts = 0
        for number in range(144):
            frame = av.VideoFrame.from_ndarray(_moving(number), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1, 24)
            pts += gaps[number % len(gaps)]
            output.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        output.mux(stream.encode(None))
    return path


def _moving(number: int) -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[0:96, 0:160]
    picture = np.stack([x + 3 * number, y * 2 - number, x * y // 64 + 5 * number], axis=-1)
    picture[20:60, (number * 3) % 120 : (number * 3) % 120 + 30] = (250, 30, number % 200)
    return (picture % 256).astype(np.uint8)


def _picture_sum(frame: av.VideoFrame) -> int:
    """Sum up what can be seen: beyond a row's end, buffers hold whatever was there before."""
    found = 0
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        seen = np.ascontiguousarray(rows[: plane.height, : _row(plane, frame)])
        found = zlib.crc32(seen.data, found)
    return found


def _row(plane: VideoPlane, frame: av.VideoFrame) -> int:
    """Bytes of a plane's row that can be seen."""
    return plane.width * (2 if "10" in frame.format.name else 1)


@cache
def _decoded_whole(path: Path) -> list[tuple[int, int]]:
    """Every frame of a video by plain decoding: its PTS and a sum of its picture."""
    with open_container(Place.of(path)) as container:
        stream = video_streams(container)[0]
        stream.codec_context.thread_count = 1
        frames = (
            frame
            for packet in container.demux(stream)
            for frame in packet.decode()
            if frame.pts is not None
        )
        return sorted((frame.pts or 0, _picture_sum(frame)) for frame in frames)


def _wrong(
    path: Path, *, rate: Fraction, length: Fraction, threads: int = 1
) -> tuple[list[Fraction], int, int]:
    """Read a video slice by slice; return instants with a wrong picture, frames decoded, frames.

    Every second slice is a jump, the others go on, so that both ways are taken.
    """
    media = probe_media(Place.of(path))[1]
    whole = _decoded_whole(path)
    stamps = [pts for pts, _ in whole]
    wrong: list[Fraction] = []
    count = 0
    with open_frames(media, Place.of(path), partial(VideoDecoder, threads=threads)) as reader:
        timeline = Timeline(time_base=media.time_base, origin=media.origin)
        spans = list(spans_of(media.duration, length))
        for index, span in enumerate(spans):
            if index % 2 == 0:
                reader.start(_targets(_instants(spans[index:], rate)))
            for shown in reader.until(span.end):
                count += 1
                place = max(0, bisect_right(stamps, timeline.last_pts_at(shown.time)) - 1)
                if (shown.frame.pts, _picture_sum(shown.frame)) != whole[place]:
                    wrong.append(shown.time)
        assert count == sum(len(list(samples_in(span, rate))) for span in spans)
        return wrong, reader.stream.counts.decoded, len(whole)


def _targets(times: Iterable[Fraction]) -> Iterator[Target]:
    padded = [None, *times, None]
    for before, time, after in zip(padded, padded[1:], padded[2:], strict=False):
        assert time is not None
        yield Target(before, time, after)


def _instants(spans: Iterable[Span], rate: Fraction) -> Iterator[Fraction]:
    return chain.from_iterable(samples_in(span, rate) for span in spans)


@pytest.mark.parametrize(("rate", "length"), [(10, "2"), (3, "5/2"), (24, "3"), ("7/5", "7/3")])
@pytest.mark.parametrize("threads", [1, 2, 8])
def test_leaving_frames_out_changes_no_picture(
    encoded: Path, rate: str, length: str, threads: int
) -> None:
    """Whatever codec, slicing and threads, every picture is bit for bit that of a full decode."""
    wrong, _, _ = _wrong(encoded, rate=Fraction(rate), length=Fraction(length), threads=threads)
    assert wrong == []


def test_frames_that_nothing_shows_are_not_decoded(media: Path) -> None:
    """At 3 pictures a second, fewer frames are decoded than there are: disposable ones are not."""
    path = media / "real" / "film_720p24_120s.mp4"
    wrong, decoded, frames = _wrong(path, rate=Fraction(3), length=Fraction(60))
    assert wrong == []
    assert probe_media(Place.of(path))[1].codec in SKIPPING_CODECS
    assert decoded < 0.75 * frames


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize(
    "name",
    [
        "real/coffee_run_17s.ts",
        "real/phone_360p_17s.mp4",
        "odd/s_elst_cut_at_nonkey.mp4",
        "odd/s_h264_interlaced_1080i.ts",
        "odd/s_hevc_main10_pq.mkv",
        "odd/s_mkv_live_no_duration_no_cues.mkv",
        "odd/s_slideshow_1_per_10s.mp4",
        "odd/s_start_offset_37s.mp4",
        "odd/s_ts_pts_wrap.ts",
        "odd/s_vfr_mpdecimate.mkv",
        "odd/s_vfr_rampup.mp4",
        "odd/s_video_starts_late_5s.mkv",
        "odd/no_duration.webm",
    ],
)
def test_pictures_of_odd_videos_are_exact(media: Path, name: str, threads: int) -> None:
    """Edit lists, late starts, wrapped clocks, variable rates, no index: the picture is exact."""
    wrong, _, _ = _wrong(media / name, rate=Fraction(4), length=Fraction(3), threads=threads)
    assert wrong == []


@pytest.mark.parametrize("length", ["7", "30", "7/3", "60"])
def test_the_barcode_film_shows_frame_24_t_at_t(media: Path, length: str) -> None:
    """In the film that carries its frame numbers, the picture at t is frame floor(24 t)."""
    path = Place.of(media / "real" / "barcode_frames_60s.mp4")
    seen: dict[Fraction, int] = {}
    with open_frames(probe_media(path)[1], path, VideoDecoder) as reader:
        for span in spans_of(Fraction(60), Fraction(length)):
            reader.start(_targets(samples_in(span, Fraction(10))))
            for shown in reader.until(span.end):
                luma = np.frombuffer(bytes(shown.frame.planes[0]), np.uint8)
                row = luma.reshape(-1, shown.frame.planes[0].line_size)[32]
                seen[shown.time] = sum(int(row[16 + 32 * k] > 127) << k for k in range(16))
    assert len(seen) >= 600
    assert {time: int(time * 24) for time in seen} == seen


def _shown(
    path: Path, times: list[Fraction], tolerance: Fraction, *, is_sparse: bool, threads: int = 1
) -> tuple[list[tuple[Fraction, Fraction]], Counts]:
    """Read pictures with a tolerance: (wanted time, time of the picture) of each, and the cost."""
    media = probe_media(Place.of(path))[1]
    reading = open_frames(
        media,
        Place.of(path),
        partial(VideoDecoder, threads=threads),
        tolerance=tolerance,
        is_sparse=is_sparse,
    )
    with reading as reader:
        reader.start(_targets(times))
        shown = [(each.time, each.source_time) for each in reader.until(media.duration)]
        return shown, reader.stream.counts


@pytest.mark.parametrize(
    ("step", "tolerance"),
    [("1/10", "1/24"), ("1/10", "1/8"), ("1/2", "1/4"), ("2", "1"), ("3", "2")],
)
def test_no_picture_is_further_off_than_the_tolerance(
    encoded: Path, step: str, tolerance: str
) -> None:
    """On every codec a picture is the exact one, or within the tolerance of its instant."""
    duration = probe_media(Place.of(encoded))[1].duration
    times = [k * Fraction(step) for k in range(int(duration / Fraction(step)))]
    is_sparse = Fraction(step) >= 1
    exact, whole = _shown(encoded, times, Fraction(0), is_sparse=is_sparse)
    near, cost = _shown(encoded, times, Fraction(tolerance), is_sparse=is_sparse)
    assert [time for time, _ in near] == [time for time, _ in exact] == times
    for (time, there), (_, exactly) in zip(near, exact, strict=True):
        assert there == exactly or abs(there - time) <= Fraction(tolerance)
    assert cost.decoded <= whole.decoded
    distinct = {source_time for _, source_time in exact}
    assert len({source_time for _, source_time in near}) >= len(distinct)
    assert near == _shown(encoded, times, Fraction(tolerance), is_sparse=is_sparse, threads=8)[0]


def test_a_choice_that_comes_late_is_made_early(tmp_path: Path) -> None:
    """At 120 frames/s a tolerance reaches beyond what is read ahead: what is shown stays clear."""
    path = tmp_path / "fast.mp4"
    with av.open(str(path), "w") as output:
        options = _X264 | {"bf": "6", "g": "600", "x264-params": "b-adapt=0"}
        stream = output.add_stream("libx264", rate=120, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(900):
            frame = av.VideoFrame.from_ndarray(_moving(number), format="rgb24")
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
        output.mux(stream.encode(None))
    times = [Fraction(2 * k) for k in range(4)]
    one, eight = (
        _shown(path, times, Fraction(1, 3), is_sparse=True, threads=threads)[0]
        for threads in (1, 8)
    )
    assert one == eight


def test_packets_without_dts_do_not_hinder_a_choice(media: Path) -> None:
    """Matroska has none just after a jump: a jump picks what reading on does all the same."""
    path = media / "odd" / "s_vfr_mpdecimate.mkv"
    info = probe_media(Place.of(path))[1]
    targets = list(_targets([Fraction(k, 2) for k in range(60)]))
    with open_frames(info, Place.of(path), VideoDecoder, tolerance=Fraction(1, 4)) as reader:
        reader.start(targets)
        whole = [shown.source_time for shown in reader.until(Fraction(30))]
        parts: list[Fraction] = []
        for start in range(0, 60, 7):
            reader.start(targets[start:])
            parts += (each.source_time for each in reader.until(Fraction(min(start + 7, 60), 2)))
    assert parts == whole


def test_damage_is_left_to_one_thread(media: Path) -> None:
    """Several threads give up on a damaged video: they would show other pictures than one does."""
    times = [Fraction(k, 4) for k in range(30)]
    for name in ("bitflip_mdat_2000.mp4", "packet_loss_2pct.ts", "garbage_after_30pct.mp4"):
        _shown(media / "bad" / name, times, Fraction(0), is_sparse=False)
        with pytest.raises(StartAgainError):
            _shown(media / "bad" / name, times, Fraction(0), is_sparse=False, threads=2)


@pytest.mark.parametrize("tolerance", ["1/12", "1/2"])
def test_hidden_packets_never_stand_for_a_picture(media: Path, tolerance: str) -> None:
    """What an edit list hides is decoded, but no instant picks it, however near it is."""
    path = media / "odd" / "s_elst_cut_at_nonkey.mp4"
    times = [Fraction(k, 4) for k in range(30)]
    exact, _ = _shown(path, times, Fraction(0), is_sparse=False)
    for is_sparse in (False, True):
        near, _ = _shown(path, times, Fraction(tolerance), is_sparse=is_sparse)
        for (time, there), (_, exactly) in zip(near, exact, strict=True):
            assert there == exactly or abs(there - time) <= Fraction(tolerance)


def test_sparse_pictures_of_slides_stay_apart(tmp_path: Path) -> None:
    """Of slides at 0, 14 and 28 s, all keyframes, no two instants show one that they should not."""
    path = tmp_path / "slides.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=1, options={"g": "1", "threads": "1"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        stream.codec_context.time_base = Fraction(1)
        for number, pts in enumerate((0, 14, 28)):
            frame = av.VideoFrame.from_ndarray(_moving(40 * number), format="rgb24")
            frame.pts, frame.time_base = pts, Fraction(1)
            output.mux(stream.encode(frame.reformat(format="yuv420p")))
        output.mux(stream.encode(None))
    times = [Fraction(0), Fraction(10), Fraction(20)]
    exact, _ = _shown(path, times, Fraction(0), is_sparse=True)
    near, _ = _shown(path, times, Fraction(5), is_sparse=True)
    assert len({there for _, there in near}) >= len({there for _, there in exact})


def test_a_frame_of_tolerance_decodes_reference_frames_alone(media: Path) -> None:
    """At 10 pictures a second, one frame of tolerance leaves every disposable frame out."""
    path = media / "real" / "film_720p24_120s.mp4"
    times = [Fraction(k, 10) for k in range(300)]
    _, exact = _shown(path, times, Fraction(0), is_sparse=False)
    _, near = _shown(path, times, Fraction(1, 24), is_sparse=False)
    assert near.decoded < 0.82 * exact.decoded


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("real/film_720p24_120s.mp4", 2),
        ("real/film_vp8_720p_30s.webm", 3),
        ("real/coffee_run_17s.ts", 2),
        ("odd/s_mkv_live_no_duration_no_cues.mkv", 2),
    ],
)
def test_sparse_pictures_come_from_keyframes_alone(media: Path, name: str, tolerance: int) -> None:
    """With a tolerance above half the GOP one frame a picture is decoded, one or two are read."""
    duration = probe_media(Place.of(media / name))[1].duration
    times = [Fraction(5 * k) for k in range(int(duration / 5))]
    shown, counts = _shown(media / name, times, Fraction(tolerance), is_sparse=True)
    assert len(shown) == len(times)
    assert all(abs(there - time) <= tolerance for time, there in shown)
    assert counts.decoded == len(times)
    if not name.endswith("ts"):  # its seeks land anywhere
        assert counts.read <= 2 * len(times)


def test_a_keyframe_just_after_an_instant_is_found(media: Path) -> None:
    """In the file's index it lies before the instant, because it is decoded two frames earlier."""
    path = media / "real" / "barcode_frames_60s.mp4"
    times = [Fraction(5 * k) - Fraction(1, 48) for k in range(1, 12)]
    shown, counts = _shown(path, times, Fraction(2), is_sparse=True)
    assert [there for _, there in shown] == [Fraction(5 * k) for k in range(1, 12)]
    assert counts.decoded == len(times)


def test_frames_that_replace_none_are_not_decoded(media: Path) -> None:
    """Between keyframes 8 s apart, a tolerance of a second decodes reference frames alone."""
    path = media / "real" / "screencast_1080p30_41s.mp4"
    times = [Fraction(2 * k + 1) for k in range(8)]
    info = probe_media(Place.of(path))[1]
    with open_frames(info, Place.of(path), RehearsalDecoder) as reader:
        reader.start(_targets(times), Manner(Fraction(1), is_sparse=True, jumps=False))
        assert sum(1 for _ in reader.until(info.duration)) == len(times)
        assert reader.stream.counts.decoded < 0.6 * 16 * 30


@pytest.mark.parametrize(
    ("tolerance", "interval"), [("0", None), ("1/24", None), ("0", 2), ("1/5", 2), ("1/2", 2)]
)
def test_a_rehearsal_counts_what_reading_costs(
    encoded: Path, tolerance: str, interval: int | None
) -> None:
    """`plan --explain` counts, without decoding, the very frames that a run decodes and shows."""
    sheets = (scrubjay.Sheet(interval=Fraction(interval)),) if interval else ()
    recipe = scrubjay.Recipe(slice_length=Fraction(2), tolerance=Fraction(tolerance), sheets=sheets)
    if interval:
        recipe = msgspec.structs.replace(recipe, animations=(), frames=())
    plan = scrubjay.plan(encoded, recipe=recipe, engine=scrubjay.InlineEngine())
    reading = explain_reading(plan, source=Place.of(encoded))
    with open_reader(plan, Place.of(encoded), VideoDecoder) as reader:
        reader.start(targets_from(plan, 0))
        shown = list(reader.until(plan.media.duration))
        counts = reader.stream.counts
        assert (reading.pictures, reading.packets_read) == (len(shown), counts.read)
        assert reading.seeks == counts.seeks
        assert reading.largest_miss == max(abs(each.time - each.source_time) for each in shown)
        # just after a jump, decoders drop frames whose references were jumped over
        assert 0 <= reading.frames_decoded - counts.decoded <= 3 * counts.seeks


def test_gops_without_a_picture_are_not_read(media: Path) -> None:
    """One exact picture in ten seconds of a 2.5 s GOP: most packets are never read."""
    path = media / "real" / "film_720p24_120s.mp4"
    times = [Fraction(10 * k) for k in range(12)]
    _, counts = _shown(path, times, Fraction(0), is_sparse=True)
    assert counts.read < 1000
    assert counts.decoded < 400
